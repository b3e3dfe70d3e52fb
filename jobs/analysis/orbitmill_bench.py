"""Reads the JSON of `orbitmill bench` and draws it: times of the schedules, scaling, batch sizes.

In Python:
    from orbitmill_bench import load_bench, plot_bench
    bench = load_bench("bench.json")
    bench.rows                  DataFrame: length, table, schedule, workers, median_s, ...
    bench.info                  dict: hosts, workers, repeat, command_line, ...
    plot_bench(bench, "bench.png")

On the command line:
    python3 orbitmill_analysis.py bench bench.json -o bench.png

The members of the file are described in jobs/SCHEDULING.md.
"""
import dataclasses
import json
import pathlib

import pandas

FILETYPE = "orbitmill bench"
VERSION_MAJOR = 1

# One colour a schedule in every panel; those of the other panels stay out of the way.
COLORS = {"sequential": "dimgray", "threads": "tab:brown", "static": "tab:red",
          "shared": "tab:green", "stealing": "tab:blue", "hybrid": "tab:purple",
          "auto": "tab:orange"}


class BenchError(Exception):
    """The file cannot be read as figures of a bench; the message says why."""


@dataclasses.dataclass
class Bench:
    path: pathlib.Path
    info: dict
    registers: list
    rows: pandas.DataFrame

    @property
    def lengths(self) -> list:
        return [register["length"] for register in self.registers]

    def table(self, name: str) -> pandas.DataFrame:
        """The rows of one table, "modes", "scaling" or "batches", that have a time."""
        return self.rows[(self.rows["table"] == name) & (self.rows["median_s"] > 0)]


def load_bench(path) -> Bench:
    """Reads the file. Raises BenchError if it is none of `orbitmill bench --json`."""
    path = pathlib.Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot read {path}: {error}") from error
    filetype = content.get("filetype") if isinstance(content, dict) else None
    if filetype != FILETYPE:
        raise BenchError(f"{path}: filetype is \"{filetype}\", expected \"{FILETYPE}\"")
    if content["version"][0] != VERSION_MAJOR:
        raise BenchError(f"{path}: format version {content['version']}, "
                         f"this module reads {VERSION_MAJOR}.x")
    registers = content.pop("registers")
    rows = pandas.DataFrame([row for register in registers for row in register["rows"]])
    return Bench(path, content, registers, rows)


