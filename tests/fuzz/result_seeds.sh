#!/usr/bin/env bash
# result_seeds.sh ORBITMILL FOLDER: makes the result files that result_fuzz starts from. They are
# made and not kept, so that they are of today's format.
set -euo pipefail
orbitmill=$1
folder=$2
mkdir -p "$folder"
make_result() {
  local name=$1
  shift
  "$orbitmill" decompose "$@" --threads 1 --quiet --overwrite -o "$folder/$name.h5"
}
make_result index --length 9 --feedback '0,4,(1,2)' --engine milestone --index
make_result plain --field 3 --length 4 --feedback '2*x0 + x1 + 1' --cycles none
make_result sequences --field 4 --length 3 --coefficients 2,0,1 --sequences
