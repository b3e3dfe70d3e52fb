"""Campaigns that are interrupted and go on, with other ranks and units of work: signals, the limit
of time, other jobs, damage, the fresh start. Interrupted runs are those of the program with a fault
built in: a pause in every batch makes sure that none is over before it is stopped."""
import glob
import os
import random
import re
import shutil
import signal
import unittest

import h5py

from support import BIN, damage, datasets, decompose, run

WITH_FAULT = os.environ["ORBITMILL_WITH_FAULT"]

# Of each kind: entries of a list over two fields with failures among them, and families.
JOB = """
title = "{title}"
[campaign]
task = "{task}"
[[registers]]
list = [{list}]
length = 9
[[registers]]
rows = "rows.csv"
field = 3
[[registers]]
form = "x0+xa+xb*xc"
lengths = [5, {longest}]
{more}
"""
LIST = ["0,1,(2,3)", "0,2,(3,4)", "1,(2,3)", "0,4", "0,1,2,(4,5)", "0,5,(1,8),(2,3)", "0,3,(1,2,4)"]


def write_job(name, task="decompose", title="kept", entries=LIST, longest=9, more=""):
    with open("rows.csv", "w", encoding="ascii") as file:
        file.write("".join(f"{1 + i % 2},{i % 3},{i // 3 % 3},1,{i // 9}\n" for i in range(27)))
    quoted = ", ".join(f'"{entry}"' for entry in entries)
    with open(name, "w", encoding="ascii") as file:
        file.write(JOB.format(task=task, title=title, list=quoted, longest=longest, more=more))


def remove(output):
    shutil.rmtree(f"{output}.checkpoint", ignore_errors=True)
    if os.path.exists(output):
        os.remove(output)


def records(output):
    return sorted(glob.glob(f"{output}.checkpoint/*.rec"))


def filter_counts(output):
    """What the stages looked at and settled; the seconds differ."""
    with h5py.File(output) as file:
        return {name: file[f"run/{name}"][...].tolist()
                for name in ("filter_name", "filter_entered", "filter_settled")}


def interrupt(output, job, ranks=None, unit="whole", at=0, rank=0, number=0, args=(),
              code=75):
    """Stops a run in batch `at` of a rank by a signal, or by other means with at=0."""
    # A register by everybody has a few phases, and a batch of a rank in each.
    batch = 1 if unit == "whole" else 1000000
    # Static: every rank surely has so many batches. A run to its end would take ten seconds of pauses.
    result = run("campaign", job, "-o", output, "--schedule", "static", "--batch-size", batch,
                 "--threads", 1, *args, ranks=ranks, program=WITH_FAULT,
                 env={"FAULT": "signal", "FAULT_RANK": str(rank), "FAULT_SIGNAL": str(int(number)),
                      "FAULT_AT": str(at), "FAULT_PAUSE_MS": "20", "FAULT_UNIT": unit})
    assert not os.path.exists(output), result.stderr
    assert not glob.glob(f"{output}.partial-*")
    if code is not None:
        assert result.returncode == code, f"{result.returncode}: {result.stderr}"
    return result.stderr


