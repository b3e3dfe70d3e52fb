/// Memory that all ranks of a node see at one place each: the tables of a decomposition.
#pragma once

#include <mpi.h>

#include <boost/mpi/communicator.hpp>
#include <cstddef>
#include <cstdint>

#include "orbitmill/cluster/unwinding.hpp"

namespace orbitmill {

/// The first address from `base` on that is a multiple of `alignment` (a power of two up to the
/// page size). Every rank maps a window at whole pages, so all of them find the same place.
inline void* align_in_window(void* base, std::uintptr_t alignment) {
  const auto address = reinterpret_cast<std::uintptr_t>(base);
  return static_cast<std::byte*>(base) + (alignment - address % alignment) % alignment;
}

/// `bytes` of zeros, aligned to 128, shared by the ranks of a node. Plain memory: what one rank
/// writes the others read after sync(). A rank alone on its node gets private memory, which the
/// system can back with huge pages (the tables are read at random); several get an MPI
/// shared-memory window.
class NodeMemory {
 public:
  /// Collective over `node`, the communicator of one node; equal `bytes`. Throws on every rank
  /// CannotCreateError when the memory is not there (too little, or /dev/shm too small): it is
  /// looked for first, because a page missing later would end the job without a word.
  NodeMemory(const boost::mpi::communicator& node, std::uint64_t bytes);
  ~NodeMemory();
  NodeMemory(const NodeMemory&) = delete;
  NodeMemory& operator=(const NodeMemory&) = delete;

  void* data() const noexcept { return data_; }
  template <class T>
  T* as() const noexcept {
    return static_cast<T*>(data_);
  }

  /// Everything written before by any rank of the node can be read afterwards. Collective.
  void sync() const;

 private:
  boost::mpi::communicator node_;
  std::uint64_t bytes_;
  MPI_Win window_ = MPI_WIN_NULL;
  void* data_ = nullptr;
  Unwinding unwinding_;
};

}  // namespace orbitmill
