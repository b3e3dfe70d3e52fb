"""Nodes that freeze or die in the middle of a run."""
import os
import time
import unittest

from nodes import STEALING, Running, node
from support import datasets, decompose

FEEDBACK = "0,2,3,(5,9)"


class Faults(unittest.TestCase):
    def test_frozen_node_only_delays(self):
        # Seconds of computing, so that the freeze falls into it; the engine that needs no memory.
        register = ["--length", 28, "--feedback", FEEDBACK, "--engine", "leader"]
        decompose("alone.h5", *register, timeout=300)
        for number, mode in enumerate([["--schedule", "static"], *STEALING]):
            with self.subTest(mode=mode):
                path = f"frozen-{number}.h5"
                running = Running({"node0": 1, "node1": 1}, path, *register, *mode,
                                  "--threads", 1)
                node("stop", "node1")
                time.sleep(3)
                self.assertIsNone(running.process.poll(), f"ended without node1:\n{running.log}")
                node("cont", "node1")
                self.assertEqual(running.finish(timeout=300), 0, running.log)
                self.assertEqual(datasets(path), datasets("alone.h5"))

    def test_dead_node_ends_the_job(self):
        # Hours of computing: nobody is done before the node dies. A node dies once, so this is
        # about one mode only, the most entangled.
        running = Running({"node0": 1, "node1": 1, "node2": 1}, "dead.h5", "--length", 40,
                          "--feedback", FEEDBACK, "--engine", "leader", *STEALING[-1],
                          "--threads", 1, "--cycles", "none")
        self.assertIn("orbitmill decompose", node("ps", "node0"))
        node("kill", "node2")
        self.assertNotEqual(running.finish(timeout=60), 0, running.log)
        self.assertFalse(os.path.exists("dead.h5"))
        # The survivors must not go on computing for nobody.
        deadline = time.monotonic() + 30
        for survivor in ("node0", "node1"):
            while "orbitmill" in node("ps", survivor):
                self.assertLess(time.monotonic(), deadline, node("ps", survivor))
                time.sleep(0.2)


if __name__ == "__main__":
    unittest.main()
