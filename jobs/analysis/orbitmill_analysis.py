#!/usr/bin/env python3
"""Reads orbitmill result files into pandas and draws their cycle lengths.

In Python:
    from orbitmill_analysis import load, plot_histogram
    result = load("FILE.h5")
    result.histogram            DataFrame: length, count, states, share
    result.cycles               DataFrame: leader, length (None if the file has no table)
    plot_histogram(result, "histogram.png")

On the command line:
    python3 orbitmill_analysis.py plot FILE.h5 -o histogram.png
    python3 orbitmill_analysis.py bench FILE.json -o bench.png    (orbitmill_bench.py)

Needs h5py and pandas; drawing needs matplotlib (Debian: python3-h5py python3-pandas
python3-matplotlib). The file is described in jobs/SCHEMA.md.
"""
import argparse
import dataclasses
import pathlib
import sys
from typing import Optional

import h5py
import numpy
import pandas

import orbitmill_bench

FILETYPE = "orbitmill decomposition"
VERSION_MAJOR = 1
# zlib makes at most 1032 bytes of one.
MAX_DEFLATE_RATIO = 1100


class ResultError(Exception):
    """The file cannot be read as a result; the message says why."""


@dataclasses.dataclass
class Result:
    """One decomposition. Numbers in `register`, `certificate` and `run` are Python's own."""

    path: pathlib.Path
    title: str
    register: dict
    histogram: pandas.DataFrame
    cycles: Optional[pandas.DataFrame]
    certificate: dict
    run: dict
    profile: pandas.DataFrame  # by rank
    threads: pandas.DataFrame  # what each computing thread did

    @property
    def states(self) -> int:
        return self.certificate["states"]

    def sequence(self, row: int) -> numpy.ndarray:
        """Output symbols of the cycle in this row of `cycles`, from its leader on."""
        with h5py.File(self.path, "r") as file:
            if "sequences" not in file:
                raise ResultError(f"{self.path} has no sequences; run decompose with --sequences")
            begin, end = _values(file["sequences/offset"], slice(row, row + 2))
            return _values(file["sequences/symbol"], slice(begin, end))


def load(path) -> Result:
    """Reads the whole file except the sequences. Raises ResultError if it is no result."""
    path = pathlib.Path(path)
    try:
        with h5py.File(path, "r") as file:
            _check_kind(path, file)
            return _read(path, file)
    except (OSError, KeyError, ValueError) as error:
        raise ResultError(f"cannot read {path}: {error}") from error


def _check_kind(path, file):
    filetype = _plain(file.attrs.get("filetype", ""))
    if filetype != FILETYPE:
        raise ResultError(f"{path}: filetype is \"{filetype}\", expected \"{FILETYPE}\"")
    version = [int(part) for part in file.attrs["version"]]
    if version[0] != VERSION_MAJOR:
        raise ResultError(f"{path}: format version {version[0]}.{version[1]}, "
                          f"this module reads {VERSION_MAJOR}.x")


def _read(path, file):
    histogram = _histogram(file["histogram"])
    certificate = _attributes(file["certificate"])
    certificate.setdefault("transient_states", 0)  # files of version 1.0
    for key in ("states", "states_accounted", "transient_states"):
        certificate[key] = int(certificate[key])
    if "cycles_text" in certificate:
        certificate["cycles"] = int(certificate.pop("cycles_text"))
    certificate["complete"] = bool(certificate["complete"])
    histogram["states"] = histogram["length"] * histogram["count"]
    # Python divides integers of any size; float() of such a number may overflow.
    histogram["share"] = [int(states) / certificate["states"] for states in histogram["states"]]

    register = _attributes(file["register"])
    for key in ("linear", "affine", "nonsingular"):
        register[key] = bool(register[key])

    cycles = None
    if "cycles" in file:
        cycles = pandas.DataFrame({name: _values(file[f"cycles/{name}"])
                                   for name in ("leader", "length")})
    run = _attributes(file["run"])
    run["hosts"] = _column(file["run/hosts"]).tolist()
    run["phases"] = dict(zip(_column(file["run/phase_name"]),
                             _values(file["run/phase_seconds"]).tolist()))
    columns = {name: _column(column) for name, column in file["profile"].items()}
    profile = pandas.DataFrame({name: column for name, column in columns.items()
                                if not name.startswith("thread_")})
    threads = pandas.DataFrame({name[len("thread_"):]: column for name, column in columns.items()
                                if name.startswith("thread_")})
    return Result(path, _plain(file.attrs["title"]), register, histogram, cycles, certificate, run,
                  profile.set_index("rank").sort_index(), threads)


def _histogram(group):
    """Columns of uint64, or of Python's own integers where one of them exceeds 64 bits."""
    if "length_text" not in group:
        return pandas.DataFrame({name: _values(group[name]) for name in ("length", "count")})
    columns = {name: pandas.Series([int(text) for text in _values(group[f"{name}_text"])],
                                   dtype=object) for name in ("length", "count")}
    return pandas.DataFrame(columns)


