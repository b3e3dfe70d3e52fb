#!/usr/bin/env bash
# Every shell script of the project is clean under shellcheck.
set -euo pipefail
cd "$ORBITMILL_SOURCE_DIR"

if ! command -v shellcheck >/dev/null; then
  printf 'shellcheck is not installed: apt-get install shellcheck\n' >&2
  exit 1
fi
# Outside a git checkout (a release tarball) all files are ours, but for the build folders.
if ! files=$(git ls-files -co --exclude-standard 2>/dev/null); then
  files=$(find . -path ./build -prune -o -type f -print)
fi
mapfile -t scripts < <(grep -E '\.sh$|\.sbatch$|(^|/)\.ci/run$' <<<"$files")
# Guards the pattern above: a list that misses these finds nothing wrong.
for known in tests/run.sh jobs/demo.sh cmake/bootstrap.sh .ci/run; do
  grep -qxF "$known" <<<"$(printf '%s\n' "${scripts[@]#./}")" || {
    printf '%s is not among the scripts found\n' "$known" >&2
    exit 1
  }
done
shellcheck "${scripts[@]}"
printf '%d scripts are clean\n' "${#scripts[@]}"
