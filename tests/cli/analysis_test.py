"""The Python module in jobs/analysis on files that the program has just written."""
import os
import shutil
import struct
import subprocess
import sys
import unittest
import zlib

import h5py
import numpy

from support import BIN, SOURCE, decompose, run

sys.path.insert(0, os.path.join(SOURCE, "jobs", "analysis"))
import orbitmill_analysis as analysis  # noqa: E402  (the path comes first)


def walk(length, taps, products=()):
    """All cycles {leader: length} of a register over GF(2), by marking states: a few lines that
    share nothing with the program."""
    seen = bytearray(2 ** length)
    cycles = {}
    for start in range(2 ** length):
        state, steps = start, 0
        while not seen[state]:
            seen[state] = 1
            bit = sum(state >> tap for tap in taps)
            bit += sum((state >> a) & (state >> b) for a, b in products)
            state = (state >> 1) | ((bit & 1) << (length - 1))
            steps += 1
        if steps:
            cycles[start] = steps
    return cycles


def xxh64(data):
    """XXH64 with seed 0, after its specification (xxHash, doc/xxhash_spec.md)."""
    mask = 2 ** 64 - 1
    p1, p2, p3, p4, p5 = (11400714785074694791, 14029467366897019727, 1609587929392839161,
                          9650029242287828579, 2870177450012600261)

    def turn(value, bits):
        return (value << bits | value >> (64 - bits)) & mask

    def mix(lane, word):
        return turn((lane + word * p2) & mask, 31) * p1 & mask

    stripes = len(data) // 32 * 32
    if stripes:
        lanes = [(p1 + p2) & mask, p2, 0, -p1 & mask]
        for words in struct.iter_unpack("<4Q", data[:stripes]):
            lanes = [mix(lane, word) for lane, word in zip(lanes, words)]
        value = sum(turn(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & mask
        for lane in lanes:
            value = ((value ^ mix(0, lane)) * p1 + p4) & mask
    else:
        value = p5
    value = (value + len(data)) & mask
    rest = data[stripes:]
    while len(rest) >= 8:
        value = (turn(value ^ mix(0, struct.unpack("<Q", rest[:8])[0]), 27) * p1 + p4) & mask
        rest = rest[8:]
    if len(rest) >= 4:
        value = (turn(value ^ struct.unpack("<I", rest[:4])[0] * p1 & mask, 23) * p2 + p3) & mask
        rest = rest[4:]
    for byte in rest:
        value = turn(value ^ byte * p5 & mask, 11) * p1 & mask
    value = (value ^ value >> 33) * p2 & mask
    value = (value ^ value >> 29) * p3 & mask
    return value ^ value >> 32


def png_size(path):
    """Width and height of a PNG whose chunks all have the right checksum."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
    position, size, kinds = 8, None, []
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        body = data[position + 4:position + 8 + length]
        assert zlib.crc32(body) == struct.unpack(">I", data[position + 8 + length:][:4])[0], kind
        if kind == b"IHDR":
            size = struct.unpack(">II", body[4:12])
        kinds.append(kind)
        position += 12 + length
    assert kinds[-1] == b"IEND", kinds
    return size


class Analysis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        decompose("twelve.h5", "--length", 12, "--feedback", "0,2,(3,5)", "--cycles", "all",
                  "--sequences", "--title", "twelve", ranks=2)
        decompose("single.h5", "--length", 1, "--feedback", "x0 + 1", "--cycles", "none")
        decompose("many.h5", "--length", 16, "--feedback", "0", "--cycles", "all")
        decompose("quaternary.h5", "--field", 4, "--coefficients", "2,1,1")

    def test_tables_equal_a_walk(self):
        result = analysis.load("twelve.h5")
        expected = walk(12, [0, 2], [(3, 5)])
        self.assertEqual(dict(zip(result.cycles["leader"].tolist(),
                                  result.cycles["length"].tolist())), expected)
        self.assertTrue(result.cycles["leader"].is_monotonic_increasing)
        lengths = list(expected.values())
        self.assertEqual(dict(zip(result.histogram["length"].tolist(),
                                  result.histogram["count"].tolist())),
                         {length: lengths.count(length) for length in sorted(lengths)})

    def test_numbers_above_64_bits(self):
        for digits, drawn in ((100, True), (2000, False)):
            shutil.copy("twelve.h5", "large.h5")
            rows = [(1, 2), (3, 2**digits), (2**digits, 5)]
            states = sum(length * count for length, count in rows)
            with h5py.File("large.h5", "r+") as file:
                for column, name in enumerate(("length", "count")):
                    del file["histogram"][name]
                    file["histogram"][f"{name}_text"] = numpy.array(
                        [str(row[column]).encode() for row in rows])
                attributes = file["certificate"].attrs
                attributes["states"] = attributes["states_accounted"] = str(states).encode()
                del attributes["cycles"]
                attributes["cycles_text"] = str(2**digits + 7).encode()
            result = analysis.load("large.h5")
            self.assertEqual(list(zip(result.histogram["length"], result.histogram["count"])), rows)
            self.assertEqual(sum(result.histogram["states"]), states)
            self.assertEqual(result.certificate["cycles"], 2**digits + 7)
            self.assertAlmostEqual(result.histogram["share"].iloc[-1], 5 / 8)
            if drawn:
                analysis.plot_histogram(result, "large.png")
                self.assertGreater(os.path.getsize("large.png"), 1000)
            else:
                with self.assertRaisesRegex(analysis.ResultError, "digits cannot be drawn"):
                    analysis.plot_histogram(result)

    def test_sums_and_types(self):
        for name in ("twelve.h5", "single.h5", "many.h5", "quaternary.h5"):
            result = analysis.load(name)
            histogram = result.histogram
            for column in ("length", "count", "states"):
                self.assertEqual(histogram[column].dtype, numpy.uint64)
            states = result.register["field_order"] ** result.register["length"]
            self.assertEqual(result.states, states)
            self.assertEqual(result.certificate["states_accounted"], states)
            self.assertEqual(int(histogram["states"].sum()), states)
            self.assertEqual(int(histogram["count"].sum()), result.certificate["cycles"])
            self.assertAlmostEqual(histogram["share"].sum(), 1)
            self.assertIs(result.certificate["complete"], True)
            self.assertEqual(len(result.profile), result.run["ranks"])
            self.assertEqual(len(result.threads), result.run["threads"])
            self.assertEqual(len(bytes.fromhex(result.certificate["checksum"])), 8)
            if result.cycles is not None:
                self.assertEqual(result.cycles["leader"].dtype, numpy.uint64)
                self.assertEqual(len(result.cycles), result.certificate["cycles"])
        self.assertIsNone(analysis.load("single.h5").cycles)

    def test_attributes_are_plain_python(self):
        result = analysis.load("twelve.h5")
        self.assertEqual(result.title, "twelve")
        self.assertEqual(result.register["feedback"], "x0 + x2 + x3*x5")
        self.assertEqual(result.register["index_notation"], "0,2,(3,5)")
        self.assertIs(result.register["linear"], False)
        self.assertEqual(result.run["ranks"], 2)
        self.assertIn("twelve.h5", result.run["command_line"])
        self.assertTrue(all(isinstance(host, str) for host in result.run["hosts"]))
        self.assertGreater(result.profile["states_walked"].sum(), 0)
        quaternary = analysis.load("quaternary.h5").register
        self.assertEqual(quaternary["modulus"], "x^2 + x + 1")
        self.assertEqual(quaternary["coefficients"], "2,1,1")

    def test_sequences_obey_the_feedback(self):
        result = analysis.load("twelve.h5")
        for row in range(len(result.cycles)):
            symbols = result.sequence(row).astype(int)
            self.assertEqual(len(symbols), result.cycles["length"][row])
            leader = int(result.cycles["leader"][row])
            around = numpy.resize(symbols, len(symbols) + 12)
            self.assertEqual(sum(int(bit) << i for i, bit in enumerate(around[:12])), leader)
            shifted = [around[i:i + len(symbols)] for i in range(13)]
            self.assertTrue(numpy.array_equal(
                shifted[12], (shifted[0] + shifted[2] + shifted[3] * shifted[5]) % 2))
        with self.assertRaisesRegex(analysis.ResultError, "--sequences"):
            analysis.load("many.h5").sequence(0)

    def test_checksum(self):
        # Vectors: the empty input (xxHash, tests/sanity_test_vectors.h) and the example in the
        # README of the Python package xxhash.
        self.assertEqual(xxh64(b""), 0xEF46DB3751D8E999)
        self.assertEqual(xxh64(b"Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1)
        for name in ("twelve.h5", "many.h5"):
            result = analysis.load(name)
            self.assertEqual(result.certificate["checksum_of"], "cycles")
            table = result.cycles[["leader", "length"]].to_numpy(dtype="<u8").tobytes()
            self.assertEqual(f"{xxh64(table):016x}", result.certificate["checksum"])
        result = analysis.load("single.h5")
        self.assertEqual(result.certificate["checksum_of"], "histogram")
        table = result.histogram[["length", "count"]].to_numpy(dtype="<u8").tobytes()
        self.assertEqual(f"{xxh64(table):016x}", result.certificate["checksum"])

    def test_pictures(self):
        for name in ("twelve", "single", "many", "quaternary"):
            command = [sys.executable, os.path.join(SOURCE, "jobs", "analysis",
                                                    "orbitmill_analysis.py"),
                       "plot", f"{name}.h5", "-o", f"{name}.png"]
            subprocess.run(command, check=True, timeout=60)
            width, height = png_size(f"{name}.png")
            self.assertGreaterEqual(min(width, height), 600)
            self.assertGreater(os.path.getsize(f"{name}.png"), 10_000)

    def test_what_is_drawn_is_the_histogram(self):
        result = analysis.load("twelve.h5")
        upper, lower = analysis.plot_histogram(result).axes
        points = upper.lines[0].get_xydata()
        self.assertEqual(points.tolist(),
                         result.histogram[["length", "count"]].to_numpy(dtype=float).tolist())
        self.assertAlmostEqual(lower.lines[0].get_ydata()[-1], 100)
        self.assertEqual({upper.get_xscale(), upper.get_yscale()}, {"log"})

    def test_other_files_are_refused(self):
        with h5py.File("foreign.h5", "w") as file:
            file.attrs["filetype"] = "statepoint"
        with h5py.File("newer.h5", "w") as file:
            file.attrs["filetype"] = "orbitmill decomposition"
            file.attrs["version"] = [2, 0]
        with open("text.h5", "w", encoding="utf-8") as file:
            file.write("no HDF5")
        for name, words in (("foreign.h5", "statepoint.*orbitmill decomposition"),
                            ("newer.h5", "version 2.0.*1.x"), ("text.h5", "cannot read"),
                            ("missing.h5", "cannot read")):
            with self.assertRaisesRegex(analysis.ResultError, words):
                analysis.load(name)
            # The program and the module agree about what is no result.
            self.assertEqual(run("show", name, program=BIN).returncode, 74)

    def test_claims_are_not_believed(self):
        decompose("honest.h5", "--length", 6, "--feedback", "0,1")
        huge = {"shape": (2 ** 40,), "dtype": "<u8", "chunks": (2 ** 17,)}
        with open("outside.bin", "wb") as file:
            file.write(bytes(8 * 64))
        layout = h5py.VirtualLayout((4,), "<u8")
        layout[:] = h5py.VirtualSource("honest.h5", "histogram/length", (4,))
        for name, replace in (
                ("cycles/leader", lambda file: file.create_dataset("cycles/leader", **huge)),
                ("histogram/count", lambda file: file.create_dataset("histogram/count", **huge)),
                ("run/phase_seconds",
                 lambda file: file.create_dataset("run/phase_seconds", (4,), "<f8",
                                                  external="outside.bin")),
                ("histogram/length",
                 lambda file: file.create_virtual_dataset("histogram/length", layout))):
            shutil.copy("honest.h5", "claims.h5")
            with h5py.File("claims.h5", "r+") as file:
                del file[name]
                replace(file)
            self.assertLess(os.path.getsize("claims.h5"), 10 ** 5)
            with self.assertRaisesRegex(analysis.ResultError, f"/{name} claims more"):
                analysis.load("claims.h5")
            # The program does not read them either, and does not take long to say so. It looks at
            # the table of cycles only when it is asked for it.
            command = ("verify",) if name.startswith("cycles") else ("show",)
            result = run(*command, "claims.h5", program=BIN, timeout=60)
            self.assertEqual(result.returncode, 74, result.stdout)
            self.assertRegex(result.stderr + result.stdout, f"/{name} (claims|does not lie)")


if __name__ == "__main__":
    unittest.main()
