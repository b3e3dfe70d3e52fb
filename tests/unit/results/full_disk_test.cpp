/// What remains of a result when the disk is full: nothing, and an error on every rank.
///
/// A file size limit stands in for the disk, because a small one needs a mount. With more ranks
/// than here Open MPI reports the failure to some ranks only and the job ends by MPI_Abort, which
/// tests/cli/full_disk.sh checks from outside.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "orbitmill/error.hpp"
#include "orbitmill/results/result_file.hpp"
#include "unit/results/parallel_sample.hpp"

namespace orbitmill {
namespace {

namespace fs = std::filesystem;
using FullDisk = test::ParallelFolder;
using test::Random;
using test::Sample;

TEST_F(FullDisk, IsAnErrorAndLeavesNothing) {
  Random random(6);
  RegisterSpec spec;
  spec.length = 20;
  spec.feedback.terms.push_back({1, {0}});
  Sample sample(random, comm, Register(spec));
  const fs::path path = folder / "a.h5";
  write_result(comm, path, false, sample.record, &sample.cycles, &sample.sequences);
  const std::uintmax_t whole = fs::file_size(path);
  comm.barrier();
  if (root()) fs::remove(path);
  comm.barrier();

  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  // From a limit that the small groups break, to one that only the last bytes break.
  for (const std::uintmax_t limit :
       {std::uintmax_t{1000}, whole / 10, whole / 3, whole / 2, whole - 4096, whole - 1}) {
    rlimit lowered = before;
    lowered.rlim_cur = limit;
    setrlimit(RLIMIT_FSIZE, &lowered);
    EXPECT_THROW(write_result(comm, path, false, sample.record, &sample.cycles, &sample.sequences),
                 IoError)
        << limit << " of " << whole << " bytes";
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(files(), 0) << limit;
  }
  // And the process can still write.
  write_result(comm, path, false, sample.record, &sample.cycles, &sample.sequences);
  EXPECT_EQ(ResultReader(path).cycles(0, sample.rows.size()), sample.rows);
}

}  // namespace
}  // namespace orbitmill
