/// What taking a batch costs: from the own rank's word, and from another rank's word of the node,
/// alone and while another thread takes from the same word.
///
///   build/release/bin/take_bench
#include <benchmark/benchmark.h>

#include <atomic>

#include "orbitmill/schedule/batch_size.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {
namespace {

constexpr std::uint64_t all = 0xffff'ffff;

/// In a cache line of its own, as on the node's board.
alignas(64) std::uint64_t word_memory = 0;

void take(benchmark::State& state) {
  std::atomic_ref<std::uint64_t> word(word_memory);
  word.store(pack({0, all}));
  for (auto _ : state) {
    const Interval batch = take_front(word, 1);
    benchmark::DoNotOptimize(batch);
    if (batch.empty()) word.store(pack({0, all}));
  }
}
BENCHMARK(take)->Name("take_alone");
BENCHMARK(take)->Name("take_contended")->Threads(2)->UseRealTime();

/// As a worker does it: look, size the batch, take, read the clock twice, learn.
void take_sized(benchmark::State& state) {
  std::atomic_ref<std::uint64_t> word(word_memory);
  word.store(pack({0, all}));
  BatchSize size(1, 2);
  for (auto _ : state) {
    const std::uint64_t left = unpack(word.load(std::memory_order_relaxed)).size();
    const Interval batch = take_front(word, size.next(left));
    benchmark::DoNotOptimize(batch);
    size.learn(1, 1e-6);
    if (batch.empty()) word.store(pack({0, all}));
  }
}
BENCHMARK(take_sized);

}  // namespace
}  // namespace orbitmill

BENCHMARK_MAIN();