def plot_bench(bench: Bench, path=None):
    """Draws the tables that the file has, side by side. Returns the matplotlib figure and, if
    `path` is given, saves it there.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [draw for name, draw in (("modes", _draw_modes), ("scaling", _draw_scaling),
                                      ("batches", _draw_batches)) if len(bench.table(name)) > 0]
    if not panels:
        raise BenchError(f"{bench.path}: no run of it gave the right result; nothing to draw")
    figure = Figure(figsize=(1.2 + 4.6 * len(panels), 4.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    for draw, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0]):
        draw(bench, axes)
    figure.suptitle(_title(bench), fontsize=10)
    if path is not None:
        figure.savefig(path)
    return figure


def _title(bench):
    info = bench.info
    feedbacks = {register["feedback"] for register in bench.registers}
    feedback = feedbacks.pop() if len(feedbacks) == 1 else f"{len(feedbacks)} registers"
    ranks, nodes = len(info["threads_of_rank"]), len(info["hosts"])
    runs = info["repeat"]
    return (f"f = {feedback}, n = {', '.join(map(str, bench.lengths))}\n"
            f"{_plural(ranks, 'rank')} on {_plural(nodes, 'node')}, "
            f"{_plural(info['workers'], 'worker')}; "
            f"median of {_plural(runs, 'run')}, bars from least to most")


def _plural(count, word):
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _unit(seconds):
    """(factor, name) so that the smallest of the values is at least about 1."""
    for factor, name in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 0.5:
            return factor, name
    return 1e6, "µs"


def _whiskers(rows):
    return [rows["median_s"] - rows["min_s"], rows["max_s"] - rows["median_s"]]


def _draw_modes(bench, axes):
    if len(bench.registers) > 1:
        _draw_modes_by_length(bench, axes)
        return
    rows = bench.table("modes")
    factor, unit = _unit(rows["median_s"].min())
    low, high = (factor * part for part in _whiskers(rows))
    places = range(len(rows))
    axes.barh(places, factor * rows["median_s"], color=[COLORS[name] for name in rows["schedule"]],
              alpha=0.75, height=0.65)
    axes.errorbar(factor * rows["median_s"], places, xerr=[low, high], fmt="none",
                  ecolor="black", capsize=3, linewidth=1)
    end = factor * rows["max_s"].max()
    for place, (_, row) in zip(places, rows.iterrows()):
        chosen = f" ({row['ran']})" if row["schedule"] == "auto" else ""
        axes.annotate(f"{factor * row['median_s']:.3g} {unit}, ×{row['speed_up']:.2f}{chosen}",
                      (max(factor * row["max_s"], 0.02 * end), place), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(list(places), rows["schedule"])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.55 * end)
    axes.set_xlabel(f"time [{unit}]; × speed-up")
    axes.set_title("schedules", fontsize=10)
    axes.grid(True, axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _draw_modes_by_length(bench, axes):
    """Times grow with q^n; against the sequential one they can be read."""
    rows = bench.table("modes")
    for place, (name, group) in enumerate(rows.groupby("schedule", sort=False)):
        reference = rows[rows["schedule"] == "sequential"].set_index("length")["median_s"]
        ratio = group.set_index("length")["speed_up"]
        ratio = ratio[ratio > 0]
        if not len(reference) or not len(ratio):
            continue
        axes.plot(ratio.index, ratio, color=COLORS[name], label=name, marker="o", markersize=4,
                  linestyle="--" if name == "auto" else "-", zorder=3 if name == "auto" else 2)
    axes.axhline(bench.info["workers"], color="black", linewidth=1, linestyle=":")
    axes.annotate("ideal", (rows["length"].min(), bench.info["workers"]), xytext=(0, 3),
                  textcoords="offset points", fontsize=8)
    axes.set_ylim(0, 1.15 * max(bench.info["workers"], rows["speed_up"].max()))
    axes.set_xticks(sorted(set(bench.lengths)))
    axes.set_xlabel("length n of the register")
    axes.set_ylabel("speed-up against sequential")
    axes.set_title("schedules", fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(True, alpha=0.3)


def _longest(bench, rows):
    """The rows of the longest register: the others would lie on top of it, noisier."""
    length = rows["length"].max()
    return rows[rows["length"] == length], (f" at n = {length}" if len(bench.registers) > 1
                                            else "")


def _draw_scaling(bench, axes):
    rows, note = _longest(bench, bench.table("scaling"))
    most = rows["workers"].max()
    axes.plot([1, most], [1, most], color="black", linestyle=":", linewidth=1, label="ideal")
    for name, group in rows.groupby("schedule", sort=False):
        sequential_s = group["speed_up"] * group["median_s"]
        low = group["speed_up"] - sequential_s / group["max_s"]
        high = sequential_s / group["min_s"] - group["speed_up"]
        axes.errorbar(group["workers"], group["speed_up"], yerr=[low.abs(), high.abs()],
                      color=COLORS[name], label=name, marker="o", markersize=4, capsize=3)
    if most > 4:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
    ticks = sorted(set(rows["workers"]))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    if most <= 4:
        axes.set_ylim(0, 1.1 * max(most, rows["speed_up"].max()))
    axes.set_xlabel("workers")
    axes.set_ylabel("speed-up against sequential")
    axes.set_title("scaling" + note, fontsize=10)
    axes.legend(fontsize=8, loc="upper left")
    axes.grid(True, alpha=0.3)


def _draw_batches(bench, axes):
    """Each line against its own best, so that all lengths share one scale; the dashed level is the
    adaptive size, where the bench has it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    rows = bench.table("batches")
    modes = bench.table("modes")
    names = rows["schedule"].unique()
    for number, ((name, length), group) in enumerate(
            rows.groupby(["schedule", "length"], sort=False)):
        best = group["median_s"].min()
        color = COLORS[name] if len(bench.registers) == 1 else f"C{number}"
        label = f"n = {length}" if len(names) == 1 else f"{name}, n = {length}"
        low, high = _whiskers(group)
        axes.errorbar(group["batch_size"], group["median_s"] / best,
                      yerr=[low / best, high / best], color=color, label=label, marker="o",
                      markersize=4, capsize=3)
        adaptive = modes[(modes["schedule"] == name) & (modes["length"] == length)]
        if len(adaptive):
            axes.hlines(adaptive["median_s"].iloc[0] / best, group["batch_size"].min(),
                        group["batch_size"].max(), color=color, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("indices per batch (dashed: adaptive)")
    axes.set_ylabel("time against the best size")
    axes.set_title("batch sizes" + (f", {names[0]}" if len(names) == 1 else ""), fontsize=10)
    if len(names) * len(bench.registers) > 1:
        axes.legend(fontsize=8)
    axes.grid(True, alpha=0.3)
