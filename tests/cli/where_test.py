"""`decompose --index` and `where`: thousands of random states against a walk in Python; errors."""
import concurrent.futures
import json
import os
import random
import shutil
import unittest

import h5py

from support import datasets, decompose, run

CALLS = 210  # for each register; two states a call


class BruteForce:
    """Row, leader, length and phase of every state, from the definition."""

    def __init__(self, length, step, order=2):
        states = order ** length
        self.place = [None] * states
        row = 0
        for leader in range(states):
            if self.place[leader] is not None:
                continue
            cycle = [leader]
            state = step(leader)
            while state != leader:
                cycle.append(state)
                state = step(state)
            for phase, state in enumerate(cycle):
                self.place[state] = {"state": state, "cycle": row, "leader": leader,
                                     "length": len(cycle), "phase": phase}
            row += 1


def binary(length, feedback):
    return BruteForce(length, lambda s: s >> 1 | (
        feedback([s >> i & 1 for i in range(length)]) & 1) << (length - 1))


# (arguments of decompose, brute force): taps far from and near to the end, so that the segments are
# walked by the step and by its inverse; many short cycles; complemented; GF(3), GF(4).
def registers():
    yield (["--length", 14, "--feedback", "0,2,3,(5,9)"],
           binary(14, lambda x: x[0] ^ x[2] ^ x[3] ^ x[5] & x[9]))
    yield (["--length", 13, "--feedback", "x0 + x11 + x12*x10 + 1"],
           binary(13, lambda x: x[0] ^ x[11] ^ x[12] & x[10] ^ 1))
    yield ["--length", 12, "--feedback", "0"], binary(12, lambda x: x[0])
    yield (["--field", 3, "--coefficients", "2,0,1,0,0,0,0,1"],
           BruteForce(8, lambda s: s // 3 + 3 ** 7 * (
               (2 * (s % 3) + s // 9 % 3 + s // 3 ** 7) % 3), 3))
    # GF(4): sums are XOR, and 2 * x is 0, 2, 3, 1.
    yield (["--field", 4, "--coefficients", "2,0,0,1,0,1"],
           BruteForce(6, lambda s: s >> 2 | (
               [0, 2, 3, 1][s & 3] ^ s >> 6 & 3 ^ s >> 10 & 3) << 10, 4))


def ask(path, *states):
    result = run("where", path, *states, "--format", "json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class Answers(unittest.TestCase):
    def test_agree_with_brute_force(self):
        generator = random.Random(20260419)
        for number, (job, brute) in enumerate(registers()):
            path = f"{number}.h5"
            decompose(path, *job, "--index", "--cycles", "all", ranks=1 + number % 3)
            pairs = []
            for _ in range(CALLS):
                first, second = (generator.randrange(len(brute.place)) for _ in range(2))
                if generator.random() < 0.5:  # a pair that surely lies on one cycle
                    place = brute.place[first]
                    second = place["leader"]
                pairs.append((first, second))

            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                answers = list(pool.map(lambda pair, path=path: ask(path, *pair), pairs))
            for (first, second), answer in zip(pairs, answers):
                from_, to = brute.place[first], brute.place[second]
                for found, expected in ((answer["from"], from_), (answer["to"], to)):
                    found.pop("walked")
                    self.assertEqual(found, expected, f"{job}, state {expected['state']}")
                same = from_["cycle"] == to["cycle"]
                self.assertIs(answer["same_cycle"], same)
                steps = (to["phase"] - from_["phase"]) % from_["length"] if same else None
                self.assertEqual(answer["distance"], steps, f"{job}, {first} to {second}")

    def test_writings_of_a_state_and_the_text(self):
        decompose("w.h5", "--length", 12, "--feedback", "0,1,4,6", "--index")
        answers = [run("where", "w.h5", state).stdout for state in ("300", "0x12c", "0b100101100")]
        self.assertEqual(answers[1:], answers[:1] * 2)
        self.assertIn("state      300 = 0x12c\n", answers[0])
        self.assertIn("length     4095\n", answers[0])
        self.assertIn("different cycles", run("where", "w.h5", 0, 1).stdout)
        self.assertIn("distance   0: steps", run("where", "w.h5", 77, 77).stdout)
        self.assertEqual(ask("w.h5", 0), {"state": 0, "cycle": 0, "leader": 0, "length": 1,
                                          "phase": 0, "walked": 1})
        # One answer under mpirun, too.
        self.assertEqual(run("where", "w.h5", 300, ranks=2).stdout, answers[0])


class Files(unittest.TestCase):
    JOB = ["--length", 22, "--feedback", "0,2,3,(5,9)"]

    def test_index_is_identical_whatever_the_ranks_and_threads(self):
        # x^31 + x^3 + 1 is primitive; its 2^20 milestones fill four chunks, shared by the ranks.
        for job in (self.JOB, ["--length", 31, "--feedback", "0,3"]):
            reference = None
            for ranks, threads in [(None, 1), (2, 1), (3, 2), (4, 1)]:
                decompose("again.h5", *job, "--index", "--overwrite", "--threads", threads,
                          ranks=ranks)
                content = datasets("again.h5")
                self.assertIn("milestones/position", content)
                reference = reference or content
                self.assertTrue(content == reference, f"{job} with {ranks} ranks")

    def test_nothing_else_changes_and_show_mentions_it(self):
        decompose("with.h5", *self.JOB, "--index")
        decompose("without.h5", *self.JOB)
        content = datasets("with.h5")
        zeros = int.from_bytes(content.pop("milestones@zeros"), "little")
        _, shape, _ = content.pop("milestones/position")
        self.assertEqual(shape, (2 ** (22 - zeros - 1),))
        self.assertEqual(content, datasets("without.h5"))
        self.assertIn(f"\nindex      milestones with {zeros} zeros", run("show", "with.h5").stdout)
        self.assertNotIn("\nindex", run("show", "without.h5").stdout)
        shown = json.loads(run("show", "with.h5", "--format", "json").stdout)
        self.assertEqual(shown["index"], {"zeros": zeros})
        shown = json.loads(run("show", "without.h5", "--format", "json").stdout)
        self.assertNotIn("index", shown)


class Errors(unittest.TestCase):
    def check(self, args, code, *words, ranks=None):
        result = run("where", *args, ranks=ranks)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
        self.assertEqual(result.stdout, "")
        for word in words:
            self.assertIn(word, result.stderr)

    def test_errors(self):
        decompose("e.h5", "--length", 10, "--feedback", "0,3", "--index")
        decompose("plain.h5", "--length", 10, "--feedback", "0,3")
        self.check(["e.h5"], 2, "STATE")
        self.check(["e.h5", "1", "2", "3"], 2, "3")
        for state in ("abc", "", "-1", "+1", "1.5", "12 ", "0x", "0xg", "0b2", "1e3"):
            self.check(["e.h5", state], 2, f'state "{state}"', "0x7b")
        for state in ("1024", "0x400", "0b10000000000", "9" * 30, "0x" + "f" * 17):
            self.check(["e.h5", state], 2, f'state "{state}"', "0 to 1023")
            self.check(["e.h5", "5", state], 2, f'state "{state}"')
        self.check(["e.h5", "1", "--format", "csv"], 2, "csv")
        self.check(["plain.h5", "1"], 2, "plain.h5", "--index")
        self.check(["plain.h5", "1"], 2, "plain.h5", ranks=2)
        self.check(["missing.h5", "1"], 74, "missing.h5", "no such file")
        with open("text.h5", "w", encoding="utf-8") as file:
            file.write("no HDF5 at all\n")
        self.check(["text.h5", "1"], 74, "text.h5", "no HDF5 file")

    def test_foreign_and_damaged_files(self):
        decompose("whole.h5", "--length", 10, "--feedback", "0,3", "--index")

        def changed(action):
            shutil.copy("whole.h5", "changed.h5")
            with h5py.File("changed.h5", "r+") as file:
                action(file)
            return "changed.h5"

        def set_version(file):
            file.attrs["version"] = [2, 0]

        def set_type(file):
            file.attrs["filetype"] = "statepoint"

        def set_positions(file):
            file["milestones/position"][...] = 1 << 40

        self.check([changed(set_version), 1], 74, "version 2.0", "1.1")
        self.check([changed(set_type), 1], 74, "statepoint")
        self.check([changed(set_positions), 1], 74, "changed.h5", "damaged")
        with open("changed.h5", "r+b") as file:
            file.truncate(os.path.getsize("whole.h5") // 2)
        self.check(["changed.h5", 1], 74, "changed.h5", "damaged")


if __name__ == "__main__":
    unittest.main()
