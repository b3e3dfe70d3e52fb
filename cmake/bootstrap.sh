#!/usr/bin/env bash
# bootstrap.sh [--tests | --analysis]: installs the Debian packages that orbitmill is built from, with
# --tests those that only its tests need too, with --analysis those of fuzzing and static analysis
# besides. Does nothing, and needs neither network nor rights, when all are there. As root it
# installs, as an ordinary user through sudo.
# Tests under Slurm run as root only (slurmd needs it), so that only root gets Slurm.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git
  libopenmpi-dev openmpi-bin libboost-mpi-dev libboost-serialization-dev libhdf5-openmpi-dev
  libcli11-dev libtomlplusplus-dev libfmt-dev nlohmann-json3-dev
  libflint-dev libgmp-dev libxxhash-dev libhwloc-dev libhwy-dev
)
test_packages=(
  libgtest-dev libbenchmark-dev python3-h5py python3-pandas python3-matplotlib
  shellcheck cppcheck hdf5-tools pari-gp
  iproute2 procps
)
slurm_packages=(slurm-wlm munge)
# For the presets fuzz and coverage and for clang-tidy (tests/bench/README.md).
analysis_packages=(clang clang-tidy libclang-rt-14-dev gcovr)

case "${1-}" in
  '') ;;
  --tests | --analysis)
    packages+=("${test_packages[@]}")
    if (($(id -u) == 0)); then
      packages+=("${slurm_packages[@]}")
    fi
    if [[ $1 == --analysis ]]; then
      packages+=("${analysis_packages[@]}")
    fi
    ;;
  *)
    printf 'usage: %s [--tests | --analysis]\n' "$0" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  {
    printf 'This is not Debian (no dpkg-query or apt-get), so nothing was installed.\n'
    printf 'Install what these Debian 12 packages hold, then build with cmake --preset release:\n'
    printf '  %s\n' "${packages[*]}"
  } >&2
  exit 1
fi

# dpkg-query fails when it does not know one of the names: then that one is missing, no more.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" \
  2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

install=(apt-get install -y --no-install-recommends "${missing[@]}")
as_root=()
if (($(id -u) != 0)); then
  if ! command -v sudo >/dev/null; then
    {
      printf 'These packages are missing, and only root can install them (there is no sudo here):\n'
      printf '  %s\n' "${install[*]}"
    } >&2
    exit 1
  fi
  as_root=(sudo)
fi

printf 'Installing with apt-get: %s\n' "${missing[*]}"
# env and not export: sudo drops variables it does not know. The lock may be held by an automatic
# upgrade for a while.
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}
apt update
apt "${install[@]:1}"
