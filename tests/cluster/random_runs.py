"""random_runs.py RUNS SEED: random registers, engines, schedules, rank, thread and batch counts over
the fake nodes, one run after another. None may hang, and each result must be that of one process."""
import random
import sys
import unittest

from nodes import MODES, decompose_on
from support import datasets, decompose

RUNS, SEED = (int(argument) for argument in sys.argv[1:3])
TIMEOUT_S = 60  # a run takes a second; a hang is a failure


def random_register(rng):
    """A nonsingular register that is done in a second: f = x0 + g(x1, ...). And its length."""
    if rng.random() < 0.2:
        order = rng.choice([3, 4, 5, 9])
        length = rng.randint(1, 6)
        taps = [rng.randrange(order) for _ in range(length - 1)]
        return ["--field", order, "--coefficients",
                ",".join(map(str, [rng.randrange(1, order), *taps]))], length
    length = rng.randint(3, 18)
    stages = range(1, length)
    terms = ["x0"]
    terms += [f"x{stage}" for stage in rng.sample(stages, rng.randint(0, min(4, len(stages))))]
    terms += ["*".join(f"x{stage}" for stage in sorted(rng.sample(stages, 2)))
              for _ in range(rng.randint(0, 1))]
    terms += ["1"] * rng.randint(0, 1)
    return ["--length", length, "--feedback", " + ".join(terms)], length


def random_placement(rng):
    while True:
        ranks = {f"node{node}": rng.randint(0, 2) for node in range(3)}
        ranks = {node: count for node, count in ranks.items() if count > 0}
        if len(ranks) > 1:
            return ranks


class RandomRuns(unittest.TestCase):
    def test_each_is_right(self):
        for seed in range(SEED, SEED + RUNS):
            rng = random.Random(seed)
            register, length = random_register(rng)
            mode = rng.choice(MODES)
            placement = random_placement(rng)
            options = ["--threads", rng.randint(1, 2)]
            if rng.random() < 0.7:
                options += ["--batch-size", rng.choice([1, 2, 7, 100, 5000])]
            if length > 1 and rng.random() < 0.6:
                options += ["--milestone-zeros", rng.randint(1, min(length - 1, 9))]
                options += ["--table", rng.choice(["auto", "node", "spread", "spread"])]
            else:
                options += ["--engine", "leader"]
            with self.subTest(seed=seed, register=register, mode=mode, placement=placement,
                              options=options):
                decompose("alone.h5", *register, "--threads", 1, "--schedule", "sequential",
                          "--engine", "leader", "--overwrite")
                decompose_on(placement, "nodes.h5", *register, *mode, *options, "--overwrite",
                             timeout=TIMEOUT_S)
                self.assertEqual(datasets("nodes.h5"), datasets("alone.h5"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
