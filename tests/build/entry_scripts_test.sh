#!/usr/bin/env bash
# tests/run.sh, .ci/run and jobs/demo.sh as far as they decide anything, in a copy of the tree, with
# stand-ins for the slow tools that write down how and where they were called.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/assert.sh
source "$ORBITMILL_SOURCE_DIR/tests/support/assert.sh"

tree="$PWD/a tree"
calls=$PWD/calls
export calls
mkdir -p "$tree/tests" "$tree/jobs" "$tree/.ci" "$tree/cmake" tools
for script in tests/run.sh jobs/demo.sh .ci/run cmake/steps.sh; do
  cp "$ORBITMILL_SOURCE_DIR/$script" "$tree/$script"
done
# shellcheck disable=SC2016
for tool in tools/cmake tools/ctest tools/mpirun "$tree/cmake/bootstrap.sh"; do
  printf '#!/usr/bin/env bash\nname=${0##*/}\necho "$name $*" >>"$calls"\npwd >>pwds\n' >"$tool"
  printf 'echo "output of $name"\n[[ "${FAKE_FAIL-}" != "$name" ]] || exit 7\n' >>"$tool"
  chmod +x "$tool"
done
export PATH=$PWD/tools:$PATH
expect_call() {
  grep -qF -- "$1" "$calls" || fail "no call \"$1\" in: $(cat "$calls")"
}

expect_status 0 bash -c "cd / && '$tree/tests/run.sh'"
[[ $(sort -u "$tree/pwds") == "$tree" ]] || fail "ran in: $(sort -u "$tree/pwds")"
expect_call 'bootstrap.sh --tests'
expect_call 'cmake --preset release'
expect_call 'ctest --test-dir build/release'
expect_call '-LE long'
[[ $(tail -n 1 out) == 'output of ctest' ]] || fail "ctest must have the last word: $(cat out)"
if grep -q 'output of cmake' out; then fail 'the output of cmake belongs into the log'; fi

# Arguments go to ctest and replace the default; its verdict is ours.
: >"$calls"
FAKE_FAIL=ctest expect_status 7 "$tree/tests/run.sh" -R 'a b' -N
expect_call '-R a b -N'
if grep -q -- '-LE' "$calls"; then fail 'arguments must replace -LE long'; fi
: >"$calls"
ORBITMILL_PRESET=asan expect_status 0 "$tree/.ci/run" -L quick
expect_call 'cmake --preset asan'
expect_call 'ctest --test-dir build/asan'
expect_call '-L quick'

# Under ThreadSanitizer no more is built and run than what it can judge.
: >"$calls"
ORBITMILL_PRESET=tsan expect_status 0 "$tree/tests/run.sh"
expect_call 'cmake --build --preset tsan'
expect_call 'ctest --test-dir build/tsan'
expect_call '-L threads'

# A failed build shows its log and stops.
: >"$calls"
FAKE_FAIL=cmake expect_status 7 "$tree/tests/run.sh"
expect_text err 'output of cmake'
if grep -q ctest "$calls"; then fail 'tested what was not built'; fi

# The demo: configures a fresh folder without tests, leaves one that is there as it is.
: >"$calls"
mkdir -p "$tree/build/release/bin"
cp tools/mpirun "$tree/build/release/bin/orbitmill"
expect_status 0 bash -c "cd / && '$tree/jobs/demo.sh'"
expect_call 'cmake --preset release -DORBITMILL_TESTS=OFF'
expect_call '--target orbitmill'
expect_call "mpirun -n $(nproc) "
expect_call 'decompose jobs/demo.toml -o build/demo/demo.h5'
expect_call 'orbitmill show build/demo/demo.h5'
[[ $(tail -n 1 out) == "$tree/build/demo/demo.h5" ]] || fail "wrong last line: $(cat out)"
: >"$calls"
touch "$tree/build/release/build.ninja"
expect_status 0 "$tree/jobs/demo.sh"
if grep -q -- '--preset' "$calls"; then fail 'configured a folder that was there'; fi
for tool in bootstrap.sh cmake mpirun orbitmill; do
  FAKE_FAIL=$tool expect_status 7 "$tree/jobs/demo.sh"
done
