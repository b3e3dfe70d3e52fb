/// For tests of files that several ranks write: a folder of their own, and a random decomposition
/// cut into one part a rank.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <boost/mpi/collectives/broadcast.hpp>
#include <boost/mpi/communicator.hpp>
#include <boost/serialization/string.hpp>
#include <filesystem>
#include <iterator>

#include "orbitmill/results/result_file.hpp"
#include "unit/results/random_record.hpp"

namespace orbitmill::test {

class ParallelFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name;
    if (root()) {
      std::string pattern =
          (std::filesystem::temp_directory_path() / "orbitmill-writer-XXXXXX").string();
      name = mkdtemp(pattern.data());
    }
    boost::mpi::broadcast(comm, name, 0);
    folder = name;
  }
  void TearDown() override {
    comm.barrier();
    if (root()) std::filesystem::remove_all(folder);
  }

  bool root() const { return comm.rank() == 0; }
  /// Number of files beside the result; a temporary one left behind would count.
  std::ptrdiff_t files() const {
    comm.barrier();
    const auto count = std::distance(std::filesystem::directory_iterator(folder),
                                     std::filesystem::directory_iterator());
    comm.barrier();
    return count;
  }

  boost::mpi::communicator comm;
  std::filesystem::path folder;
};

/// A decomposition cut at random places, the same on every rank: parts of any size, often empty.
struct Sample {
  Register reg;
  std::vector<CycleRow> rows;
  std::vector<std::uint8_t> symbols;
  DecompositionRecord record;
  CycleSlice cycles;
  SequenceSlice sequences;

  Sample(Random& random, const boost::mpi::communicator& comm, Register chosen)
      : reg(std::move(chosen)), rows(walk_all_cycles(reg)) {
    const auto ranks = static_cast<std::uint32_t>(comm.size());
    record = make_record(random, reg, rows, ranks);
    record.has_cycles = record.has_sequences = true;
    std::vector<std::size_t> cuts{0};
    for (std::uint32_t rank = 1; rank < ranks; ++rank)
      cuts.push_back(pick(random, 0, 2) == 0 ? cuts.back() : pick(random, 0, rows.size()));
    cuts.push_back(rows.size());
    std::sort(cuts.begin(), cuts.end());
    const std::size_t begin = cuts[static_cast<std::size_t>(comm.rank())];
    const std::size_t end = cuts[static_cast<std::size_t>(comm.rank()) + 1];

    const auto row_at = [&](std::size_t i) {
      return rows.begin() + static_cast<std::ptrdiff_t>(i);
    };
    cycles.rows.assign(row_at(begin), row_at(end));
    cycles.first_row = begin;
    cycles.total_rows = rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i == begin) sequences.first_symbol = symbols.size();
      State state = rows[i].leader;
      for (std::uint64_t step = 0; step < rows[i].length; ++step, state = reg.next(state)) {
        symbols.push_back(static_cast<std::uint8_t>(state % reg.field().order()));
        if (i >= begin && i < end) sequences.symbols.push_back(symbols.back());
      }
    }
    sequences.total_symbols = symbols.size();
  }
};

}  // namespace orbitmill::test
