#include <flint/flint.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5.h>
#include <mpi.h>

#include <array>
#include <boost/version.hpp>
#include <string>

#include "orbitmill/app/application.hpp"
#include "orbitmill/build_info.hpp"
#include "orbitmill/kernel/row_kernel.hpp"

namespace orbitmill {
namespace {

/// "Open MPI v4.1.4": the first words of what the library says of itself. Works before MPI_Init.
std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string all(text.data(), static_cast<std::size_t>(length));
  return all.substr(0, all.find_first_of(",\n"));
}

std::string hdf5_library() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
#ifdef H5_HAVE_PARALLEL
  const char* flavour = "parallel";
#else
  const char* flavour = "serial";
#endif
  return fmt::format("{}.{}.{} ({})", major, minor, release, flavour);
}

}  // namespace

BuildProvenance build_provenance() {
  return {std::string(build_version),
          std::string(build_commit),
          std::string(build_compiler),
          std::string(build_flags),
          mpi_library(),
          hdf5_library()};
}

std::string version_text() {
  const BuildProvenance build = build_provenance();
  return fmt::format(
      "orbitmill {}\n"
      "  commit    {}\n"
      "  compiler  {}\n"
      "  flags     {}\n"
      "  MPI       {}\n"
      "  HDF5      {}\n"
      "  Boost     {}.{}.{}\n"
      "  FLINT     {}\n"
      "  SIMD      {} (ORBITMILL_SIMD chooses; the first is the default)\n",
      build.version, build.commit, build.compiler, build.flags, build.mpi, build.hdf5,
      BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100, FLINT_VERSION,
      fmt::join(row_kernel_names(), ", "));
}

}  // namespace orbitmill
