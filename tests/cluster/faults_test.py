"""Nodes that freeze, die or lose their network in the middle of a run."""
import os
import time
import unittest

from nodes import STEALING, Running, RunningScript, node
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

    # Hours of computing: nobody is done before the fault. The most entangled mode.
    endless = ["--length", 40, "--feedback", FEEDBACK, "--engine", "leader", *STEALING[-1],
               "--threads", 1, "--cycles", "none"]

    def check_end(self, running, message, *survivors):
        """Within a minute, with a message, without a result; nobody goes on computing."""
        self.assertNotEqual(running.finish(timeout=60), 0, running.log)
        self.assertIn(message, running.log)
        self.assertFalse(os.path.exists("endless.h5"))
        deadline = time.monotonic() + 30
        for survivor in survivors:
            while "orbitmill" in node("ps", survivor):
                self.assertLess(time.monotonic(), deadline, node("ps", survivor))
                time.sleep(0.2)

    def test_dead_node_ends_the_job(self):
        running = Running({"node0": 1, "node1": 1, "node2": 1}, "endless.h5", *self.endless)
        self.assertIn("orbitmill decompose", node("ps", "node0"))
        node("kill", "node2")
        self.check_end(running, "lost communication with a remote daemon", "node0", "node1")

    def test_cut_cable_ends_the_job(self):
        running = RunningScript(["node0", "node1"], "endless.h5", *self.endless)
        node("cut", "node1")
        self.check_end(running, "lost communication with a remote daemon", "node0")

    def test_node_frozen_for_ever_ends_the_job(self):
        running = RunningScript(["node0", "node2"], "endless.h5", *self.endless)
        node("stop", "node2")
        self.check_end(running, 'node "node2" has not answered for 30 s', "node0")


if __name__ == "__main__":
    unittest.main()
