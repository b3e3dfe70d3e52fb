#include <fmt/format.h>

#include <boost/mpi/collectives/all_reduce.hpp>
#include <boost/mpi/collectives/broadcast.hpp>
#include <boost/mpi/operations.hpp>
#include <boost/serialization/string.hpp>
#include <filesystem>
#include <functional>
#include <system_error>

#include "agreement.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/result_file.hpp"
#include "output_path.hpp"
#include "record_image.hpp"
#include "table_writer.hpp"

namespace orbitmill {

namespace {

/// True when `value` is the same on every rank. Collective.
bool same_everywhere(const boost::mpi::communicator& comm, std::uint64_t value) {
  const auto least = boost::mpi::all_reduce(comm, value, boost::mpi::minimum<std::uint64_t>());
  const auto most = boost::mpi::all_reduce(comm, value, boost::mpi::maximum<std::uint64_t>());
  return least == most;
}

/// Checks that the parts [first, first + count) of the ranks, in rank order, make up [0, total)
/// without gap or overlap: a wrong offset would silently overwrite another rank's rows. Collective.
bool parts_fit(const boost::mpi::communicator& comm, std::uint64_t first, std::uint64_t count,
               std::uint64_t total) {
  std::uint64_t before = 0;
  MPI_Exscan(&count, &before, 1, MPI_UINT64_T, MPI_SUM, comm);
  if (comm.rank() == 0) before = 0;  // MPI leaves it undefined there
  const auto sum = boost::mpi::all_reduce(comm, count, std::plus<std::uint64_t>());
  const bool fits = (count == 0 || first == before) && sum == total;
  // One verdict for all: a rank that went its own way from here would be waited for.
  return boost::mpi::all_reduce(comm, fits, std::logical_and<bool>());
}

/// What the ranks hand in must make sense before the first byte is written: afterwards there would
/// be a file that looks right. Collective; no rank may leave before the others, so nothing throws
/// here.
const char* find_fault(const boost::mpi::communicator& comm, const CycleSlice* cycles,
                       const SequenceSlice* sequences, const PositionSlice* positions) {
  if (!same_everywhere(comm, cycles != nullptr) || !same_everywhere(comm, sequences != nullptr) ||
      !same_everywhere(comm, positions != nullptr))
    return "only some ranks hand in a table";
  if (sequences != nullptr && cycles == nullptr) return "sequences without a cycle table";
  if (positions != nullptr && cycles == nullptr) return "an index without a cycle table";
  if (cycles != nullptr &&
      !parts_fit(comm, cycles->first_row, cycles->rows.size(), cycles->total_rows))
    return "the ranks' parts of the cycle table do not fit together";
  if (sequences != nullptr && !parts_fit(comm, sequences->first_symbol, sequences->symbols.size(),
                                         sequences->total_symbols))
    return "the ranks' parts of the sequences do not fit together";
  if (positions != nullptr &&
      !parts_fit(comm, positions->first, positions->count, positions->total))
    return "the ranks' parts of the milestone index do not fit together";
  return nullptr;
}

void check_record(const DecompositionRecord& record, const CycleSlice* cycles,
                  const SequenceSlice* sequences, const PositionSlice* positions) {
  const Certificate& certificate = record.certificate;
  if (!certificate.complete || certificate.states != certificate.states_accounted)
    throw InternalError(fmt::format("a result that accounts for {} of {} states is not written",
                                    certificate.states_accounted.get_str(),
                                    certificate.states.get_str()));
  if (record.has_cycles != (cycles != nullptr) || record.has_sequences != (sequences != nullptr) ||
      record.index_zeros != (positions != nullptr ? positions->zeros : 0))
    throw InternalError("the record and the tables handed in disagree");
  if (cycles != nullptr && to_integer(cycles->total_rows) != certificate.cycles)
    throw InternalError(fmt::format("a table of {} rows for {} cycles", cycles->total_rows,
                                    certificate.cycles.get_str()));
  // Symbols are bytes in the file.
  if (sequences != nullptr && record.register_spec.field_order > 256)
    throw InternalError("sequences are stored for fields of at most 256 elements");
}

}  // namespace

TransferReport write_result_with(const boost::mpi::communicator& comm,
                                 const std::filesystem::path& path, bool overwrite,
                                 const DecompositionRecord& record, const CycleSlice* cycles,
                                 const SequenceSlice* sequences, const PositionSlice* positions,
                                 const TransferOptions& options) {
  const char* fault = find_fault(comm, cycles, sequences, positions);
  const bool root = comm.rank() == 0;
  std::string temporary;  // of all ranks, named by rank 0
  TransferReport report;
  try {
    together(comm, [&] {
      if (fault != nullptr) throw InternalError(fault);
      if (!root) return;
      check_record(record, cycles, sequences, positions);
      const TableExtents extents{cycles != nullptr ? cycles->total_rows : 0,
                                 sequences != nullptr ? sequences->total_symbols : 0,
                                 positions != nullptr ? positions->total : 0};
      const std::vector<std::byte> image = make_record_image(record, extents);
      const std::string name = temporary_name(path).string();
      create_temporary(name, path, image);
      temporary = name;
    });
    boost::mpi::broadcast(comm, temporary, 0);
    if (cycles != nullptr)
      report = write_tables(comm, temporary, path, *cycles, sequences, positions, options);
    together(comm, [&] {
      if (root) publish(temporary, path, overwrite);
    });
  } catch (...) {
    // By every rank: one that fails alone leaves root where it cannot.
    std::error_code ignored;  // the first error is the one to tell
    if (!temporary.empty()) std::filesystem::remove(temporary, ignored);
    throw;
  }
  return report;
}

void write_result(const boost::mpi::communicator& comm, const std::filesystem::path& path,
                  bool overwrite, const DecompositionRecord& record, const CycleSlice* cycles,
                  const SequenceSlice* sequences, const PositionSlice* positions) {
  write_result_with(comm, path, overwrite, record, cycles, sequences, positions, TransferOptions{});
}

}  // namespace orbitmill
