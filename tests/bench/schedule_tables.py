#!/usr/bin/env python3
"""The measured tables of jobs/SCHEDULING.md, in Markdown.

    python3 tests/bench/schedule_tables.py batches build/release/bin/orbitmill
    python3 tests/bench/schedule_tables.py auto build/release/bin/orbitmill
    python3 tests/bench/schedule_tables.py lfsr-seq build/release/bin/orbitmill

Everything is measured by `mpirun -n RANKS orbitmill bench`. Times are those of computing, in
milliseconds, medians; starting MPI costs a quarter of a second more, once. Run it on a quiet
machine: the load is printed with each table.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROWS = pathlib.Path(__file__).resolve().parents[1] / "data" / "lfsr_seq_rows.tsv"
# Short runs are many: a round of them is over in milliseconds.
REPEATS = {8: 101, 10: 101, 12: 101, 14: 101, 16: 51, 18: 31, 20: 21, 22: 11, 24: 7, 26: 5, 28: 3}


def bench(options, *arguments):
    """The one register of a bench with these arguments."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "bench.json")
        subprocess.run(["mpirun", "-n", str(options.ranks), options.program, "bench", "--quiet",
                        "--json", file, *map(str, arguments)],
                       check=True, stdout=subprocess.DEVNULL)
        return json.loads(file.read_text(encoding="utf-8"))["registers"][0]


def milliseconds(row):
    value = row["median_s"] * 1e3
    return f"{value:.2f}" if value < 10 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def print_row(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def print_heading(names):
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print_row(names)
    print("|" + "---|" * len(names))


def batches(options):
    print_heading(["n", "adaptive", "size: time", "", "", ""])
    for length in (16, 20, 24, 28):
        register = bench(options, "-n", length, "--modes", "stealing", "--batch-sizes", "decades",
                         "--repeat", REPEATS[length])
        adaptive = next(row for row in register["rows"] if row["schedule"] == "stealing")
        sizes = [row for row in register["rows"] if row["table"] == "batches"]
        print_row([length, milliseconds(adaptive)] +
                  [f"{row['batch_size']}: {milliseconds(row)}" for row in sizes])


def auto(options):
    modes = ["sequential", "static", "shared", "stealing", "hybrid"]
    print_heading(["n", *modes, "auto chose", "off the best", "auto in all"])
    for length, repeat in REPEATS.items():
        register = bench(options, "-n", length, "--repeat", repeat)
        rows = {row["schedule"]: row for row in register["rows"]}
        verdict = register["auto"]
        print_row([length, *(milliseconds(rows[name]) for name in modes), rows["auto"]["ran"],
                   f"{100 * (verdict['chosen_s'] / verdict['best_s'] - 1):.0f} %",
                   milliseconds(rows["auto"])])


def lfsr_seq(options):
    modes = ["sequential", "static", "shared", "stealing", "hybrid"]
    counts = [f"{name} ({1 if name == 'sequential' else options.ranks})" for name in modes]
    print_heading(["n", "cycles", "lfsr-seq", *counts, "auto", "auto chose"])
    for line in ROWS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        _, coefficients, periods, _, seconds = line.split("\t")
        cycles = sum(int(period.split(":")[1]) for period in periods.split(","))
        register = bench(options, "--coefficients", coefficients, "--repeat", 51)
        if register["cycles"] != cycles:
            sys.exit(f"{coefficients}: {register['cycles']} cycles, expected {cycles}")
        rows = {row["schedule"]: row for row in register["rows"]}
        print_row([register["length"], cycles, f"{1000 * float(seconds):.0f}",
                   *(milliseconds(rows[name]) for name in modes), milliseconds(rows["auto"]),
                   f"{rows['auto']['ran']}: {rows['auto']['reason']}"])


def main() -> None:
    tables = {"batches": batches, "auto": auto, "lfsr-seq": lfsr_seq}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=tables)
    parser.add_argument("program", help="the orbitmill executable")
    parser.add_argument("--ranks", type=int, default=2)
    options = parser.parse_args()
    tables[options.table](options)


if __name__ == "__main__":
    main()
