/// The milestone pass on one thread, by each walker that covers the register, in turn: one symbol
/// of eight walks at a time (digits), or 512 walks bit-sliced (rows, planes).
///
///   build/release/bin/segment_bench --field 4 --feedback "2*x0 + x1 + x4" --length 14 --zeros 5
///
/// Every walker walks all segments; their sums must agree. Medians over the repetitions, of the
/// processor time of the thread: other programs disturb it less.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/register/notation.hpp"

namespace {

using namespace orbitmill;
struct Options {
  std::uint64_t field = 4;
  std::string modulus;
  std::uint32_t length = 14;
  std::string feedback = "2*x0 + x1 + x4";
  unsigned zeros = 5;
  unsigned repeat = 3;
};

struct Contender {
  std::string name;
  std::unique_ptr<SegmentWalker> walker;
  std::vector<double> seconds;
  std::uint64_t states = 0;
};

double processor_s() {
  std::timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

int run(const Options& options) {
  const Field field(options.field, options.modulus);
  const Register reg({options.field, options.modulus, options.length,
                      parse_feedback(options.feedback, field, options.length)});
  reg.require_exhaustible();
  const MilestoneMap map(reg, options.zeros);
  const SegmentFormat format(map.count());
  std::vector<std::uint64_t> entries(map.count());
  std::vector<Contender> contenders;
  if (reg.feedback().is_affine()) {
    contenders.push_back({"digits", make_digit_segment_walker(map), {}, 0});
  }
  if (walks_in_lanes(reg)) {
    contenders.push_back({options.field == 2 ? "rows" : "planes", make_segment_walker(map), {}, 0});
  }
  for (unsigned i = 0; i < options.repeat; ++i) {
    for (Contender& one : contenders) {
      std::vector<LongSegment> long_segments;
      SegmentSink sink(format, 0, entries.data(), long_segments);
      const double start = processor_s();
      one.walker->walk(0, map.count(), sink);
      one.seconds.push_back(processor_s() - start);
      one.states = sink.states();
    }
  }
  fmt::print("q = {}, n = {}, f = {}, k = {}: {} milestones, {:.0f} states each; {} runs\n",
             options.field, options.length, print_anf(reg.feedback()), options.zeros, map.count(),
             static_cast<double>(contenders.front().states) / static_cast<double>(map.count()),
             options.repeat);
  for (Contender& one : contenders) {
    std::ranges::sort(one.seconds);
    const double median = one.seconds[one.seconds.size() / 2];
    fmt::print("  {:<8} {:9.4f} s  {:8.5f} ns per state\n", one.name, median,
               median * 1e9 / static_cast<double>(one.states));
    if (one.states != contenders.front().states) {
      fmt::print("  its segments hold {} states instead of {}\n", one.states,
                 contenders.front().states);
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"the milestone pass by each walker, on one thread"};
  app.add_option("--field", options.field, "q");
  app.add_option("--modulus", options.modulus, "default: the Conway polynomial");
  app.add_option("--length", options.length, "n");
  app.add_option("--feedback", options.feedback);
  app.add_option("--zeros", options.zeros, "k");
  app.add_option("--repeat", options.repeat);
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
