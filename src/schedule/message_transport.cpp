/// Work between nodes by request and answer: the fallback where no one-sided window can be had.
///
/// The exported interval is a plain variable of the leader: it alone changes it, on its own behalf
/// or for a thief whose request serve() finds. A request is two words, what to do and how much; the
/// answer is one interval word (the counter's old value for a fetch).
#include <array>
#include <utility>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/schedule/steal_transport.hpp"

namespace orbitmill {
namespace {

class MessageTransport final : public StealTransport {
 public:
  // A communicator of its own: no other traffic can match these tags.
  explicit MessageTransport(const boost::mpi::communicator& leaders)
      : leaders_(leaders, boost::mpi::comm_duplicate) {}

  std::string name() const override { return "messages"; }

  void reset() override {
    leaders_.barrier();  // every answer of the last phase has been received
    exported_ = {};
    counter_ = 0;
    leaders_.barrier();
  }

  Interval exported() override { return exported_; }
  void publish(Interval interval) override { exported_ = interval; }

  Interval take_back() override { return take_exported(); }

  void begin_steal(int victim) override { ask(victim, {request_work, 0}); }

  void begin_fetch(std::uint64_t count) override {
    fetch_count_ = count;
    if (leaders_.rank() != 0) return ask(0, {request_count, count});
    asked_ = {request_count, count};
    answer_ = {counter_, 0};
    counter_ += count;
    own_fetch_ = true;
  }

  std::optional<Interval> poll() override {
    serve();  // two thieves that ask each other must both be answered
    if (!own_fetch_) {
      int done = 0;
      MPI_Test(&answer_request_, &done, MPI_STATUS_IGNORE);
      if (done == 0) return std::nullopt;
      MPI_Wait(&ask_request_, MPI_STATUS_IGNORE);
    }
    own_fetch_ = false;
    if (asked_[0] == request_work) return unpack(answer_[0]);
    return Interval{answer_[0], answer_[0] + fetch_count_};
  }

  void serve() override {
    for (;;) {
      int waiting = 0;
      MPI_Status status;
      MPI_Iprobe(MPI_ANY_SOURCE, tag_steal_request, leaders_, &waiting, &status);
      if (waiting == 0) return;
      std::array<std::uint64_t, 2> request{};
      MPI_Recv(request.data(), 2, MPI_UINT64_T, status.MPI_SOURCE, tag_steal_request, leaders_,
               MPI_STATUS_IGNORE);
      std::array<std::uint64_t, 2> answer{};
      if (request[0] == request_work) {
        answer[0] = pack(take_exported());
      } else {
        answer[0] = counter_;
        counter_ += request[1];
      }
      // Two words go out at once (eager protocol); the thief has its receive posted.
      MPI_Send(answer.data(), 2, MPI_UINT64_T, status.MPI_SOURCE, tag_steal_answer, leaders_);
    }
  }

 private:
  static constexpr std::uint64_t request_work = 0;
  static constexpr std::uint64_t request_count = 1;

  Interval take_exported() { return std::exchange(exported_, Interval{}); }

  void ask(int victim, std::array<std::uint64_t, 2> request) {
    asked_ = request;
    MPI_Irecv(answer_.data(), 2, MPI_UINT64_T, victim, tag_steal_answer, leaders_,
              &answer_request_);
    MPI_Isend(asked_.data(), 2, MPI_UINT64_T, victim, tag_steal_request, leaders_, &ask_request_);
  }

  boost::mpi::communicator leaders_;
  Interval exported_;
  std::uint64_t counter_ = 0;
  std::uint64_t fetch_count_ = 0;
  bool own_fetch_ = false;
  std::array<std::uint64_t, 2> asked_{};
  std::array<std::uint64_t, 2> answer_{};
  MPI_Request ask_request_ = MPI_REQUEST_NULL;
  MPI_Request answer_request_ = MPI_REQUEST_NULL;
};

}  // namespace

std::unique_ptr<StealTransport> make_message_transport(const boost::mpi::communicator& leaders) {
  return std::make_unique<MessageTransport>(leaders);
}

}  // namespace orbitmill
