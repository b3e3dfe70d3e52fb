#!/usr/bin/env bash
# static_analysis.sh [BUILD-FOLDER]: cppcheck over src/, and with a build folder that has
# compile_commands.json (cmake --preset release -DCMAKE_EXPORT_COMPILE_COMMANDS=ON) clang-tidy as
# well (.clang-tidy says what and why not). Run by hand: clang-tidy takes minutes.
set -euo pipefail
cd "${ORBITMILL_SOURCE_DIR:-$(dirname "${BASH_SOURCE[0]}")/../..}"

# zerodivcond                     takes "a != 0" in a loop condition for a test of a divisor
# mismatchingContainerExpression  does not know that std::ranges::unique returns a subrange
cppcheck --quiet --error-exitcode=1 --std=c++20 --language=c++ \
  --enable=warning,performance,portability --inline-suppr \
  --suppress=zerodivcond --suppress=mismatchingContainerExpression \
  -I include src
printf 'cppcheck: clean\n'

if (($# > 0)); then
  # GCC's own warning options are unknown to Clang; it must not fail for those.
  find src -name '*.cpp' -print0 | sort -z |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy -p "$1" --quiet \
      --extra-arg=-Wno-unknown-warning-option
  printf 'clang-tidy: clean\n'
fi
