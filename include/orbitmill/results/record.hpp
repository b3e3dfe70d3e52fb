/// Everything that one decomposition leaves behind, as plain data: what the result file holds.
///
/// jobs/SCHEMA.md is the user's page about the same fields; a test compares it with a written file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// Wall time of one phase of a run.
struct PhaseTime {
  std::string name;
  double seconds = 0;
};

/// Provenance: what ran where, asked by whom and how. Differs from run to run; /run in the file.
struct RunInfo {
  std::string version, commit, compiler, flags, mpi, hdf5;
  std::vector<std::string> hosts;  ///< host name of each node, in node order
  std::uint32_t ranks = 0;
  std::uint32_t threads = 0;  ///< computing threads over all ranks
  std::string command_line;
  std::string job_text;       ///< the job file as read, empty if there was none
  std::string effective_job;  ///< the options in force, as a TOML job file that repeats the run
  std::string start_utc, end_utc;  ///< ISO 8601, seconds, "2026-01-31T23:59:59Z"
  std::string engine_asked, engine, engine_reason;
  std::uint32_t milestone_zeros = 0;  ///< k of the milestone engine, else 0
  std::string table, table_reason;    ///< of the milestone engine: node or spread, else empty
  std::uint64_t deficit = 0;          ///< states that its milestone pass had left to the sweep
  double predicted_s = 0;             ///< seconds of the phases, by the plan
  std::string schedule_asked, schedule, schedule_reason;
  double elapsed_s = 0;  ///< start of the program to the result, writing excluded
  std::vector<PhaseTime> phases;
};

/// What one computing thread did. One row of the thread_ columns of /profile.
struct WorkerProfile {
  double busy_s = 0;  ///< seconds in batches
  double idle_s = 0;  ///< seconds without one until its phases ended
  std::uint64_t batches = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& busy_s& idle_s& batches;
  }
};

/// What one rank did. One row of /profile.
struct RankProfile {
  std::uint32_t rank = 0;
  std::string host;
  std::uint32_t threads = 0;
  std::uint64_t states_walked = 0;  ///< lane steps: states visited by all walks of this rank
  std::uint64_t batches = 0;        ///< batches done
  double busy_s = 0;                ///< seconds in batches, summed over threads
  double idle_s = 0;                ///< thread seconds without a batch until the phase ended
  double communication_s = 0;  ///< CPU seconds of the main thread: MPI, accounting, stealing
  double stealing_s = 0;       ///< node leader: from asking another node to having its work
  std::uint64_t node_steals_tried = 0;     ///< looks at another rank's work on the own node
  std::uint64_t node_steals_won = 0;       ///< batches taken from there
  std::uint64_t cluster_steals_tried = 0;  ///< node leader: other nodes asked
  std::uint64_t cluster_steals_won = 0;    ///< node leader: and work received
  std::uint64_t fallbacks = 0;             ///< windows across nodes wanted and not to be had
  std::uint64_t bytes_serialized = 0;      ///< size of the job message to or from root
  std::uint64_t peak_memory_bytes = 0;
  std::vector<WorkerProfile> workers;  ///< by thread

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& rank& host& threads& states_walked& batches& busy_s& idle_s& communication_s&
        stealing_s& node_steals_tried& node_steals_won& cluster_steals_tried& cluster_steals_won&
            fallbacks& bytes_serialized& peak_memory_bytes& workers;
  }
};

/// The columns of /profile that are one number per rank, in the order of the file: one list for the
/// writer, the reader and the table at the end of the log.
template <class T>
struct ProfileColumn {
  const char* name;
  T RankProfile::*member;
};
inline constexpr ProfileColumn<std::uint64_t> profile_counts[] = {
    {"states_walked", &RankProfile::states_walked},
    {"batches", &RankProfile::batches},
    {"node_steals_tried", &RankProfile::node_steals_tried},
    {"node_steals_won", &RankProfile::node_steals_won},
    {"cluster_steals_tried", &RankProfile::cluster_steals_tried},
    {"cluster_steals_won", &RankProfile::cluster_steals_won},
    {"fallbacks", &RankProfile::fallbacks},
    {"bytes_serialized", &RankProfile::bytes_serialized},
    {"peak_memory_bytes", &RankProfile::peak_memory_bytes}};
inline constexpr ProfileColumn<double> profile_times[] = {
    {"busy_s", &RankProfile::busy_s},
    {"idle_s", &RankProfile::idle_s},
    {"communication_s", &RankProfile::communication_s},
    {"stealing_s", &RankProfile::stealing_s}};

/// The decomposition record of DESIGN 7, without the big tables.
struct DecompositionRecord {
  std::string title;
  RegisterSpec register_spec;  ///< as Register::spec() returns it
  ExactHistogram histogram;
  Certificate certificate;
  bool has_cycles = false;     ///< the file has /cycles
  bool has_sequences = false;  ///< the file has /sequences
  unsigned index_zeros = 0;    ///< k of /milestones, the index of `where`; 0: the file has none
  RunInfo run;
  std::vector<RankProfile> profile;  ///< by rank
};

}  // namespace orbitmill
