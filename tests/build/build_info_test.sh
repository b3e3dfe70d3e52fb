#!/usr/bin/env bash
# The commit that the build writes down: unknown outside a checkout, the commit inside, "-dirty"
# after a change, and no new file (so no compilation) as long as nothing changes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../support/assert.sh
source "$ORBITMILL_SOURCE_DIR/tests/support/assert.sh"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t
# The scratch folder lies inside our own checkout: git must not look there.
export GIT_CEILING_DIRECTORIES=$PWD

# shellcheck disable=SC2016
printf 'commit=@ORBITMILL_COMMIT@\n' >stage
write() {
  cmake -D GIT="$1" -D SOURCE="$2" -D STAGE="$PWD/stage" -D HEADER="$PWD/header" \
    -P "$ORBITMILL_SOURCE_DIR/cmake/WriteBuildInfo.cmake"
}
expect_commit() {
  [[ $(<header) == "commit=$1" ]] || fail "$(<header), expected $1"
}

git=$(command -v git)
mkdir -p outer/tarball
printf 'one\n' | tee outer/file >outer/tarball/file
write "$git" "$PWD/outer"
expect_commit unknown
git -C outer init -q
write "$git" "$PWD/outer"
expect_commit unknown

git -C outer add .
git -C outer commit -qm one
commit=$(git -C outer rev-parse --short=12 HEAD)
write "$git" "$PWD/outer"
expect_commit "$commit"
touch -d '2001-01-01' header
write "$git" "$PWD/outer"
[[ header -ot stage ]] || fail 'the header was written again though nothing had changed'

printf 'not ours\n' >outer/untracked
write "$git" "$PWD/outer"
expect_commit "$commit"
printf 'two\n' >outer/file
write "$git" "$PWD/outer"
expect_commit "$commit-dirty"

write "$git" "$PWD/outer/tarball"
expect_commit unknown
write '' "$PWD/outer"
expect_commit unknown