class GoesOn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for task in ("decompose", "period", "search"):
            write_job(f"{task}.toml", task)
            remove(f"{task}.h5")
            # The list has failures.
            result = run("campaign", f"{task}.toml", "-o", f"{task}.h5", "--checkpoint-every", 0)
            assert result.returncode == 65, result.stderr
            assert not os.path.exists(f"{task}.h5.checkpoint")

    def goes_on(self, output, task, ranks=None, unit=None, args=()):
        """The same command comes to the same end."""
        env = {} if unit is None else {"FAULT": "signal", "FAULT_PAUSE_MS": "0", "FAULT_UNIT": unit}
        result = run("campaign", f"{task}.toml", "-o", output, *args, ranks=ranks, env=env,
                     program=BIN if unit is None else WITH_FAULT)
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertIn(f"going on from {output}.checkpoint", result.stderr)
        self.assertRegex(result.stderr,
                         r"campaign: [\d.]+ % done before, in \d+ records?; [\d.]+ % left")
        self.assertEqual(datasets(output), datasets(f"{task}.h5"))
        self.assertFalse(os.path.exists(f"{output}.checkpoint"))
        return result.stderr

    def stopped(self, log, why=""):
        self.assertEqual(log.count("orbitmill: stopped " + why), 1, log)
        self.assertIn("the same command goes on", log)
        self.assertIn("--restart", log)
        self.assertNotIn("error", log)
        return float(re.search(r"in the campaign with ([\d.]+) % of it done", log).group(1))

    def test_signals_to_any_rank(self):
        for index, (ranks, rank, unit, number, name) in enumerate([
                (None, 0, "whole", signal.SIGUSR1, "USR1"), (3, 2, "whole", signal.SIGUSR1, ""),
                (2, 0, "everybody", signal.SIGUSR1, "on signal USR1"),
                (1, 0, "everybody", signal.SIGTERM, "on signal TERM"),
                (4, 1, "whole", signal.SIGTERM, ""), (2, 1, "everybody", signal.SIGTERM, "")]):
            task = ("decompose", "period", "search")[index % 3]
            with self.subTest(ranks=ranks, rank=rank, unit=unit, number=number, task=task):
                output = f"signal-{index}.h5"
                remove(output)
                at = 8 if unit == "whole" else 30
                log = interrupt(output, f"{task}.toml", ranks, unit, at, rank, number)
                said = self.stopped(log)
                self.assertGreater(said, 0)
                # Nothing is lost: what the farewell called done is done when it goes on.
                log = self.goes_on(output, task, 1 + index % 4)
                found = float(re.search(r"([\d.]+) % done before", log).group(1))
                self.assertAlmostEqual(said, found, delta=0.2)

    def test_counts_add_up_over_interruptions(self):
        remove("sum.h5")
        done = 0.0
        for runs, ranks in enumerate((2, None, 3)):
            log = interrupt("sum.h5", "period.toml", ranks, "whole", 5, 0, signal.SIGUSR1)
            self.assertGreater(said := self.stopped(log), done, f"run {runs}")
            done = said
        self.goes_on("sum.h5", "period", 2, "whole")
        self.assertEqual(filter_counts("sum.h5"), filter_counts("period.h5"))

    def test_the_unit_of_work_may_change(self):
        remove("unit.h5")
        for ranks, unit in ((2, "everybody"), (3, "whole"), (1, "everybody")):
            self.stopped(interrupt("unit.h5", "decompose.toml", ranks, unit, 30, 0, signal.SIGUSR1))
        self.goes_on("unit.h5", "decompose", 3, "everybody")

    def test_max_minutes(self):
        remove("limit.h5")
        for ranks in (1, 3, None):
            log = interrupt("limit.h5", "search.toml", ranks, args=("--max-minutes", "0.04"))
            self.stopped(log, "by --max-minutes")
        self.goes_on("limit.h5", "search", 4)

    def test_a_killed_rank(self):
        rng = random.Random(3)
        for ranks, unit in ((1, "everybody"), (2, "whole"), (3, "everybody"), (4, "whole")):
            remove("killed.h5")
            # Of rank 0 alone in the unit "everybody", and of each in the other: all have saved.
            interrupt("killed.h5", "period.toml", ranks, unit, 9 if unit == "whole" else 30,
                      rng.randrange(ranks), signal.SIGKILL, ("--checkpoint-every", "0.05"), None)
            self.assertTrue(records("killed.h5"))
            self.goes_on("killed.h5", "period", rng.randint(1, 4))

    def test_with_the_file_of_an_earlier_run(self):
        """Its rows are taken over, and the rest is kept as well."""
        write_job("short.toml", longest=6)
        write_job("decompose.toml")
        remove("earlier.h5")
        run("campaign", "short.toml", "-o", "earlier.h5")
        before = datasets("earlier.h5")
        shutil.copy("earlier.h5", "earlier-copy.h5")
        result = run("campaign", "decompose.toml", "-o", "earlier.h5", "--batch-size", 1,
                     "--schedule", "static", ranks=2, program=WITH_FAULT,
                     env={"FAULT": "signal", "FAULT_AT": "6", "FAULT_RANK": "1",
                          "FAULT_SIGNAL": str(int(signal.SIGUSR1)), "FAULT_PAUSE_MS": "20",
                          "FAULT_UNIT": "whole"})
        self.assertEqual(result.returncode, 75, result.stderr)
        self.assertIn("are taken over", result.stderr)
        self.assertEqual(datasets("earlier.h5"), before)
        log = self.goes_on("earlier.h5", "decompose", 3)
        self.assertIn("are taken over", log)
        self.assertGreater(int(re.search(r"(\d+) registers done in", log).group(1)), 0)


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        write_job("job.toml")
        remove("whole.h5")
        remove("kept.h5")
        run("campaign", "job.toml", "-o", "whole.h5", "--checkpoint-every", 0)
        interrupt("kept.h5", "job.toml", 2, at=14, number=signal.SIGUSR1,
                  args=("--checkpoint-every", "0.1"))

    def setUp(self):
        write_job("job.toml")
        remove("x.h5")
        shutil.copytree("kept.h5.checkpoint", "x.h5.checkpoint")

    def finishes(self, *args, ranks=None):
        result = run("campaign", "job.toml", "-o", "x.h5", *args, ranks=ranks)
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertEqual(datasets("x.h5"), datasets("whole.h5"))
        self.assertFalse(os.path.exists("x.h5.checkpoint"))
        os.remove("x.h5")
        return result.stderr

    def test_another_job_is_refused_with_both_values(self):
        for ranks, (change, values) in enumerate([
                ({"task": "search"}, ('task is "decompose"', '"search"')),
                ({"longest": 7}, ('families is "5"', '"3"')),
                ({"entries": LIST[1:]}, ('list is "', "registers with checksum")),
                ({"entries": ["0,1,(2,4)", *LIST[1:]]}, ('list is "', "registers with checksum")),
                ({"more": "[registers.ranges]\na = [1, 4]"},
                 ('"x0 + xa + xb*xc, n = 5"', '"x0 + xa + xb*xc, n = 5, a = [1, 4]"')),
                ({"more": "[filters]\nterms = [1, 3]"}, ('filter is "none"', '"terms 1 to 3"'))]):
            write_job("job.toml", **change)
            result = run("campaign", "job.toml", "-o", "x.h5", ranks=ranks if ranks > 3 else None)
            self.assertEqual(result.returncode, 65, result.stderr)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
            for value in ("belongs to another job", "--restart", *values):
                self.assertIn(value, result.stderr)
        # What does not decide the rows may change: the order of the list, repeats, the title (it is
        # compared with the others).
        write_job("job.toml", entries=[*reversed(LIST), LIST[0]])
        result = run("campaign", "job.toml", "-o", "x.h5", "--batch-size", 3, "--schedule",
                     "hybrid", ranks=3)
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertIn("% done before", result.stderr)
        self.assertEqual(datasets("x.h5", ("run", "profile", "list")),
                         datasets("whole.h5", ("run", "profile", "list")))

    def test_another_command_is_refused(self):
        result = run("decompose", "--length", 8, "--feedback", "0,2,3,4", "-o", "x.h5")
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertIn('its command is "campaign", and here it is "decompose"', result.stderr)

    def test_restart_discards(self):
        self.assertNotIn("done before", self.finishes("--restart"))
        self.finishes("--restart", ranks=2)

    def test_checkpoints_switched_off_still_go_on(self):
        self.assertIn("% done before", self.finishes("--checkpoint-every", 0))

    def test_a_damaged_record_is_reported_and_done_again(self):
        names = records("x.h5")
        self.assertGreater(len(names), 5)
        rng = random.Random(6)
        hit = rng.sample(names, 4)
        damage(hit, rng)
        log = self.finishes(ranks=3)
        for name in hit:
            self.assertEqual(log.count(f'"{os.path.basename(name)}"'), 1, log)
        self.assertEqual(log.count("done again"), 4)
        self.assertIn("% done before", log)

    def test_a_record_twice_counts_once(self):
        name = records("x.h5")[0]
        shutil.copy(name, name.replace(".rec", "-again.rec"))
        self.assertIn("repeats what another record has", self.finishes())

    def test_a_damaged_job_file_is_refused(self):
        with open("x.h5.checkpoint/job", "a", encoding="ascii") as file:
            file.write("x")
        result = run("campaign", "job.toml", "-o", "x.h5")
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertIn("damaged", result.stderr)
        self.assertNotIn("done before", self.finishes("--restart"))

    def test_a_short_run_leaves_no_trace(self):
        run("campaign", "job.toml", "-o", "short.h5", "--overwrite", ranks=2)
        self.assertTrue(os.path.exists("short.h5"))
        self.assertFalse(os.path.exists("short.h5.checkpoint"))


