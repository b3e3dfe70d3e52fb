#!/usr/bin/env bash
# CMake stops at a missing or unusable dependency and names the Debian package, which must be one
# that cmake/bootstrap.sh installs.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/assert.sh
source "$ORBITMILL_SOURCE_DIR/tests/support/assert.sh"

# refused PACKAGE TEXT CMAKE-ARGUMENT...
refused() {
  local package=$1 text=$2 named
  shift 2
  rm -rf build
  expect_status 1 cmake -S "$ORBITMILL_SOURCE_DIR" -B build -G Ninja "$@"
  expect_text err "$text"
  # The line may be wrapped: it ends where the next sentence starts.
  named=$(tr -s '\n ' '  ' <err | sed -n 's/.*apt-get install \(.*\) or all that is needed.*/\1/p')
  [[ " $named " == *" $package "* ]] || fail "$package is not offered by: $(cat err)"
  for package in $named; do
    grep -qwF -- "$package" "$ORBITMILL_SOURCE_DIR/cmake/bootstrap.sh" ||
      fail "bootstrap.sh does not install $package"
  done
}

program=(-DORBITMILL_TESTS=OFF)
without() {
  local name=$1 package=$2
  refused "$package" "$name" "-DCMAKE_DISABLE_FIND_PACKAGE_$name=ON" "${@:3}"
}
without MPI libopenmpi-dev "${program[@]}"
without Boost libboost-mpi-dev "${program[@]}"
without fmt libfmt-dev "${program[@]}"
without tomlplusplus libtomlplusplus-dev "${program[@]}"
without nlohmann_json nlohmann-json3-dev "${program[@]}"
without CLI11 libcli11-dev "${program[@]}"
without PkgConfig pkg-config "${program[@]}"
without GTest libgtest-dev
without benchmark libbenchmark-dev
refused libflint-dev FLINT -DFLINT_LIBRARY=OFF "${program[@]}"
refused libgmp-dev GMP -DGMP_LIBRARY=OFF "${program[@]}"

# pkg-config modules: a folder of its own, filled step by step.
mkdir modules
export PKG_CONFIG_LIBDIR=$PWD/modules
refused libxxhash-dev libxxhash "${program[@]}"
module() {
  printf 'Name: %s\nDescription: stand-in\nVersion: 1.0\n%s\n' "$1" "${2-}" >"modules/$1.pc"
}
module libxxhash
refused libhwloc-dev hwloc "${program[@]}"
module hwloc
refused libhwy-dev libhwy "${program[@]}"
module libhwy
refused libhdf5-openmpi-dev hdf5-openmpi "${program[@]}"

# A serial HDF5: what Debian calls hdf5-serial.
mkdir serial parallel
printf '/* #undef H5_HAVE_PARALLEL */\n' >serial/H5pubconf.h
printf '#define H5_HAVE_PARALLEL 1\n' >parallel/H5pubconf.h
printf 'int nothing;\n' >empty.c
cc -shared -fPIC empty.c -o serial/libhdf5.so
module hdf5-serial "Cflags: -I$PWD/serial
Libs: -L$PWD/serial -lhdf5"
refused libhdf5-openmpi-dev 'is serial' -DORBITMILL_HDF5_PKGCONFIG=hdf5-serial "${program[@]}"

# A parallel HDF5 that was linked with MPICH.
cc -shared -fPIC empty.c -Wl,-soname,libmpich.so.12 -o parallel/libmpich.so
cc -shared -fPIC empty.c -Wl,--no-as-needed -Lparallel -lmpich -o parallel/libhdf5.so
module hdf5-mpich "Cflags: -I$PWD/parallel
Libs: -L$PWD/parallel -lhdf5"
refused libhdf5-openmpi-dev 'another MPI than ours' -DORBITMILL_HDF5_PKGCONFIG=hdf5-mpich \
  "${program[@]}"
expect_text err 'libmpich.so.12'

# The same folder with the right flavour afterwards: nothing refused sticks in the cache.
unset PKG_CONFIG_LIBDIR
expect_status 0 cmake -S "$ORBITMILL_SOURCE_DIR" -B build -DORBITMILL_HDF5_PKGCONFIG=hdf5-openmpi
