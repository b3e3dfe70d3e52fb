/// The bit-sliced kernel piece by piece, for each instruction set: rows generated, zero runs and
/// smaller states found, transposition. "per_state" is seconds per lane step.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "orbitmill/kernel/row_kernel.hpp"
#include "orbitmill/register/notation.hpp"

namespace {

using namespace orbitmill;

constexpr unsigned length = 36;
constexpr unsigned chunk = 64;

RowProgram program_of(const char* feedback) {
  RegisterSpec spec;
  spec.length = length;
  spec.feedback = parse_feedback(feedback, Field(2), length);
  return make_row_program(Register(spec));
}

struct Rows {
  Rows() : rows(length + chunk) {
    std::mt19937_64 random(1);
    for (LaneRow& row : rows) {
      for (std::uint64_t& word : row.word) word = random();
    }
  }
  LaneRow* fresh() { return rows.data() + length; }
  std::vector<LaneRow> rows;
};

void report(benchmark::State& state, const RowKernel& kernel) {
  state.SetLabel(kernel.target);
  state.counters["per_state"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * chunk * row_lanes,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void generate(benchmark::State& state, const RowKernel& kernel, const char* feedback) {
  const RowProgram program = program_of(feedback);
  Rows rows;
  for (auto _ : state) {
    kernel.generate(program, rows.fresh(), chunk);
    benchmark::ClobberMemory();
  }
  report(state, kernel);
}

/// Symbols over GF(3), GF(4) or GF(8): f = 2 x0 + x1 + 2 x5 at a length of 20.
void generate_planes(benchmark::State& state, const RowKernel& kernel, unsigned order) {
  RegisterSpec spec;
  spec.field_order = order;
  spec.length = 20;
  spec.feedback.terms = {{2, {0}}, {1, {1}}, {2, {5}}};
  const PlaneProgram program = make_plane_program(Register(spec), length + chunk);
  std::vector<LaneRow> rows(program.planes * static_cast<std::size_t>(program.stride));
  for (auto _ : state) {
    kernel.generate_planes(program, rows.data() + length, chunk);
    benchmark::ClobberMemory();
  }
  report(state, kernel);
}

void find_runs(benchmark::State& state, const RowKernel& kernel, unsigned zeros,
               const RowProgram* program) {
  Rows rows;
  LaneRow lanes;
  for (unsigned l = 0; l < row_lanes; ++l) lanes.set(l);
  std::vector<LaneRow> hits(chunk);
  RunHits found;
  for (auto _ : state) {
    kernel.find_runs(program, rows.fresh(), chunk, zeros, milestone_window(length, true, zeros),
                     lanes, hits.data(), found);
    benchmark::ClobberMemory();
  }
  report(state, kernel);
}

void find_smaller(benchmark::State& state, const RowKernel& kernel, unsigned zeros, bool meet,
                  const RowProgram* program) {
  Rows rows;
  std::vector<LaneRow> start(8);
  LaneRow dead;
  LaneRow met;
  const SweepWindow window = {0, -1, zeros, 4};
  for (auto _ : state) {
    kernel.find_smaller(program, rows.fresh(), chunk, window, start.data(), dead,
                        meet ? &met : nullptr);
    benchmark::ClobberMemory();
  }
  report(state, kernel);
}

void transpose(benchmark::State& state, const RowKernel& kernel) {
  std::vector<LaneRow> block(64);
  for (auto _ : state) {
    kernel.transpose(block.data());
    benchmark::ClobberMemory();
  }
  report(state, kernel);
}

}  // namespace

int main(int argc, char** argv) {
  static const RowProgram far_program = program_of("0,1,5,(3,8)");
  for (const std::string& name : row_kernel_names()) {
    const RowKernel& kernel = row_kernel_named(name);
    const auto add = [&](const std::string& what, auto body) {
      benchmark::RegisterBenchmark((what + "/" + name).c_str(), body);
    };
    add("generate far", [&kernel](auto& s) { generate(s, kernel, "0,1,5,(3,8)"); });
    add("generate near", [&kernel](auto& s) { generate(s, kernel, "0,1,5,(3,33)"); });
    for (const unsigned order : {3U, 4U, 8U}) {
      add("generate planes, q = " + std::to_string(order),
          [&kernel, order](auto& s) { generate_planes(s, kernel, order); });
    }
    for (const unsigned zeros : {9U, 12U, 16U}) {
      add("find_runs " + std::to_string(zeros),
          [&kernel, zeros](auto& s) { find_runs(s, kernel, zeros, nullptr); });
      add("generate and find_runs " + std::to_string(zeros),
          [&kernel, zeros](auto& s) { find_runs(s, kernel, zeros, &far_program); });
    }
    for (const unsigned zeros : {6U, 9U}) {
      add("find_smaller " + std::to_string(zeros),
          [&kernel, zeros](auto& s) { find_smaller(s, kernel, zeros, false, nullptr); });
      add("generate and find_smaller " + std::to_string(zeros),
          [&kernel, zeros](auto& s) { find_smaller(s, kernel, zeros, false, &far_program); });
      add("find_smaller or equal " + std::to_string(zeros),
          [&kernel, zeros](auto& s) { find_smaller(s, kernel, zeros, true, nullptr); });
    }
    add("transpose", [&kernel](auto& s) { transpose(s, kernel); });
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
