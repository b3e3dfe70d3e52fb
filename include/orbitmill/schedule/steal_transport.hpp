/// How nodes take work from each other: one word of exported work per node, reachable by all
/// others.
///
/// Only the leaders' main threads use a transport, one rank per node. Two kinds behind one
/// interface: *windows*, one-sided MPI (the victim only has to make progress in MPI), and
/// *messages*, request and answer (the victim must call serve()). A node exports half of its work
/// as a single interval; a thief takes all that is exported in one atomic step, so a steal moves
/// half of the victim's work in one round trip, and nothing is ever in two places. (Taking half of
/// the exported half by look and compare-and-swap was tried: two trips, and where the cost sits in
/// front every further half is a crumb, about 27 steals until the victim exports anew.)
#pragma once

#include <mpi.h>

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {

class StealTransport {
 public:
  virtual ~StealTransport() = default;
  virtual std::string name() const = 0;

  /// Prepares for a phase: nothing exported, the central counter at 0. Collective over the leaders.
  virtual void reset() = 0;

  /// This node's exported work. A thief may take it at any time.
  virtual Interval exported() = 0;
  /// Offers `interval`. Precondition: exported() was empty (only this node can change that).
  virtual void publish(Interval interval) = 0;
  /// Takes the own exported work back; empty when a thief was faster.
  virtual Interval take_back() = 0;

  /// Starts taking the exported work of node `victim`. One steal at a time.
  virtual void begin_steal(int victim) = 0;
  /// Starts asking root's central counter for `count` indices (mode shared). One at a time, too.
  virtual void begin_fetch(std::uint64_t count) = 0;
  /// The outcome of the begun operation: nothing while it is under way; then the loot, which is
  /// empty where the victim had none. A fetch returns [old, old + count), to be cut off at the end.
  virtual std::optional<Interval> poll() = 0;

  /// Lets other nodes' requests make progress. Call in every round, until all have left.
  virtual void serve() = 0;
};

/// One-sided transport over `leaders`. Collective. Null on every rank where the MPI cannot create
/// such a window (Debian's Open MPI has no one-sided component over TCP unless OMPI_MCA_osc allows
/// pt2pt).
std::unique_ptr<StealTransport> make_window_transport(const boost::mpi::communicator& leaders);

/// Request and answer over `leaders`; works with every MPI.
std::unique_ptr<StealTransport> make_message_transport(const boost::mpi::communicator& leaders);

}  // namespace orbitmill
