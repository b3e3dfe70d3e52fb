"""Files that claim more than they hold, as someone might send them: every dataset of a result and of
a campaign file replaced by one that a reader must not believe. Each command says so, soon, and
without taking the memory that the file asks for."""
import itertools
import os
import re
import shutil
import subprocess
import unittest

import h5py
import numpy

from support import BIN, decompose, run

ROWS = 2 ** 40
BOMB_BYTES = 2 ** 26
# A sanitizer's shadow included.
MEMORY_KIB = 2 ** 20
COMMANDS = {"result.h5": (("show",), ("verify",), ("where", "5")),
            "campaign.h5": (("show", "--format", "json"),)}
# What no command reads.
UNREAD = {"result.h5": r"$", "campaign.h5": r"profile/(?!register_)|run/phase_"}


def outcome(*args):
    """Exit code, output and greatest resident set in KiB of the program; 124: it hangs."""
    with open("output", "w+b") as file, subprocess.Popen(
            ["timeout", "60", BIN, *args], stdout=file, stderr=subprocess.STDOUT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        return process.returncode, file.read().decode("utf-8", "replace"), usage.ru_maxrss


def unwritten(file, name, dtype):
    file.create_dataset(name, (ROWS,), dtype, chunks=(2 ** 17,))


def unwritten_in_one_piece(file, name, dtype):
    file.create_dataset(name, (ROWS,), dtype)


def few_unwritten(file, name, dtype):
    file.create_dataset(name, (1000,), dtype, chunks=(1000,))


def bomb(file, name, dtype):
    """Deflated twice, 64 MiB are some hundred bytes."""
    rows = BOMB_BYTES // dtype.itemsize
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((rows,))
    properties.set_deflate(9)
    properties.set_deflate(9)
    group, leaf = file[name.rsplit("/", 1)[0]], name.rsplit("/", 1)[1].encode()
    dataset = h5py.h5d.create(group.id, leaf, h5py.h5t.py_create(dtype, logical=True),
                              h5py.h5s.create_simple((rows,)), properties)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, numpy.zeros(rows, dtype))


def outside(file, name, dtype):
    file.create_dataset(name, (4,), dtype, external="/dev/zero")


def virtual(file, name, dtype):
    layout = h5py.VirtualLayout((4,), dtype)
    layout[:] = h5py.VirtualSource("pipe", "x", (4,))
    file.create_virtual_dataset(name, layout)


def linked(file, name, _dtype):
    file[name] = h5py.ExternalLink("pipe", "/x")


CLAIMS = (unwritten, unwritten_in_one_piece, few_unwritten, bomb, outside, virtual, linked)


class Claims(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        decompose("result.h5", "--length", 9, "--feedback", "0,4,(1,2)", "--engine", "milestone",
                  "--index", "--sequences")
        with open("job.toml", "w", encoding="utf-8") as file:
            file.write('[[registers]]\nlist = ["0,1,(1,2)", "no register"]\nlength = 4\n')
        result = run("campaign", "job.toml", "-o", "campaign.h5")
        assert result.returncode == 65, result.stderr  # there is one that is no register
        os.mkfifo("pipe")  # who opens it waits for ever

    def check(self, file, name, claim):
        shutil.copy(file, "claims.h5")
        with h5py.File("claims.h5", "r+") as changed:
            dtype = changed[name].dtype
            del changed[name]
            claim(changed, name, dtype)
        size, honest = os.path.getsize("claims.h5"), os.path.getsize(file)
        self.assertLess(size, honest + 10 ** 5)
        refused = 0
        for command in COMMANDS[file]:
            code, output, memory = outcome(command[0], "claims.h5", *command[1:])
            told = f"{claim.__name__} {name}, {' '.join(command)}: exit {code}\n{output}"
            self.assertIn(code, (0, 74), told)
            self.assertLess(memory, MEMORY_KIB, told)
            refused += code == 74
        if not re.match(UNREAD[file], name):
            self.assertGreater(refused, 0, f"{claim.__name__} {name}: believed")

    def check_all(self, file):
        # Each dataset with one claim in turn: all with all would be a thousand runs.
        names = []
        with h5py.File(file) as honest:
            honest.visititems(lambda name, item: names.append(name)
                              if isinstance(item, h5py.Dataset) else None)
        self.assertGreater(len(names), 20)
        for name, claim in zip(names, itertools.cycle(CLAIMS)):
            self.check(file, name, claim)
        for name in {"result.h5": ("cycles/leader", "sequences/offset", "milestones/position"),
                     "campaign.h5": ("registers/length", "registers/feedback", "list/line"),
                     }[file]:
            for claim in CLAIMS:
                self.check(file, name, claim)

    def test_results(self):
        self.check_all("result.h5")

    def test_campaigns(self):
        self.check_all("campaign.h5")

    def test_fields_that_no_row_is_over_cost_nothing(self):
        sieve = numpy.ones(2 ** 16, bool)
        sieve[:2] = False
        for prime in range(2, 2 ** 8):
            sieve[prime * prime::prime] &= not sieve[prime]
        shutil.copy("campaign.h5", "fields.h5")
        with h5py.File("fields.h5", "r+") as file:
            del file["fields/order"], file["fields/modulus"]
            file["fields/order"] = numpy.flatnonzero(sieve).astype("<u8")
            file["fields/modulus"] = numpy.full(sieve.sum(), b"", "S1")
        code, output, memory = outcome("show", "fields.h5")
        self.assertEqual(code, 0, output)
        self.assertLess(memory, MEMORY_KIB)  # their tables would be two gigabytes

    def test_files_that_other_tools_packed_again_are_read(self):
        for file, commands in COMMANDS.items():
            with h5py.File(file) as old, h5py.File("again.h5", "w") as new:
                for key, value in old.attrs.items():
                    new.attrs.create(key, value, dtype=old.attrs.get_id(key).dtype)
                old.visititems(lambda name, item: self.pack_again(new, name, item))
            for command in commands:
                code, output, _ = outcome(command[0], "again.h5", *command[1:])
                self.assertEqual(code, 0, output)

    @staticmethod
    def pack_again(new, name, item):
        if isinstance(item, h5py.Dataset):
            packed = {"compression": 9, "shuffle": True, "fletcher32": True} if item.chunks else {}
            copy = new.create_dataset(name, data=item[...], dtype=item.dtype, **packed)
        else:
            copy = new.create_group(name)
        for key, value in item.attrs.items():
            copy.attrs.create(key, value, dtype=item.attrs.get_id(key).dtype)


if __name__ == "__main__":
    unittest.main()
