"""The trace of a run and the profile table at the end of its log, against /profile."""
import collections
import json
import re
import unittest

import h5py

from support import decompose, run

FEEDBACK = ["--feedback", "0,2,3,(5,9)"]
COUNTS = ("states_walked", "batches", "node_steals_tried", "node_steals_won",
          "cluster_steals_tried", "cluster_steals_won", "fallbacks", "bytes_serialized",
          "peak_memory_bytes")
TIMES = ("busy_s", "idle_s", "communication_s", "stealing_s")


def profile_of(path):
    with h5py.File(path, "r") as file:
        return {name: item[...].tolist() for name, item in file["profile"].items()
                if isinstance(item, h5py.Dataset)}


def phase_seconds(path):
    with h5py.File(path, "r") as file:
        return float(file["run"].attrs["elapsed_s"])


def indices_by_phase(batches):
    """{phase: number of its indices}, insisting that each was done once."""
    ranges = collections.defaultdict(list)
    for event in batches:
        ranges[event["name"]].append((event["args"]["first"], event["args"]["last"]))
    result = {}
    for name, parts in ranges.items():
        end = 0
        for first, last in sorted(parts):
            assert first == end, f"{name}: {first} follows {end}"
            assert last > first, f"{name}: empty batch at {first}"
            end = last
        result[name] = end
    return result


class Trace(unittest.TestCase):
    def batches_of(self, name, ranks, threads):
        """The batches in the file, which must be as Perfetto's importer wants them: an object with
        traceEvents, each with ph, pid and, for complete events (X), name, tid, ts and dur in
        microseconds; slices of one track must not overlap."""
        with open(name, encoding="utf-8") as file:
            content = json.load(file)
        self.assertEqual(content["displayTimeUnit"], "ms")
        named = set()
        batches = []
        for event in content["traceEvents"]:
            self.assertIn(event["ph"], ("M", "X"))
            self.assertIn(event["pid"], range(ranks))
            if event["ph"] == "M":
                self.assertEqual(event["name"], "process_name")
                self.assertEqual(event["args"], {"name": f"rank {event['pid']}"})
                named.add(event["pid"])
                continue
            self.assertIn(event["tid"], range(threads))
            self.assertTrue(event["name"])
            for key in ("ts", "dur"):
                self.assertIsInstance(event[key], float)
                self.assertGreaterEqual(event[key], 0)
            batches.append(event)
        self.assertEqual(named, set(range(ranks)))
        tracks = collections.defaultdict(list)
        for event in batches:
            # Whole nanoseconds, as written: sums of the decimal numbers would be a little off.
            start = round(event["ts"] * 1000)
            tracks[event["pid"], event["tid"]].append((start, start + round(event["dur"] * 1000)))
        for track, slices in tracks.items():
            slices.sort()
            for (_, end), (start, _) in zip(slices, slices[1:]):
                self.assertLessEqual(end, start, f"overlap on {track}")
        return batches

    def check_profile(self, batches, profile, ranks, threads):
        self.assertEqual(len(batches), sum(profile["batches"]))
        by_rank = collections.Counter(event["pid"] for event in batches)
        self.assertEqual([by_rank[rank] for rank in range(ranks)], profile["batches"])
        by_worker = collections.Counter((event["pid"], event["tid"]) for event in batches)
        busy = collections.defaultdict(float)
        for event in batches:
            busy[event["pid"]] += event["dur"] * 1e-6
        self.assertEqual([by_worker[rank, thread] for rank in range(ranks)
                          for thread in range(threads)], profile["thread_batches"])
        for rank in range(ranks):
            # A nanosecond a batch is lost to rounding.
            self.assertAlmostEqual(busy[rank], profile["busy_s"][rank],
                                   delta=2e-9 * by_rank[rank] + 1e-9)

    def test_every_batch_of_every_rank_and_thread(self):
        cases = [("--engine", "leader"), ("--milestone-zeros", 5, "--index")]
        for number, engine in enumerate(cases):
            counts = []
            for ranks, threads, mode in ((1, 1, "sequential"), (1, 2, "static"), (2, 2, "stealing"),
                                         (4, 1, "hybrid"), (3, 2, "shared")):
                with self.subTest(engine=engine, ranks=ranks, mode=mode):
                    base = f"{number}-{ranks}-{threads}"
                    decompose(f"{base}.h5", "--length", 20, *FEEDBACK, *engine, "--schedule", mode,
                              "--threads", threads, "--trace", f"{base}.json",
                              ranks=None if ranks == 1 else ranks)
                    batches = self.batches_of(f"{base}.json", ranks, threads)
                    profile = profile_of(f"{base}.h5")
                    self.check_profile(batches, profile, ranks, threads)
                    last = max(event["ts"] + event["dur"] for event in batches)
                    self.assertLessEqual(last * 1e-6, phase_seconds(f"{base}.h5"))
                    counts.append(indices_by_phase(batches))
            # The milestone pass alone cuts its indices by the number of workers.
            for one in counts:
                self.assertEqual({**one, "milestone pass": 0}, {**counts[0], "milestone pass": 0})
            self.assertEqual("index, positions" in counts[0], number == 1)

    def test_phases_follow_each_other_on_all_ranks(self):
        decompose("order.h5", "--length", 20, *FEEDBACK, "--milestone-zeros", 5, "--threads", 1,
                  "--schedule", "static", "--trace", "order.json", ranks=3)
        batches = self.batches_of("order.json", 3, 1)
        with h5py.File("order.h5", "r") as file:
            names = [name.decode() for name in file["run/phase_name"][...]]
        spans = {}
        for event in batches:
            start, end = spans.get(event["name"], (float("inf"), 0))
            spans[event["name"]] = (min(start, event["ts"]), max(end, event["ts"] + event["dur"]))
        inner = [name for name in names if name in spans]
        self.assertGreater(len(inner), 2)
        # Ranks of one machine have one clock; the barrier that aligns them leaves a little.
        for before, after in zip(inner, inner[1:]):
            self.assertLess(spans[before][1], spans[after][0] + 50e3, f"{before}, {after}")

    def test_no_trace_without_the_option_and_no_folder_for_it(self):
        result = run("decompose", "--length", 10, *FEEDBACK, "-o", "bad.h5", "--trace",
                     "missing/t.json", ranks=2)
        self.assertEqual(result.returncode, 73, result.stderr)
        self.assertEqual(result.stderr.count("--trace"), 1, result.stderr)


