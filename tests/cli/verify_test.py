"""`orbitmill verify`: healthy files pass, every kind of damage is named, and no file crashes it."""
import json
import random
import shutil
import subprocess
import unittest

import h5py
import numpy

from support import BIN, decompose, run

FILES = {
    "nonlinear.h5": ["--length", 10, "--feedback", "0,1,(2,3)", "--sequences", "--index"],
    "linear.h5": ["--polynomial", "x^8 + x^4 + x^3 + x + 1", "--index", "--sequences"],
    "affine.h5": ["--length", 7, "--feedback", "x0 + x3 + 1", "--cycles", "none"],
    "hidden.h5": ["--length", 9, "--feedback", "0,2,(1,5)", "--cycles", "none"],
    "ternary.h5": ["--field", 3, "--coefficients", "2,0,1,1", "--sequences", "--index"],
    "extension.h5": ["--field", 4, "--coefficients", "2,1,1", "--cycles", "all"],
    "single.h5": ["--length", 1, "--feedback", "x0 + 1"],
    "large.h5": ["--length", 20, "--feedback", "0,2,3,(5,9)"],
    "long.h5": ["--length", 27, "--feedback", "0,1,4,(3,7)", "--cycles", "none"],
    # Theory alone: numbers above 64 bits, and states on no cycle.
    "theory.h5": ["--length", 521, "--feedback", "0,32"],
    "many.h5": ["--length", 200, "--feedback", "0"],
    "singular.h5": ["--field", 3, "--coefficients", "0,0,1,2,0,1"],
}


def setUpModule():
    for name, job in FILES.items():
        decompose(name, *job, "--quiet")


def verify(path, *options):
    return run("verify", path, *options, timeout=60)


class Healthy(unittest.TestCase):
    def test_every_kind_of_file_passes(self):
        for name, job in FILES.items():
            for options in ([], ["--all"], ["--sample", 3]):
                result = verify(name, *options)
                self.assertEqual(result.returncode, 0, f"{name}: {result.stdout}{result.stderr}")
                self.assertNotIn("FAILED", result.stdout)
                self.assertEqual(result.stderr, "")
            self.assertIn("histogram sum", result.stdout)
            self.assertEqual("index: " in result.stdout, "--index" in job, name)
            self.assertEqual("sequences: " in result.stdout, "--sequences" in job, name)

    def test_what_was_not_checked_is_said(self):
        self.assertIn("not checked  theory: ", verify("nonlinear.h5").stdout)
        self.assertIn("not checked  cycle table: ", verify("affine.h5").stdout)
        with h5py.File("extension.h5", "r") as file:
            rows = file["cycles/leader"].size
        self.assertIn(f" 2 of {rows} rows walked", verify("extension.h5", "--sample", 2).stdout)
        self.assertIn(f" {rows} of {rows} rows walked", verify("extension.h5", "--all").stdout)

    def test_json(self):
        report = json.loads(verify("linear.h5", "--format", "json").stdout)
        self.assertIs(report["passed"], True)
        names = [check["name"] for check in report["checks"]]
        self.assertIn("stored prediction", names)
        self.assertIn("cycles walked", names)
        self.assertEqual({check["outcome"] for check in report["checks"]}, {"passed"})

    def test_the_same_twice(self):
        self.assertEqual(verify("large.h5").stdout, verify("large.h5").stdout)


def text(file, group, name, value):
    del file[group].attrs[name]
    file[group].attrs.create(name, value.encode(), dtype=f"S{len(value)}")


def swap_rows(file):
    for name in ("leader", "length"):
        values = file["cycles"][name][...]
        values[[1, 2]] = values[[2, 1]]
        file["cycles"][name][...] = values


def set_item(dataset, index, change):
    def edit(file):
        values = file[dataset][...]
        values[index] = change(values[index])
        file[dataset][...] = values
    return edit


def drop_last_row(file):
    for name in ("leader", "length"):
        values = file["cycles"][name][:-1]
        del file["cycles"][name]
        file["cycles"].create_dataset(name, data=values, chunks=(len(values),), shuffle=True,
                                      compression="gzip")