class Options(unittest.TestCase):
    """The same names, limits and messages as `decompose` has."""

    def test_bad_values_are_refused_alike(self):
        write_job("job.toml")
        for args in (["--checkpoint-every", "5m"], ["--checkpoint-every", "-1"],
                     ["--max-minutes", "0"], ["--max-minutes", "1h"],
                     ["--max-minutes", "5", "--checkpoint-every", "0"]):
            ours = run("campaign", "job.toml", "-o", "bad.h5", *args)
            theirs = run("decompose", "--length", 8, "--feedback", "0,2,3,4", "-o", "bad.h5", *args)
            self.assertEqual(ours.returncode, 2, ours.stderr)
            self.assertEqual(ours.stderr, theirs.stderr)
        self.assertFalse(os.path.exists("bad.h5"))

    def test_keys_and_the_environment(self):
        remove("keys.h5")
        write_job("job.toml", more="[run]\nmax_minutes = 0.04\ncheckpoint_every = '0.2s'")
        self.assertIn("by --max-minutes", interrupt("keys.h5", "job.toml"))
        result = run("campaign", "job.toml", "-o", "keys.h5", env={"ORBITMILL_RESTART": "1"})
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertNotIn("done before", result.stderr)

    def test_a_checkpoint_of_decompose_is_refused(self):
        decompose("one.h5", "--length", 8, "--feedback", "0,2,3,4", "--overwrite")
        os.makedirs("one-campaign.h5.checkpoint", exist_ok=True)
        remove("one-campaign.h5")
        result = run("decompose", "--length", 30, "--feedback", "0,1,5,(3,8)", "--engine", "leader",
                     "-o", "one-campaign.h5", "--max-minutes", "0.05", program=WITH_FAULT,
                     env={"FAULT": "signal", "FAULT_PAUSE_MS": "5"})
        self.assertEqual(result.returncode, 75, result.stderr)
        write_job("job.toml")
        result = run("campaign", "job.toml", "-o", "one-campaign.h5")
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertIn('its command is "decompose", and here it is "campaign"', result.stderr)
        shutil.rmtree("one-campaign.h5.checkpoint")


if __name__ == "__main__":
    unittest.main()
