/// A job: everything one decomposition needs to know, checked and complete.
#pragma once

#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

#include "orbitmill/app/checkpoint_settings.hpp"
#include "orbitmill/app/options.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// Plain values; root makes it, every rank gets it as a Boost.Serialization message.
struct Job {
  std::string title;
  RegisterSpec register_spec;
  std::string engine = "auto";           ///< a name of decompose/plan.hpp
  std::string closed_form_reason;        ///< not empty: theory answers, nothing is walked
  std::uint32_t milestone_zeros = 0;     ///< k; 0: the plan chooses
  std::string table = "auto";            ///< where the table lies, a name of decompose/plan.hpp
  std::string schedule = "auto";         ///< a name of schedule/modes.hpp
  std::string steal_transport = "auto";  ///< auto, windows or messages
  std::uint32_t threads = 0;             ///< per rank; 0: the rank's share of the cores
  std::uint64_t batch_size = 0;
  CheckpointSettings checkpoints;
  bool oversubscribe = false;
  CyclePolicy cycles;
  bool sequences = false;
  bool index = false;  ///< keep the milestone index for `where`
  bool overwrite = false;
  bool quiet = false;
  bool verbose = false;
  std::string output;
  std::string trace;          ///< trace file, empty: none
  std::string job_text;       ///< the job file as it was read
  std::string effective_job;  ///< the values in force as a job file

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& title& register_spec& engine& closed_form_reason& milestone_zeros& table& schedule&
        steal_transport& threads& batch_size& checkpoints& oversubscribe& cycles& sequences& index&
            overwrite& quiet& verbose& output& trace& job_text& effective_job;
  }
};

/// q^n up to which --sequences is offered: one byte per state in memory and in the file.
inline constexpr std::uint64_t max_sequence_states = std::uint64_t{1} << 24;

/// `first` where it says something, else `second`. A register notation in `first` replaces the
/// notation of `second` as a whole, so that a flag can override the register of a job file.
JobOptions prefer(const JobOptions& first, const JobOptions& second);

/// Reads and checks a job file (jobs/example.toml shows every key). Throws JobError: unreadable,
/// not TOML, unknown key, wrong type; with line and column. Stores the text in `text`.
JobOptions read_job_file(const std::filesystem::path& path, std::string& text);

/// The same from a text; `name` stands in messages.
JobOptions parse_job(const std::string& text, const std::string& name);

/// The register in whichever notation it is written. Throws UsageError and JobError.
Register resolve_register(const RegisterOptions& options);

/// Checks the options and fills in the defaults. Throws UsageError and JobError.
Job resolve_job(const JobOptions& options);

/// `job` as a job file that repeats the run.
std::string print_job(const Job& job);

}  // namespace orbitmill