def fit_histogram(file):
    """Another histogram of as many states: one of the longest cycles loses a state, which becomes a
    cycle of its own. The number of cycles is made to fit."""
    lengths = file["histogram/length"][...].tolist()
    counts = file["histogram/count"][...].tolist()
    table = dict(zip(lengths, counts))
    longest = max(lengths)
    table[longest] -= 1
    if table[longest] == 0:
        del table[longest]
    for length in (1, longest - 1):
        table[length] = table.get(length, 0) + 1
    for name, values in (("length", sorted(table)), ("count", [table[i] for i in sorted(table)])):
        del file["histogram"][name]
        file["histogram"][name] = numpy.array(values, dtype="<u8")
    file["certificate"].attrs["cycles"] = numpy.uint64(sum(table.values()))


def only_fixed_points(file):
    """As many states, all of them on cycles of one: no walk closes soon enough to deny it."""
    states = int((file["histogram/length"][...] * file["histogram/count"][...]).sum())
    for name, value in (("length", 1), ("count", states)):
        del file["histogram"][name]
        file["histogram"][name] = numpy.array([value], dtype="<u8")
    file["certificate"].attrs["cycles"] = numpy.uint64(states)


def prediction(file):
    file["certificate/predicted_count"][...] = file["certificate/predicted_count"][...] + 1


def claim_theory(file):
    text(file, "certificate", "theory", "agrees")
    for column in ("length", "count"):
        file["certificate"][f"predicted_{column}"] = file["histogram"][column][...]


# (file, what is done to it, names of the checks that must fail)
DAMAGE = [
    ("nonlinear.h5", set_item("histogram/count", -1, lambda v: v + 1),
     ["histogram sum", "number of cycles", "cycle table rows"]),
    ("nonlinear.h5", set_item("histogram/count", 0, lambda v: 0), ["histogram order"]),
    ("nonlinear.h5", set_item("histogram/length", 0, lambda v: 1000), ["histogram order"]),
    ("affine.h5", set_item("histogram/count", -1, lambda v: v - 1),
     ["histogram sum", "theory", "checksum"]),
    ("nonlinear.h5", set_item("cycles/leader", -2, lambda v: v + 1), ["checksum", "cycles walked"]),
    ("nonlinear.h5", set_item("cycles/leader", -1, lambda v: 5000), ["cycle table order"]),
    ("nonlinear.h5", set_item("cycles/length", -2, lambda v: v - 1), ["cycle table histogram"]),
    ("nonlinear.h5", swap_rows, ["cycle table order"]),
    ("nonlinear.h5", drop_last_row, ["cycle table rows"]),
    ("nonlinear.h5", lambda file: text(file, "certificate", "checksum", "0123456789abcdef"),
     ["checksum"]),
    ("hidden.h5", lambda file: text(file, "certificate", "checksum", "0123456789abcdef"),
     ["checksum"]),
    ("nonlinear.h5", lambda file: text(file, "certificate", "states", "1025"), ["states"]),
    ("nonlinear.h5", lambda file: text(file, "certificate", "states_accounted", "1023"),
     ["states accounted"]),
    ("nonlinear.h5", lambda file: text(file, "certificate", "transient_states", "4"),
     ["transient states", "histogram sum"]),
    ("nonlinear.h5", claim_theory, ["theory"]),
    ("linear.h5", lambda file: text(file, "certificate", "theory", "not linear"), ["theory"]),
    ("linear.h5", prediction, ["stored prediction"]),
    ("linear.h5", fit_histogram, ["theory"]),
    ("ternary.h5", fit_histogram, ["theory"]),
    ("hidden.h5", fit_histogram, ["checksum"]),
    ("nonlinear.h5", lambda file: file["certificate"].attrs.modify("complete", numpy.uint8(0)),
     ["complete"]),
    ("nonlinear.h5", lambda file: text(file, "register", "feedback", "x0 + x1 + x2*x4"),
     ["cycles walked"]),
    ("linear.h5", set_item("milestones/position", slice(None), lambda v: v[::-1]), ["index"]),
    ("ternary.h5", set_item("milestones/position", 3, lambda v: v + 1), ["index"]),
    ("nonlinear.h5", set_item("sequences/symbol", 700, lambda v: 1 - v), ["sequences"]),
    ("linear.h5", set_item("sequences/offset", 1, lambda v: v + 1), ["sequences"]),
]


