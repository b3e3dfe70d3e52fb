/// The shared memory of one node during a phase: where its work lies and how much is done.
///
/// One MPI shared-memory window over the ranks of the node, one slot of whole cache lines per rank.
/// Everything here is touched by CPU atomics only, never by MPI operations: the standard gives no
/// atomicity between the two. No access needs progress of another rank.
#pragma once

#include <mpi.h>

#include <atomic>
#include <boost/mpi/communicator.hpp>
#include <cstdint>

#include "orbitmill/cluster/unwinding.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {

class NodeBoard {
 public:
  /// What a rank shows to its node. Plain memory of the window; access through the functions below.
  struct alignas(64) Slot {
    std::uint64_t work;     ///< interval word that the workers take from
    std::uint64_t refills;  ///< how often it was filled in this phase
    char pad1[48];  ///< the word is hot for every worker of the node, the rest for the owner's
    std::uint64_t indices_done;
    double cost_done;       ///< expected cost of them, for progress
    double busy_s;          ///< finished batches
    std::uint64_t running;  ///< workers inside a batch
  };
  static_assert(sizeof(Slot) == 128);

  /// Collective over `node`, the communicator of one node. Throws AgreedError where the window
  /// cannot be had.
  explicit NodeBoard(const boost::mpi::communicator& node);
  ~NodeBoard();
  NodeBoard(const NodeBoard&) = delete;
  NodeBoard& operator=(const NodeBoard&) = delete;

  int ranks() const noexcept { return node_.size(); }
  int rank() const noexcept { return node_.rank(); }

  /// Clears the board and gives each rank its chunk. Collective over the node; no worker may be
  /// running.
  void reset(Interval chunk);

  std::atomic_ref<std::uint64_t> work(int rank) const { return std::atomic_ref(slot(rank).work); }
  /// Puts `interval` into the word of `rank`; false, and no change, when that is not empty. Only
  /// the node's leader fills words.
  bool refill(int rank, Interval interval) const;
  /// Changes with every refill of the word of `rank`: its work lies elsewhere in the range now.
  std::uint64_t refills(int rank) const {
    return std::atomic_ref(slot(rank).refills).load(std::memory_order_relaxed);
  }
  /// A worker of this rank enters a batch.
  void enter_batch() const { add(slot(rank()).running, std::uint64_t{1}); }
  /// It leaves a batch of `indices` with expected cost `cost` that took `seconds`.
  void leave_batch(std::uint64_t indices, double cost, double seconds) const;

  /// Sums over the node.
  std::uint64_t indices_left() const;
  std::uint64_t indices_done() const;
  double cost_done() const;
  double busy_s() const;
  std::uint64_t running() const;

  /// The end of the phase, set by the node's leader, seen by every worker of the node;
  /// `interrupted` where work is left.
  void stop(bool interrupted = false) const {
    std::atomic_ref(*stop_).store(interrupted ? 2 : 1, std::memory_order_release);
  }
  bool is_stopped() const { return std::atomic_ref(*stop_).load(std::memory_order_acquire) != 0; }
  bool is_interrupted() const {
    return std::atomic_ref(*stop_).load(std::memory_order_acquire) == 2;
  }
  /// A rank of this node wants the job to stop with work left; its leader tells root.
  void wish_stop() const { std::atomic_ref(*wish_).store(1, std::memory_order_relaxed); }
  bool is_stop_wished() const {
    return std::atomic_ref(*wish_).load(std::memory_order_relaxed) != 0;
  }

 private:
  Slot& slot(int rank) const { return slots_[rank]; }
  template <class T>
  static void add(T& target, T value) {
    std::atomic_ref(target).fetch_add(value, std::memory_order_relaxed);
  }
  template <class T>
  T sum(T Slot::*member) const;

  boost::mpi::communicator node_;
  MPI_Win window_ = MPI_WIN_NULL;
  Slot* slots_ = nullptr;          ///< of all ranks of the node, by rank
  std::uint64_t* stop_ = nullptr;  ///< in a line of its own behind the slots
  std::uint64_t* wish_ = nullptr;  ///< in the same line: it ends the phase too
  Unwinding unwinding_;
};

}  // namespace orbitmill
