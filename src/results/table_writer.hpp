/// The big tables of a result file, written by all ranks together and read back by each.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hdf5_handle.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {

/// For tests: how a transfer is cut, and whether HDF5 did it collectively.
struct TransferOptions {
  /// Bytes that one rank moves in one call. Far below the 1 GiB that the design allows (and the
  /// 2 GiB where MPI-IO counts overflow), because HDF5 keeps the rank's part of a call twice, plain
  /// and deflated; far above the 32 MiB where throughput levels off.
  std::uint64_t max_bytes_per_call = std::uint64_t{256} << 20;
};
struct TransferReport {
  std::uint64_t calls = 0;         ///< H5Dwrite calls of this rank, the same number on every rank
  std::uint64_t largest_call = 0;  ///< bytes of the largest
  bool all_collective = true;      ///< HDF5's own word for every call
};

/// One rank's part of one dataset: values [first, first + count). Either they lie in memory as they
/// are written, or they are made on demand so that a column of a table of rows is never held a
/// second time in full: `fill(offset, n, buffer)` writes the n values from `offset` (counted within
/// the part) to the buffer.
struct ColumnPart {
  const char* dataset;
  hid_t memory_type;
  std::size_t width;  ///< bytes of a value
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::function<void(std::uint64_t, std::uint64_t, std::byte*)> fill;
  const std::byte* values = nullptr;  ///< where there is no fill

  /// Values [position, position + n) of the dataset; `buffer` keeps them where they are made.
  const std::byte* at(std::uint64_t position, std::uint64_t n,
                      std::vector<std::byte>& buffer) const {
    if (!fill) return values + (position - first) * width;
    buffer.resize(n * width);
    fill(position - first, n, buffer.data());
    return buffer.data();
  }
};

/// `source(i)` is the value at `offset` i of the part.
template <class Value, class Source>
ColumnPart make_part(const char* dataset, hid_t memory_type, std::uint64_t first,
                     std::uint64_t count, Source source) {
  return {dataset,
          memory_type,
          sizeof(Value),
          first,
          count,
          [source](std::uint64_t offset, std::uint64_t n, std::byte* buffer) {
            auto* values = reinterpret_cast<Value*>(buffer);
            for (std::uint64_t i = 0; i < n; ++i) values[i] = source(offset + i);
          },
          nullptr};
}

/// Writes the parts into tables that are there in `file`, still empty, closes the file and compares
/// it with the parts. Collective, every rank with the same datasets in the same order; throws on
/// every rank if any failed, and aborts the job if HDF5 lost the ranks (see agreement.hpp).
/// `target` is the user's name for the file.
TransferReport write_columns(const boost::mpi::communicator& comm,
                             const std::filesystem::path& file, const std::filesystem::path& target,
                             const std::vector<ColumnPart>& parts, const TransferOptions& options);

/// Writes the slices into the tables that make_record_image() made in `file`, closes the file and
/// compares it with the slices. Collective; throws on every rank if any failed, and aborts the job
/// if HDF5 lost the ranks (see agreement.hpp). `target` is the user's name for the file.
///
/// Reading back is not paranoia: Open MPI's OMPIO with 3 ranks or more reports success when the
/// disk is full (4.1.4, measured on a small tmpfs), and a file with holes would be called
/// certified.
TransferReport write_tables(const boost::mpi::communicator& comm, const std::filesystem::path& file,
                            const std::filesystem::path& target, const CycleSlice& cycles,
                            const SequenceSlice* sequences, const PositionSlice* positions,
                            const TransferOptions& options);

/// write_result() with its inner workings open, for tests.
TransferReport write_result_with(const boost::mpi::communicator& comm,
                                 const std::filesystem::path& path, bool overwrite,
                                 const DecompositionRecord& record, const CycleSlice* cycles,
                                 const SequenceSlice* sequences, const PositionSlice* positions,
                                 const TransferOptions& options);

}  // namespace orbitmill
