# Every library comes from a Debian 12 package (cmake/bootstrap.sh installs them all); nothing is
# downloaded. What is missing stops the configuration with the package that brings it.
# Targets made here: orbitmill::hdf5, orbitmill::flint, orbitmill::xxhash, orbitmill::hwloc,
# orbitmill::highway.

set(ORBITMILL_HDF5_PKGCONFIG hdf5-openmpi CACHE STRING
  "pkg-config module of a parallel HDF5 that was built with the MPI in use")
set(ORBITMILL_PYTHON "" CACHE FILEPATH
  "Python 3 with h5py, pandas and matplotlib, for the tests (empty: look for one)")

function(orbitmill_refuse problem packages)
  message(FATAL_ERROR "${problem}\n"
    "Debian: apt-get install ${packages}\n"
    "or all that is needed at once: ./cmake/bootstrap.sh")
endfunction()

# A package found through its CMake configuration; further arguments go to find_package.
macro(orbitmill_find_package name packages)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    string(REPLACE ";" " " _wanted "${name};${ARGN}")
    orbitmill_refuse("orbitmill needs ${_wanted}, which was not found." "${packages}")
  endif()
endmacro()

# A package found through pkg-config, as the target PkgConfig::<prefix>.
macro(orbitmill_find_module prefix module packages)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${module})
  if(NOT ${prefix}_FOUND)
    orbitmill_refuse("orbitmill needs the pkg-config module \"${module}\", which was not found."
      "${packages}")
  endif()
endmacro()

# The dynamic entries of one kind (NEEDED, SONAME) of a shared library; empty for anything else.
function(orbitmill_dynamic_entries file kind result)
  execute_process(COMMAND ${CMAKE_READELF} -d ${file}
    OUTPUT_VARIABLE dynamic ERROR_QUIET RESULT_VARIABLE ignored)
  # Brackets out of the way first: a ";" behind an open one does not separate list elements.
  string(REGEX REPLACE "[][]" "'" dynamic "${dynamic}")
  string(REGEX MATCHALL "\\(${kind}\\)[^\n]*'[^'\n]+" lines "${dynamic}")
  list(TRANSFORM lines REPLACE ".*'" "")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

# Two MPI libraries in one process do not fail at link time: calls of the one reach the other with
# handles it does not know, and the job dies in a place that tells nothing. So compare here.
function(orbitmill_require_our_mpi what library packages)
  set(ours)
  foreach(candidate IN LISTS MPI_C_LIBRARIES MPI_CXX_LIBRARIES)
    orbitmill_dynamic_entries(${candidate} SONAME soname)
    list(APPEND ours ${soname})
  endforeach()
  list(REMOVE_DUPLICATES ours)
  list(JOIN ours ", " ours_text)
  if(NOT ours)
    return() # a static MPI: there are no names to compare
  endif()
  orbitmill_dynamic_entries(${library} NEEDED needed)
  list(FILTER needed INCLUDE REGEX "^libmpi")
  foreach(theirs IN LISTS needed)
    if(NOT theirs IN_LIST ours)
      orbitmill_refuse(
        "${what} (${library}) was built with another MPI than ours: it needs ${theirs}, the MPI \
compiler ${MPI_CXX_COMPILER} links ${ours_text}. Both must be Open MPI: install the packages \
below; if another MPI answers to \"mpicxx\", add -DMPI_C_COMPILER=mpicc.openmpi \
-DMPI_CXX_COMPILER=mpicxx.openmpi in a fresh build folder."
        "${packages}")
    endif()
  endforeach()
endfunction()

find_package(Threads REQUIRED)

# The C++ bindings of MPI-2 are deprecated and would bring their warnings into our files.
set(MPI_CXX_SKIP_MPICXX TRUE)
orbitmill_find_package(MPI "libopenmpi-dev openmpi-bin" COMPONENTS C CXX)
set(boost_packages "libboost-mpi-dev libboost-serialization-dev libopenmpi-dev")
orbitmill_find_package(Boost "${boost_packages}" 1.74 COMPONENTS mpi serialization)
get_target_property(boost_mpi_library Boost::mpi LOCATION)
orbitmill_require_our_mpi("Boost.MPI" ${boost_mpi_library} "${boost_packages}")

orbitmill_find_package(fmt libfmt-dev 9)
orbitmill_find_package(tomlplusplus libtomlplusplus-dev 3.3)
orbitmill_find_package(nlohmann_json nlohmann-json3-dev 3.11)
orbitmill_find_package(CLI11 libcli11-dev 2.1)
orbitmill_find_package(PkgConfig pkg-config)
orbitmill_find_module(XXHASH libxxhash libxxhash-dev)
orbitmill_find_module(HWLOC hwloc libhwloc-dev)
orbitmill_find_module(HIGHWAY libhwy libhwy-dev)
add_library(orbitmill::xxhash ALIAS PkgConfig::XXHASH)
add_library(orbitmill::hwloc ALIAS PkgConfig::HWLOC)
add_library(orbitmill::highway ALIAS PkgConfig::HIGHWAY)

