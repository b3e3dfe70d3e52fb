/// Limits of a node's memory, read from folders that look like /proc, /sys and /dev.
#include "orbitmill/cluster/memory_limits.hpp"

#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

namespace orbitmill {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;
constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// A machine made of files, and an environment without Slurm.
class MemoryLimits : public testing::Test {
 protected:
  MemoryLimits() {
    std::string pattern = std::filesystem::temp_directory_path() / "orbitmill-limits-XXXXXX";
    root_ = mkdtemp(pattern.data());
    for (const char* name : {"SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"}) {
      unsetenv(name);
    }
  }
  ~MemoryLimits() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path whole = root_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  void write_system(std::uint64_t available_kib) const {
    write("/proc/meminfo",
          "MemTotal:       99999999 kB\nMemFree:         1024 kB\n"
          "MemAvailable:   " +
              std::to_string(available_kib) + " kB\nBuffers:         2048 kB\n");
  }
  void write_group_2(const std::string& group, const std::string& limit, std::uint64_t usage,
                     std::uint64_t inactive) const {
    const std::string folder = "/sys/fs/cgroup" + group;
    write(folder + "/memory.max", limit + "\n");
    write(folder + "/memory.current", std::to_string(usage) + "\n");
    // Names that contain the one wanted, before and behind it.
    write(folder + "/memory.stat",
          "anon 5\ntotal_inactive_file 77\ninactive_file_x 88\n"
          "inactive_file " +
              std::to_string(inactive) + "\nactive_file 1048576\n");
  }
  void write_group_1(const std::string& group, std::uint64_t limit, std::uint64_t usage,
                     std::uint64_t inactive) const {
    const std::string folder = "/sys/fs/cgroup/memory" + group;
    write(folder + "/memory.limit_in_bytes", std::to_string(limit) + "\n");
    write(folder + "/memory.usage_in_bytes", std::to_string(usage) + "\n");
    write(folder + "/memory.stat",
          "inactive_file 3\ntotal_inactive_file " + std::to_string(inactive) + "\n");
  }
  std::uint64_t available() const { return available_node_memory(root_); }

  std::string root_;
};

TEST_F(MemoryLimits, NothingToReadIsNoLimit) {
  EXPECT_EQ(available(), unlimited);
  EXPECT_EQ(available_table_memory(4, root_), unlimited);
}

TEST_F(MemoryLimits, WhatTheSystemCallsAvailable) {
  write_system(3 * 1024);
  EXPECT_EQ(available(), 3 * mib);
  // No memory controller anywhere, as on many desktops.
  write("/proc/self/cgroup", "0::/user.slice/session.scope\n1:cpu,pids:/x\n2:name=systemd:/x\n");
  write_group_1("/x", mib, 0, 0);
  EXPECT_EQ(available(), 3 * mib);
}

TEST_F(MemoryLimits, GroupsOfVersion2) {
  write_system(100 * 1024);
  write("/proc/self/cgroup", "0::/slurm/job_7/step_0\n");
  write_group_2("/slurm/job_7/step_0", "max", 20 * mib, 0);
  EXPECT_EQ(available(), 100 * mib);
  write_group_2("/slurm/job_7", std::to_string(64 * mib), 24 * mib, 0);  // the parent's counts, too
  EXPECT_EQ(available(), 40 * mib);
  write_group_2("/slurm/job_7/step_0", std::to_string(32 * mib), 20 * mib, 0);
  EXPECT_EQ(available(), 12 * mib);
  // Page cache that can be dropped is free; what is used lately is not.
  write_group_2("/slurm/job_7/step_0", std::to_string(32 * mib), 20 * mib, 15 * mib);
  EXPECT_EQ(available(), 27 * mib);
  // The figures are read one after another and need not fit together.
  write_group_2("/slurm/job_7/step_0", std::to_string(32 * mib), 20 * mib, 21 * mib);
  EXPECT_EQ(available(), 32 * mib);
  write_group_2("/slurm/job_7/step_0", std::to_string(32 * mib), 33 * mib, 0);
  EXPECT_EQ(available(), 0u);
}

TEST_F(MemoryLimits, AContainerFindsItsGroupAtTheRootOfTheMount) {
  write_system(100 * 1024);
  write_group_2("", std::to_string(10 * mib), 4 * mib, mib);
  for (const char* group : {"/", "/docker/abc", "/../../elsewhere"}) {
    write("/proc/self/cgroup", std::string("0::") + group + "\n");
    EXPECT_EQ(available(), 7 * mib) << group;
  }
}

TEST_F(MemoryLimits, GroupsOfVersion1) {
  write_system(100 * 1024);
  write_group_1("/batch", 50 * mib, 30 * mib, 10 * mib);
  write_group_1("", 0x7fff'ffff'ffff'f000, 90 * mib, 0);  // what version 1 calls unlimited
  for (const char* controllers : {"memory", "cpu,memory", "memory,hugetlb"}) {
    write("/proc/self/cgroup",
          std::string("12:pids:/batch\n4:") + controllers + ":/batch/job\n0::/elsewhere\n");
    EXPECT_EQ(available(), 30 * mib) << controllers;
  }
  write("/proc/self/cgroup", "4:cpu:/batch\n");
  EXPECT_EQ(available(), 100 * mib);
}

TEST_F(MemoryLimits, SlurmLimitsTheJob) {
  write_system(100 * 1024);
  setenv("SLURM_MEM_PER_CPU", "3", 1);
  EXPECT_EQ(available(), 100 * mib);  // by core, but of how many?
  setenv("SLURM_CPUS_ON_NODE", "8", 1);
  EXPECT_EQ(available(), 24 * mib);
  setenv("SLURM_MEM_PER_NODE", "7", 1);
  EXPECT_EQ(available(), 7 * mib);
  setenv("SLURM_MEM_PER_NODE", "0", 1);  // all of the node
  unsetenv("SLURM_MEM_PER_CPU");
  EXPECT_EQ(available(), 100 * mib);
  setenv("SLURM_MEM_PER_NODE", "200", 1);
  EXPECT_EQ(available(), 100 * mib);  // more than there is
  unsetenv("SLURM_MEM_PER_NODE");
  unsetenv("SLURM_CPUS_ON_NODE");
}

TEST_F(MemoryLimits, SeveralRanksShareThroughDevShm) {
  std::filesystem::create_directories(root_ + "/dev/shm");
  struct statvfs before {};
  ASSERT_EQ(statvfs(root_.c_str(), &before), 0);
  // The file system of the folder, give or take what others write meanwhile.
  const double free = static_cast<double>(before.f_bavail) * static_cast<double>(before.f_frsize);
  EXPECT_NEAR(static_cast<double>(available_shared_memory(root_)), free, 0.2 * free);
  EXPECT_NEAR(static_cast<double>(available_table_memory(2, root_)), free, 0.2 * free);
  EXPECT_EQ(available_table_memory(1, root_), unlimited);
  write_system(1);
  EXPECT_EQ(available_table_memory(2, root_), 1024u);
  EXPECT_EQ(available_table_memory(1, root_), 1024u);
}

/// This machine: its own figures are of a plausible size.
TEST_F(MemoryLimits, OfThisMachine) {
  EXPECT_GT(available_node_memory(), mib);
  EXPECT_LT(available_node_memory(), std::uint64_t{1} << 50);
  EXPECT_LE(available_table_memory(2), std::min(available_shared_memory(), std::uint64_t{1} << 50));
}

}  // namespace
}  // namespace orbitmill
