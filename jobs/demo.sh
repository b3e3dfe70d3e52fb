#!/usr/bin/env bash
# demo.sh: installs what is missing, builds orbitmill, and decomposes the register of demo.toml on
# all cores. Ends with the decomposition and the path of the HDF5 file that holds it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=../cmake/steps.sh
source cmake/steps.sh

cores=$(nproc)
log=build/demo/demo.log
result=build/demo/demo.h5
orbitmill=build/release/bin/orbitmill

cmake/bootstrap.sh
# A build folder that is there keeps its settings: somebody may be testing in it.
if [[ ! -e build/release/build.ninja ]]; then
  step "$log" "Configuring build/release" cmake --preset release -DORBITMILL_TESTS=OFF
fi
step "$log" "Building orbitmill with $cores jobs" \
  cmake --build build/release --target orbitmill --parallel "$cores"

# mpirun refuses root unless told twice. It counts cores and nproc counts hardware threads, hence
# oversubscribe; and it would bind two ranks to one core each however many threads they have.
if (($(id -u) == 0)); then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
run=(mpirun -n "$cores" --oversubscribe --bind-to none
  "$orbitmill" decompose jobs/demo.toml -o "$result" --overwrite)
printf '%s\n' "${run[*]}"
"${run[@]}"
printf '\n%s show %s\n' "$orbitmill" "$result"
"$orbitmill" show "$result"
printf '\n%s\n' "$PWD/$result"
