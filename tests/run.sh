#!/usr/bin/env bash
# run.sh [CTEST-ARGUMENT...]: installs what is missing, builds, and runs the tests.
#   tests/run.sh                  all but the tests labelled long
#   tests/run.sh -L quick         the quick ones, in seconds
#   tests/run.sh -R sweep         those whose name matches
#   ORBITMILL_PRESET=asan tests/run.sh      under the sanitizers (or tsan, coverage, debug)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=../cmake/steps.sh
source cmake/steps.sh

preset=${ORBITMILL_PRESET:-release}
log=build/$preset/run-tests.log
if (($# == 0)); then
  # ThreadSanitizer sees the threads of one rank, and only those tests are built for it.
  if [[ $preset == tsan ]]; then set -- -L threads; else set -- -LE long; fi
fi

cmake/bootstrap.sh --tests
step "$log" "Configuring build/$preset" cmake --preset "$preset"
step "$log" "Building build/$preset" cmake --build --preset "$preset" --parallel "$(nproc)"
exec ctest --test-dir "build/$preset" --output-on-failure --parallel "$(nproc)" "$@"
