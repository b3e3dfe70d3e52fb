#!/usr/bin/env bash
# cmake/bootstrap.sh against a fake Debian: PATH holds nothing but the tools it may use, and
# apt-get, sudo, id and dpkg-query are stand-ins that write down how they were called.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/assert.sh
source "$ORBITMILL_SOURCE_DIR/tests/support/assert.sh"

bootstrap=$ORBITMILL_SOURCE_DIR/cmake/bootstrap.sh
calls=$PWD/calls
export calls
mkdir debian
for tool in bash env grep cat; do
  ln -s "$(command -v "$tool")" "debian/$tool"
done

fake() {
  printf '#!/usr/bin/env bash\n%s\n' "$2" >"$1"
  chmod +x "$1"
}
# The single quotes are meant: the stand-ins expand the variables when they run.
# shellcheck disable=SC2016
{
  # All packages are installed but those in FAKE_MISSING, which it does not even know.
  fake debian/dpkg-query 'status=0
for package in "${@:4}"; do
  if [[ " $FAKE_MISSING " == *" $package "* ]]; then status=1; else echo "installed $package"; fi
done
exit $status'
  fake debian/apt-get 'echo "apt-get $*" >>"$calls"; exit "${FAKE_APT_STATUS:-0}"'
  fake debian/id 'echo "$FAKE_UID"'
}
cp -r debian debian-sudo
# shellcheck disable=SC2016
fake debian-sudo/sudo 'echo sudo >>"$calls"; exec "$@"'
mkdir other
for tool in bash env grep cat; do
  ln -s "$(command -v "$tool")" "other/$tool"
done

# run STATUS SYSTEM UID "MISSING..." [ARGUMENT...]
run() {
  local status=$1 system=$2 uid=$3 missing=$4
  shift 4
  : >"$calls"
  expect_status "$status" env PATH="$PWD/$system" FAKE_UID="$uid" FAKE_MISSING="$missing" \
    "$bootstrap" "$@"
}

# Nothing is missing: silence, whoever asks.
for uid in 0 1000; do
  run 0 debian "$uid" '' --tests
  expect_empty out err calls
done

# Root: says what it installs, and installs that and no more.
run 0 debian 0 'libflint-dev g++'
expect_text out 'g++ libflint-dev'
expect_empty err
[[ $(wc -l <calls) == 2 ]] || fail "two calls of apt-get expected: $(cat calls)"
[[ $(sed -n 1p calls) == *' update' ]] || fail "update must come first: $(cat calls)"
[[ $(sed -n 2p calls) == *' install -y --no-install-recommends g++ libflint-dev' ]] ||
  fail "wrong installation: $(cat calls)"

# A user with sudo.
run 0 debian-sudo 1000 cmake
[[ $(grep -c sudo calls) == 2 && $(grep -c apt-get calls) == 2 ]] || fail "$(cat calls)"

# A user without: the line to hand to the administrator, and nothing is tried.
run 1 debian 1000 'libopenmpi-dev libxxhash-dev'
expect_text err 'apt-get install -y --no-install-recommends libopenmpi-dev libxxhash-dev'
expect_empty out calls

# What only the tests need is asked for only by the tests.
run 0 debian 0 'libgtest-dev shellcheck pari-gp'
expect_empty calls
run 0 debian 0 'libgtest-dev shellcheck pari-gp' --tests
expect_text calls 'libgtest-dev shellcheck pari-gp'

# Slurm, under which tests run as root only, is for root only.
run 0 debian 0 'munge slurm-wlm' --tests
expect_text calls 'slurm-wlm munge'
run 0 debian-sudo 1000 'munge slurm-wlm' --tests
expect_empty calls
run 0 debian 0 'munge slurm-wlm'
expect_empty calls

# apt-get fails (no network): so do we.
FAKE_APT_STATUS=100 run 100 debian 0 cmake
[[ $(wc -l <calls) == 1 ]] || fail "went on after a failed update: $(cat calls)"

# Another distribution: a message that still helps.
run 1 other 0 ''
expect_text err 'not Debian'
expect_text err libhdf5-openmpi-dev

run 2 debian 0 '' --test
expect_text err usage