class Damage(unittest.TestCase):
    def refused(self, path):
        result = verify(path)
        self.assertEqual(result.returncode, 74, result.stdout + result.stderr)
        self.assertEqual(result.stderr.count("orbitmill: error: "), 1, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(path, result.stderr)
        return result

    def test_every_damage_is_named(self):
        for number, (name, change, checks) in enumerate(DAMAGE):
            with self.subTest(damage=number, file=name, checks=checks):
                shutil.copy(name, "damaged.h5")
                with h5py.File("damaged.h5", "r+") as file:
                    change(file)
                result = self.refused("damaged.h5")
                for check in checks:
                    self.assertIn(f"FAILED       {check}: ", result.stdout)
                    self.assertIn(check, result.stderr)
                self.assertRegex(result.stdout, "FAILED .*found")

    def test_a_walk_that_does_not_end_denies_a_file_of_short_cycles(self):
        # Three states of four lie on a cycle of 102688805 states, more than the budget walks.
        shutil.copy("long.h5", "damaged.h5")
        with h5py.File("damaged.h5", "r+") as file:
            only_fixed_points(file)
        self.assertRegex(self.refused("damaged.h5").stdout,
                         r"FAILED +states walked: found a cycle of more than \d+ states")

    def test_a_leader_that_is_not_least(self):
        """Everything else is made to fit: order, histogram, sums, checksum of the histogram."""
        shutil.copy("extension.h5", "damaged.h5")
        with h5py.File("damaged.h5", "r+") as file:
            leaders = file["cycles/leader"][...]
            leaders[-1] = 4**3 - 1
            file["cycles/leader"][...] = leaders
            del file["certificate"].attrs["checksum_of"]
            file["certificate"].attrs.create("checksum_of", b"histogram", dtype="S9")
        result = self.refused("damaged.h5")
        self.assertRegex(result.stdout, "FAILED +(cycles walked|walked states in table): ")

    def test_files_that_are_none(self):
        with open("nonlinear.h5", "rb") as file:
            whole = file.read()
        for length in (0, 100, len(whole) // 2, len(whole) - 1):
            with open("cut.h5", "wb") as file:
                file.write(whole[:length])
            self.refused("cut.h5")
        shutil.copy("nonlinear.h5", "other.h5")
        with h5py.File("other.h5", "r+") as file:
            file.attrs["version"] = numpy.array([2, 0], dtype="<i4")
        self.assertIn("2.0", self.refused("other.h5").stderr)
        self.refused("missing.h5")

    def test_usage(self):
        for options, word in ((["--sample", "few"], "few"), (["--sample", "3", "--all"], "--all"),
                              (["--format", "csv"], "csv")):
            result = verify("linear.h5", *options)
            self.assertEqual(result.returncode, 2)
            self.assertIn(word, result.stderr)


class Fuzz(unittest.TestCase):
    def test_no_file_crashes_it(self):
        """Bits, blocks of nulls and noise, as disks leave them."""
        rng = random.Random(20261121)
        outcomes = {0: 0, 74: 0}
        for name in ("nonlinear.h5", "affine.h5", "ternary.h5"):
            with open(name, "rb") as file:
                whole = file.read()
            for _ in range(100):
                data = bytearray(whole)
                for _ in range(rng.choice((1, 1, 3, 20))):
                    at = rng.randrange(len(data))
                    end = at + rng.choice((1, 1, 1, 8, 512))
                    kind = rng.randrange(3)
                    for i in range(at, min(end, len(data))):
                        data[i] = (data[i] ^ 1 << rng.randrange(8) if kind == 0 else
                                   0 if kind == 1 else rng.randrange(256))
                with open("fuzzed.h5", "wb") as file:
                    file.write(data)
                result = subprocess.run([BIN, "verify", "fuzzed.h5"], timeout=60, check=False,
                                        capture_output=True)
                self.assertIn(result.returncode, (0, 74), result.stderr)
                outcomes[result.returncode] += 1
        self.assertGreater(outcomes[74], 60)
        self.assertGreater(outcomes[0], 20)


if __name__ == "__main__":
    unittest.main()
