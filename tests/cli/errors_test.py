"""Bad input: the documented exit code, one clear message, no file left behind."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

from support import BIN, MPIRUN, SOURCE, decompose, run

GOOD = ["--length", "8", "--feedback", "0,2,3,4"]

PAGE = os.path.join(SOURCE, "jobs", "ERRORS.md")

# (arguments of decompose, exit code, words of the message). jobs/ERRORS.md shows the same lines with
# the whole messages; `errors_test.py --page` prints what its table must be.
BAD_INPUT = [
    # the register
    (["--length", "8", "--feedback", "1,2", "--engine", "leader"], 65, ["x0", "singular"]),
    (["--length", "8", "--feedback", "1,2", "--cycles", "all"], 65, ["x0", "singular"]),
    (["--length", "8", "--feedback", "1,(2,3)"], 65, ["x0", "singular"]),
    (["--length", "8", "--feedback", "0,(0,3)"], 65, ["x0"]),
    (["--coefficients", "0,0,1,1", "--engine", "milestone"], 65, ["1,1"]),
    (["--length", "0", "--feedback", "0"], 65, ["length 0"]),
    (["--length", "8", "--feedback", "0,8"], 65, ["0,8", "stage 8"]),
    (["--length", "8", "--feedback", "0,(1,"], 65, ["0,(1,"]),
    (["--length", "8", "--feedback", ""], 65, ["feedback"]),
    (["--field", "3", "--coefficients", "1,3"], 65, ["1,3", "0 to 2"]),
    (["--field", "6", "--coefficients", "1,3"], 65, ["6", "prime power"]),
    (["--field", "1", "--coefficients", "1"], 65, ["prime power"]),
    (["--field", "65537", "--coefficients", "1"], 65, ["65536"]),
    (["--field", "4", "--modulus", "x^2 + 1", "--coefficients", "1,1"], 65, ["x^2 + 1"]),
    (["--length", "7", "--polynomial", "x^6 + x + 1"], 65, ["degree", "--length"]),
    (["--polynomial", "x^6 + x^"], 65, ["x^6 + x^"]),
    (["--length", "64", "--feedback", "0,(1,2)"], 65, ["2^63"]),
    (["--length", "64", "--feedback", "0,1", "--cycles", "10"], 65, ["2^63", "--engine closed-form"]),
    (["--field", "3", "--length", "4", "--feedback", "x0 + x1*x2"], 65, ["x1*x2"]),
    (["--length", "8"], 2, ["--feedback"]),
    (["--feedback", "0,1"], 2, ["--length"]),
    ([*GOOD, "--polynomial", "x^8 + x + 1"], 2, ["twice"]),
    # the run
    ([*GOOD, "--threads", "0"], 2, ["--threads"]),
    ([*GOOD, "--threads", "many"], 2, ["many"]),
    ([*GOOD, "--engine", "warp"], 2, ["warp", "leader"]),
    ([*GOOD, "--batch-size", "0"], 2, ["--batch-size"]),
    ([*GOOD, "--checkpoint-every", "5m"], 2, ["--checkpoint-every", "5m", "5min"]),
    ([*GOOD, "--max-minutes", "0"], 2, ["--max-minutes"]),
    ([*GOOD, "--max-minutes", "5", "--checkpoint-every", "0"], 2, ["--max-minutes", "checkpoints"]),
    ([*GOOD, "--cycles", "some"], 2, ["some", "none"]),
    (["--length", "8", "--feedback", "0", "--cycles", "35"], 73, ["35", "--cycles all"]),
    ([*GOOD, "--quiet", "--verbose"], 2, ["--quiet"]),
    ([*GOOD, "--cycles", "none", "--sequences"], 2, ["--sequences"]),
    ([*GOOD, "--unknown"], 2, ["--unknown"]),
    # job files
    (["missing.toml"], 65, ["missing.toml"]),
    (["broken.toml"], 65, ["broken.toml:2:"]),
    (["unknown.toml"], 65, ["unknown.toml:3:1", "tap"]),
    (["wrong_type.toml"], 65, ["wrong_type.toml:2:", "integer"]),
    (["."], 65, ["folder"]),
    (["bad_zeros.toml"], 65, ["bad_zeros.toml:5:", "milestone_zeros", "integer"]),
    # the engine
    ([*GOOD, "--engine", "milestone", "--milestone-zeros", "0"], 2, ["--milestone-zeros 0", "1 to 7"]),
    ([*GOOD, "--milestone-zeros", "8"], 2, ["--milestone-zeros 8", "1 to 7"]),
    ([*GOOD, "--milestone-zeros", "-1"], 2, ["--milestone-zeros -1", "1 to 7"]),
    ([*GOOD, "--milestone-zeros", "few"], 2, ["few"]),
    ([*GOOD, "--engine", "leader", "--milestone-zeros", "3"], 2, ["--milestone-zeros 3", "leader"]),
    (["--length", "1", "--feedback", "0", "--engine", "milestone"], 2, ["--engine", "leader"]),
    (["--length", "1", "--feedback", "0", "--milestone-zeros", "1"], 2, ["--milestone-zeros 1"]),
    (["--length", "62", "--feedback", "0,1", "--milestone-zeros", "2"], 73,
     ["--milestone-zeros 2", "GiB"]),
    ([*GOOD, "--engine", "closed-form", "--milestone-zeros", "3"], 2, ["--milestone-zeros 3"]),
    ([*GOOD, "--engine", "closed-form", "--cycles", "all"], 2, ["--cycles all", "milestone"]),
    ([*GOOD, "--engine", "closed-form", "--sequences"], 2, ["--sequences", "milestone"]),
    ([*GOOD, "--engine", "closed-form", "--index"], 2, ["--index", "milestone"]),
    (["--length", "8", "--feedback", "0,(1,2)", "--engine", "closed-form"], 2, ["products", "auto"]),
    # where the table lies
    ([*GOOD, "--table", "far"], 2, ["far", "spread"]),
    ([*GOOD, "--engine", "leader", "--table", "spread"], 2, ["--table spread", "leader"]),
    ([*GOOD, "--engine", "closed-form", "--table", "node"], 2, ["--table node", "closed form"]),
    ([*GOOD, "--index", "--table", "spread"], 2, ["--index", "--table node"]),
    (["--length", "62", "--feedback", "0,1", "--milestone-zeros", "2", "--table", "spread"], 73,
     ["--milestone-zeros 2", "--table spread", "GiB"]),
    # the index
    ([*GOOD, "--index", "--cycles", "none"], 2, ["--index", "--cycles none"]),
    ([*GOOD, "--index", "--engine", "leader"], 2, ["--index", "--engine leader"]),
    (["--length", "1", "--feedback", "0", "--index"], 2, ["--index", "length 1"]),
]

JOBS = {
    "broken.toml": "[register]\nlength = \n",
    "unknown.toml": "[register]\nlength = 4\ntap = '0,1'\n",
    "bad_zeros.toml": "[register]\nlength = 4\nfeedback = '0,1'\n[run]\nmilestone_zeros = '2'\n",
    "wrong_type.toml": "[register]\nlength = '4'\nfeedback = '0,1'\n",
}


def page_line(args, code, stderr):
    """A row of jobs/ERRORS.md. Sizes of memory differ from machine to machine."""
    # The lines below the first, where there are any, show the text with a caret under the error.
    message = stderr.partition("orbitmill: error: ")[2].splitlines()[0]
    message = re.sub(r"[\d.]+ ([KMGT]iB)", r"# \1", message)
    return f"| `{shlex.join(args)}` | {code} | {message} |"


class BadInput(unittest.TestCase):
    def setUp(self):
        self.folder = "errors"
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        for name, text in JOBS.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)

    def check(self, args, code, words, ranks, output="out.h5", **kwargs):
        before = sorted(os.listdir(self.folder))
        result = run("decompose", *args, "-o", output, ranks=ranks, cwd=self.folder, **kwargs)
        context = f"{args} with {ranks} ranks:\n{result.stderr}"
        self.assertEqual(result.returncode, code, context)
        self.assertEqual(result.stderr.count("orbitmill: error"), 1, context)
        for word in words:
            self.assertIn(word, result.stderr, context)
        self.assertEqual(sorted(os.listdir(self.folder)), before, context)
        return result

    def test_each_line_alone(self):
        lines = []
        for args, code, words in BAD_INPUT:
            with self.subTest(args=args):
                result = self.check(args, code, words, None)
                lines.append(page_line(args, code, result.stderr))
        if "--page" in sys.argv:
            print(*lines, sep="\n", file=sys.stderr)
            return
        with open(PAGE, encoding="utf-8") as file:
            page = [line.rstrip("\n") for line in file if line.startswith("| `")]
        self.assertEqual(page, lines)

    def test_a_selection_under_mpirun_prints_once(self):
        for line in (0, 3, 12, 19, 24, 27, 28, 30, -3, -1):
            args, code, words = BAD_INPUT[line]
            with self.subTest(args=args):
                self.check(args, code, words, 3)

    def test_output_problems(self):
        self.check(GOOD, 73, ["missing/out.h5", "mkdir"], 2, output="missing/out.h5")
        self.check(GOOD, 73, ["folder"], None, output=".")
        result = run("decompose", *GOOD)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--output", result.stderr)

    def test_existing_file_is_kept(self):
        path = os.path.join(self.folder, "kept.h5")
        decompose(path, *GOOD)
        with open(path, "rb") as file:
            before = file.read()
        self.check(GOOD, 73, ["kept.h5", "--overwrite"], 2, output="kept.h5")
        # A run that fails later keeps it too.
        self.check(["--length", "8", "--feedback", "0", "--cycles", "3", "--overwrite"], 73,
                   ["--cycles"], None, output="kept.h5")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)
        decompose(path, "--length", 9, "--feedback", "0,4", "--overwrite")
        with open(path, "rb") as file:
            self.assertNotEqual(file.read(), before)

    def test_more_ranks_than_work(self):
        self.check(["--length", "1", "--feedback", "0"], 2, ["3 ranks", "2 states"], 3,
                   env={"ORBITMILL_OVERSUBSCRIBE": None})

    def test_singletons_under_slurm(self):
        # What `srun -n 4` without --mpi=pmix looks like from inside one of its processes.
        for rank, errors in (("0", 1), ("3", 0)):
            result = run("decompose", *GOOD, "-o", "out.h5", cwd=self.folder,
                         env={"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": rank,
                              "ORBITMILL_OVERSUBSCRIBE": None})
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertEqual(result.stderr.count("--mpi=pmix"), errors, result.stderr)
            self.assertFalse(os.path.exists(os.path.join(self.folder, "out.h5")))
        self.check(["--length", "8", "--feedback", "1,(2,3)"], 65, ["x0"], None,
                   env={"SLURM_STEP_NUM_TASKS": "4"})

    def test_ranks_that_share_a_core(self):
        one_core = str(min(os.sched_getaffinity(0)))
        result = subprocess.run(
            ["taskset", "-c", one_core, MPIRUN, "-n", "2", "--oversubscribe", BIN, "decompose", *GOOD,
             "-o", "out.h5"], cwd=self.folder, text=True, check=False, timeout=60,
            env={key: value for key, value in os.environ.items()
                 if key != "ORBITMILL_OVERSUBSCRIBE"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("share 1 core", result.stderr)
        self.assertIn("--oversubscribe", result.stderr)

    def test_more_threads_than_cores(self):
        self.check([*GOOD, "--threads", "4000"], 2, ["--threads 4000", "--oversubscribe"], None,
                   env={"ORBITMILL_OVERSUBSCRIBE": None})

    def mounted(self, options, script):
        """Runs `script` in a mount namespace with a small file system on ./mnt."""
        os.makedirs(os.path.join(self.folder, "mnt"), exist_ok=True)
        shell = f"mount -t tmpfs -o {options} none mnt && {script}"
        enter = ["unshare", "--mount"] if os.geteuid() == 0 else [
            "unshare", "--user", "--map-root-user", "--mount"]
        return subprocess.run([*enter, "sh", "-c", shell], cwd=self.folder, text=True, check=False,
                              env=dict(os.environ, BIN=BIN, ORBITMILL_OVERSUBSCRIBE="1"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)

    def test_read_only_file_system(self):
        result = self.mounted("ro", '"$BIN" decompose --length 8 --feedback 0,2,3,4 -o mnt/a.h5')
        self.assertEqual(result.returncode, 73, result.stderr)
        self.assertIn("mnt", result.stderr)
        self.assertEqual(result.stderr.count("orbitmill: error"), 1)

    def test_full_disk(self):
        # A megabyte of sequences, 200 KB when compressed, does not fit into 64 KiB.
        for launch in ('"$BIN"', '"$MPIRUN" -n 2 --oversubscribe "$BIN"'):
            result = self.mounted("size=64k", f"{launch} decompose --length 20 --feedback 0 "
                                  "--sequences -o mnt/a.h5; code=$?; ls -A mnt; exit $code")
            self.assertEqual(result.returncode, 74, result.stderr)
            self.assertEqual(result.stdout.strip(), "", result.stderr)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
            self.assertRegex(result.stderr, "(?i)space|full|free")

    def test_show_of_what_is_no_result(self):
        with open(os.path.join(self.folder, "text.h5"), "w", encoding="utf-8") as file:
            file.write("no HDF5 at all\n")
        for name in ("text.h5", "missing.h5", "."):
            result = run("show", name, cwd=self.folder)
            self.assertEqual(result.returncode, 74, name)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1)

    def test_usage_of_the_program(self):
        for args in ([], ["dance"], ["show"], ["--nonsense"]):
            result = run(*args)
            self.assertEqual(result.returncode, 2, args)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1)


class InjectedFault(unittest.TestCase):
    """An exception in one batch of one rank, thrown by a test program around the same main()."""

    def setUp(self):
        if os.path.exists("f.h5"):
            os.remove("f.h5")

    def test_any_rank_ends_the_job_with_its_message(self):
        program = os.environ["ORBITMILL_WITH_FAULT"]
        for ranks in (1, 2, 4):
            for failing in range(ranks):
                result = run("decompose", "--length", 20, "--feedback", "0,2,3,(5,9)", "-o", "f.h5",
                             # Every rank has work of its own.
                             "--schedule", "static", "--engine", "leader",
                             # The others would save their work, and do well to.
                             "--checkpoint-every", "0",
                             ranks=ranks, program=program, timeout=30,
                             env={"FAULT_RANK": str(failing)})
                self.assertEqual(result.returncode, 70, result.stderr)
                self.assertEqual(result.stderr.count("injected into rank"), 1, result.stderr)
                self.assertIn(f"injected into rank {failing}", result.stderr)
                self.assertEqual([name for name in os.listdir(".") if name.startswith("f.h5")], [])

    def test_work_lost_or_done_twice_ends_the_job(self):
        program = os.environ["ORBITMILL_WITH_FAULT"]
        # Static: every rank surely has batches. In other modes nobody knows which ranks will.
        cases = [(ranks, ranks - 1, "static") for ranks in (1, 2, 4)]
        cases += [(3, "all", mode) for mode in ("sequential", "shared", "stealing", "hybrid")]
        for fault, words in (("lose", "work was lost"), ("twice", "work was done twice")):
            for ranks, failing, mode in cases:
                with self.subTest(fault=fault, ranks=ranks, mode=mode):
                    result = run("decompose", "--length", 18, "--feedback", "0,2,3,(5,9)", "-o",
                                 "f.h5", "--schedule", mode, "--batch-size", 1000,
                                 "--checkpoint-every", "0", ranks=ranks,
                                 program=program, timeout=30,
                                 env={"FAULT": fault, "FAULT_RANK": str(failing)})
                    self.assertEqual(result.returncode, 70, result.stderr)
                    self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
                    self.assertIn(words, result.stderr)
                    self.assertEqual(
                        [name for name in os.listdir(".") if name.startswith("f.h5")], [])


if __name__ == "__main__":
    if "--page" in sys.argv:
        unittest.main(argv=[sys.argv[0], "BadInput.test_each_line_alone"])
    unittest.main()
