#include "orbitmill/schedule/node_board.hpp"

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

NodeBoard::NodeBoard(const boost::mpi::communicator& node) : node_(node) {
  // One piece, owned by the leader: the slots of all ranks lie side by side whatever the MPI's
  // layout.
  // One slot more than asked for: MPI aligns a window to 8 bytes only, so it is aligned here.
  const auto bytes = static_cast<MPI_Aint>(
      node.rank() == 0 ? sizeof(Slot) * (static_cast<std::size_t>(node.size()) + 2) : 0);
  void* own = nullptr;
  agree(node_, [&] {
    MPI_Comm_set_errhandler(node_,
                            MPI_ERRORS_RETURN);  // the default ends the job without our words
    const int code = MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, node_, &own, &window_);
    MPI_Comm_set_errhandler(node_, MPI_ERRORS_ARE_FATAL);
    if (code != MPI_SUCCESS) {
      throw InternalError(
          "the shared-memory window of a node cannot be created; is /dev/shm full?");
    }
  });
  MPI_Aint size = 0;
  int unit = 0;
  void* base = nullptr;
  MPI_Win_shared_query(window_, 0, &size, &unit, &base);
  slots_ = static_cast<Slot*>(align_in_window(base, sizeof(Slot)));
  stop_ = &slots_[node.size()].indices_done;
  wish_ = &slots_[node.size()].running;
  MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
}

NodeBoard::~NodeBoard() {
  if (unwinding_.is_under_way()) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void NodeBoard::reset(Interval chunk) {
  node_.barrier();  // nobody reads the last phase any more
  slots_[rank()] = Slot{};
  work(rank()).store(pack(chunk), std::memory_order_relaxed);
  if (rank() == 0) {
    std::atomic_ref(*stop_).store(0, std::memory_order_relaxed);
    std::atomic_ref(*wish_).store(0, std::memory_order_relaxed);
  }
  MPI_Win_sync(window_);
  node_.barrier();
  MPI_Win_sync(window_);
}

bool NodeBoard::refill(int rank, Interval interval) const {
  // Nobody else fills the word, so once seen empty it stays so. The count goes first: who already
  // sees the work with the old count would take a batch of the size learnt elsewhere.
  if (!unpack(work(rank).load(std::memory_order_relaxed)).empty()) return false;
  add(slot(rank).refills, std::uint64_t{1});
  std::uint64_t empty = 0;
  return work(rank).compare_exchange_strong(empty, pack(interval), std::memory_order_release,
                                            std::memory_order_relaxed);
}

void NodeBoard::leave_batch(std::uint64_t indices, double cost, double seconds) const {
  Slot& mine = slot(rank());
  add(mine.cost_done, cost);
  add(mine.busy_s, seconds);
  // The sum of indices ends the phase: it comes last, and whoever sees it sees the partial results
  // too.
  std::atomic_ref(mine.indices_done).fetch_add(indices, std::memory_order_release);
  std::atomic_ref(mine.running).fetch_sub(1, std::memory_order_relaxed);
}

template <class T>
T NodeBoard::sum(T Slot::*member) const {
  T total{};
  for (int rank = 0; rank < ranks(); ++rank) {
    total += std::atomic_ref(slot(rank).*member).load(std::memory_order_acquire);
  }
  return total;
}

std::uint64_t NodeBoard::indices_left() const {
  std::uint64_t total = 0;
  for (int rank = 0; rank < ranks(); ++rank) {
    total += unpack(work(rank).load(std::memory_order_relaxed)).size();
  }
  return total;
}

std::uint64_t NodeBoard::indices_done() const {
  return sum(&Slot::indices_done);
}
double NodeBoard::cost_done() const {
  return sum(&Slot::cost_done);
}
double NodeBoard::busy_s() const {
  return sum(&Slot::busy_s);
}
std::uint64_t NodeBoard::running() const {
  return sum(&Slot::running);
}

}  // namespace orbitmill
