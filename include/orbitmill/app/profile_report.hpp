/// What a run leaves for the person who tunes it: the table at the end of the log, and the trace.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "orbitmill/results/record.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// Lines of a table: each time and count of the profile as least, average and greatest over the
/// ranks, and the imbalance in time and in states (greatest / average - 1). At most 80 columns.
std::vector<std::string> profile_table(const std::vector<RankProfile>& profile);

/// Writes the batches of all ranks as a trace that https://ui.perfetto.dev opens (Trace Event
/// Format, JSON): one process per rank, one track per worker, times since the start of the first
/// phase. Collective; root writes. Throws CannotCreateError or IoError on every rank.
void write_trace(const boost::mpi::communicator& comm, const std::filesystem::path& path,
                 const std::vector<PhaseReport>& phases);

}  // namespace orbitmill
