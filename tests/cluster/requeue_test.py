"""Jobs of slurm/ that are interrupted under a real Slurm: they go back into the queue by themselves
and end with the result of an undisturbed run. The COMMAND of minislurm.sh; three nodes more for
LostNode, which crashes three."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.environ["ORBITMILL_SOURCE_DIR"], "tests", "cli"))
from slurm_test import CPUS, SCRIPTS, edited, log_of, shell, submit  # noqa: E402
from support import SOURCE, datasets, decompose  # noqa: E402

# Seconds of computing, saved all the time.
REGISTER = ["--length", "30", "--feedback", "0,2,3,(5,9)", "--engine", "leader",
            "--schedule", "stealing"]
# A minute or two. Not longer: a stop waits for the end of a batch, and they grow with the length.
LONGER = ["--length", "33", *REGISTER[2:]]
LAUNCHERS = ["multi-node-srun", "multi-node-mpirun"]


def state(job):
    return shell(f"ms field {job} JobState")


def restarts(job):
    return int(shell(f"ms field {job} Restarts"))


def batch_host(job):
    return shell(f"ms field {job} BatchHost")


def other_host(job):
    hosts = shell(f"scontrol show hostnames \"$(ms field {job} NodeList)\"").split()
    return next(host for host in hosts if host != batch_host(job))


def kill_rank(host):
    ranks = [line.split() for line in shell(f"fn ps {host}").splitlines()]
    ranks = [words for words in ranks
             if os.path.basename(words[3]) == "orbitmill" and words[4] == "decompose"]
    assert len(ranks) == 1, ranks
    os.kill(int(ranks[0][0]), signal.SIGKILL)


class Interrupted(unittest.TestCase):
    def start(self, script, output, *args, options=""):
        """Submits a job; returns when it computes and has saved something."""
        job = submit(script, *args, "--checkpoint-every", "0.5s", "-o", output, options=options)
        self.addCleanup(subprocess.run, ["scancel", job], check=False)
        deadline = time.monotonic() + 60
        while not glob.glob(f"{output}.checkpoint/*.rec"):
            self.assertLess(time.monotonic(), deadline, f"{state(job)}\n{log_of(job)}")
            time.sleep(0.1)
        return job

    def ended(self, job, expected="COMPLETED", limit_s=150):
        # A job that is requeued shows its old state for a moment.
        deadline = time.monotonic() + limit_s
        while state(job) != expected:
            self.assertLess(time.monotonic(), deadline, f"{state(job)}\n{log_of(job)}")
            time.sleep(0.3)
        return log_of(job)

    def check_goes_on(self, script, event, interrupt, alone="alone.h5", register=None):
        output = f"{script}-{event.replace(' ', '-')}.h5"
        job = self.start(script, output, *(register or REGISTER))
        interrupt(job)
        log = self.ended(job)
        self.assertEqual(restarts(job), 1, log)
        # Appended, so that the log has both runs.
        self.assertEqual(log.count("threads in all"), 2, log)
        self.assertEqual(log.count("going on from"), 1, log)
        self.assertEqual(datasets(output), datasets(alone))
        self.assertFalse(os.path.exists(f"{output}.checkpoint"))
        return log

    def check_on_both_launchers(self, event, interrupt, *messages):
        for script in LAUNCHERS:
            with self.subTest(script=script):
                log = self.check_goes_on(script, event, interrupt)
                for message in messages:
                    self.assertIn(message, log)


class Requeue(Interrupted):
    def test_warning_before_the_time_limit(self):
        self.check_goes_on("multi-node-srun", "warning",
                           lambda job: shell(f"scancel --signal=USR1 {job}"))
        for script in ("multi-node-mpirun", "single-node"):
            with self.subTest(script=script):
                log = self.check_goes_on(script, "warning",
                                         lambda job: shell(f"scancel --batch --signal=USR1 {job}"))
                self.assertIn("stopped on signal USR1", log)
                self.assertIn("exit code 75: requeued, restart 1 of at most 20", log)

    def test_requeue_by_hand(self):
        self.check_on_both_launchers("requeue", lambda job: shell(f"scontrol requeue {job}"))

    def test_killed_rank(self):
        self.check_on_both_launchers("killed rank", lambda job: kill_rank(other_host(job)),
                                     "exit code 137: requeued")

    def test_time_limit_of_the_program(self):
        # As often as it takes.
        job = submit("single-node", *REGISTER, "--max-minutes", "0.06", "-o", "minutes.h5")
        log = self.ended(job)
        self.assertGreater(restarts(job), 0, log)
        self.assertEqual(log.count("going on from"), restarts(job), log)
        self.assertEqual(datasets("minutes.h5"), datasets("alone.h5"))

    def test_limit_of_restarts(self):
        job = submit("single-node", *LONGER, "--max-minutes", "0.03", "-o", "limited.h5",
                     options="--export=ALL,ORBITMILL_RESTARTS=2")
        self.addCleanup(subprocess.run, ["scancel", job], check=False)
        log = self.ended(job, "FAILED")
        self.assertEqual(restarts(job), 2, log)
        self.assertEqual(shell(f"ms field {job} ExitCode"), "75:0")
        self.assertIn("exit code 75, and 2 restarts are the limit", log)

    def test_cancelled_job_stays_away(self):
        for script in [*LAUNCHERS, "single-node"]:
            with self.subTest(script=script):
                job = self.start(script, f"cancelled-{script}.h5", *LONGER)
                shell(f"scancel {job}")
                self.ended(job, "CANCELLED")
                # The script has ended when the job's nodes are free.
                while shell(f"squeue -h -t all -j {job} -o %T") == "COMPLETING":
                    time.sleep(0.2)
                self.assertEqual((state(job), restarts(job)), ("CANCELLED", 0), log_of(job))


class LostNode(Interrupted):
    def test_node_of_ranks(self):
        self.check_on_both_launchers("lost node",
                                     lambda job: shell(f"fn kill {other_host(job)}"))

    def test_node_of_the_script(self):
        self.check_goes_on("multi-node-mpirun", "lost script",
                           lambda job: shell(f"fn kill {batch_host(job)}"))


class TimeLimit(Interrupted):
    def test_time_limit(self):
        # The least there is: a minute, warned of 40 s before, give or take Slurm's half minute.
        decompose("longer.h5", *LONGER, timeout=600)
        for script, warning in zip(LAUNCHERS, ["USR1@40", "B:USR1@40"]):
            with self.subTest(script=script):
                job = self.start(script, f"{script}.h5", *LONGER,
                                 options=f"--time=1 --signal={warning}")
                log = self.ended(job, limit_s=500)
                self.assertGreater(restarts(job), 0, log)
                self.assertIn("stopped on signal USR1", log)
                self.assertIn("exit code 75: requeued", log)
                self.assertEqual(datasets(f"{script}.h5"), datasets("longer.h5"))


def setUpModule():
    shutil.copytree(os.path.join(SOURCE, "slurm"), "slurm")
    for script in SCRIPTS:
        edited(f"{script}.sbatch", r"--cpus-per-task=\d+", f"--cpus-per-task={CPUS}")
    decompose("alone.h5", *REGISTER)


if __name__ == "__main__":
    unittest.main()
