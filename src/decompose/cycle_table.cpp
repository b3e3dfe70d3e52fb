#include "orbitmill/decompose/cycle_table.hpp"

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <functional>

#include "orbitmill/cluster/messages.hpp"

namespace orbitmill {
namespace {

/// Samples per rank: the parts differ by a few per cent at most.
constexpr std::size_t samples_per_rank = 64;

/// The R-1 leaders at which the table is cut, the same on every rank.
std::vector<State> choose_splitters(const boost::mpi::communicator& comm,
                                    const std::vector<CycleRow>& sorted) {
  std::vector<State> samples;
  const std::size_t count = std::min(samples_per_rank, sorted.size());
  for (std::size_t i = 0; i < count; ++i) {
    samples.push_back(sorted[(2 * i + 1) * sorted.size() / (2 * count)].leader);
  }
  std::vector<std::vector<State>> gathered;
  boost::mpi::all_gather(comm, samples, gathered);
  std::vector<State> all;
  for (const auto& part : gathered) all.insert(all.end(), part.begin(), part.end());
  std::ranges::sort(all);
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<State> splitters;
  for (std::size_t i = 1; i < ranks && !all.empty(); ++i) {
    splitters.push_back(all[i * all.size() / ranks]);
  }
  splitters.resize(ranks - 1, ~State{0});
  return splitters;
}

}  // namespace

CycleSlice sort_over_ranks(const boost::mpi::communicator& comm, std::vector<CycleRow> rows) {
  std::ranges::sort(rows);
  CycleSlice slice;
  if (comm.size() > 1) {
    const std::vector<State> splitters = choose_splitters(comm, rows);
    std::vector<int> send_counts, send_starts, receive_counts, receive_starts;
    auto begin = rows.begin();
    for (int rank = 0; rank < comm.size(); ++rank) {
      const auto end = rank + 1 < comm.size()
                           ? std::ranges::lower_bound(begin, rows.end(),
                                                      splitters[static_cast<std::size_t>(rank)], {},
                                                      &CycleRow::leader)
                           : rows.end();
      send_starts.push_back(to_mpi_int(static_cast<std::uint64_t>(begin - rows.begin())));
      send_counts.push_back(to_mpi_int(static_cast<std::uint64_t>(end - begin)));
      begin = end;
    }
    boost::mpi::all_to_all(comm, send_counts, receive_counts);
    std::uint64_t received = 0;
    for (const int count : receive_counts) {
      receive_starts.push_back(to_mpi_int(received));
      received += static_cast<std::uint64_t>(count);
    }
    slice.rows.resize(received);
    // Rows as one datatype, so that the counts are rows and stay within int.
    MPI_Datatype row_type = MPI_DATATYPE_NULL;
    MPI_Type_contiguous(2, MPI_UINT64_T, &row_type);
    MPI_Type_commit(&row_type);
    MPI_Alltoallv(rows.data(), send_counts.data(), send_starts.data(), row_type, slice.rows.data(),
                  receive_counts.data(), receive_starts.data(), row_type, comm);
    MPI_Type_free(&row_type);
    std::ranges::sort(slice.rows);
  } else {
    slice.rows = std::move(rows);
  }
  const auto own = static_cast<std::uint64_t>(slice.rows.size());
  slice.first_row = boost::mpi::scan(comm, own, std::plus<>()) - own;
  slice.total_rows = boost::mpi::all_reduce(comm, own, std::plus<>());
  return slice;
}

std::vector<std::uint8_t> output_sequences(const Register& reg, const std::vector<CycleRow>& rows) {
  std::vector<std::uint8_t> symbols;
  for (const CycleRow& row : rows) {
    State state = row.leader;
    for (std::uint64_t step = 0; step < row.length; ++step) {
      symbols.push_back(static_cast<std::uint8_t>(state % reg.field().order()));
      state = reg.next(state);
    }
  }
  return symbols;
}

}  // namespace orbitmill
