"""Memory that one rank does not get: the whole job ends, once, with the reason."""
import os
import random
import shutil
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import BIN, MPIRUN, datasets, decompose, run

PROGRAM = os.environ["ORBITMILL_WITH_FAULT"]
# Both tables, the index and a result: all that a run allocates. Every rank has batches.
JOB = ["--length", 18, "--feedback", "0,2,3,(5,9)", "--milestone-zeros", 5, "--index",
       "--schedule", "static", "--threads", 1, "--quiet"]


def remains(name):
    """A file of the result's name. A rank that fails alone may not know the temporary one."""
    return os.path.exists(name)


class OneRankRunsOut(unittest.TestCase):
    def check_end(self, result, output):
        self.assertEqual(result.returncode, 70, result.stderr)
        self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
        self.assertEqual(result.stderr.count("out of memory"), 1, result.stderr)
        self.assertFalse(remains(output), output)

    def test_in_a_batch(self):
        for ranks in (1, 2, 4):
            for failing in {0, ranks - 1}:
                with self.subTest(ranks=ranks, failing=failing):
                    result = run("decompose", *JOB, "-o", "batch.h5", ranks=ranks, program=PROGRAM,
                                 timeout=30, env={"FAULT": "memory", "FAULT_RANK": str(failing)})
                    self.check_end(result, "batch.h5")

    def start(self, case):
        ranks, failing, start, at = case
        output = f"struck-{ranks}-{failing}-{start}-{at}.h5"
        return output, run("decompose", *JOB, "-o", output, ranks=ranks, program=PROGRAM,
                           timeout=60, env={"FAULT": "allocation", "FAULT_RANK": str(failing),
                                "FAULT_FROM": start, "FAULT_AT": str(at)})

    def test_anywhere_on_the_main_thread(self):
        """Before MPI is up, in prepare() of a phase, gathering, starting the index, writing: any
        allocation of C++ code may be the one. The first ones after the milestone pass each."""
        decompose("whole.h5", *JOB)
        cases = []
        for ranks, failing, places in ((1, 0, 6), (2, 0, 5), (2, 1, 8), (4, 0, 2), (4, 2, 4)):
            counted = run("decompose", *JOB, "-o", "count.h5", "--overwrite", ranks=ranks,
                          program=PROGRAM, env={"FAULT": "count"})
            # Ranks count differently; the least of them is reached by all.
            counts = [tuple(map(int, line.split()[1:])) for line in counted.stdout.splitlines()]
            self.assertEqual(len(counts), ranks, counted.stdout)
            if failing > 0:
                counts = [min(counts)]
            whole, later = max(counts)
            dice = random.Random(100 * ranks + failing)
            cases += [(ranks, failing, "batch", at) for at in (1, 3)]
            cases += [(ranks, failing, "batch", dice.randint(1, later * 9 // 10))
                      for _ in range(places)]
            cases += [(ranks, failing, "main", dice.randint(1, whole - later)) for _ in range(2)]
        struck = 0
        # Most of the time is waiting, for mpirun to end what was aborted.
        with ThreadPoolExecutor(4) as pool:
            for case, (output, result) in zip(cases, pool.map(self.start, cases)):
                with self.subTest(case=case):
                    struck += "struck" in result.stderr
                    if "struck" in result.stderr and result.returncode != 0:
                        self.check_end(result, output)
                        continue
                    # Not reached, or one that can be done without, as in std::stable_sort.
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(datasets(output), datasets("whole.h5"))
        self.assertGreater(struck, 0.8 * len(cases))

    def test_a_limit_on_the_memory_of_one_rank(self):
        # 1 GiB of table, which the node has, and an address space for the rest of a rank.
        table = ["decompose", "--length", "34", "--feedback", "0,2,3,(5,9)", "--milestone-zeros",
                 "6", "--threads", "1", "-o", "limit.h5"]
        small = ["decompose", "--length", "20", "--feedback", "0,2,3,(5,9)", "--engine", "leader",
                 "--threads", "1", "-o", "small.h5", "--overwrite"]
        limited = ["bash", "-c", f"ulimit -v {1 << 20}; exec \"$0\" \"$@\"", BIN]
        free = [BIN]
        for before, behind in (([], [limited]), ([free], [limited]), ([limited], [free]),
                               ([free, free], [limited, free])):
            for job, expected in ((small, (0,)), (table, (70, 73))):
                command = [MPIRUN, "--oversubscribe"]
                for number, rank in enumerate(before + behind):
                    command += ([":"] if number > 0 else []) + ["-n", "1", *rank, *job]
                with self.subTest(ranks=len(before + behind), job=job[2]):
                    environment = dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1")
                    result = subprocess.run(command, env=environment, text=True,
                                            stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, timeout=60, check=False)
                    self.assertIn(result.returncode, expected, result.stderr)
                    errors = [line for line in result.stderr.splitlines()
                              if line.startswith("orbitmill: error")]
                    self.assertEqual(len(errors), 0 if job == small else 1, result.stderr)
                    if job == table:
                        self.assertRegex(errors[0], "--milestone-zeros|memory")
                        self.assertFalse(remains("limit.h5"))


class SharedMemory(unittest.TestCase):
    def test_a_small_dev_shm(self):
        """A /dev/shm of 48 MiB, as containers have it, seen by this test alone."""
        def inside(*command):
            script = "mount -t tmpfs -o size=48m tmpfs /dev/shm && exec \"$@\""
            return subprocess.run(["unshare", "-m", "bash", "-c", script, "bash", *command],
                                  env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1"), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                                  check=False)

        if shutil.which("unshare") is None or inside("true").returncode != 0:
            print("not tried: a /dev/shm of its own needs root and mount namespaces")
            return
        job = ["decompose", "--length", "31", "--feedback", "0,2,3,(5,9)", "--threads", "1",
               "--cycles", "none"]
        launch = [MPIRUN, "--oversubscribe", "-n"]
        # 64 MiB of table: refused between ranks, not for one alone.
        for ranks, code in ((2, 73), (1, 0)):
            result = inside(*launch, str(ranks), BIN, *job, "--milestone-zeros", "7", "-o",
                            f"shm-{ranks}.h5")
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(result.stderr.count("--milestone-zeros 7"), ranks - 1, result.stderr)
            self.assertEqual(remains(f"shm-{ranks}.h5"), code == 0)
        # Left to itself the plan takes what fits.
        result = inside(*launch, "2", BIN, *job, "--engine", "milestone", "-o", "fits.h5")
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
