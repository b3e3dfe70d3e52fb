"""The table of segments in the memory of two and three fake nodes: results are byte-equal to those
of the leader sweep, and the plan spreads a table by itself where it does not fit one node."""
import itertools
import unittest

import h5py

from decompose_test import PLACEMENTS
from nodes import MODES, decompose_on, mpirun
from support import BIN, datasets, decompose, run


class SpreadTable(unittest.TestCase):
    # Over GF(2) and GF(3), and one whose cycles are so short that most have no station.
    REGISTERS = [
        (["--length", 18, "--feedback", "0,2,3,(5,9)"], 4),
        (["--length", 14, "--feedback", "x0 + x3*x5 + x1*x2*x13 + 1"], 2),
        (["--length", 15, "--feedback", "0"], 3),
        (["--field", 3, "--coefficients", "2,1,0,0,1,0,0,1,0"], 2),
    ]

    def test_byte_equal_to_the_leader_sweep(self):
        modes = itertools.cycle(MODES)
        for number, (register, zeros) in enumerate(self.REGISTERS):
            decompose(f"leader-{number}.h5", *register, "--threads", 1, "--engine", "leader")
            for placement, threads in PLACEMENTS:
                mode = next(modes)
                with self.subTest(register=register, placement=placement, mode=mode):
                    decompose_on(placement, "spread.h5", *register, "--milestone-zeros", zeros,
                                 "--table", "spread", *mode, "--threads", threads, "--overwrite")
                    self.assertEqual(datasets("spread.h5"), datasets(f"leader-{number}.h5"))

    def test_chosen_where_the_table_does_not_fit_one_node(self):
        # A table of 4 MiB, and nodes that may have 4 MiB or plenty.
        register = ["--length", 26, "--feedback", "0,2,3,(5,9)", "--milestone-zeros", 6]
        decompose("one.h5", *register, "--threads", 1)
        for limit, expected in (("4", "spread"), ("400", "node")):
            launcher, *options = mpirun({"node0": 1, "node1": 1, "node2": 1})
            run_it = ["env", f"SLURM_MEM_PER_NODE={limit}", BIN]
            planned = run(*options, *run_it, "plan", *register, "--threads", 1, program=launcher,
                          timeout=60)
            self.assertEqual(planned.returncode, 0, planned.stderr)
            line = next(line for line in planned.stdout.splitlines() if line.startswith("table "))
            result = run(*options, *run_it, "decompose", *register, "--threads", 1, "--overwrite",
                         "-o", "limited.h5", program=launcher, timeout=120)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(datasets("limited.h5"), datasets("one.h5"))
            with h5py.File("limited.h5", "r") as file:
                attributes = file["run"].attrs
                self.assertEqual(attributes["table"].decode(), expected)
                self.assertIn(attributes["table_reason"].decode(), line)
            self.assertIn("spread over 3 nodes" if expected == "spread" else "it fits there", line)


if __name__ == "__main__":
    unittest.main()
