"""Campaigns from outside: published counts, equal bytes, going on, every odd input."""
import csv
import io
import json
import os
import re
import unittest

import h5py

from support import SOURCE, datasets, run

DATA = os.path.join(SOURCE, "tests", "data")
FORMS = {"1": "x0+xa+xb+xc*xd", "2": "x0+xa+xb*xc+xd*xe", "3": "x0+xa+xb+xc+xd+xe*xf",
         "4": "x0+xa+xb+xc*xd*xe"}


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def campaign(output, *args, code=0, **kwargs):
    result = run("campaign", *args, "-o", output, **kwargs)
    assert result.returncode == code, f"{args}: exit {result.returncode}\n{result.stderr}"
    return result


def texts(file, name):
    """A text column: offsets and bytes."""
    offset = file[f"{name}_offset"][...].tolist()
    data = file[name][...].tobytes().decode()
    return [data[a:b] for a, b in zip(offset, offset[1:])]


def table_rows(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def terms_of(text):
    """A feedback in either notation as a set of sets of stages."""
    if "x" in text:
        return frozenset(frozenset(int(stage) for stage in re.findall(r"x(\d+)", term))
                         for term in text.split("+"))
    return frozenset(frozenset(int(stage) for stage in re.findall(r"\d+", term))
                     for term in re.findall(r"\([^)]*\)|\d+", text))


def mirrored(terms, length):
    return frozenset(frozenset(length - stage if stage else 0 for stage in term) for term in terms)


def up_to_mirror(terms, length):
    return min((sorted(map(sorted, side)) for side in (terms, mirrored(terms, length))))


class Published:
    """The registers of maximum period of four forms, n = 4 up to `longest`."""

    def check(self, longest):
        write("forms.toml", '[campaign]\ntask = "search"\n' + "".join(
            f'[[registers]]\nform = "{form}"\nlengths = [4, {longest}]\n'
            for form in FORMS.values()))
        campaign("forms.h5", "forms.toml", "--overwrite", ranks=2, timeout=3000)
        with h5py.File("forms.h5") as file:
            form = [text.decode() for text in file["forms/form"][...]]
            found = dict(zip(zip(file["forms/length"][...].tolist(), form),
                             file["forms/kept"][...].tolist()))
            length = file["registers/length"][...].tolist()
            feedback = texts(file["registers"], "feedback")
            longest_cycle = file["registers/longest_cycle"][...].tolist()
            verdict = set(file["registers/verdict"][...].tolist())
        spelled = {name: " + ".join(text.split("+")) for name, text in FORMS.items()}
        expected = {(int(n), spelled[kind]): int(count)
                    for n, kind, _, count in table_rows("nlfsr_max_period_counts.tsv")
                    if int(n) <= longest}
        self.assertEqual(found, expected)
        self.assertEqual(verdict, {1})
        self.assertEqual(longest_cycle, [2 ** n - 1 for n in length])
        ours = sorted((n, up_to_mirror(terms_of(text), n)) for n, text in zip(length, feedback))
        theirs = sorted((int(n), up_to_mirror(terms_of(text), int(n)))
                        for n, text, _ in table_rows("nlfsr_max_period_n4_16.tsv")
                        if int(n) <= longest)
        self.assertEqual(ours, theirs)
        self.assertGreater(len(theirs), 300)


class Published12(Published, unittest.TestCase):
    def test_counts_and_registers(self):
        self.check(12)


class Published16(Published, unittest.TestCase):
    def test_counts_and_registers(self):
        self.check(16)


MIXED = """
[campaign]
task = "{task}"
[[registers]]
form = "x0+xa+xb+xc*xd"
lengths = [4, 7]
[[registers]]
list = ["0,1,2,(1,2)", "x0 + x3 + x1*x2", "0,3,2,(3,2)", "x0 + x1 + 1"]
length = 4
[[registers]]
rows = "rows.csv"
field = 3
"""


class Results(unittest.TestCase):
    def setUp(self):
        write("rows.csv", "# rows of lfsr-seq\n1,0,1\n2,1,0,0,1\n\n1,1\n")

    def test_identical_whatever_the_ranks(self):
        for task in ("decompose", "period", "search"):
            write("mixed.toml", MIXED.format(task=task))
            reference = None
            for ranks, threads, extra in [(None, 1, []), (1, 3, ["--batch-size", 1]), (3, 1, []),
                                          (4, 2, ["--schedule", "static"])]:
                campaign("m.h5", "mixed.toml", "--overwrite", "--threads", threads, *extra,
                         ranks=ranks)
                content = datasets("m.h5", leave_out=("run", "profile"))
                reference = reference or content
                self.assertEqual(content, reference, f"{task} with {ranks} ranks")
                self.assertGreater(len(reference), 30)

    def test_the_histograms_are_those_of_decompose(self):
        write("mixed.toml", MIXED.format(task="decompose"))
        campaign("m.h5", "mixed.toml", "--overwrite", ranks=2)
        with h5py.File("m.h5") as file:
            offset = file["histograms/offset"][...].tolist()
            pairs = list(zip(file["histograms/length"][...].tolist(),
                             file["histograms/count"][...].tolist()))
            field = file["registers/field_order"][...].tolist()
            length = file["registers/length"][...].tolist()
            feedback = texts(file["registers"], "feedback")
            canonical = texts(file["registers"], "canonical")
            cycles = file["registers/cycles"][...].tolist()
            rows = [(q, n, text, pairs[a:b]) for q, n, text, a, b in
                    zip(field, length, feedback, offset, offset[1:])]
            self.assertEqual(len(set(zip(field, length, canonical))), len(rows))
        for i in list(range(0, len(rows), 25)) + [len(rows) - 1]:
            q, n, text, histogram = rows[i]
            self.assertEqual(sum(a * b for a, b in histogram), q ** n)
            self.assertEqual(sum(b for _, b in histogram), cycles[i])
            run("decompose", "--field", q, "--length", n, "--feedback", text, "--overwrite",
                "-o", "one.h5")
            with h5py.File("one.h5") as file:
                self.assertEqual(histogram, list(zip(file["histogram/length"][...].tolist(),
                                                     file["histogram/count"][...].tolist())))

    def test_rows_of_lfsr_seq(self):
        known = list(table_rows("lfsr_seq_rows.tsv"))
        write("lfsr.csv", "".join(row[1] + "\n" for row in known))
        campaign("lfsr.h5", "--rows", "lfsr.csv", "--field", 2, "--overwrite")
        shown = list(csv.DictReader(io.StringIO(run("show", "lfsr.h5", "--format", "csv").stdout)))
        by_place = {entry["line"]: entry["row"] for entry in
                    json.loads(run("show", "lfsr.h5", "--format", "json").stdout)["list"]}
        for line, (_, _, periods, order, _) in enumerate(known, 1):
            row = shown[by_place[line]]
            self.assertEqual(row["periods"], periods)
            self.assertEqual(row["order"], order)

    def test_duplicates_and_mirrors_share_a_row(self):
        write("twice.csv", "0,1,2,(1,2)\n x0 + x1 + x2 + x1*x2\n0,2,3,(2,3)\n0,1\n")
        result = campaign("twice.h5", "--rows", "twice.csv", "--length", 4, "--overwrite")
        self.assertIn("2 repeat a register", result.stderr)
        with h5py.File("twice.h5") as file:
            self.assertEqual(file["registers/length"].size, 2)
            self.assertEqual(file["list/row"][...].tolist()[:3], [1, 1, 1])
            self.assertEqual(file["list/line"][...].tolist(), [1, 2, 3, 4])


class GoingOn(unittest.TestCase):
    def job(self, task, last, extra=""):
        write("job.toml", f'[campaign]\ntask = "{task}"\n[[registers]]\nform = "{FORMS["1"]}"\n'
              f'lengths = [4, {last}]\n' + extra)

    def both(self, before, after, ranks=2):
        """Runs `before`, goes on with `after`; must equal `after` alone. Returns the log."""
        before()
        campaign("on.h5", "job.toml", "--overwrite", ranks=ranks)
        after()
        result = campaign("on.h5", "job.toml", ranks=3)
        campaign("anew.h5", "job.toml", "--overwrite")
        self.assertEqual(datasets("on.h5"), datasets("anew.h5"))
        return result.stderr

    def test_more_lengths(self):
        for task in ("decompose", "period", "search"):
            log = self.both(lambda t=task: self.job(t, 6), lambda t=task: self.job(t, 8))
            self.assertIn("3 families are taken over", log)
            self.assertNotIn("n = 6:", log)
            self.assertIn("n = 7:", log)

    def test_a_longer_list(self):
        extra = '[[registers]]\nlist = ["0,1,2", {}]\nlength = 9\n'
        for task in ("decompose", "search"):
            self.both(lambda t=task: self.job(t, 5, extra.format('"0,4"')),
                      lambda t=task: self.job(t, 5, extra.format('"0,4", "0,5", "0,2"')))
            with h5py.File("on.h5") as file:
                # The rows that were there keep the seconds of the run that computed them.
                self.assertGreater(file["list/line"].size, 3)

    def test_nothing_left_to_do(self):
        log = self.both(lambda: self.job("search", 6), lambda: None)
        self.assertIn("0 registers done", log)

    def test_what_does_not_fit_is_refused(self):
        self.job("search", 6)
        campaign("on.h5", "job.toml", "--overwrite")
        before = datasets("on.h5", leave_out=())
        self.job("period", 6)
        self.assertIn("its task is search", campaign("on.h5", "job.toml", code=73).stderr)
        self.job("search", 5)
        self.assertIn("would be lost", campaign("on.h5", "job.toml", code=73, ranks=2).stderr)
        self.assertEqual(datasets("on.h5", leave_out=()), before)
        run("decompose", "--length", 5, "--feedback", "0,2", "-o", "other.h5", "--overwrite")
        self.assertIn("the file exists", campaign("other.h5", "job.toml", code=73).stderr)
        campaign("other.h5", "job.toml", "--overwrite")

    def test_failures_are_tried_again(self):
        write("job.toml", '[[registers]]\nlist = ["0,1", "1,(2,3)"]\nlength = 4\n')
        campaign("f.h5", "job.toml", "--overwrite", code=65)
        result = campaign("f.h5", "job.toml", code=65)
        self.assertIn("1 registers and 0 families are taken over", result.stderr)
        self.assertIn("1 registers done", result.stderr)


class OddInput(unittest.TestCase):
    def check(self, job, code, words, *args, ranks=None):
        write("odd.toml", job)
        if os.path.exists("odd.h5"):
            os.remove("odd.h5")
        result = run("campaign", "odd.toml", "-o", "odd.h5", *args, ranks=ranks)
        self.assertEqual(result.returncode, code, job + result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual(result.stderr.count("orbitmill: error"), 0 if code == 0 else 1)
        self.assertEqual([name for name in os.listdir(".") if ".partial" in name], [])
        return os.path.exists("odd.h5")

    def test_jobs_that_are_none(self):
        head = '[[registers]]\nform = "x0+xa+xb"\n'
        for job, code, words in [
                ("", 2, ["[[registers]]"]),
                ("[[registers]]\n", 65, ["odd.toml:1:", "form, rows and list"]),
                (head, 65, ["which length"]),
                (head + "length = 5\ntap = 3\n", 65, ["odd.toml:4:1", "tap"]),
                (head + "lengths = [7, 5]\n", 65, ["odd.toml:3:", "holds nothing"]),
                (head + "lengths = [7]\n", 65, ["[first, last]"]),
                (head + "lengths = [7, 70]\n", 65, ["1 to 62"]),
                (head + "length = 5\nfield = 3\n", 65, ["GF(2)"]),
                (head + "length = 5\n[registers.ranges]\na = [3, 2]\n", 65, ["holds nothing"]),
                (head + "length = 5\n[registers.ranges]\na = [0, 2]\n", 65, ["1 to n - 1"]),
                (head + "length = 5\n[registers.ranges]\nc = [1, 2]\n", 65, ["no xc"]),
                (head + "length = 5\n[registers.ranges]\na = [5, 9]\n", 65, ["no registers"]),
                (head + "length = 2\n", 65, ["no registers", "n = 2"]),
                ('[[registers]]\nform = "x0+x9"\nlength = 4\n', 65, ["stage 9"]),
                ('[[registers]]\nform = "xa+xb"\nlength = 4\n', 65, ["singular", "^"]),
                ('[[registers]]\nform = "x0+xa*"\nlength = 4\n', 65, ["x0+xa*", "^"]),
                ("[[registers]]\nlist = []\nlength = 4\n", 65, ["no registers"]),
                ("[[registers]]\nlist = [3]\nlength = 4\n", 65, ["odd.toml:2:", "strings"]),
                ('[[registers]]\nrows = "missing.csv"\n', 65, ["missing.csv", "odd.toml:1"]),
                ('[[registers]]\nrows = "."\n', 65, ["folder"]),
                ('[[registers]]\nlist = ["1,1"]\nfield = 6\n', 65, ["prime power"]),
                ('[campaign]\ntask = "walk"\n' + head + "length = 5\n", 65, ["walk", "search"]),
                (head + "length = 5\n[filters]\nterms = [-1, 2]\n", 65, ["terms"]),
                ('registers = 3\n', 65, ["[[registers]]"]),
                (head + "length = 5\n[output]\nfile = '/etc/x'\n", 65, ["unknown key \"file\""]),
                (head + "length = 5\n[run]\nthreads = 0\n", 2, ["--threads 0"])]:
            with self.subTest(job=job):
                self.assertFalse(self.check(job, code, words))

    def test_an_empty_file_has_no_registers(self):
        write("empty.csv", "# nothing\n\n")
        self.assertFalse(self.check('[[registers]]\nrows = "empty.csv"\n', 65, ["no registers"]))

    def test_bad_rows_are_failures_and_the_others_are_done(self):
        write("bad.csv", "\ufeff1,1\n1,x\n1,2\n0,1,1\n1,0,1\r\n,\n")
        for ranks in (None, 3):
            self.assertTrue(self.check('[[registers]]\nrows = "bad.csv"\n', 65,
                                       ["3 registers failed"], ranks=ranks))
            with h5py.File("odd.h5") as file:
                self.assertEqual(int(file["campaign"].attrs["failed"]), 3)
                self.assertEqual(file["unreadable/line"][...].tolist(), [2, 3, 6])
                self.assertIn(b"1,x", file["unreadable/reason"][0])
                self.assertEqual(sorted(file["registers/verdict"][...].tolist()), [1, 1, 4])
                self.assertEqual("".join(texts(file["registers"], "reason")), "")
                self.assertEqual(file["list/outcome"][...].tolist(), [1, 4, 4, 1, 1, 4])
        shown = run("show", "odd.h5").stdout
        self.assertIn("failed", shown)
        # x1 + x2 on three stages: two of them, with x0 + x1, carry the cycles.
        self.assertIn("singular   x1 + x2: 1:1,3:1; order 3; 4 on no cycle", shown)
        self.assertIn("unreadable entry 2", shown)
        self.assertTrue(all(len(line) <= 80 for line in shown.splitlines()), shown)

    def test_paths_are_relative_to_the_job_file(self):
        os.makedirs("deep", exist_ok=True)
        write("deep/r.csv", "1,1\n")
        write("deep/job.toml", '[[registers]]\nrows = "r.csv"\n')
        campaign("deep.h5", "deep/job.toml", "--overwrite")

    def test_a_form_without_free_taps_is_one_register_a_length(self):
        self.assertTrue(self.check('[[registers]]\nform = "x0+x1"\nlengths = [2, 9]\n', 0, []))
        with h5py.File("odd.h5") as file:
            self.assertEqual(file["registers/length"][...].tolist(), list(range(2, 10)))

    def test_a_length_without_registers_is_said(self):
        self.assertTrue(self.check('[[registers]]\nform = "x0+xa+xb"\nlengths = [2, 4]\n', 0,
                                   ["n = 2: 0 combinations, 0 registers"]))

    def test_filters(self):
        job = (f'[campaign]\ntask = "search"\n[[registers]]\nform = "{FORMS["1"]}"\nlength = 6\n'
               '[[registers]]\nform = "x0+xa"\nlength = 6\n[filters]\ndegree = 2\nterms = [3, 9]\n')
        self.assertTrue(self.check(job, 0, ["filter terms: looked at"]))
        with h5py.File("odd.h5") as file:
            self.assertEqual(file["forms/kept"][...].tolist(), [8, 0])
            registers = file["forms/registers"][...].tolist()
            self.assertEqual(file["forms/filtered"][...].tolist(), [0, registers[1]])
            names = [name.decode() for name in file["run/filter_name"][...]]
            settled = dict(zip(names, file["run/filter_settled"][...].tolist()))
            entered = dict(zip(names, file["run/filter_entered"][...].tolist()))
        self.assertEqual(settled["terms"], registers[1])
        self.assertEqual(entered["terms"], sum(registers))
        self.assertEqual(sum(settled[name] for name in names[2:]), registers[0])

    def test_a_filter_takes_the_member_of_a_class_that_passes(self):
        # The two are complements; only the second has four terms or more.
        pair = '["x0 + x1*x2", "x0 + x1*x2 + x1 + x2 + 1"]'
        for names in (pair, '["x0 + x1*x2 + x1 + x2 + 1"]'):
            job = f"[[registers]]\nlist = {names}\nlength = 5\n[filters]\nterms = [4, 9]\n"
            self.assertTrue(self.check(job, 0, ["1 rows"]))

    def test_show_of_a_damaged_file(self):
        write("job.toml", '[[registers]]\nform = "x0+xa"\nlengths = [2, 9]\n')
        campaign("whole.h5", "job.toml", "--overwrite")
        with open("whole.h5", "rb") as file:
            data = file.read()
        with open("cut.h5", "wb") as file:
            file.write(data[:len(data) // 2])
        with h5py.File("whole.h5", "r+") as file:
            file["registers/verdict"][0] = 9
        for name in ("cut.h5", "whole.h5"):
            result = run("show", name)
            self.assertEqual(result.returncode, 74, result.stdout)
            self.assertEqual(result.stderr.count("orbitmill: error"), 1)

    def test_examples_and_help(self):
        campaign("example.h5", os.path.join(SOURCE, "jobs", "campaign-example.toml"), "--overwrite")
        text = run("campaign", "--help").stdout
        self.assertIn("Examples:", text)
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines()), text)


class Schema(unittest.TestCase):
    def test_every_name_is_on_the_page_and_in_a_file(self):
        page = {}
        group, here = None, False
        with open(os.path.join(SOURCE, "jobs", "SCHEMA.md"), encoding="utf-8") as file:
            for line in file:
                if line.startswith("# "):
                    here = "campaign" in line
                elif heading := re.match(r"### (/\w*)$", line):
                    group = heading.group(1).rstrip("/")
                elif here and line.startswith("| `"):
                    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
                    page[f"{group}/{cells[0].strip('`')}"] = cells[1:]
        self.assertGreater(len(page), 60)
        write("bad.csv", "1,1\nx\n")
        found = {}
        for task in ("decompose", "search"):
            write("job.toml", f'[campaign]\ntask = "{task}"\n[[registers]]\nform = "x0+xa"\n'
                  'length = 5\n[[registers]]\nrows = "bad.csv"\n')
            campaign("schema.h5", "job.toml", "--overwrite", code=65)
            with h5py.File("schema.h5") as file:
                def note(path, item):
                    for name in item.attrs:
                        found[f"{path}/{name}"] = ("attribute", item.attrs.get_id(name).dtype)
                    if isinstance(item, h5py.Dataset):
                        found[path] = ("dataset", item.dtype)
                note("", file)
                file.visititems(lambda path, item: note("/" + path, item))
        self.assertEqual(sorted(found), sorted(page))
        types = {"uint64": "<u8", "int32": "<i4", "float64": "<f8", "uint8": "|u1", "flag": "|u1"}
        for name, (kind, dtype) in found.items():
            self.assertEqual(page[name][0], kind, name)
            if page[name][1] != "text":
                self.assertEqual(types[page[name][1]], dtype.str, name)


if __name__ == "__main__":
    if len(os.sys.argv) == 1:
        del Published16  # the long test
    unittest.main()
