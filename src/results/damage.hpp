/// What a damaged file is answered with: one error that names it.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "hdf5_handle.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

/// Something in the file that cannot be, although HDF5 could read it.
[[noreturn]] inline void damaged(const std::string& what) {
  throw Hdf5Failure(what);
}

/// Turns what may fail in `action` into one IoError that names the file.
template <class Action>
auto reading(const std::filesystem::path& path, Action action) {
  try {
    return action();
  } catch (const Hdf5Failure& failure) {
    throw IoError(fmt::format("cannot read \"{}\": the file is damaged or incomplete ({})",
                              path.string(), failure.what()));
  } catch (const JobError& error) {
    throw IoError(fmt::format("cannot read \"{}\": a register in it is none ({})", path.string(),
                              error.what()));
  }
}

}  // namespace orbitmill
