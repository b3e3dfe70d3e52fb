# Sourced by the shell tests.
# shellcheck shell=bash

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# expect_status N COMMAND...: COMMAND must exit with N; its standard output and error are left in
# the files "out" and "err".
expect_status() {
  local wanted=$1 status=0
  shift
  "$@" >out 2>err || status=$?
  if ((status != wanted)); then
    cat out err >&2
    fail "exit status $status instead of $wanted: $*"
  fi
}

# expect_text FILE TEXT: TEXT (a fixed string) is in FILE. Line breaks count as spaces, because
# CMake wraps its messages.
expect_text() {
  # No pipe into grep -q: it leaves early, and pipefail would report the writer it left behind.
  grep -qF -- "$2" <<<"$(tr -s '\n ' '  ' <"$1")" || {
    cat "$1" >&2
    fail "\"$2\" is not in $1"
  }
}

# expect_empty FILE...
expect_empty() {
  local file
  for file in "$@"; do
    [[ ! -s $file ]] || {
      cat "$file" >&2
      fail "$file should be empty"
    }
  done
}