class ProfileTable(unittest.TestCase):
    def table_of(self, log):
        """{name: (min, avg, max) as written} and the two figures of the last line."""
        rows = {}
        for line in log.splitlines():
            if match := re.search(r"(\w+) +([\d.]+) +([\d.]+) +([\d.]+)$", line):
                rows[match[1]] = match.groups()[1:]
                self.assertLessEqual(len(match[0]), 80)
        imbalance = re.search(r"imbalance: ([\d.]+) % in time, ([\d.]+) % in states walked", log)
        return rows, tuple(map(float, imbalance.groups()))

    def test_agrees_with_the_file(self):
        for ranks in (None, 3):
            log = decompose("table.h5", "--length", 20, *FEEDBACK, "--engine", "leader",
                            "--schedule", "stealing", "--threads", 2, "--verbose", "--overwrite",
                            ranks=ranks).stderr
            rows, imbalance = self.table_of(log)
            profile = profile_of("table.h5")
            self.assertEqual(set(rows) & set(COUNTS + TIMES), set(COUNTS + TIMES))
            for names, digits in ((COUNTS, 0), (TIMES, 4)):
                for name in names:
                    values = profile[name]
                    expected = (min(values), sum(values) / len(values), max(values))
                    for shown, value in zip(rows[name], expected):
                        self.assertAlmostEqual(float(shown), value, delta=0.5001 * 10 ** -digits,
                                               msg=f"{name}: {rows[name]} for {values}")
            for shown, name in zip(imbalance, ("busy_s", "states_walked")):
                values = profile[name]
                self.assertAlmostEqual(
                    shown, 100 * (max(values) * len(values) / sum(values) - 1), delta=0.0501)

    def test_short_runs_do_not_show_it(self):
        log = decompose("short.h5", "--length", 10, *FEEDBACK).stderr
        self.assertNotIn("imbalance", log)


if __name__ == "__main__":
    unittest.main()
