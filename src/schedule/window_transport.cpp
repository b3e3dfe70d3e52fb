/// Work between nodes through a one-sided window, passive target.
///
/// Each leader owns two words: its exported interval and (used on root) the central counter. All
/// accesses, the owner's too, are MPI atomics. A thief swaps the victim's word with 0 by
/// MPI_Rget_accumulate(MPI_REPLACE): one trip, and whoever gets the interval has it. Nothing
/// blocks: completion is seen by testing the request, because a target that computes makes progress
/// only once per round.
///
/// A target is locked when it is first asked, shared and with MPI_MODE_NOCHECK, as nobody ever
/// locks exclusively. With MPI_Win_lock_all Open MPI 4.1.4 asks each target for its lock at the
/// first access in spite of that assertion, and waits inside the call for all such answers at once:
/// eight nodes that first met at the same time stood still for 2 to 30 s.
///
/// A leader is the only rank of its node here, so no operation ever aims at another rank of the own
/// node: there one-sided atomics of Open MPI 4.1.4 are not safe (ompi issue 11349).
#include <vector>

#include "orbitmill/cluster/unwinding.hpp"
#include "orbitmill/schedule/steal_transport.hpp"

namespace orbitmill {
namespace {

class WindowTransport final : public StealTransport {
 public:
  WindowTransport(const boost::mpi::communicator& leaders, MPI_Win window)
      : leaders_(leaders), window_(window), locked_(static_cast<std::size_t>(leaders.size())) {
    lock(leaders_.rank());
  }
  ~WindowTransport() override {
    if (unwinding_.is_under_way()) return;
    for (int target = 0; target < leaders_.size(); ++target) {
      if (locked_[static_cast<std::size_t>(target)]) MPI_Win_unlock(target, window_);
    }
    MPI_Win_free(&window_);
  }

  std::string name() const override { return "windows"; }

  void reset() override {
    leaders_.barrier();
    replace(exported_word, 0);
    replace(counter_word, 0);
    leaders_.barrier();
  }

  Interval exported() override { return unpack(read_own(exported_word)); }

  void publish(Interval interval) override { replace(exported_word, pack(interval)); }

  Interval take_back() override { return unpack(replace(exported_word, 0)); }

  void begin_steal(int victim) override {
    fetching_ = false;
    operand_ = 0;
    begin(victim, exported_word, MPI_REPLACE);
  }

  void begin_fetch(std::uint64_t count) override {
    fetching_ = true;
    operand_ = count;
    begin(0, counter_word, MPI_SUM);
  }

  std::optional<Interval> poll() override {
    int done = 0;
    MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
    if (done == 0) return std::nullopt;
    return fetching_ ? Interval{result_, result_ + operand_} : unpack(result_);
  }

  void serve() override {
    int flag = 0;  // any call that drives MPI's progress engine will do
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, leaders_, &flag, MPI_STATUS_IGNORE);
  }

 private:
  static constexpr MPI_Aint exported_word = 0;
  static constexpr MPI_Aint counter_word = 1;

  void lock(int target) {
    const auto index = static_cast<std::size_t>(target);
    if (locked_[index]) return;
    MPI_Win_lock(MPI_LOCK_SHARED, target, MPI_MODE_NOCHECK, window_);
    locked_[index] = true;
  }

  void begin(int target, MPI_Aint word, MPI_Op operation) {
    lock(target);
    MPI_Rget_accumulate(&operand_, 1, MPI_UINT64_T, &result_, 1, MPI_UINT64_T, target, word, 1,
                        MPI_UINT64_T, operation, window_, &request_);
  }

  std::uint64_t read_own(MPI_Aint word) {
    std::uint64_t value = 0;
    MPI_Fetch_and_op(nullptr, &value, MPI_UINT64_T, leaders_.rank(), word, MPI_NO_OP, window_);
    MPI_Win_flush(leaders_.rank(), window_);
    return value;
  }

  std::uint64_t replace(MPI_Aint word, std::uint64_t value) {
    std::uint64_t old = 0;
    MPI_Fetch_and_op(&value, &old, MPI_UINT64_T, leaders_.rank(), word, MPI_REPLACE, window_);
    MPI_Win_flush(leaders_.rank(), window_);
    return old;
  }

  boost::mpi::communicator leaders_;
  MPI_Win window_;
  std::vector<bool> locked_;  ///< by this rank, for each target
  MPI_Request request_ = MPI_REQUEST_NULL;
  bool fetching_ = false;
  std::uint64_t operand_ = 0;  ///< origin buffers: they must stay until the operation is complete
  std::uint64_t result_ = 0;
  Unwinding unwinding_;
};

}  // namespace

std::unique_ptr<StealTransport> make_window_transport(const boost::mpi::communicator& leaders) {
  // Failure must come back as a code, and one rank's failure must be everybody's.
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(leaders, &handler);
  MPI_Comm_set_errhandler(leaders, MPI_ERRORS_RETURN);
  MPI_Win window = MPI_WIN_NULL;
  void* words = nullptr;  // touched by MPI atomics only
  const int result = MPI_Win_allocate(2 * sizeof(std::uint64_t), sizeof(std::uint64_t),
                                      MPI_INFO_NULL, leaders, &words, &window);
  MPI_Comm_set_errhandler(leaders, handler);
  if (handler != MPI_ERRHANDLER_NULL) MPI_Errhandler_free(&handler);
  int created = result == MPI_SUCCESS ? 1 : 0;
  int everywhere = 0;
  MPI_Allreduce(&created, &everywhere, 1, MPI_INT, MPI_MIN, leaders);
  if (everywhere == 0) {
    // MPI_Win_free is collective; where only some have a window, it stays until the end.
    return nullptr;
  }
  return std::make_unique<WindowTransport>(leaders, window);
}

}  // namespace orbitmill