def _plain(value):
    """A Python int, float or str for what h5py gives."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, numpy.generic) else value


def _attributes(group):
    return {name: _plain(value) for name, value in group.attrs.items()}


def _values(dataset, rows=...):
    """Rows of a dataset. A few bytes can claim any number of them, which numpy would allocate."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    harmless = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
    size = pathlib.Path(dataset.file.filename).stat().st_size
    if (dataset.is_virtual or dataset.external or len(set(filters)) < len(filters)
            or not harmless.issuperset(filters)
            or (dataset.size or 0) * dataset.dtype.itemsize > MAX_DEFLATE_RATIO * size):
        raise ResultError(f"{dataset.file.filename}: {dataset.name} claims more than the file "
                          "can hold")
    return dataset[rows]


def _column(dataset):
    values = _values(dataset)
    if values.dtype.kind != "S":
        return values
    return numpy.array([value.decode("utf-8", "replace") for value in values], dtype=object)


def _short(text, width):
    return text if len(text) <= width else text[:width - 1] + "…"


def plot_histogram(result: Result, path=None):
    """Draws number of cycles against cycle length, both logarithmic, and below it the share of the
    state space on cycles up to a length. Returns the matplotlib figure and, if `path` is given,
    saves it there.
    """
    # Imported here: reading results should not need matplotlib. The figure is made without pyplot,
    # so that no display is needed and no state is left behind.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    if result.states >= 2**1023:
        raise ResultError(f"{result.path}: lengths of {len(str(result.states))} digits cannot be "
                          "drawn; floating point ends at 308")
    lengths = result.histogram["length"].to_numpy(dtype=float)
    counts = result.histogram["count"].to_numpy(dtype=float)
    covered = 100 * result.histogram["share"].to_numpy().cumsum()

    figure = Figure(figsize=(8, 6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [2, 1]})

    # Few lengths are read one by one, as stems; many are a cloud whose density is its message.
    few = len(lengths) <= 60
    if few:
        above.vlines(lengths, 0.5, counts, color="tab:blue", linewidth=1, alpha=0.5)
    above.plot(lengths, counts, linestyle="", marker="o", color="tab:blue",
               markersize=5 if few else 3, alpha=0.9 if few else 0.5,
               markeredgewidth=0)
    # Only the largest: labels of neighbours would lie on each other; the lower panel has them all.
    top = result.histogram.loc[result.histogram["states"].astype(float).idxmax()]
    if top["share"] >= 0.05:
        leftmost = top["length"] ** 2 < lengths.max()
        above.annotate(f"{top['share']:.1%} of all states", (top["length"], top["count"]),
                       xytext=(0, 7), textcoords="offset points", fontsize=8, color="dimgray",
                       ha="left" if leftmost or top["length"] < 3 else "right")

    for axis in (above.xaxis, above.yaxis):
        getattr(above, f"set_{axis.axis_name}scale")("log")
        axis.set_major_locator(LogLocator(base=10, numticks=20))
        axis.set_minor_formatter(NullFormatter())
    # A decade at least, so that there are two labels on an axis even for a single cycle.
    above.set_xlim(0.7, max(lengths.max() * 1.5, 15))
    above.set_ylim(0.5, max(counts.max() * 4, 15))
    above.set_ylabel("number of cycles")
    above.grid(True, which="major", alpha=0.3)

    below.step(numpy.concatenate([[above.get_xlim()[0]], lengths, [above.get_xlim()[1]]]),
               numpy.concatenate([[0], covered, [covered[-1]]]), where="post", color="tab:orange")
    below.set_ylim(0, 105)
    below.yaxis.set_major_locator(MaxNLocator(5))
    below.set_ylabel("states on cycles\nup to this length [%]")
    below.set_xlabel("cycle length [states]")
    below.grid(True, which="major", alpha=0.3)

    register = result.register
    cycles, different = result.certificate["cycles"], len(lengths)
    summary = ("1 cycle" if cycles == 1 else
               f"{cycles} cycles of {different} different lengths" if different > 1 else
               f"{cycles} cycles of one length")
    figure.suptitle(
        _short(f"f = {register['feedback']}", 90) +
        f"\nlength {register['length']} over GF({register['field_order']}): {summary}", fontsize=10)
    if path is not None:
        figure.savefig(path)
    return figure


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description="Look at orbitmill result files.")
    commands = parser.add_subparsers(dest="command", required=True)
    plot = commands.add_parser("plot", help="draw the cycle lengths")
    plot.add_argument("file", help="result of orbitmill decompose")
    plot.add_argument("-o", "--output", required=True,
                      help="picture to write; its ending chooses the format: .png, .pdf, .svg")
    bench = commands.add_parser("bench", help="draw the figures of orbitmill bench")
    bench.add_argument("file", help="what orbitmill bench --json wrote")
    bench.add_argument("-o", "--output", required=True, help="picture to write, as for plot")
    options = parser.parse_args(arguments)
    try:
        if options.command == "bench":
            orbitmill_bench.plot_bench(orbitmill_bench.load_bench(options.file), options.output)
        else:
            plot_histogram(load(options.file), options.output)
    except (ResultError, orbitmill_bench.BenchError, OSError, ValueError) as error:
        print(f"orbitmill_analysis: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
