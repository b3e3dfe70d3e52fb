"""`orbitmill plan`, the choice of the engine, and what a run keeps of the plan."""
import json
import os
import re
import subprocess
import unittest

import h5py

from support import BIN, datasets, decompose, run

NONLINEAR = ["--feedback", "0,2,3,(5,9)"]
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def plan(*args, **kwargs):
    """{label: text} of what `orbitmill plan` prints."""
    result = run("plan", *args, **kwargs)
    assert result.returncode == 0, f"{args}: exit {result.returncode}\n{result.stderr}"
    assert result.stderr == "", result.stderr
    return {line[:16].strip(): line[17:] for line in result.stdout.splitlines()}


def bytes_in(text, pattern):
    number, unit = re.search(pattern.replace("BYTES", r"([\d.]+) ([KMG]?i?B)"), text).groups()
    return float(number) * UNITS[unit]


def run_attributes(path):
    with h5py.File(path, "r") as file:
        return {name: value.decode() if isinstance(value, bytes) else value
                for name, value in file["run"].attrs.items()}


def states_without_run(path, zeros):
    """States on cycles whose output, read cyclically, has no nonzero symbol before that many
    zeros: what the milestone pass cannot find."""
    missing = 0
    with h5py.File(path, "r") as file:
        symbols = file["sequences/symbol"][...].tobytes()
        offsets = file["sequences/offset"][...].tolist()
    for first, last in zip(offsets, offsets[1:]):
        sequence = symbols[first:last]
        if not any(sequence) or bytes(zeros) not in sequence + sequence[:zeros]:
            missing += last - first
    return missing


class Plans(unittest.TestCase):
    def test_every_figure_is_an_estimate_and_nothing_is_left_behind(self):
        before = os.listdir(".")
        lines = plan("--length", 36, *NONLINEAR, "--threads", 1)
        self.assertRegex(lines["engine"], r"^milestone: predicted .*leader sweep")
        for label in ("engine", "milestones", "short cycles", "levels to sweep", "cycles",
                      "milestone pass", "contraction", "sweep", "time", "memory", "a rank",
                      "file"):
            self.assertIn("estimate", lines[label], label)
        self.assertEqual(os.listdir("."), before)

    def test_short_registers_are_swept_and_options_are_obeyed(self):
        self.assertTrue(plan("--length", 12, *NONLINEAR)["engine"].startswith("leader"))
        lines = plan("--length", 34, *NONLINEAR, "--milestone-zeros", 13)
        self.assertEqual(lines["milestones"], f"{2 ** 20} of k = 13 zeros")
        lines = plan("--length", 34, *NONLINEAR, "--engine", "leader", "-o", "no.h5")
        self.assertEqual(lines["engine"], "leader: asked for")
        self.assertNotIn("contraction", lines)
        lines = plan("--length", 12, *NONLINEAR, env={"ORBITMILL_MILESTONE_ZEROS": "3",
                                                      "ORBITMILL_THREADS": "3"})
        self.assertEqual(lines["milestones"], f"{2 ** 8} of k = 3 zeros")
        self.assertEqual(lines["workers"], "3 threads, 1 rank on 1 node")
        # A flag wins over the environment, which reaches every command.
        lines = plan("--length", 12, *NONLINEAR, "--milestone-zeros", 4,
                     env={"ORBITMILL_MILESTONE_ZEROS": "3"})
        self.assertEqual(lines["milestones"], f"{2 ** 7} of k = 4 zeros")

    def test_a_job_file_under_mpirun_prints_once(self):
        with open("job.toml", "w", encoding="utf-8") as file:
            file.write('[register]\nlength = 30\nfeedback = "0,2,3,(5,9)"\n'
                       '[run]\nmilestone_zeros = 9\nthreads = 2\n')
        result = run("plan", "job.toml", ranks=3)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("register "), 1)
        self.assertIn("6 threads, 3 ranks on 1 node", result.stdout)
        self.assertIn("shared tables included", result.stdout)

    def test_where_the_table_lies_and_why(self):
        job = ["--length", 30, *NONLINEAR, "--milestone-zeros", 9, "--threads", 1]
        alone = plan(*job)
        self.assertEqual(alone["table"], "on root's node: there is one node")
        spread = plan(*job, "--table", "spread")
        self.assertEqual(spread["table"], "spread over 1 node: asked for")
        for ranks in (None, 2):
            decompose("table.h5", "--length", 18, *NONLINEAR, "--milestone-zeros", 4, "--table",
                      "spread", "--overwrite", ranks=ranks)
            kept = run_attributes("table.h5")
            self.assertEqual((kept["table"], kept["table_reason"]), ("spread", "asked for"))
            self.assertIn('table = "spread"', kept["effective_job"].replace("'", '"'))
            self.assertIn("table spread over the nodes", run("show", "table.h5").stdout)
            self.assertIn("contraction", h5py.File("table.h5")["run/phase_name"][...].tolist()[2]
                          .decode())
        decompose("table.h5", "--length", 18, *NONLINEAR, "--milestone-zeros", 4, "--overwrite")
        self.assertEqual(run_attributes("table.h5")["table"], "node")
        decompose("table.h5", "--length", 18, *NONLINEAR, "--engine", "leader", "--overwrite")
        self.assertEqual(run_attributes("table.h5")["table"], "")

    def test_bad_input_ends_as_in_decompose(self):
        for args, code, words in (
                (["--length", "9", *NONLINEAR[:1], "0,9"], 65, "stage 9"),
                (["--length", "12", *NONLINEAR, "--milestone-zeros", "12"], 2, "1 to 11"),
                (["--length", "62", *NONLINEAR, "--milestone-zeros", "5"], 73,
                 "--milestone-zeros 5")):
            result = run("plan", *args, ranks=2)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
            self.assertIn(words, result.stderr)
            self.assertEqual(result.stdout, "")


