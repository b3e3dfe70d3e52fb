#include "table_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives/all_reduce.hpp>
#include <boost/mpi/operations.hpp>
#include <functional>
#include <vector>

#include "agreement.hpp"
#include "hdf5_handle.hpp"
#include "orbitmill/cluster/unwinding.hpp"
#include "orbitmill/error.hpp"
#include "output_path.hpp"

namespace orbitmill {

namespace {

/// Position of each of this rank's cycles in /sequences/symbol. Whoever owns the last row writes
/// the closing entry c as well, the total; rank 0 does for a table without rows.
std::vector<std::uint64_t> sequence_offsets(const boost::mpi::communicator& comm,
                                            const CycleSlice& cycles,
                                            const SequenceSlice& sequences) {
  std::vector<std::uint64_t> offsets;
  offsets.reserve(cycles.rows.size() + 1);
  std::uint64_t position = sequences.first_symbol;
  for (const CycleRow& row : cycles.rows) {
    offsets.push_back(position);
    position += row.length;
  }
  const bool last = cycles.rows.empty()
                        ? cycles.total_rows == 0 && comm.rank() == 0
                        : cycles.first_row + cycles.rows.size() == cycles.total_rows;
  if (last) offsets.push_back(position);
  return offsets;
}

std::vector<ColumnPart> column_parts(const boost::mpi::communicator& comm, const CycleSlice& cycles,
                                     const SequenceSlice* sequences,
                                     const PositionSlice* positions) {
  const std::vector<CycleRow>& rows = cycles.rows;
  std::vector<ColumnPart> parts;
  parts.push_back(
      make_part<std::uint64_t>("cycles/leader", H5T_NATIVE_UINT64, cycles.first_row, rows.size(),
                               [&rows](std::uint64_t row) { return rows[row].leader; }));
  parts.push_back(
      make_part<std::uint64_t>("cycles/length", H5T_NATIVE_UINT64, cycles.first_row, rows.size(),
                               [&rows](std::uint64_t row) { return rows[row].length; }));
  if (sequences != nullptr) {
    std::vector<std::uint64_t> offsets = sequence_offsets(comm, cycles, *sequences);
    const std::uint64_t count = offsets.size();
    parts.push_back(make_part<std::uint64_t>(
        "sequences/offset", H5T_NATIVE_UINT64, cycles.first_row, count,
        [offsets = std::move(offsets)](std::uint64_t row) { return offsets[row]; }));
    parts.push_back(make_part<std::uint8_t>(
        "sequences/symbol", H5T_NATIVE_UINT8, sequences->first_symbol, sequences->symbols.size(),
        [&symbols = sequences->symbols](std::uint64_t i) { return symbols[i]; }));
  }
  if (positions != nullptr) {
    parts.push_back({"milestones/position", H5T_NATIVE_UINT64, sizeof(std::uint64_t),
                     positions->first, positions->count, nullptr,
                     reinterpret_cast<const std::byte*>(positions->positions)});
  }
  return parts;
}

hsize_t chunk_rows(hid_t dataset) {
  const Hdf5Handle creation(H5Dget_create_plist(dataset), H5Pclose, "reading the chunk size");
  hsize_t rows = 0;
  hdf5_check(H5Pget_chunk(creation.get(), 1, &rows), "reading the chunk size");
  return rows;
}

/// Ends of the rounds in which a part is moved, ascending. A round ends at a border of chunks where
/// it can: half a chunk written is a chunk inflated, changed and deflated again in the next round.
std::vector<std::uint64_t> round_ends(const ColumnPart& part, std::uint64_t chunk,
                                      std::uint64_t max_bytes) {
  const std::uint64_t most = std::max<std::uint64_t>(max_bytes / part.width, 1);
  const std::uint64_t end = part.first + part.count;
  std::vector<std::uint64_t> ends;
  for (std::uint64_t position = part.first; position < end;) {
    std::uint64_t stop = std::min(position + most, end);
    if (const std::uint64_t border = stop / chunk * chunk; stop < end && border > position)
      stop = border;
    ends.push_back(stop);
    position = stop;
  }
  return ends;
}

/// HDF5's own word: chunked collective I/O, or nothing at all to move on any rank.
bool was_collective(hid_t transfer) {
  H5D_mpio_actual_io_mode_t mode = H5D_MPIO_NO_COLLECTIVE;
  std::uint32_t local = 0, global = 0;
  hdf5_check(H5Pget_mpio_actual_io_mode(transfer, &mode), "asking for the transfer mode");
  hdf5_check(H5Pget_mpio_no_collective_cause(transfer, &local, &global), "asking for the cause");
  return mode == H5D_MPIO_CHUNK_COLLECTIVE && local == 0 && global == 0;
}

class TableWriter {
 public:
  TableWriter(const boost::mpi::communicator& comm, const std::filesystem::path& file,
              const std::filesystem::path& target, const TransferOptions& options)
      : comm_(comm), path_(file), target_(target), options_(options) {}
  ~TableWriter() {
    if (!unwinding_.is_under_way()) return;
    // As in step(): closing is collective, and this rank may be alone with its exception.
    dataset_.release();
    file_.release();
  }
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  void open() {
    step([&] {
      const Hdf5Handle access = make_property_list(H5P_FILE_ACCESS);
      hdf5_check(H5Pset_fapl_mpio(access.get(), comm_, MPI_INFO_NULL), "choosing MPI-IO");
      hdf5_check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18),
                 "choosing the file format");
      hdf5_check(H5Pset_coll_metadata_write(access.get(), true), "choosing collective metadata");
      hdf5_check(H5Pset_all_coll_metadata_ops(access.get(), true), "choosing collective metadata");
      file_ = Hdf5Handle(H5Fopen(path_.c_str(), H5F_ACC_RDWR, access.get()), H5Fclose,
                         "opening the file on all ranks (is the folder shared by all nodes?)");
      transfer_ = make_property_list(H5P_DATASET_XFER);
      hdf5_check(H5Pset_dxpl_mpio(transfer_.get(), H5FD_MPIO_COLLECTIVE), "choosing collective");
      // All chunks of a call in one transfer. Left to itself HDF5 may go chunk by chunk, with a
      // communication for each in which a failed rank would be missing.
      hdf5_check(H5Pset_dxpl_mpio_chunk_opt(transfer_.get(), H5FD_MPIO_CHUNK_ONE_IO),
                 "choosing one transfer");
    });
  }

