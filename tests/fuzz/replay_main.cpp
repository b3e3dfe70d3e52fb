/// main() of the fuzz targets where there is no libFuzzer: runs every seed, then mutations of them,
/// the same ones each time.
///
///   TARGET [--mutations N] FILE-OR-FOLDER...
///
/// What crashed is left as the file crash-input, which both mains take as an argument.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <vector>

#include "fuzz/fuzz_target.hpp"

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

constexpr std::size_t max_bytes = 1 << 20;
/// The input in work, for the signal handler.
const Input* volatile current = nullptr;

/// Only what POSIX allows in a handler.
void save_and_die(int signal) {
  const int file = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0 && current != nullptr) {
    if (::write(file, current->data(), current->size()) < 0) ::_exit(2);
    ::close(file);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Input& input) {
  current = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::size_t below(Random& random, std::size_t bound) {
  return static_cast<std::size_t>(random() % bound);
}

/// One change: a bit, a byte, a piece lost, doubled or taken from another seed.
void mutate(Random& random, Input& input, const Input& other) {
  using Difference = Input::difference_type;
  const std::size_t at = below(random, input.size() + 1);
  const auto place = input.begin() + static_cast<Difference>(at);
  const std::size_t left = input.size() - at;
  const std::size_t some = std::min(left, 1 + below(random, std::size_t{1} << below(random, 8)));
  switch (random() % 6) {
    case 0:
      if (left > 0) *place = static_cast<std::uint8_t>(*place ^ (1U << random() % 8));
      break;
    case 1:
      if (left > 0) *place = static_cast<std::uint8_t>(random());
      break;
    case 2:
      input.insert(place, static_cast<std::uint8_t>(random()));
      break;
    case 3:
      input.erase(place, place + static_cast<Difference>(some));
      break;
    case 4: {
      const Input piece(place, place + static_cast<Difference>(some));
      input.insert(place, piece.begin(), piece.end());
      break;
    }
    default: {
      if (other.empty()) break;
      const std::size_t from = below(random, other.size());
      const std::size_t bytes = std::min(other.size() - from, 1 + below(random, 32));
      const auto first = other.begin() + static_cast<Difference>(from);
      input.insert(place, first, first + static_cast<Difference>(bytes));
    }
  }
}

void read_seeds(const fs::path& path, std::vector<Input>& seeds) {
  if (fs::is_directory(path)) {
    std::vector<fs::path> files{fs::directory_iterator(path), {}};
    std::sort(files.begin(), files.end());  // the order of a folder is nobody's
    for (const fs::path& file : files) read_seeds(file, seeds);
    return;
  }
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    std::fprintf(stderr, "cannot read the seed \"%s\"\n", path.c_str());
    std::exit(2);
  }
  const std::string bytes = fuzz::read_file(path.string());
  seeds.emplace_back(bytes.begin(), bytes.end());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> seeds;
  unsigned long mutations = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--mutations" && i + 1 < argc)
      mutations = std::strtoul(argv[++i], nullptr, 10);
    else
      read_seeds(argv[i], seeds);
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "usage: %s [--mutations N] FILE-OR-FOLDER...\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, save_and_die);

  for (const Input& seed : seeds) run(seed);
  Random random(20260131);
  for (unsigned long i = 0; i < mutations; ++i) {
    Input input = seeds[below(random, seeds.size())];
    for (std::uint64_t changes = 1 + random() % 8; changes > 0; --changes)
      mutate(random, input, seeds[below(random, seeds.size())]);
    if (input.size() > max_bytes) input.resize(max_bytes);
    run(input);
  }
  std::printf("%zu seeds and %lu mutations survived\n", seeds.size(), mutations);
  return 0;
}