class Memory(unittest.TestCase):
    def test_the_limit_of_slurm_is_kept(self):
        limit = {"SLURM_MEM_PER_NODE": "4"}  # MiB
        lines = plan("--length", 32, *NONLINEAR, env=limit)
        self.assertLessEqual(bytes_in(lines["memory"], "BYTES of it tables"), 0.81 * (4 << 20))
        self.assertIn("milestone", lines["engine"])
        for command in (["plan"], ["decompose", "-o", "no.h5"]):
            result = run(*command, "--length", 32, *NONLINEAR, "--milestone-zeros", 8, env=limit,
                         ranks=2)
            self.assertEqual(result.returncode, 73, result.stderr)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
            self.assertIn("--milestone-zeros 8", result.stderr)
        self.assertFalse([name for name in os.listdir(".") if name.startswith("no.h5")])
        # By core, with the cores of the node.
        by_core = {"SLURM_MEM_PER_CPU": "2", "SLURM_CPUS_ON_NODE": "2"}
        again = plan("--length", 32, *NONLINEAR, env=by_core)
        self.assertIn("4.0 MiB free", again["memory"])

    def test_peak_memory_is_within_a_tenth_of_the_plan(self):
        # A table of 64 MiB beside some 30 MiB of program. A sanitizer's own memory is no plan's.
        job = ["--length", 31, *NONLINEAR, "--milestone-zeros", 7, "--threads", 1]
        lines = plan(*job)
        planned = bytes_in(lines["a rank"], "^BYTES")
        decompose("memory.h5", *job, "--overwrite")
        with h5py.File("memory.h5", "r") as file:
            peak = float(file["profile/peak_memory_bytes"][0])
        self.assertGreater(peak, 64 << 20)
        if "ASAN_OPTIONS" not in os.environ:
            self.assertLess(abs(peak / planned - 1), 0.1, f"planned {planned:.0f}, peak {peak:.0f}")

    def test_an_index_is_in_the_plan_with_its_time_and_memory(self):
        # /profile ends before the file is written, which takes most: the system's word counts.
        # Tables of 64 MiB and of 256 MiB, which is the most that is ever written at once.
        for zeros in (7, 5):
            job = ["--length", 31, *NONLINEAR, "--milestone-zeros", zeros, "--threads", 1]
            without, lines = plan(*job), plan(*job, "--index")
            self.assertNotIn("index", without)
            # The same table walked once more.
            self.assertEqual(lines["index"], lines["contraction"])
            planned = bytes_in(lines["a rank"], "^BYTES")
            self.assertGreater(planned, bytes_in(without["a rank"], "^BYTES") + (64 << 20))
            command = [BIN, "decompose", *map(str, job), "--index", "--quiet", "--overwrite", "-o",
                       "index.h5"]
            process = subprocess.Popen(command, env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1"))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
            self.assertEqual(status, 0)
            peak = usage.ru_maxrss * 1024
            if "ASAN_OPTIONS" not in os.environ:
                self.assertLess(abs(peak / planned - 1), 0.12,
                                f"planned {planned:.0f}, peak {peak:.0f}")


class Engines(unittest.TestCase):
    def test_the_same_file_by_every_engine(self):
        registers = [
            ["--length", 14, *NONLINEAR, "--sequences"],
            ["--length", 13, "--feedback", "x0 + x3*x5 + x1*x2*x12 + 1", "--sequences"],
            ["--polynomial", "x^12 + x^9 + x^3 + x^2 + 1", "--sequences"],
            ["--field", 3, "--coefficients", "2,1,0,0,1,0,0,1", "--sequences"],
            ["--length", 20, *NONLINEAR],
        ]
        for register in registers:
            decompose("leader.h5", *register, "--engine", "leader", "--overwrite")
            kept = run_attributes("leader.h5")
            self.assertEqual((kept["engine"], kept["milestone_zeros"], kept["deficit"]),
                             ("leader", 0, 0))
            self.assertGreater(kept["predicted_s"], 0)
            for zeros, ranks, table in ((1, None, "node"), (4, 3, "auto"), (None, 2, "auto"),
                                        (3, 3, "spread"), (3, None, "spread")):
                asked = [] if zeros is None else ["--milestone-zeros", zeros]
                asked += ["--table", table]
                decompose("milestone.h5", *register, "--engine", "milestone", *asked,
                          "--overwrite", ranks=ranks)
                context = f"{register} with {zeros} zeros"
                self.assertEqual(datasets("milestone.h5"), datasets("leader.h5"), context)
                kept = run_attributes("milestone.h5")
                self.assertEqual((kept["engine"], kept["engine_asked"]),
                                 ("milestone", "milestone"))
                self.assertEqual(kept["milestone_zeros"], zeros or kept["milestone_zeros"])
                self.assertGreater(kept["milestone_zeros"], 0)
                self.assertGreater(kept["predicted_s"], 0)
                self.assertTrue(kept["engine_reason"])
                if "--sequences" in register:
                    self.assertEqual(kept["deficit"],
                                     states_without_run("milestone.h5",
                                                        int(kept["milestone_zeros"])), context)

    def test_show_and_log_name_the_engine(self):
        result = decompose("shown.h5", "--length", 20, *NONLINEAR, "--milestone-zeros", 6)
        self.assertRegex(result.stderr, r"engine milestone: .*6 zeros, tables of 6[45] KiB")
        self.assertIn("engine     milestone of 6 zeros", run("show", "shown.h5").stdout)
        shown = json.loads(run("show", "shown.h5", "--format", "json").stdout)["run"]
        kept = run_attributes("shown.h5")
        for name in ("milestone_zeros", "deficit", "predicted_s", "engine_reason"):
            self.assertEqual(shown[name], kept[name])
        # The effective job asks for the same milestones again.
        with open("again.toml", "w", encoding="utf-8") as file:
            file.write(kept["effective_job"])
        decompose("again.h5", "again.toml")
        self.assertEqual(run_attributes("again.h5")["milestone_zeros"], 6)

    def test_bench_runs_the_engine_asked(self):
        for engine in ("leader", "milestone"):
            result = run("bench", "--length", 16, "--engine", engine, "--modes", "stealing",
                         "--repeat", 1, "--threads", 2, ranks=2)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(f"engine {engine}: asked for", result.stderr)


if __name__ == "__main__":
    unittest.main()
