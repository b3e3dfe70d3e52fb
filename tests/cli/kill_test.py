"""Kills ranks at random moments until enough have died, starting again each time with other ranks,
threads and schedules: the result is that of an undisturbed run, and little work is lost.

    kill_test.py --kills N [--seed S] [--command decompose|campaign]

Every kind of job is killed again and again: the leader sweep, which is one long phase, and the
milestone engine with a short and with a long pass; campaigns of many small registers, and of a few
large ones, which a run may spread whole or have everybody decompose. A killed rank gets SIGKILL, so
it saves nothing any more; mpirun then ends the others by TERM, which lets them save, or by SIGKILL.
"""
import argparse
import collections
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

from support import BIN, MPIRUN, datasets, run

INTERVAL_S = 0.05
# Each takes one to five seconds on an idle core.
DECOMPOSE_JOBS = {
    "leader": ["--length", "28", "--feedback", "0,1,5,(3,8)", "--engine", "leader"],
    "pass": ["--length", "33", "--feedback", "0,1,5,(3,8)", "--milestone-zeros", "8"],
    "sweep": ["--length", "33", "--feedback", "0,2,3,(5,9)", "--milestone-zeros", "13"],
    "ternary": ["--field", "3", "--coefficients", "2,0,1,0,0,0,0,0,0,0,0,1,0,0,0,0",
                "--engine", "milestone", "--milestone-zeros", "4"],
}
CAMPAIGN_JOBS = {
    "small": '''[campaign]
task = "search"
[[registers]]
form = "x0+xa+xb+xc*xd"
lengths = [4, 19]
''',
    "large": '''[[registers]]
list = ["0,1,2,(1,2)", "0,3,(1,5)", "0,7,(2,6)", "0,1,2,(3,4)", "0,2,(4,5)", "0,5,(1,2)"]
length = 27
[[registers]]
form = "x0+x1+xa*xb"
lengths = [18, 20]
''',
}
PHASE_DONE = re.compile(r"\] ([a-z0-9 ,]+): done in ")
SCHEDULES = ["auto", "static", "shared", "stealing", "hybrid"]


def start(job, output, rng):
    """One run, on 1 to 4 ranks."""
    ranks = rng.randint(1, 4)
    command = [MPIRUN, "-n", str(ranks), "--oversubscribe", BIN, *job, "-o", output,
               "--checkpoint-every", str(INTERVAL_S), "--threads", str(rng.randint(1, 2)),
               "--schedule", rng.choice(SCHEDULES), "--verbose"]
    return subprocess.Popen(command, env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1"),
                            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


class Log:
    """What a process writes, line by line while it runs."""

    def __init__(self, process):
        self.lines = []
        self.thread = threading.Thread(target=self.read, args=[process.stderr])
        self.thread.start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line)

    def whole(self):
        """Once the process has ended."""
        self.thread.join()
        return "".join(self.lines)

    def phases_done(self):
        return PHASE_DONE.findall("".join(self.lines))

    def phase(self, phases):
        """The number of the phase, of these in order, that the run is in."""
        done = self.phases_done()
        return phases.index(done[-1]) + 1 if done else 0


def ranks_of(process):
    """Its ranks, by process number: the children of mpirun that are orbitmill already."""
    ranks = []
    try:
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            for child in map(int, file.read().split()):
                if os.readlink(f"/proc/{child}/exe") == os.path.realpath(BIN):
                    ranks.append(child)
    except OSError:
        pass  # ended in the meantime
    return ranks


def kind_of(phase):
    return phase.split(" of level ")[0].split(",")[0]


def restored(log):
    """Share of each phase that a run found done."""
    return {name: float(share) / 100
            for name, share in re.findall(r"\] ([a-z0-9 ]+): ([\d.]+) % done before", log)}


