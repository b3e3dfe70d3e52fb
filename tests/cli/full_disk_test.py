"""A disk that fills up while several ranks write: exit code 74, one message, no hang, no file left.

Open MPI tells a failed collective write to all ranks (OMPIO, 1 or 2 ranks), to some (ROMIO) or to
none (OMPIO, 3 ranks or more), and HDF5 then waits for ever or reports success. The program must end
in the same way in all these cases.
"""
import os
import subprocess
import unittest

from support import BIN, MPIRUN

# 52 488 cycles; tables and sequences of 1.9 MB plain, 200 KB in the file.
JOB = "decompose --length 20 --feedback 0 --sequences --quiet -o mnt/a.h5"


class FullDisk(unittest.TestCase):
    def check(self, ranks, size, io):
        os.makedirs("mnt", exist_ok=True)
        script = (f"mount -t tmpfs -o size={size} none mnt && "
                  f'"$MPIRUN" -n {ranks} --oversubscribe "$BIN" {JOB}; '
                  "code=$?; ls -A mnt; exit $code")
        enter = ["unshare", "--mount"] if os.geteuid() == 0 else [
            "unshare", "--user", "--map-root-user", "--mount"]
        result = subprocess.run(
            [*enter, "sh", "-c", script], text=True, check=False, timeout=100,
            env=dict(os.environ, BIN=BIN, MPIRUN=MPIRUN, ORBITMILL_OVERSUBSCRIBE="1",
                     OMPI_MCA_io=io),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertEqual(result.stdout.strip(), "", result.stderr)
        self.assertEqual(result.stderr.count("orbitmill: error"), 1, result.stderr)
        self.assertIn("space", result.stderr)

    def test_three_ranks(self):
        self.check(3, "64k", "ompio")

    def test_four_ranks_late(self):
        self.check(4, "160k", "ompio")

    def test_failure_on_some_ranks(self):
        self.check(2, "128k", "romio321")

    def test_nothing_fits(self):
        self.check(2, "8k", "ompio")


if __name__ == "__main__":
    unittest.main()
