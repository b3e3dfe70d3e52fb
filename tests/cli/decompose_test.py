"""Whole runs of the program: results, identity over ranks and threads, options, output streams."""
import json
import os
import pty
import subprocess
import unittest

import h5py

from support import BIN, SOURCE, datasets, decompose, histogram, run


class Results(unittest.TestCase):
    def test_identical_whatever_the_ranks_and_threads(self):
        registers = [
            ["--length", 16, "--feedback", "0,2,3,(5,9)"],
            ["--length", 14, "--feedback", "x0 + x3*x5 + x1*x2*x13 + 1"],
            ["--length", 15, "--feedback", "0"],
            ["--field", 9, "--coefficients", "2,0,0,0", "--sequences"],
            ["--field", 3, "--coefficients", "1,0,0,0,2,0,0,2,2"],
            ["--length", 10, "--feedback", "0,1,4,(3,7)", "--cycles", "none"],
        ]
        for number, register in enumerate(registers):
            reference = None
            for ranks, threads, batch in [(None, 1, None), (None, 3, 5), (1, 2, None), (2, 1, 1),
                                          (3, 2, None), (4, 1, 33)]:
                path = f"{number}-{ranks}-{threads}.h5"
                extra = [] if batch is None else ["--batch-size", batch]
                decompose(path, *register, "--threads", threads, *extra, ranks=ranks)
                content = datasets(path)
                if reference is None:
                    reference = content
                    self.assertGreater(len(content), 15)
                self.assertEqual(content, reference, f"{register} with {ranks} ranks")

    def test_notations_give_the_same_result(self):
        writings = [
            ["--length", 16, "--feedback", "0,1,3,12"],
            ["--length", 16, "--feedback", "x0 + x1 + x3 + x12"],
            ["--coefficients", "1,1,0,1,0,0,0,0,0,0,0,0,1,0,0,0"],
            ["--polynomial", "x^16 + x^12 + x^3 + x + 1"],
        ]
        contents = []
        for number, writing in enumerate(writings):
            decompose(f"w{number}.h5", *writing, "--title", "same")
            contents.append(datasets(f"w{number}.h5"))
        for content in contents[1:]:
            self.assertEqual(content, contents[0])

    def test_sequences_follow_the_register(self):
        decompose("s.h5", "--length", 9, "--feedback", "0,4,(2,3)", "--sequences", ranks=3)
        with h5py.File("s.h5") as file:
            leaders = file["cycles/leader"][...].tolist()
            lengths = file["cycles/length"][...].tolist()
            offset = file["sequences/offset"][...].tolist()
            symbol = file["sequences/symbol"][...].tolist()
        self.assertEqual(sum(lengths), 512)
        self.assertEqual(offset[-1], 512)
        for row, (leader, length) in enumerate(zip(leaders, lengths)):
            state = [leader >> i & 1 for i in range(9)]
            for step in range(length):
                self.assertEqual(symbol[offset[row] + step], state[0])
                state = state[1:] + [state[0] ^ state[4] ^ (state[2] & state[3])]
            self.assertEqual(sum(bit << i for i, bit in enumerate(state)), leader)

    def test_job_file_flags_and_environment(self):
        with open("job.toml", "w", encoding="utf-8") as file:
            file.write('[register]\nlength = 8\nfeedback = "0,2,3,4"\n[output]\ncycles = "none"\n')
        decompose("a.h5", "job.toml")
        with h5py.File("a.h5") as file:
            self.assertNotIn("cycles", file)
            self.assertIn("feedback", file["run"].attrs["job_text"].decode()
                          if isinstance(file["run"].attrs["job_text"], bytes)
                          else file["run"].attrs["job_text"])
        decompose("b.h5", "job.toml", env={"ORBITMILL_CYCLES": "all"})
        with h5py.File("b.h5") as file:
            self.assertIn("cycles", file)
        decompose("c.h5", "job.toml", "--cycles", "none", env={"ORBITMILL_CYCLES": "all"})
        with h5py.File("c.h5") as file:
            self.assertNotIn("cycles", file)
        # The effective job, run again, gives the same datasets.
        with h5py.File("b.h5") as file:
            text = file["run"].attrs["effective_job"]
        with open("again.toml", "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else text.decode())
        decompose("d.h5", "again.toml")
        self.assertEqual(datasets("d.h5"), datasets("b.h5"))

    def test_example_job_file_runs(self):
        decompose("example.h5", os.path.join(SOURCE, "jobs", "example.toml"))
        self.assertEqual(histogram("example.h5"), {1: 1, 1023: 1})

    def test_row_limit_is_exact(self):
        decompose("fits.h5", "--length", 12, "--feedback", "0", "--cycles", 352, ranks=2)
        result = run("decompose", "--length", 12, "--feedback", "0", "--cycles", 351, "-o", "no.h5",
                     ranks=2)
        self.assertEqual(result.returncode, 73)
        self.assertFalse(os.path.exists("no.h5"))


class Streams(unittest.TestCase):
    def test_log_goes_to_standard_error_with_elapsed_time(self):
        result = decompose("log.h5", "--length", 12, "--feedback", "0,1,4,6", ranks=2)
        self.assertEqual(result.stdout, "")
        self.assertNotIn("\r", result.stderr)
        self.assertRegex(result.stderr, r"\[ +\d+\.\d{3} s\] certified: 2 cycles hold all 4096 states")

    def test_quiet_prints_nothing(self):
        result = decompose("quiet.h5", "--length", 12, "--feedback", "0,1,4,6", "--quiet")
        self.assertEqual(result.stdout + result.stderr, "")

    def test_progress_renews_one_line_on_a_terminal(self):
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [BIN, "decompose", "--length", "28", "--feedback", "0,1,14,(5,27)", "-o", "slow.h5",
             "--engine", "leader", "--threads", "1", "--cycles", "none"],
            stderr=slave, stdout=slave, env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1"))
        os.close(slave)
        output = b""
        while True:
            try:
                block = os.read(master, 4096)
            except OSError:
                break
            if not block:
                break
            output += block
        self.assertEqual(process.wait(), 0)
        self.assertRegex(output.decode(), r"\rleader sweep: +\d+\.\d %, .*left")

    def test_show_formats(self):
        decompose("show.h5", "--length", 16, "--feedback", "0,2,3,(5,9)")
        text = run("show", "show.h5")
        self.assertEqual(text.returncode, 0)
        self.assertIn("60760", text.stdout)
        self.assertTrue(all(len(line) <= 80 for line in text.stdout.splitlines()), text.stdout)
        data = json.loads(run("show", "show.h5", "--format", "json").stdout)
        for key in ("register", "states", "cycles", "histogram", "certificate", "run"):
            self.assertIn(key, data)
        self.assertEqual(data["states"], 65536)
        self.assertEqual(data["cycles"], 6)
        self.assertIs(data["certificate"]["complete"], True)
        self.assertEqual([entry["length"] for entry in data["histogram"]],
                         [1, 20, 28, 1681, 3046, 60760])
        csv = run("show", "show.h5", "--format", "csv").stdout.splitlines()
        self.assertEqual(csv[0], "length,count")
        self.assertEqual(csv[-1], "60760,1")

    def test_help_and_version(self):
        for args in (["--help"], ["decompose", "--help"], ["show", "--help"], ["where", "--help"],
                     ["campaign", "--help"]):
            result = run(*args)
            self.assertEqual(result.returncode, 0)
            self.assertIn("Examples:", result.stdout)
            self.assertTrue(all(len(line) <= 80 for line in result.stdout.splitlines()),
                            [line for line in result.stdout.splitlines() if len(line) > 80])
        version = run("--version")
        self.assertEqual(version.returncode, 0)
        for word in ("orbitmill", "compiler", "MPI", "HDF5", "parallel"):
            self.assertIn(word, version.stdout)
        # Under mpirun it appears once.
        self.assertEqual(run("--version", ranks=3).stdout.count("compiler"), 1)


if __name__ == "__main__":
    unittest.main()