class Job:
    """One job that is killed until it ends."""

    def __init__(self, name, arguments, rng):
        self.name = name
        self.arguments = arguments
        self.rng = rng
        self.output = f"{name}.h5"
        self.reference = f"{name}-whole.h5"
        begin = time.monotonic()
        result = run(*arguments, "-o", self.reference, "--checkpoint-every", "0", "--verbose", ranks=2)
        assert result.returncode == 0, result.stderr
        self.run_s = time.monotonic() - begin
        # In order, with names such as "sweep of level 3"; none of a campaign.
        self.phases = PHASE_DONE.findall(result.stderr) if arguments[0] == "decompose" else []
        self.content = datasets(self.reference)
        self.ended = 0
        self.progress = {}
        self.lives = 0
        self.losses = []  # seconds from the last save to the kill

    def saves(self, begin):
        """(time, number of the phase) of each record since `begin`."""
        try:
            with os.scandir(f"{self.output}.checkpoint") as entries:
                found = [(entry.stat().st_mtime, entry.name.split("-")[0]) for entry in entries
                         if entry.name.endswith(".rec")]
        except FileNotFoundError:
            return []
        return [save for save in found if save[0] > begin]

    def wait_for_a_phase(self, process, log, hits):
        kinds = sorted({kind_of(phase) for phase in self.phases}, key=lambda kind: hits[kind])
        aim = self.rng.choice([number for number, phase in enumerate(self.phases)
                               if kind_of(phase) == kinds[0]])
        while process.poll() is None and log.phase(self.phases) < aim:
            time.sleep(0.002)
        time.sleep(self.rng.random() * 0.03)

    def kill_once(self, hits):
        """Starts the job and kills a rank at a random moment; returns whether one was hit, and
        counts it in `hits` by kind of phase."""
        begin = time.time()
        process = start(self.arguments, self.output, self.rng)
        log = Log(process)
        # In the phase hit least; at any time, the start included; or after some saves, anywhere
        # between two of them.
        draw = self.rng.random()
        if self.phases and draw < 0.5:
            self.wait_for_a_phase(process, log, hits)
        elif draw < 0.65:
            time.sleep(self.rng.random() * self.run_s)
        else:
            wanted = self.rng.randint(1, 12)
            while process.poll() is None and len(self.saves(begin)) < wanted:
                time.sleep(0.005)
            time.sleep(self.rng.random() * INTERVAL_S)
        ranks = ranks_of(process)
        saves = self.saves(begin)
        hit = bool(ranks) and process.poll() is None
        if hit:
            try:
                os.kill(self.rng.choice(ranks), signal.SIGKILL)
            except ProcessLookupError:
                hit = False
        killed = time.time()
        process.wait(timeout=300)
        self.judge(process.returncode, log.whole(), hit)
        if not hit or process.returncode == 0:
            return False
        if not self.phases:
            hits["campaign"] += 1
        elif "] milestone pass" in log.whole() or "start-up took" in log.whole():
            phase = log.phase(self.phases)
            hits[kind_of(self.phases[phase]) if phase < len(self.phases) else "writing"] += 1
        else:
            hits["start"] += 1
        if saves:
            self.losses.append(killed - max(saves)[0])
        return True

    def judge(self, code, log, hit):
        assert "damaged" not in log and "left out" not in log, log
        assert "lost" not in log.replace("has lost communication", ""), log
        now = restored(log)
        # What was on the disk once is there the next time.
        if now:
            for phase, share in self.progress.items():
                assert now.get(phase, share) >= share - 0.002, f"{phase}: {share} -> {now}\n{log}"
            self.progress.update(now)
        if code == 0:
            self.finished()
            return
        assert hit, f"{self.name}: ended with {code} without being killed\n{log}"
        self.lives += 1
        if os.path.exists(self.output):
            # Hit behind the last step: the result is in its place, whole, the checkpoint maybe too.
            shutil.rmtree(f"{self.output}.checkpoint", ignore_errors=True)
            self.finished()

    def finished(self):
        assert datasets(self.output) == self.content, f"{self.name}: another result"
        assert not os.path.exists(f"{self.output}.checkpoint"), os.listdir(".")
        os.remove(self.output)
        self.ended += 1
        self.progress = {}

    def finish(self):
        """To the end, undisturbed."""
        process = start(self.arguments, self.output, self.rng)
        _, log = process.communicate(timeout=300)
        self.judge(process.returncode, log, False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", choices=["decompose", "campaign"], help="default: both")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    jobs = []
    if arguments.command != "campaign":
        jobs += [Job(name, ["decompose", *job], rng) for name, job in DECOMPOSE_JOBS.items()]
    if arguments.command != "decompose":
        for name, text in CAMPAIGN_JOBS.items():
            with open(f"{name}.toml", "w", encoding="ascii") as file:
                file.write(text)
            jobs.append(Job(name, ["campaign", f"{name}.toml"], rng))
    kills = 0
    runs = 0
    hits = collections.Counter()
    while kills < arguments.kills:
        job = jobs[runs % len(jobs)]
        runs += 1
        kills += job.kill_once(hits)
        assert runs < 6 * arguments.kills + 20, "hardly any run could be hit"
    for job in jobs:
        job.finish()
        print(f"{job.name}: {job.lives} kills, {job.ended} results, all the same")
    for where, count in sorted(hits.items()):
        print(f"  {count:4d} killed in {where}")
    losses = [loss for job in jobs for loss in job.losses] or [0.0]
    print(f"{kills} kills in {runs} runs; work lost at {len(losses)} of them: "
          f"median {statistics.median(losses):.3f} s, most {max(losses):.3f} s, "
          f"with a save every {INTERVAL_S} s")
    # The median: a machine that is busy otherwise lets a rank wait for longer than that now and then.
    # A register by everybody is kept as a whole, and as many seconds as it takes may be lost.
    losses = [loss for job in jobs if job.arguments[0] == "decompose" for loss in job.losses] or [0]
    assert statistics.median(losses) < 20 * INTERVAL_S, "work is lost that should have been saved"
    return 0


if __name__ == "__main__":
    sys.exit(main())