  void write(const ColumnPart& part) {
    std::vector<std::uint64_t> ends;
    step([&] {
      dataset_ = open_dataset(file_.get(), part.dataset);
      ends = round_ends(part, chunk_rows(dataset_.get()), options_.max_bytes_per_call);
    });
    const auto rounds =
        boost::mpi::all_reduce(comm_, ends.size(), boost::mpi::maximum<std::size_t>());
    std::uint64_t position = part.first;
    for (std::size_t round = 0; round < rounds; ++round) {
      const std::uint64_t stop = round < ends.size() ? ends[round] : position;
      step([&] { write_round(part, position, stop - position); });
      position = stop;
    }
    step([&] { dataset_.close(fmt::format("closing {}", part.dataset)); });
  }

  void close() {
    // Flushing includes MPI_File_sync. Most errors show here, while giving up is still easy.
    step([&] { hdf5_check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "flushing the file"); });
    step([&] { file_.close("closing the file"); });
  }

  /// Each rank compares its own part through a serial driver that shares nothing with MPI-IO.
  void compare(const std::vector<ColumnPart>& parts) {
    step([&] {
      const Hdf5Handle file = open_file_for_reading(path_.string());
      for (const ColumnPart& part : parts) compare_part(file.get(), part);
    });
  }

  const TransferReport& report() const noexcept { return report_; }

 private:
  /// One agreed step. After a failure the file is never closed: the ranks' metadata may differ by
  /// then, closing flushes it, and flushing is collective. What leaks is a little memory.
  void step(const std::function<void()>& action) {
    try {
      together(
          comm_,
          [&] {
            try {
              action();
            } catch (const Hdf5Failure& failure) {
              throw IoError(fmt::format("writing \"{}\" failed: {}{}", target_.string(),
                                        failure.what(), free_space_note(target_)));
            }
          },
          [&] { std::filesystem::remove(path_); });
    } catch (...) {
      dataset_.release();
      file_.release();
      throw;
    }
  }

  void write_round(const ColumnPart& part, std::uint64_t position, std::uint64_t count) {
    std::vector<std::byte> buffer;
    const std::byte* values = part.at(position, count, buffer);
    const Hdf5Handle memory = make_dataspace(count);
    const Hdf5Handle extent = dataspace_of(dataset_.get());
    select_rows(memory.get(), 0, count);
    select_rows(extent.get(), position, count);
    hdf5_check(H5Dwrite(dataset_.get(), part.memory_type, memory.get(), extent.get(),
                        transfer_.get(), values),
               fmt::format("writing {}", part.dataset));
    ++report_.calls;
    report_.largest_call = std::max<std::uint64_t>(report_.largest_call, count * part.width);
    report_.all_collective = report_.all_collective && was_collective(transfer_.get());
  }

  void compare_part(hid_t file, const ColumnPart& part) const {
    const Hdf5Handle dataset = open_dataset(file, part.dataset);
    const Hdf5Handle extent = dataspace_of(dataset.get());
    std::vector<std::byte> buffer, found;
    std::uint64_t position = part.first;
    for (const std::uint64_t stop :
         round_ends(part, chunk_rows(dataset.get()), options_.max_bytes_per_call)) {
      const std::uint64_t count = stop - position;
      const std::byte* expected = part.at(position, count, buffer);
      found.assign(count * part.width, std::byte{0});
      const Hdf5Handle memory = make_dataspace(count);
      select_rows(extent.get(), position, count);
      hdf5_check(H5Dread(dataset.get(), part.memory_type, memory.get(), extent.get(), H5P_DEFAULT,
                         found.data()),
                 fmt::format("reading {} back", part.dataset));
      if (!std::equal(found.begin(), found.end(), expected))
        throw Hdf5Failure(
            fmt::format("reading {} back: the file differs from what was written", part.dataset));
      position = stop;
    }
  }

  const boost::mpi::communicator& comm_;
  std::filesystem::path path_, target_;
  TransferOptions options_;
  Hdf5Handle transfer_, file_, dataset_;
  TransferReport report_;
  Unwinding unwinding_;
};

}  // namespace

TransferReport write_columns(const boost::mpi::communicator& comm,
                             const std::filesystem::path& file, const std::filesystem::path& target,
                             const std::vector<ColumnPart>& parts, const TransferOptions& options) {
  TableWriter writer(comm, file, target, options);
  writer.open();
  for (const ColumnPart& part : parts) writer.write(part);
  writer.close();
  writer.compare(parts);
  return writer.report();
}

TransferReport write_tables(const boost::mpi::communicator& comm, const std::filesystem::path& file,
                            const std::filesystem::path& target, const CycleSlice& cycles,
                            const SequenceSlice* sequences, const PositionSlice* positions,
                            const TransferOptions& options) {
  return write_columns(comm, file, target, column_parts(comm, cycles, sequences, positions),
                       options);
}

}  // namespace orbitmill
