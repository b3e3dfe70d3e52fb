#!/usr/bin/env bash
# result_replay.sh TARGET MUTATIONS: result_fuzz over its corpus, that is, lists of changes to a
# file made here, and over damaged copies of such files.
set -euo pipefail
here=$ORBITMILL_SOURCE_DIR/tests/fuzz
"$here/result_seeds.sh" "$ORBITMILL_BIN" files
for base in files/*.h5; do
  printf '%s: ' "$base"
  ORBITMILL_FUZZ_RESULT=$base "$1" --mutations "$2" "$here/corpus/result"
done
ORBITMILL_FUZZ_RESULT=files/index.h5 "$1" --mutations "$2" files
