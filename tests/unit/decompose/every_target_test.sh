#!/usr/bin/env bash
# Whole decompositions with every instruction set that this machine has, by ORBITMILL_SIMD.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../support/assert.sh
source "$ORBITMILL_SOURCE_DIR/tests/support/assert.sh"

"$ROW_KERNEL_NAMES" >names
grep -qx scalar names || fail 'the plain version is missing'
while read -r name; do
  export ORBITMILL_SIMD=$name
  # The kernel in use is the one that was asked for: RowKernel.IsChosenByName looks.
  expect_status 0 "$KERNEL_TEST" --gtest_filter='RowKernel.IsChosenByName'
  expect_text out '[ PASSED ] 1 test'
  expect_status 0 "$ENGINE_TEST" --gtest_filter='MilestoneEngine.Quick*'
  expect_text out '[ PASSED ] 1 test'
done <names

export ORBITMILL_SIMD=abacus
expect_status 2 "$ENGINE_TEST" --gtest_filter='MilestoneEngine.Quick*'
expect_text err 'ORBITMILL_SIMD="abacus"'