# HDF5 by pkg-config and not by FindHDF5: the latter asks the first h5cc on the PATH, which on a
# machine with both flavours is the serial one. The module is looked up afresh each time, so that
# another ORBITMILL_HDF5_PKGCONFIG takes effect in an old build folder.
set(hdf5_packages "libhdf5-openmpi-dev libopenmpi-dev")
unset(ORBITMILL_HDF5_FOUND CACHE)
foreach(key IN ITEMS __pkg_config_checked_ORBITMILL_HDF5 __pkg_config_arguments_ORBITMILL_HDF5)
  unset(${key} CACHE)
endforeach()
unset(pkgcfg_lib_ORBITMILL_HDF5_hdf5 CACHE)
orbitmill_find_module(ORBITMILL_HDF5 ${ORBITMILL_HDF5_PKGCONFIG} "${hdf5_packages}")
set(hdf5_parallel)
foreach(folder IN LISTS ORBITMILL_HDF5_INCLUDE_DIRS)
  if(EXISTS ${folder}/H5pubconf.h)
    file(STRINGS ${folder}/H5pubconf.h hdf5_parallel REGEX "^#define +H5_HAVE_PARALLEL +1")
    break()
  endif()
endforeach()
if(NOT hdf5_parallel)
  orbitmill_refuse("The HDF5 of the pkg-config module \"${ORBITMILL_HDF5_PKGCONFIG}\" is serial \
(H5_HAVE_PARALLEL is not defined in its H5pubconf.h). orbitmill writes one file from many ranks \
and needs the parallel one: -DORBITMILL_HDF5_PKGCONFIG=hdf5-openmpi." "${hdf5_packages}")
endif()
list(GET ORBITMILL_HDF5_LINK_LIBRARIES 0 hdf5_library)
orbitmill_require_our_mpi("HDF5" ${hdf5_library} "${hdf5_packages}")
add_library(orbitmill::hdf5 ALIAS PkgConfig::ORBITMILL_HDF5)

# FLINT 2.9 has neither a CMake nor a pkg-config file.
find_path(FLINT_INCLUDE_DIR flint/fq_nmod.h)
find_path(GMP_INCLUDE_DIR gmpxx.h)
find_library(FLINT_LIBRARY flint)
find_library(GMP_LIBRARY gmp)
find_library(GMPXX_LIBRARY gmpxx)
mark_as_advanced(FLINT_INCLUDE_DIR GMP_INCLUDE_DIR FLINT_LIBRARY GMP_LIBRARY GMPXX_LIBRARY)
if(NOT FLINT_INCLUDE_DIR OR NOT FLINT_LIBRARY)
  orbitmill_refuse("orbitmill needs FLINT (flint/fq_nmod.h, libflint), which was not found."
    "libflint-dev")
endif()
if(NOT GMP_INCLUDE_DIR OR NOT GMP_LIBRARY OR NOT GMPXX_LIBRARY)
  orbitmill_refuse("orbitmill needs GMP (gmpxx.h, libgmpxx, libgmp), which was not found."
    "libgmp-dev")
endif()
add_library(orbitmill_flint INTERFACE)
target_include_directories(orbitmill_flint SYSTEM INTERFACE ${FLINT_INCLUDE_DIR} ${GMP_INCLUDE_DIR})
target_link_libraries(orbitmill_flint INTERFACE ${FLINT_LIBRARY} ${GMP_LIBRARY})
add_library(orbitmill::flint ALIAS orbitmill_flint)
add_library(orbitmill_gmp INTERFACE)
target_include_directories(orbitmill_gmp SYSTEM INTERFACE ${GMP_INCLUDE_DIR})
target_link_libraries(orbitmill_gmp INTERFACE ${GMPXX_LIBRARY} ${GMP_LIBRARY})
add_library(orbitmill::gmp ALIAS orbitmill_gmp)

if(NOT ORBITMILL_TESTS)
  return()
endif()

set(test_packages "libgtest-dev libbenchmark-dev python3-h5py python3-pandas python3-matplotlib")
orbitmill_find_package(GTest "${test_packages}")
if(ORBITMILL_BENCHMARKS)
  orbitmill_find_package(benchmark "${test_packages}")
endif()

# The first python3 on the PATH (a virtual environment, pyenv) may lack h5py where Debian's has it.
if(NOT ORBITMILL_PYTHON)
  find_program(python_on_path python3 NO_CACHE)
  foreach(candidate IN ITEMS ${python_on_path} /usr/bin/python3)
    execute_process(COMMAND ${candidate} -c "import h5py, pandas, matplotlib"
      RESULT_VARIABLE python_status OUTPUT_QUIET ERROR_QUIET)
    if(python_status EQUAL 0)
      set(ORBITMILL_PYTHON ${candidate} CACHE FILEPATH "" FORCE)
      break()
    endif()
  endforeach()
endif()
if(NOT ORBITMILL_PYTHON)
  orbitmill_refuse("The tests need a Python 3 with h5py, pandas and matplotlib. Name one with \
-DORBITMILL_PYTHON=..., or leave the tests out with -DORBITMILL_TESTS=OFF." "${test_packages}")
endif()
