"""A damaged table of segments never becomes a result: exit code 70, one message."""
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import run

PROGRAM = os.environ["MILESTONES_WITH_DAMAGE"]
KINDS = ("successor", "loop", "sink", "outside", "length", "mark", "zero", "range", "lose", "twice")
# Of a spread table root sees a part: a chain bent onto itself needs the whole.
SPREAD_KINDS = ("successor", "length", "mark", "zero", "range", "lose", "twice")
# (seed, ranks); the seed chooses the register and where it strikes.
RUNS = ((1, None), (3, None), (4, None), (5, 3))
SPREAD_RUNS = ((1, 3), (6, 2), (7, None))


def start(case):
    kind, seed, ranks, *spread = case
    return run(kind, seed, *spread, ranks=ranks, program=PROGRAM, timeout=60)


class MilestoneDamage(unittest.TestCase):
    def outcomes(self, kinds, spread_kinds):
        cases = [(kind, *one) for kind in kinds for one in RUNS]
        cases += [(kind, *one, "spread") for kind in spread_kinds for one in SPREAD_RUNS]
        # Most of the time is waiting: for the watchdog, and for mpirun to end what was aborted.
        with ThreadPoolExecutor(4) as pool:
            return zip(cases, pool.map(start, cases))

    def test_without_damage_a_result_comes_out(self):
        for case, result in self.outcomes(["none"], ["none"]):
            with self.subTest(case=case):
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(result.stdout, "a result came out\n")

    def test_with_damage_none_does(self):
        for case, result in self.outcomes(KINDS, SPREAD_KINDS):
            with self.subTest(case=case):
                self.assertEqual(result.stderr.count("damaged\n"), 1, result.stderr)
                self.assertEqual(result.returncode, 70, result.stderr)
                self.assertEqual(result.stdout, "")
                self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)


if __name__ == "__main__":
    unittest.main()
