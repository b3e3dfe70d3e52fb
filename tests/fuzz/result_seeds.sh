#!/usr/bin/env bash
# result_seeds.sh ORBITMILL FOLDER: makes the files that result_fuzz (FOLDER/result) and
# campaign_fuzz (FOLDER/campaign) start from. They are made and not kept, so that they are of
# today's format. Small ones: every input is one, written and read.
set -euo pipefail
orbitmill=$1
folder=$2
mkdir -p "$folder/result" "$folder/campaign"
make_result() {
  local name=$1
  shift
  "$orbitmill" decompose "$@" --threads 1 --quiet --overwrite -o "$folder/result/$name.h5"
}
make_result index --length 9 --feedback '0,4,(1,2)' --engine milestone --index
make_result plain --field 3 --length 4 --feedback '2*x0 + x1 + 1' --cycles none
make_result sequences --field 4 --length 3 --coefficients 2,0,1 --sequences

make_campaign() {
  local name=$1
  cat > "$folder/job.toml"
  # 65: there is an entry that is no register, on purpose.
  "$orbitmill" campaign "$folder/job.toml" --threads 1 --quiet --overwrite \
    -o "$folder/campaign/$name.h5" 2> /dev/null || test $? -eq 65
  rm "$folder/job.toml"
}
make_campaign lists << 'EOF'
title = "lists over three fields"
[[registers]]
list = ["0,1,(1,2)", "no register", "x1 + 1", "x0 + x3"]
length = 4
[[registers]]
list = ["2,1", "1,0,1"]
field = 3
[[registers]]
list = ["3,0,1"]
field = 4
EOF
make_campaign search << 'EOF'
[campaign]
task = "search"
[[registers]]
form = "x0 + xa + xb*xc"
lengths = [4, 5]
[[registers]]
list = ["0,1", "0,2"]
length = 4
[filters]
terms = [2, 3]
EOF
