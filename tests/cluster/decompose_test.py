"""Results over two and three fake nodes are byte-equal to those of one process."""
import itertools
import os
import subprocess
import unittest

from nodes import MODES, decompose_on, mpirun
from support import BIN, datasets, decompose, run

# Nonlinear, affine, many short cycles, a field with digits, with sequences, without a table,
# with an index, which lies on root's node alone.
REGISTERS = [
    ["--length", 18, "--feedback", "0,2,3,(5,9)"],
    ["--length", 14, "--feedback", "x0 + x3*x5 + x1*x2*x13 + 1"],
    ["--length", 15, "--feedback", "0"],
    ["--field", 9, "--coefficients", "2,0,0,0", "--sequences"],
    ["--length", 10, "--feedback", "0,1,4,(3,7)", "--cycles", "none"],
    ["--length", 20, "--feedback", "0,1,(2,7)", "--index"],
]
# Where the ranks are, and threads per rank: even and uneven, two and three nodes.
PLACEMENTS = [
    ({"node0": 1, "node1": 1}, 2),
    ({"node0": 1, "node1": 2}, 1),
    ({"node0": 1, "node1": 1, "node2": 1}, 1),
    ({"node0": 3, "node1": 1, "node2": 2}, 2),
]
# Registers tried per mode and placement, in turn: all of them would take minutes.
REGISTERS_PER_CASE = 2


class Identity(unittest.TestCase):
    def test_byte_equal_to_one_process(self):
        references = []
        for number, register in enumerate(REGISTERS):
            decompose(f"alone-{number}.h5", *register, "--threads", 1)
            references.append(datasets(f"alone-{number}.h5"))
            self.assertGreater(len(references[-1]), 15)

        turn = itertools.cycle(range(len(REGISTERS)))
        for mode, (placement, threads) in itertools.product(MODES, PLACEMENTS):
            for _ in range(REGISTERS_PER_CASE):
                number = next(turn)
                with self.subTest(mode=mode, placement=placement, register=REGISTERS[number]):
                    decompose_on(placement, "nodes.h5", *REGISTERS[number], *mode, "--threads",
                                 threads, "--overwrite")
                    self.assertEqual(datasets("nodes.h5"), references[number])


class FailureOnOneNode(unittest.TestCase):
    def test_what_fails_in_the_contraction_ends_the_job(self):
        # Only root's node contracts the table, and the row limit is passed there.
        launcher, *options = mpirun({"node0": 1, "node1": 1})
        result = run(*options, BIN, "decompose", "--length", 16, "--feedback", "0,1,5,(3,8)",
                     "--engine", "milestone", "--cycles", 1, "-o", "limit.h5", program=launcher,
                     timeout=60)
        self.assertEqual(result.returncode, 73, result.stderr)
        self.assertEqual(result.stderr.count("--cycles 1"), 1, result.stderr)


class Fallback(unittest.TestCase):
    """A site whose choice of MPI components allows windows in shared memory only."""

    LINE = "stealing between nodes by messages"

    def test_messages_where_no_window_can_be_had(self):
        register = ["--length", 18, "--feedback", "0,2,3,(5,9)"]
        decompose("alone.h5", *register, "--threads", 1)
        for mode in ("stealing", "hybrid", "shared"):
            for transport in ("auto", "windows"):
                with self.subTest(mode=mode, transport=transport):
                    log = decompose_on({"node0": 2, "node1": 1, "node2": 1}, "fallback.h5", *register,
                                       "--schedule", mode, "--steal-transport", transport,
                                       "--threads", 1, "--overwrite", "--verbose",
                                       env={"OMPI_MCA_osc": "sm"})
                    self.assertEqual(log.count(self.LINE), 1, log)
                    self.assertIn("by messages", log)
                    self.assertEqual(datasets("fallback.h5"), datasets("alone.h5"))

    def test_no_word_of_it_where_windows_work(self):
        log = decompose_on({"node0": 1, "node1": 1}, "windows.h5", "--length", 12, "--feedback",
                           "0,1,4,(3,7)", "--schedule", "stealing", "--threads", 1, "--verbose")
        self.assertNotIn(self.LINE, log)
        self.assertIn("by windows", log)


class OutputFolder(unittest.TestCase):
    """A disk of the node's own, under the same name: ranks there cannot write the same file."""

    def test_a_node_that_sees_another_folder_is_named(self):
        os.makedirs("apart", exist_ok=True)
        subprocess.run(["fn", "exec", "node1", "mount", "-t", "tmpfs", "none", "apart"], check=True)
        launcher, *options = mpirun({"node0": 2, "node1": 2})
        with open("two.toml", "w", encoding="ascii") as file:
            file.write('[[registers]]\nlist = ["0,1", "0,2"]\nlength = 5\n')
        for command in (["decompose", "--length", 8, "--feedback", "0,1", "--checkpoint-every", 0],
                        ["decompose", "--length", 8, "--feedback", "0,1"],
                        ["campaign", "two.toml"]):
            refused = run(*options, BIN, *command, "-o", "apart/r.h5", program=launcher, timeout=60)
            self.assertEqual(refused.returncode, 73, refused.stderr)
            self.assertIn('cannot create "apart/r.h5": 1 of 2 nodes do not see its folder as rank 0 '
                          "does, such as node1; choose one on", refused.stderr)
            self.assertEqual(os.listdir("apart"), [])


if __name__ == "__main__":
    unittest.main()
