/// What commands do about checkpoints: find one, see whose it is, go on, save, discard.
/// decompose_checkpoint.hpp and campaign_checkpoint.hpp say what decides the result of each.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <functional>
#include <memory>
#include <string>

#include "orbitmill/app/checkpoint_settings.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/results/checkpoint_saver.hpp"

namespace orbitmill {

/// Throws JobError: `name` has one value in the checkpoint and another one in this job.
[[noreturn]] void refuse_checkpoint(const CheckpointFolder& folder, const std::string& name,
                                    const std::string& there, const std::string& here);

/// A value of a found checkpoint, for comparing and for messages.
std::string value_in(const CheckpointJob& job, const std::string& name);

/// Throws JobError unless what is asked for is there with the same value.
void compare_jobs(const CheckpointFolder& folder, const CheckpointJob& found,
                  const CheckpointJob& asked_for);

class Checkpointing {
 public:
  Checkpointing(const Checkpointing&) = delete;
  Checkpointing& operator=(const Checkpointing&) = delete;

  WorkKeeper* keeper() const noexcept { return saver_.get(); }
  /// Looks from every node for the folder of the output as root sees it. Collective. Throws
  /// AgreedError, 73: all ranks write the result together, and what one saves the others must find.
  void require_shared_folder(const Topology& topology) const;
  /// Logs what an earlier run has left. Root.
  void tell_what_is_there() const;

  /// Runs the engine. When it is through nothing is saved any more, and signals end the job.
  template <class Action>
  auto guard(Action action) {
    try {
      auto result = action();
      close();
      return result;
    } catch (const AgreedError& error) {
      close();
      throw with_advice(error);
    }
  }

  /// The result is in its place: the checkpoint goes. Root removes it, after all have closed.
  void discard() const;

 protected:
  /// Keeps references. `output` is the result file.
  Checkpointing(const boost::mpi::communicator& comm, const std::string& output,
                const CheckpointSettings& settings, const Log& log);
  ~Checkpointing() = default;

  /// Looks for the checkpoint, or discards it where the job says so; root calls `check` with what
  /// it finds, which throws if it does not like it. Collective. Throws AgreedError: 65 where the
  /// checkpoint belongs to another job, 74 where it cannot be read.
  void find(const std::function<void(const CheckpointJob&)>& check);
  /// The work of `job` is kept from now on; `carries`: SaverOptions.
  void open(const CheckpointJob& job, bool carries);

  const CheckpointFolder& folder() const noexcept { return folder_; }
  /// Empty where there is none.
  const CheckpointJob& found() const noexcept { return found_; }
  const boost::mpi::communicator& communicator() const noexcept { return comm_; }

 private:
  void close();
  AgreedError with_advice(const AgreedError& error) const;

  const boost::mpi::communicator& comm_;
  const Log& log_;
  std::string output_;
  CheckpointSettings settings_;
  CheckpointFolder folder_;
  CheckpointJob found_;
  std::unique_ptr<CheckpointSaver> saver_;
};

}  // namespace orbitmill
