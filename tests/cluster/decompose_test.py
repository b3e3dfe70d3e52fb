"""Results over two and three fake nodes are byte-equal to those of one process."""
import itertools
import unittest

from nodes import MODES, decompose_on
from support import datasets, decompose

# Nonlinear, affine, many short cycles, a field with digits, with sequences, without a table.
REGISTERS = [
    ["--length", 18, "--feedback", "0,2,3,(5,9)"],
    ["--length", 14, "--feedback", "x0 + x3*x5 + x1*x2*x13 + 1"],
    ["--length", 15, "--feedback", "0"],
    ["--field", 9, "--coefficients", "2,0,0,0", "--sequences"],
    ["--length", 10, "--feedback", "0,1,4,(3,7)", "--cycles", "none"],
]
# Where the ranks are, and threads per rank: even and uneven, two and three nodes.
PLACEMENTS = [
    ({"node0": 1, "node1": 1}, 2),
    ({"node0": 1, "node1": 2}, 1),
    ({"node0": 1, "node1": 1, "node2": 1}, 1),
    ({"node0": 3, "node1": 1, "node2": 2}, 2),
]
# Registers tried per mode and placement, in turn. All of them cost about 15 s for each mode;
# lower this when there are more modes.
REGISTERS_PER_CASE = len(REGISTERS)


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


if __name__ == "__main__":
    unittest.main()
