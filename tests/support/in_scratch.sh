#!/usr/bin/env bash
# in_scratch.sh FOLDER COMMAND...: runs COMMAND in FOLDER, emptied before. What a failed test leaves
# there can be looked at afterwards.
set -euo pipefail
scratch=$1
shift
rm -rf -- "$scratch"
mkdir -p -- "$scratch"
cd -- "$scratch"
exec "$@"
