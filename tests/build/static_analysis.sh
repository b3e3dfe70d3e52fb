#!/usr/bin/env bash
# static_analysis.sh [BUILD-FOLDER]: cppcheck over src/ and the headers it includes, in seconds. With
# a configured build folder (any preset but fuzz) clang-tidy as well, with its options and on all
# cores; .clang-tidy says what is checked and what is not. That takes many minutes, so it is run by
# hand.
set -euo pipefail
build=${1:+$(cd "$1" && pwd)}
cd "${ORBITMILL_SOURCE_DIR:-$(dirname "${BASH_SOURCE[0]}")/../..}"

require() {
  if ! command -v "$1" >/dev/null; then
    printf '%s is not installed: apt-get install %s\n' "$1" "$1" >&2
    exit 1
  fi
}

# zerodivcond                     takes "a != 0" in a loop condition for a test of a divisor
# mismatchingContainerExpression  does not know that std::ranges::unique returns a subrange
# danglingTemporaryLifetime       takes what a reference parameter names for a temporary that is gone
require cppcheck
cppcheck --quiet --error-exitcode=1 --std=c++20 --language=c++ \
  --enable=warning,performance,portability --inline-suppr \
  --suppress=zerodivcond --suppress=mismatchingContainerExpression \
  --suppress=danglingTemporaryLifetime \
  -I include src
printf 'cppcheck: clean\n'

if [[ -n $build ]]; then
  require clang-tidy
  cmake --build "$build" --target orbitmill_write_build_info >/dev/null
  # GCC's own warning options are unknown to Clang; it must not fail for those.
  find src -name '*.cpp' -print0 | sort -z |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$build" --quiet \
      --extra-arg=-Wno-unknown-warning-option
  printf 'clang-tidy: clean\n'
fi
