"""`orbitmill bench` from outside: its figures against each other, against decompose and against the
files and pictures it leaves."""
import csv
import json
import os
import statistics
import subprocess
import sys
import unittest

import h5py

from support import SOURCE, decompose, run

sys.path.insert(0, os.path.join(SOURCE, "jobs", "analysis"))
import orbitmill_bench  # noqa: E402  (the path comes first)

ALL_MODES = ["sequential", "threads", "static", "shared", "stealing", "hybrid", "auto"]
PARALLEL = ("static", "shared", "stealing", "hybrid")


def bench(*args, **kwargs):
    """Runs `orbitmill bench --json b.json` and returns its standard output and the JSON."""
    result = run("bench", *args, "--json", "b.json", "--overwrite", **kwargs)
    assert result.returncode == 0, f"{args}: exit {result.returncode}\n{result.stderr}"
    with open("b.json", encoding="utf-8") as file:
        return result.stdout, json.load(file)


class Bench(unittest.TestCase):
    def test_every_mode_on_every_launch(self):
        for ranks, threads in ((None, 2), (1, 1), (2, 1), (3, 2)):
            decompose("d.h5", "--length", 14, "--feedback", "0,2,3,(5,9)", "--overwrite",
                      "--threads", threads, ranks=ranks)
            with h5py.File("d.h5") as file:
                checksum = file["certificate"].attrs["checksum"].decode()
            _, figures = bench("--length", 14, "--repeat", 3, "--threads", threads, ranks=ranks)
            workers = (ranks or 1) * threads
            self.assertEqual(figures["workers"], workers)
            self.assertEqual(figures["threads_of_rank"], [threads] * (ranks or 1))
            register, = figures["registers"]
            self.assertEqual(register["checksum"], checksum)
            self.assertEqual(register["states"], 2 ** 14)
            rows = {row["schedule"]: row for row in register["rows"]}
            self.assertEqual(list(rows), ALL_MODES)
            for name, row in rows.items():
                self.assertEqual((row["failures"], row["failure_messages"]), (0, []), name)
                self.check_figures(row, rows["sequential"], register["states"])
            for name in PARALLEL:
                self.assertEqual((rows[name]["ran"], rows[name]["workers"]), (name, workers))
                self.assertEqual(rows[name]["ranks"], ranks or 1)
            self.assertEqual(rows["sequential"]["workers"], 1)
            self.assertEqual(rows["threads"]["ranks"], 1)
            self.assertIn(rows["auto"]["ran"], ALL_MODES)
            self.assertIn("one worker" if workers == 1 else "predicted work",
                          rows["auto"]["reason"])
            self.assertEqual(register["auto"]["auto_s"], rows["auto"]["median_s"])
            others = {name: rows[name]["median_s"] for name in ("sequential",) + PARALLEL}
            self.assertEqual(register["auto"]["best_s"], min(others.values()))
            self.assertEqual(others[register["auto"]["best"]], min(others.values()))

    def check_figures(self, row, sequential, states):
        """What can be computed from the single times."""
        times = row["times_s"]
        self.assertEqual(len(times), 3)
        self.assertAlmostEqual(row["median_s"], statistics.median(times))
        self.assertEqual((row["min_s"], row["max_s"]), (min(times), max(times)))
        self.assertGreater(row["min_s"], 0)
        self.assertAlmostEqual(row["speed_up"], sequential["median_s"] / row["median_s"])
        self.assertAlmostEqual(row["efficiency"], row["speed_up"] / row["workers"])
        self.assertAlmostEqual(row["states_per_s"] * row["median_s"] / states, 1)
        self.assertTrue(0 < row["busy_share"] <= 1.01, row["busy_share"])
        self.assertGreater(row["start_up_s"], 0)
        self.assertGreater(row["job_bytes"], 100)
        self.assertGreater(row["batches"], 0)
        self.assertGreater(row["peak_memory_bytes"], 1 << 20)
        for level in ("node", "cluster"):
            self.assertLessEqual(row[f"{level}_steals_won"], row[f"{level}_steals_tried"])

    def test_scaling_uses_the_first_workers(self):
        _, figures = bench("--length", 12, "--modes", "sequential", "--scaling", "--repeat", 1,
                           "--threads", 2, ranks=3)
        rows = [row for row in figures["registers"][0]["rows"] if row["table"] == "scaling"]
        self.assertEqual([(row["schedule"], row["workers"], row["threads"]) for row in rows],
                         [(name, count, threads) for name in ("stealing", "static")
                          for count, threads in ((1, [1]), (2, [2]), (4, [2, 2]),
                                                 (6, [2, 2, 2]))])

    def test_batch_sizes_are_obeyed(self):
        _, figures = bench("--lengths", "8,11", "--modes", "static,shared", "--batch-sizes",
                           "1,16,5000", "--repeat", 1, ranks=2)
        self.assertEqual([register["length"] for register in figures["registers"]], [8, 11])
        for register in figures["registers"]:
            rows = [row for row in register["rows"] if row["table"] == "batches"]
            self.assertEqual([(row["schedule"], row["batch_size"]) for row in rows],
                             [(name, size) for name in ("static", "shared")
                              for size in (1, 16, 5000)])
            for row in rows:
                # Static cuts two chunks into batches; the shared counter is one.
                chunks = 2 if row["schedule"] == "static" else 1
                chunk = register["states"] // chunks
                self.assertEqual(row["batches"], chunks * -(-chunk // row["batch_size"]), row)

    def test_decades(self):
        _, figures = bench("--length", 16, "--modes", "stealing", "--batch-sizes", "decades",
                           "--repeat", 1, ranks=2)
        sizes = [row["batch_size"] for row in figures["registers"][0]["rows"]
                 if row["table"] == "batches"]
        self.assertEqual(sizes, [1, 10, 100, 1000])

    def test_screen_csv_and_json_agree(self):
        screen, figures = bench("--lengths", "10,12", "--scaling", "--batch-sizes", "7,70",
                                "--repeat", 2, "--csv", "b.csv", ranks=2)
        with open("b.csv", encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        rows = [row for register in figures["registers"] for row in register["rows"]]
        self.assertEqual(len(lines), len(rows))
        for line, row in zip(lines, rows):
            for name, text in line.items():
                value = row[name]
                self.assertEqual(type(value)(text), value, name)
        for line in screen.splitlines():
            self.assertLessEqual(len(line), 80, line)
        for register in figures["registers"]:
            self.assertIn(f"every run gave checksum {register['checksum']}", screen)
        for title in ("Schedules", "Scaling", "Batch sizes", "auto chose"):
            self.assertEqual(screen.count(f"\n{title}"), 2, title)

    def test_the_page_names_every_member(self):
        _, figures = bench("--length", 10, "--repeat", 1, ranks=2)
        with open(os.path.join(SOURCE, "jobs", "SCHEDULING.md"), encoding="utf-8") as file:
            page = file.read()
        register = figures["registers"][0]
        for member in {*figures, *register, *register["auto"], *register["rows"][0]}:
            self.assertIn(f"`{member}`", page)

    def test_other_fields(self):
        _, figures = bench("--field", 9, "--coefficients", "2,0,0,0", "--modes", "stealing",
                           "--repeat", 1, ranks=2)
        register, = figures["registers"]
        self.assertEqual((register["field_order"], register["states"], register["cycles"]),
                         (9, 9 ** 4, 821))
        self.assertEqual([row["schedule"] for row in register["rows"]],
                         ["sequential", "stealing"])

    def test_mistakes_are_explained(self):
        for args, code, words in [
                (["--modes", "sequential,fast"], 2, "fast"),
                (["--repeat", 0], 2, "--repeat 0"),
                (["--repeat", "many"], 2, "many"),
                (["--lengths", "16,x"], 2, "\"x\""),
                (["--lengths", "16,,20"], 2, "--lengths \"16,,20\""),
                (["--lengths", "16,20", "--length", 16], 2, "--length"),
                (["--lengths", "4,5", "--coefficients", "1,1,0,0"], 2, "notation"),
                (["--batch-sizes", "10,0"], 2, "\"0\""),
                (["--batch-sizes", "10", "--modes", "sequential,auto"], 2, "stealing"),
                (["--feedback", "1,2"], 65, "x0"),
                (["--lengths", "12,9", "--feedback", "0,2,3,(5,9)"], 65, "9"),
                (["--length", 10, "--coefficients", "1,0,1", "--feedback", "0"], 2, "twice"),
                (["--json", "missing/b.json"], 73, "missing"),
                (["--csv", "there.csv"], 73, "there.csv"),
                (["--csv", "same", "--json", "same"], 2, "two names"),
                (["job.toml"], 2, "job.toml")]:
            with open("there.csv", "w", encoding="utf-8") as file:
                file.write("mine")
            result = run("bench", *args, ranks=2)
            self.assertEqual(result.returncode, code, f"{args}\n{result.stderr}")
            self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
            self.assertIn(words, result.stderr)
            self.assertEqual(result.stdout, "")
            with open("there.csv", encoding="utf-8") as file:
                self.assertEqual(file.read(), "mine")

    def test_an_error_in_a_batch_ends_the_job(self):
        result = run("bench", "--length", 12, "--repeat", 1, ranks=2,
                     program=os.environ["ORBITMILL_WITH_FAULT"], env={"FAULT_RANK": "1"})
        self.assertEqual(result.returncode, 70, result.stderr)
        self.assertIn("injected into rank 1", result.stderr)

    def test_help_fits_the_screen(self):
        result = run("bench", "--help")
        self.assertEqual(result.returncode, 0)
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        bench("--lengths", "10,12", "--scaling", "--batch-sizes", "7,70", "--repeat", 2, ranks=2)
        os.rename("b.json", "two.json")
        bench("--length", 12, "--repeat", 2, ranks=2)
        os.rename("b.json", "one.json")

    def test_the_program_draws(self):
        for name, panels in (("one", 1), ("two", 3)):
            subprocess.run([sys.executable, os.path.join(SOURCE, "jobs", "analysis",
                                                         "orbitmill_analysis.py"),
                            "bench", f"{name}.json", "-o", f"{name}.png"], check=True, timeout=60)
            with open(f"{name}.png", "rb") as file:
                self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
            figure = orbitmill_bench.plot_bench(orbitmill_bench.load_bench(f"{name}.json"))
            self.assertEqual(len(figure.axes), panels)

    def test_what_is_drawn_are_the_figures(self):
        one = orbitmill_bench.load_bench("one.json")
        bars = orbitmill_bench.plot_bench(one).axes[0].patches
        widths = [bar.get_width() for bar in bars]
        times = one.rows["median_s"].tolist()
        self.assertEqual([tick.get_text() for tick in
                          orbitmill_bench.plot_bench(one).axes[0].get_yticklabels()], ALL_MODES)
        for width, time in zip(widths, times, strict=True):
            self.assertAlmostEqual(width / widths[0], time / times[0])
        two = orbitmill_bench.load_bench("two.json")
        scaling = orbitmill_bench.plot_bench(two).axes[1]
        ideal, *_ = scaling.lines
        self.assertEqual(ideal.get_xydata().tolist(), [[1, 1], [2, 2]])
        drawn = [line.get_ydata().tolist() for line in scaling.lines
                 if line.get_marker() == "o"]
        rows = two.table("scaling")
        rows = rows[rows["length"] == 12]
        self.assertEqual(drawn, [rows[rows["schedule"] == name]["speed_up"].tolist()
                                 for name in ("stealing", "static")])

    def test_other_files_are_refused(self):
        files = {"result.json": '{"filetype": "orbitmill decomposition"}', "list.json": "[1]",
                 "torn.json": '{"filetype": "orbit',
                 "newer.json": '{"filetype": "orbitmill bench", "version": [2, 0]}'}
        for name, text in files.items():
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        for name in [*files, "missing.json"]:
            with self.assertRaisesRegex(orbitmill_bench.BenchError, name):
                orbitmill_bench.load_bench(name)


if __name__ == "__main__":
    unittest.main()
