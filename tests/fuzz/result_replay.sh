#!/usr/bin/env bash
# result_replay.sh TARGET KIND MUTATIONS: result_fuzz (KIND result) or campaign_fuzz (campaign) over
# the corpus of both, that is, lists of changes to a file made here, and over damaged copies of such
# files.
set -euo pipefail
here=$ORBITMILL_SOURCE_DIR/tests/fuzz
"$here/result_seeds.sh" "$ORBITMILL_BIN" files
for base in files/"$2"/*.h5; do
  printf '%s: ' "$base"
  ORBITMILL_FUZZ_FILE=$base "$1" --mutations "$3" "$here/corpus/result"
done
ORBITMILL_FUZZ_FILE=$base "$1" --mutations "$3" "files/$2"
