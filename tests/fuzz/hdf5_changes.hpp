/// Inputs for readers of HDF5 files. An input is the bytes of a file (they begin as HDF5 files do),
/// or a list of changes made with HDF5 itself to the file named by ORBITMILL_FUZZ_FILE: HDF5
/// protects most of its metadata with checksums, so that changed bytes alone seldom get past the
/// library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fuzz {

/// Makes the file of an input and calls `use` with its path; `use` says whether it could be read.
/// The base file without changes must be. Nothing may be left open. Returns 0, as targets do.
int run_on_file(const std::uint8_t* data, std::size_t size, bool (*use)(const std::string&));

}  // namespace fuzz
