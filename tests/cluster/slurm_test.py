"""The scripts of slurm/ under a real Slurm of two nodes, as the COMMAND of minislurm.sh: edited and
submitted as slurm/README.md says, their results compared with those of one process."""
import csv
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ["ORBITMILL_SOURCE_DIR"], "tests", "cli"))
from support import SOURCE, datasets, decompose, histogram  # noqa: E402

REGISTER = ["--length", "16", "--feedback", "0,2,3,(5,9)"]
CPUS = 2  # of a node, as minislurm.sh has them by default
SCRIPTS = ("single-node", "multi-node-srun", "multi-node-mpirun")


def edited(script, pattern, replacement):
    """Edits the one line of a script that is marked for it."""
    path = os.path.join("slurm", script)
    with open(path, encoding="utf-8") as file:
        text, count = re.subn(pattern + r"(?=.*# EDIT)", replacement, file.read())
    assert count == 1, f"{script}: {pattern} marked EDIT {count} times"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def shell(command):
    """Runs shell lines as a user would, without what the test driver allows itself."""
    environment = {key: value for key, value in os.environ.items()
                   if key != "ORBITMILL_OVERSUBSCRIBE"}
    return subprocess.run(["bash", "-euc", command], env=environment, check=True, text=True,
                          stdout=subprocess.PIPE, timeout=60).stdout.strip()


def submit(script, *args, options=""):
    words = " ".join(f"'{word}'" for word in args)
    return shell(f"sbatch --parsable {options} slurm/{script}.sbatch {words}")


def log_of(job):
    log = ""
    for name in sorted(os.listdir(".")):
        if re.search(rf"-{job}(_\d+)?\.log$", name):
            with open(name, encoding="utf-8") as file:
                log += file.read()
    return log


def readme_block(word):
    """The one block of commands in slurm/README.md that has this word."""
    with open(os.path.join(SOURCE, "slurm", "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if word in block]
    assert len(found) == 1, f"{len(found)} blocks with {word}"
    return found[0]


class Scripts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.copytree(os.path.join(SOURCE, "slurm"), "slurm")
        shutil.copytree(os.path.join(SOURCE, "jobs"), "jobs")
        for script in SCRIPTS:
            edited(f"{script}.sbatch", r"--cpus-per-task=\d+", f"--cpus-per-task={CPUS}")
        decompose("alone.h5", *REGISTER)

    def ended(self, job, state="COMPLETED"):
        """Waits until the job has ended, as it should; returns its log."""
        subprocess.run(["ms", "wait", job, "COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL", "200"],
                       check=True, timeout=230, stdout=subprocess.DEVNULL)
        log = log_of(job)
        self.assertEqual(shell(f"ms field {job} JobState"), state, log)
        return log

    def check_one_register(self, script, ranks_and_nodes):
        log = self.ended(submit(script, *REGISTER, "-o", f"{script}.h5"))
        self.assertIn(f"{ranks_and_nodes}, {CPUS * int(ranks_and_nodes[0])} threads in all", log)
        self.assertEqual(datasets(f"{script}.h5"), datasets("alone.h5"))

    def test_single_node(self):
        self.check_one_register("single-node", "1 rank on 1 node")

    def test_multi_node_srun(self):
        self.check_one_register("multi-node-srun", "2 ranks on 2 nodes")

    def test_multi_node_mpirun(self):
        self.check_one_register("multi-node-mpirun", "2 ranks on 2 nodes")

    def test_first_command_of_the_readme(self):
        answer = shell(readme_block("jobs/demo.toml -o demo.h5\n"))
        self.ended(answer.split()[-1])
        decompose("demo-alone.h5", "jobs/demo.toml")
        self.assertEqual(datasets("demo.h5"), datasets("demo-alone.h5"))

    def test_exit_status_reaches_slurm(self):
        for script in SCRIPTS:
            with self.subTest(script=script):
                job = submit(script, "--length", "8", "--feedback", "0,8", "-o", "bad.h5")
                self.assertEqual(self.ended(job, "FAILED").count("orbitmill: error"), 1)
                self.assertEqual(shell(f"ms field {job} ExitCode"), "65:0")
                self.assertEqual(shell(f"ms field {job} Restarts"), "0")

    def test_array_and_merge(self):
        answer = shell(readme_block("--array="))
        self.ended(answer.split()[-1])
        with open("slurm/registers.txt", encoding="utf-8") as file:
            registers = file.read().splitlines()
        self.assertGreater(len(registers), 2)
        with open("results/all.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(dict.fromkeys(row["register"] for row in rows)), registers)
        for number, line in enumerate(registers, 1):
            length, feedback = line.split(" ", 1)
            decompose("alone-line.h5", "--length", length, "--feedback", feedback, "--overwrite")
            self.assertEqual(datasets(f"results/{number}.h5"), datasets("alone-line.h5"))
            self.assertEqual({int(row["length"]): int(row["count"]) for row in rows
                              if row["register"] == line}, histogram("alone-line.h5"))

    def test_merge_insists_on_every_register(self):
        with open("longer.txt", "w", encoding="utf-8") as file:
            file.write("8 0,2,3,4\n")
        os.makedirs("empty", exist_ok=True)
        self.ended(submit("array-merge", "longer.txt", "empty"), "FAILED")
        self.assertFalse(os.path.exists("empty/all.csv"))


if __name__ == "__main__":
    unittest.main()
