"""Checkpoints from outside: signals, the limit of time, other jobs, damage, the fresh start."""
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from support import BIN, MPIRUN, damage, datasets, decompose, run

# Two to three seconds on one idle core: one long phase, and several.
SWEEP = ["--length", 29, "--feedback", "0,1,5,(3,8)", "--engine", "leader"]
MILESTONES = ["--length", 33, "--feedback", "0,1,5,(3,8)", "--milestone-zeros", 10]


def start(output, *args, ranks=None):
    """Starts a run in the background."""
    command = [BIN, "decompose", *map(str, args), "-o", output]
    if ranks is not None:
        command = [MPIRUN, "-n", str(ranks), "--oversubscribe", *command]
    return subprocess.Popen(command, env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1"), text=True,
                            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


def records(output):
    return sorted(glob.glob(f"{output}.checkpoint/*.rec"))


def wait_for_records(process, output, count=1):
    """Until there is something to go on from."""
    for _ in range(3000):
        if len(records(output)) >= count:
            return
        assert process.poll() is None, "the run ended before it saved anything"
        time.sleep(0.01)
    raise AssertionError("nothing was saved")


def ranks_of(process):
    """The ranks of an mpirun, by process number: its children."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class Signals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        decompose("sweep.h5", *SWEEP, "--checkpoint-every", 0)
        decompose("milestones.h5", *MILESTONES, "--checkpoint-every", 0)

    def goes_on(self, output, reference, *args, ranks=None):
        """The same command again, with other ranks, comes to the same end."""
        result = decompose(output, *args, ranks=ranks)
        self.assertIn(f"going on from {output}.checkpoint", result.stderr)
        self.assertRegex(result.stderr, r"[\d.]+ % done before, in \d+ records?; [\d.]+ % left")
        self.assertEqual(datasets(output), datasets(reference))
        self.assertFalse(os.path.exists(f"{output}.checkpoint"))
        return result

    def stopped(self, process, output, why):
        """It left as it should, and said so once."""
        _, log = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 75, log)
        self.assertEqual(log.count("orbitmill: stopped " + why), 1, log)
        self.assertIn("the same command goes on", log)
        self.assertNotIn("error", log)
        self.assertFalse(os.path.exists(output))
        self.assertFalse(glob.glob(f"{output}.partial-*"))
        return log

    def test_usr1_saves_and_leaves(self):
        for ranks in (None, 1, 3):
            output = f"usr1-{ranks}.h5"
            process = start(output, *SWEEP, "--checkpoint-every", "0.2", ranks=ranks)
            wait_for_records(process, output)
            process.send_signal(signal.SIGUSR1)
            self.stopped(process, output, "on signal USR1")
            self.goes_on(output, "sweep.h5", *SWEEP, ranks=2)

    def test_usr1_before_the_first_save(self):
        """With the default interval nothing has been saved by itself."""
        process = start("first.h5", *SWEEP, ranks=2)
        while "states;" not in process.stderr.readline():
            pass
        time.sleep(0.5)
        self.assertEqual(records("first.h5"), [])
        process.send_signal(signal.SIGUSR1)
        log = self.stopped(process, "first.h5", "on signal USR1")
        result = self.goes_on("first.h5", "sweep.h5", *SWEEP)
        # Nothing is lost: what the farewell called done is done when it goes on.
        said = float(re.search(r"with ([\d.]+) % of it done", log).group(1))
        found = float(re.search(r"([\d.]+) % done before", result.stderr).group(1))
        self.assertAlmostEqual(said, found, delta=0.2)

    def test_one_rank_gets_the_signal_and_all_follow(self):
        for number, name in ((signal.SIGUSR1, "USR1"), (signal.SIGTERM, "TERM")):
            for index in (0, 2):
                output = f"one-{name}-{index}.h5"
                # Where the table lies may change on the way.
                before, after = ("spread", "node") if index == 0 else ("node", "spread")
                process = start(output, *MILESTONES, "--checkpoint-every", "0.1", "--table", before,
                                ranks=3)
                wait_for_records(process, output)
                os.kill(ranks_of(process)[index], number)
                self.stopped(process, output, "")
                self.goes_on(output, "milestones.h5", *MILESTONES, "--table", after, ranks=2)

    def test_term_saves_at_once(self):
        """mpirun passes it on and kills a second later; its own exit code is not ours."""
        process = start("term.h5", *SWEEP, ranks=2)
        while "states;" not in process.stderr.readline():
            pass
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=100)
        self.assertFalse(os.path.exists("term.h5"))
        self.assertEqual(len(records("term.h5")), 2)  # one of each rank
        self.goes_on("term.h5", "sweep.h5", *SWEEP)

        process = start("alone.h5", *SWEEP)
        while "states;" not in process.stderr.readline():
            pass
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        self.stopped(process, "alone.h5", "on signal TERM")
        self.goes_on("alone.h5", "sweep.h5", *SWEEP, ranks=3)

    def test_a_second_signal_ends_at_once(self):
        """One index of this register takes longer than the test: the first signal waits for it."""
        long_batch = ["--length", 34, "--feedback", "0,13", "--engine", "leader", "--threads", 1]
        process = start("second.h5", *long_batch)
        while "states;" not in process.stderr.readline():
            pass
        time.sleep(0.5)
        process.send_signal(signal.SIGUSR1)
        time.sleep(1.3)
        self.assertIsNone(process.poll())
        before = time.monotonic()
        process.send_signal(signal.SIGUSR1)
        process.communicate(timeout=100)
        self.assertEqual(process.returncode, 75)
        self.assertLess(time.monotonic() - before, 10)
        self.assertFalse(os.path.exists("second.h5"))

    def test_a_rank_leaves_by_itself_when_its_peers_do_not_answer(self):
        process = start("dead.h5", *SWEEP, "--checkpoint-every", "0.1", ranks=2)
        wait_for_records(process, "dead.h5", 2)
        root, other = ranks_of(process)
        os.kill(root, signal.SIGSTOP)
        saved = len(records("dead.h5"))
        os.kill(other, signal.SIGTERM)
        process.communicate(timeout=100)
        self.assertEqual(process.returncode, 75)
        self.assertGreater(len(records("dead.h5")), saved)
        self.goes_on("dead.h5", "sweep.h5", *SWEEP, ranks=2)

    def test_max_minutes(self):
        runs = 0
        while True:
            # The first limit is over before the run can be, however fast the machine.
            result = run("decompose", *MILESTONES, "-o", "limit.h5", "--max-minutes",
                         "0.05" if runs else "0.01", ranks=1 + runs % 3)
            runs += 1
            if result.returncode == 0:
                break
            self.assertEqual(result.returncode, 75, result.stderr)
            self.assertIn("stopped by --max-minutes", result.stderr)
            self.assertLess(runs, 60)
        self.assertGreater(runs, 1)
        self.assertEqual(datasets("limit.h5"), datasets("milestones.h5"))


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        decompose("whole.h5", *MILESTONES, "--checkpoint-every", 0)
        process = start("kept.h5", *MILESTONES, "--checkpoint-every", "0.05")
        wait_for_records(process, "kept.h5", 12)
        process.send_signal(signal.SIGUSR1)
        process.communicate(timeout=100)
        assert process.returncode == 75

    def setUp(self):
        shutil.rmtree("x.h5.checkpoint", ignore_errors=True)
        if os.path.exists("x.h5"):
            os.remove("x.h5")
        shutil.copytree("kept.h5.checkpoint", "x.h5.checkpoint")

    def refused(self, code, *args):
        result = run("decompose", *args, "-o", "x.h5")
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn("--restart", result.stderr)
        return result.stderr

    def finishes(self, *args, **kwargs):
        result = decompose("x.h5", *MILESTONES, *args, **kwargs)
        self.assertEqual(datasets("x.h5"), datasets("whole.h5"))
        self.assertFalse(os.path.exists("x.h5.checkpoint"))
        os.remove("x.h5")
        return result.stderr

    def test_another_job_is_refused_with_both_values(self):
        for args, values in [
                (["--length", 33, "--feedback", "0,1,5,(3,9)"], ("x3*x8", "x3*x9")),
                (["--length", 32, "--feedback", "0,1,5,(3,8)"], ('"33"', '"32"')),
                ([*MILESTONES[:4], "--milestone-zeros", 11], ('"10"', '"11"')),
                ([*MILESTONES[:4], "--engine", "leader"], ('"milestone"', '"leader"')),
                ([*MILESTONES, "--cycles", "none"], ('"table"', '"histogram alone"')),
                ([*MILESTONES, "--index"], ('"no"', '"yes"'))]:
            message = self.refused(65, *args)
            for value in values:
                self.assertIn(value, message)
        # What does not decide the result may change; the plan chooses k no more.
        self.finishes("--schedule", "static", "--batch-size", 3, "--title",
                      "GF(2), n = 33: x0 + x1 + x5 + x3*x8", ranks=3)

    def test_k_stays_when_it_was_not_asked_for(self):
        result = decompose("x.h5", *MILESTONES[:4])
        self.assertIn("as the checkpoint has it; 10 zeros", result.stderr)
        self.assertEqual(datasets("x.h5"), datasets("whole.h5"))
        os.remove("x.h5")

    def test_restart_discards(self):
        self.assertNotIn("done before", self.finishes("--restart"))
        # And where there is nothing, or no checkpoint at all:
        self.finishes("--restart")
        with open("x.h5.checkpoint", "w", encoding="ascii") as file:
            file.write("no folder")
        self.refused(74, *MILESTONES)
        os.remove("x.h5.checkpoint")

    def test_a_damaged_record_is_reported_and_done_again(self):
        names = records("x.h5")
        rng = random.Random(5)
        hit = rng.sample(names, 5)
        damage(hit, rng)
        log = self.finishes(ranks=2)
        for name in hit:
            self.assertEqual(log.count(f'"{os.path.basename(name)}"'), 1, log)
        self.assertEqual(log.count("done again"), 5)
        self.assertIn("% done before", log)

    def test_a_record_twice_counts_once(self):
        name = records("x.h5")[0]
        shutil.copy(name, name.replace(".rec", "-again.rec"))
        self.assertIn("repeats what another record has", self.finishes())

    def test_a_damaged_job_file_is_refused(self):
        with open("x.h5.checkpoint/job", "a", encoding="ascii") as file:
            file.write("x")
        self.assertIn("damaged", self.refused(74, *MILESTONES))
        self.assertNotIn("done before", self.finishes("--restart"))

    def test_a_foreign_file_stays(self):
        with open("x.h5.checkpoint/notes.txt", "w", encoding="ascii") as file:
            file.write("mine")
        result = decompose("x.h5", *MILESTONES)
        self.assertIn("cannot be removed", result.stderr)
        self.assertEqual(os.listdir("x.h5.checkpoint"), ["notes.txt"])
        os.remove("x.h5")

    def test_a_short_run_leaves_no_trace(self):
        decompose("short.h5", "--length", 16, "--feedback", "0,2,3,(5,9)", ranks=2)
        self.assertFalse(os.path.exists("short.h5.checkpoint"))


if __name__ == "__main__":
    unittest.main()
