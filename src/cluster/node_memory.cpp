#include "orbitmill/cluster/node_memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "orbitmill/cluster/failure.hpp"

namespace orbitmill {
namespace {

/// Two cache lines: processors fetch them in pairs.
constexpr std::uint64_t alignment = 128;

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// The number in the first line of a file, `unlimited` where there is none.
std::uint64_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : unlimited;
}

std::uint64_t system_available() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    if (words >> name >> kib && name == "MemAvailable:") return kib * 1024;
  }
  return unlimited;
}

/// What the control group of this process, or one above it, still allows (version 2 and 1).
std::uint64_t cgroup_available() {
  std::uint64_t least = unlimited;
  const auto look_at = [&](const std::string& folder, const char* limit, const char* usage) {
    const std::uint64_t most = number_in(folder + limit);
    const std::uint64_t used = number_in(folder + usage);
    if (most == unlimited || used == unlimited) return;
    least = std::min(least, most > used ? most - used : 0);
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      if (controllers.empty()) {
        look_at("/sys/fs/cgroup" + path, "/memory.max", "/memory.current");
      } else if (controllers == "memory") {
        look_at("/sys/fs/cgroup/memory" + path, "/memory.limit_in_bytes", "/memory.usage_in_bytes");
      }
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

/// Slurm gives the memory of a job in MiB, by node or by core.
std::uint64_t slurm_limit() {
  const auto variable = [](const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  };
  constexpr std::uint64_t mib = 1024 * 1024;
  if (const auto per_node = variable("SLURM_MEM_PER_NODE"); per_node > 0) return per_node * mib;
  const auto cores = variable("SLURM_CPUS_ON_NODE");
  if (const auto per_core = variable("SLURM_MEM_PER_CPU"); per_core > 0 && cores > 0) {
    return per_core * cores * mib;
  }
  return unlimited;
}

/// Free space of the file system behind shared-memory windows.
std::uint64_t shared_available() {
  struct statvfs folder {};
  if (statvfs("/dev/shm", &folder) != 0) return unlimited;
  return std::uint64_t{folder.f_bavail} * folder.f_frsize;
}

void require_space(std::uint64_t bytes, bool shared) {
  constexpr double gib = 1024.0 * 1024 * 1024;
  const std::uint64_t available = available_node_memory();
  if (bytes > available) {
    throw CannotCreateError(fmt::format(
        "a table of {:.2f} GiB does not fit the {:.2f} GiB of memory that this node has left; a "
        "larger --milestone-zeros makes it smaller (one more halves it over GF(2)), --engine "
        "leader "
        "needs none",
        static_cast<double>(bytes) / gib, static_cast<double>(available) / gib));
  }
  const std::uint64_t free = shared ? shared_available() : unlimited;
  if (bytes > free) {
    throw CannotCreateError(fmt::format(
        "a table of {:.2f} GiB does not fit the {:.2f} GiB that /dev/shm has left, through which "
        "the ranks of a node share it; start one rank a node with more --threads, give a larger "
        "--milestone-zeros, or make /dev/shm larger",
        static_cast<double>(bytes) / gib, static_cast<double>(free) / gib));
  }
}

}  // namespace

std::uint64_t available_node_memory() {
  return std::min({system_available(), cgroup_available(), slurm_limit()});
}

std::uint64_t available_table_memory(int ranks) {
  const std::uint64_t memory = available_node_memory();
  return ranks > 1 ? std::min(memory, shared_available()) : memory;
}

NodeMemory::NodeMemory(const boost::mpi::communicator& node, std::uint64_t bytes)
    : node_(node), bytes_(bytes + alignment) {
  const bool shared = node.size() > 1;
  agree(node, [&] {
    if (node.rank() == 0) require_space(bytes_, shared);
  });
  if (!shared) {
    data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) {
      throw CannotCreateError(
          fmt::format("the system refused {} bytes for a table; a larger --milestone-zeros needs "
                      "less",
                      bytes_));
    }
  } else {
    void* own = nullptr;
    const auto piece = static_cast<MPI_Aint>(node.rank() == 0 ? bytes_ : 0);
    agree(node, [&] {
      MPI_Comm_set_errhandler(node_, MPI_ERRORS_RETURN);
      const int code = MPI_Win_allocate_shared(piece, 1, MPI_INFO_NULL, node_, &own, &window_);
      MPI_Comm_set_errhandler(node_, MPI_ERRORS_ARE_FATAL);
      if (code != MPI_SUCCESS) {
        throw CannotCreateError(fmt::format(
            "MPI refused a shared-memory window of {} bytes; start one rank a node with more "
            "--threads, or give a larger --milestone-zeros",
            bytes_));
      }
    });
    MPI_Aint size = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, 0, &size, &unit, &data_);
    data_ = align_in_window(data_, alignment);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
  }
  // Only a wish: where the system has no huge pages the table is slower, not wrong.
  constexpr std::uintptr_t page = 4096;
  const auto begin = reinterpret_cast<std::uintptr_t>(align_in_window(data_, page));
  const auto end = (reinterpret_cast<std::uintptr_t>(data_) + bytes) / page * page;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

NodeMemory::~NodeMemory() {
  if (window_ == MPI_WIN_NULL) {
    munmap(data_, bytes_);
    return;
  }
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void NodeMemory::sync() const {
  if (window_ == MPI_WIN_NULL) return;
  MPI_Win_sync(window_);
  node_.barrier();
  MPI_Win_sync(window_);
}

}  // namespace orbitmill
