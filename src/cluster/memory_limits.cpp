#include "orbitmill/cluster/memory_limits.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

namespace orbitmill {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// The number in the first line of a file, `unlimited` where there is none ("max", no such file).
std::uint64_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : unlimited;
}

/// The number behind `name` in a file of names and numbers, `otherwise` where it is missing.
std::uint64_t number_of(const std::string& name, const std::string& path, std::uint64_t otherwise) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    std::uint64_t value = 0;
    if (words >> word >> value && word == name) return value;
  }
  return otherwise;
}

std::uint64_t system_available(const std::string& root) {
  const std::uint64_t kib = number_of("MemAvailable:", root + "/proc/meminfo", unlimited);
  return kib == unlimited ? unlimited : kib * 1024;
}

/// Where one version of control groups keeps its figures.
struct GroupFiles {
  const char* mount;
  const char* limit;
  const char* usage;
  const char* droppable;  ///< in memory.stat: page cache not used lately, of the groups below, too
};

constexpr GroupFiles version_2 = {"/sys/fs/cgroup", "/memory.max", "/memory.current",
                                  "inactive_file"};
constexpr GroupFiles version_1 = {"/sys/fs/cgroup/memory", "/memory.limit_in_bytes",
                                  "/memory.usage_in_bytes", "total_inactive_file"};

std::uint64_t group_available(const std::string& folder, const GroupFiles& files) {
  const std::uint64_t most = number_in(folder + files.limit);
  const std::uint64_t usage = number_in(folder + files.usage);
  if (most == unlimited || usage == unlimited) return unlimited;
  const std::uint64_t used =
      usage - std::min(usage, number_of(files.droppable, folder + "/memory.stat", 0));
  return most > used ? most - used : 0;
}

/// True when "memory" is in a list such as "cpu,memory".
bool controls_memory(const std::string& controllers) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == "memory") return true;
  }
  return false;
}

/// What the control group of this process, or one above it, still allows.
std::uint64_t groups_available(const std::string& root) {
  std::uint64_t least = unlimited;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !controls_memory(controllers)) continue;
    const GroupFiles& files = controllers.empty() ? version_2 : version_1;
    // Up to the root of the mount: a container sees the host's path here and its own group there.
    const std::string mount = root + files.mount;
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      least = std::min(least, group_available(mount + path, files));
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

/// Slurm gives the memory of a job in MiB, by node or by core; 0 is all that the node has.
std::uint64_t slurm_limit() {
  const auto variable = [](const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  };
  constexpr std::uint64_t mib = 1024 * 1024;
  if (const auto per_node = variable("SLURM_MEM_PER_NODE"); per_node > 0) return per_node * mib;
  const auto cores = variable("SLURM_CPUS_ON_NODE");
  if (const auto per_core = variable("SLURM_MEM_PER_CPU"); per_core > 0 && cores > 0) {
    return per_core * cores * mib;
  }
  return unlimited;
}

}  // namespace

std::uint64_t available_node_memory(const std::string& root) {
  return std::min({system_available(root), groups_available(root), slurm_limit()});
}

std::uint64_t available_shared_memory(const std::string& root) {
  struct statvfs folder {};
  if (statvfs((root + "/dev/shm").c_str(), &folder) != 0) return unlimited;
  return std::uint64_t{folder.f_bavail} * folder.f_frsize;
}

std::uint64_t available_table_memory(int ranks, const std::string& root) {
  const std::uint64_t memory = available_node_memory(root);
  return ranks > 1 ? std::min(memory, available_shared_memory(root)) : memory;
}

}  // namespace orbitmill
