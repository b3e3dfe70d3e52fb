/// How much memory this node still has for this job.
#pragma once

#include <cstdint>
#include <string>

namespace orbitmill {

/// Memory that this rank's node still has for this job, in bytes: what the system calls available,
/// bounded by the control groups (version 1 and 2) and by SLURM_MEM_PER_NODE or SLURM_MEM_PER_CPU.
/// Page cache that a control group can drop counts as free: a job that has read or written a large
/// file would otherwise find its group full. Any rank. `root`: the folder in which proc, sys and
/// dev are looked for; tests have one of their own.
std::uint64_t available_node_memory(const std::string& root = "");

/// What the file system behind shared-memory windows (/dev/shm) has left.
std::uint64_t available_shared_memory(const std::string& root = "");

/// The most that a NodeMemory over `ranks` ranks of this node may have now: that of the node,
/// bounded by what /dev/shm has left where several ranks share it.
std::uint64_t available_table_memory(int ranks, const std::string& root = "");

}  // namespace orbitmill
