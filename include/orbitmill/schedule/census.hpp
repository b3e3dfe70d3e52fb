/// Who has done how much: the exactly-once account of a phase, and its end.
///
/// Every node's leader reports the indices done on its node to root; root ends the phase when the
/// sum is the total. A sum above the total means that work was done twice. If all nodes are dry and
/// the sum is short and does not change for a while, work was lost. Both end the job with exit
/// code 70. A frozen node is neither: nodes repeat their reports, and silence proves nothing until
/// it has lasted so long that the node must be given up, which ends the job too. A node may also
/// wish that the job stops with work left; root grants it.
#pragma once

#include <mpi.h>

#include <array>
#include <boost/mpi/communicator.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace orbitmill {

/// What one node reports.
struct NodeReport {
  std::uint64_t indices_done = 0;
  double cost_done = 0;  ///< expected cost, for progress
  bool idle = false;  ///< no index left or running: the end of the phase may wait for this report
  bool dry = false;   ///< idle, and none exported or on its way here
  bool stop_wished = false;  ///< a rank of the node wants the job to stop with work left
};

/// How long root waits before it ends the job.
struct CensusPatience {
  std::chrono::duration<double> lost;    ///< with a phase that is dry and short
  std::chrono::duration<double> silent;  ///< with a node from which nothing comes
};

class Census {
 public:
  /// Collective over `leaders`. `names` are those of their nodes, for messages; used on root only.
  Census(const boost::mpi::communicator& leaders, std::uint64_t total, CensusPatience patience,
         std::vector<std::string> names = {});

  /// One round of this leader: reports, on root hears the others. True when the phase is over.
  /// Throws InternalError on root where work was lost or done twice or a node is silent.
  bool round(const NodeReport& mine);

  /// After round() returned true: a node wished the stop, and work is left. The same on every rank.
  bool interrupted() const noexcept { return stop_signal_ == signal_interrupted; }

  /// Root: expected cost done over all nodes.
  double cost_done() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool round_on_root(const NodeReport& mine);
  bool round_elsewhere(const NodeReport& mine);
  void hear(int source);
  std::chrono::duration<double> step();
  void check(std::uint64_t done, std::chrono::duration<double> step);
  void check_silence(std::chrono::duration<double> step);
  void send(const NodeReport& mine, std::uint64_t flags);

  boost::mpi::communicator leaders_;
  std::uint64_t total_;
  CensusPatience patience_;
  std::chrono::duration<double> repeat_;  ///< so often is a report repeated that has not changed

  // root
  std::vector<NodeReport> nodes_;
  std::vector<std::string> names_;
  std::vector<std::chrono::duration<double>> silent_;  ///< nothing came from the node for so long
  std::vector<bool> heard_;  ///< has reported in the second half of the patience with loss
  std::vector<bool> final_;  ///< has sent the last message of this phase
  std::uint64_t last_done_ = 0;
  Clock::time_point last_look_ = Clock::now();
  std::chrono::duration<double> stalled_{};  ///< dry and short for so long

  // elsewhere
  NodeReport sent_;
  std::array<std::uint64_t, 3> message_{};  ///< must live until the send is complete
  MPI_Request sending_ = MPI_REQUEST_NULL;
  Clock::time_point next_send_{};
  Clock::time_point next_repeat_{};

  static constexpr int signal_over = 1;
  static constexpr int signal_interrupted = 2;
  int stop_signal_ = 0;
  MPI_Request stop_ = MPI_REQUEST_NULL;  ///< pre-posted broadcast: the end comes without a question
};

}  // namespace orbitmill
