"""What the tests over fake nodes share. They run as the COMMAND of fakenodes.sh."""
import collections
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["ORBITMILL_SOURCE_DIR"], "tests", "cli"))
from support import BIN, MPIRUN, run  # noqa: E402  (found through the line above)

# How the work is shared, as options of `orbitmill decompose`. A new schedule or transport is a line
# here. The last is the most entangled one: tests that can afford one only take that.
STEALING = [
    ["--schedule", "stealing", "--steal-transport", "messages"],
    ["--schedule", "stealing", "--steal-transport", "windows"],
]
MODES = [
    ["--schedule", "auto"],
    ["--schedule", "sequential"],
    ["--schedule", "static"],
    ["--schedule", "shared", "--steal-transport", "messages"],
    ["--schedule", "shared", "--steal-transport", "windows"],
    ["--schedule", "hybrid", "--steal-transport", "messages"],
    ["--schedule", "hybrid", "--steal-transport", "windows"],
    *STEALING,
]


def mpirun(placement):
    """The mpirun that starts `placement` = {node: ranks}."""
    hosts = ",".join(f"{node}:{ranks}" for node, ranks in placement.items())
    return [MPIRUN, "-n", str(sum(placement.values())), "--host", hosts]


def decompose_on(placement, output, *args, timeout=120, **kwargs):
    """Runs `orbitmill decompose` and insists that it works and ran where it should. Returns its
    log."""
    import h5py

    launcher, *options = mpirun(placement)
    result = run(*options, BIN, "decompose", *args, "-o", output, program=launcher, timeout=timeout,
                 **kwargs)
    assert result.returncode == 0, f"{args} on {placement}: {result.returncode}\n{result.stderr}"
    with h5py.File(output, "r") as file:
        hosts = collections.Counter(host.decode() for host in file["profile/host"][...])
    assert hosts == placement, f"{args} ran on {dict(hosts)} instead of {placement}"
    return result.stderr


class Running:
    """`orbitmill decompose` over nodes in the background, from the moment when it computes."""

    def __init__(self, placement, output, *args):
        self.start([*mpirun(placement), BIN, "decompose", *map(str, args), "-o", output])

    def start(self, command, **environment):
        self.log = ""
        self.process = subprocess.Popen(
            command, env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1", **environment), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while "threads in all" not in self.log:
            line = self.process.stderr.readline()
            assert line, f"ended before it computed:\n{self.log}"
            self.log += line

    def finish(self, timeout):
        """Waits for the end; returns the exit status. The whole log is then in `log`."""
        try:
            self.log += self.process.communicate(timeout=timeout)[1]
        finally:
            self.process.kill()
        return self.process.returncode


class RunningScript(Running):
    """The same, started by slurm/multi-node-mpirun.sbatch, on head and `nodes` with a rank each:
    the script runs on the first node of its allocation."""

    def __init__(self, nodes, output, *args):
        with open("allocation", "w", encoding="utf-8") as file:
            file.writelines(f"{name} slots=1\n" for name in ["head", *nodes])
        script = os.path.join(os.environ["ORBITMILL_SOURCE_DIR"], "slurm",
                              "multi-node-mpirun.sbatch")
        self.start(["bash", script, *map(str, args), "-o", output], ORBITMILL_BIN=BIN,
                   ORBITMILL_SCRIPTS=os.path.dirname(script),
                   SLURM_CPUS_PER_TASK="1",
                   OMPI_MCA_orte_default_hostfile=os.path.abspath("allocation"))


def node(*args):
    """Calls fn; returns what it printed."""
    return subprocess.run(["fn", *args], check=True, text=True, stdout=subprocess.PIPE,
                          timeout=30).stdout
