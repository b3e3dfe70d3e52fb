"""Every example of the README, run as it stands there; what it prints must be what the README shows."""
import os
import re
import shlex
import subprocess
import unittest

from support import BIN, MPIRUN, SOURCE

README = os.path.join(SOURCE, "README.md")


def examples():
    """(command, expected output) of each line that begins with $ in a block of the README."""
    with open(README, encoding="utf-8") as file:
        blocks = re.findall(r"^```\n(.*?)^```$", file.read(), re.S | re.M)
    for block in blocks:
        if not block.startswith("$ "):
            continue
        for part in block.split("\n$ "):
            command, _, output = part.removeprefix("$ ").partition("\n")
            yield command, output


def comparable(text):
    """Without what differs from run to run: times, dates, how many threads there were, and the
    figures of estimates and predictions."""
    text = re.sub(r"\[ *\d+\.\d+ s\]", "[t]", text)
    lines = [re.sub(r"\d+(\.\d+)?( (ms|s|min|h|d|B|KiB|MiB|GiB)\b)?( \d+ (s|min|h)\b)?", "#", line)
             if re.search("estimate|predicted", line) else line.rstrip()
             for line in text.splitlines()]
    return [line for line in lines if not re.match(r"(run|elapsed|engine +\w+ of) ", line)]


class Readme(unittest.TestCase):
    def test_examples_do_what_they_show(self):
        os.symlink(os.path.join(SOURCE, "jobs"), "jobs")
        os.mkdir("bin")
        os.symlink(BIN, "bin/orbitmill")
        os.symlink(os.environ["PYTHON"], "bin/python3")
        os.symlink(MPIRUN, "bin/mpirun")
        environment = dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1", ORBITMILL_THREADS="1",
                           PATH=os.path.abspath("bin") + ":" + os.environ["PATH"])
        count = 0
        for command, expected in examples():
            with self.subTest(command=command):
                words = shlex.split(command)
                self.assertIn(words[0], ("orbitmill", "mpirun", "python3"))
                result = subprocess.run(words, env=environment, text=True, check=False, timeout=120,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(result.returncode, 0, result.stdout)
                self.assertEqual(comparable(result.stdout), comparable(expected))
                count += 1
        self.assertGreaterEqual(count, 6)


if __name__ == "__main__":
    unittest.main()
