"""Compares jobs/SCHEMA.md with files that the program has just written: every name on the page,
every name in a file, with kind, type, shape and condition.

Arguments are files to compare; without any the test has the program write one for each condition.
"""
import os
import re
import subprocess
import sys

import h5py
import numpy

SOURCE = os.environ.get("ORBITMILL_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", ".."))
# What only a closed form shows: the numbers of a register that is walked fit in a word.
TYPES = {"uint64": "<u8", "int32": "<i4", "float64": "<f8", "uint8": "|u1", "flag": "|u1"}


def page_entries():
    """{"/group/name": (kind, type, shape, condition)} from the tables of the page."""
    entries = {}
    group = None
    with open(os.path.join(SOURCE, "jobs", "SCHEMA.md"), encoding="utf-8") as page:
        for line in page:
            if line.startswith("# The campaign file"):
                break  # compared by campaign_test.py
            if heading := re.match(r"## (/\w*)$", line):
                group = heading.group(1).rstrip("/")
            elif line.startswith("| `") and group is not None:
                name, kind, type_, shape, _unit, meaning, when = [
                    cell.strip() for cell in line.strip().strip("|").split("|")]
                assert meaning and when, f"{group}: incomplete line: {line}"
                entries[f"{group}/{name.strip('`')}"] = (kind, type_, shape, when)
    return entries


def file_entries(file):
    """The same names as they are in a file: {"/group/name": (kind, object)}."""
    entries = {}

    def note(path, item):
        for name in item.attrs:
            entries[f"{path}/{name}"] = ("attribute", item.attrs.get_id(name))
        if isinstance(item, h5py.Dataset):
            entries[path] = ("dataset", item.id)

    note("", file)
    file.visititems(lambda path, item: note("/" + path, item))
    return entries


def text(value):
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def sizes(file):
    """What the letters of the page stand for in this file."""
    certificate = file["certificate"].attrs
    text_columns = "length_text" in file["histogram"]
    return {"k": file["histogram/length_text" if text_columns else "histogram/length"].size,
            "c": int(text(certificate["cycles_text" if "cycles_text" in certificate else "cycles"])),
            "q^n": int(text(file["certificate"].attrs["states"])), "h": file["run/hosts"].size,
            "p": file["run/phase_name"].size, "r": int(file["run"].attrs["ranks"]),
            "t": int(file["run"].attrs["threads"]), "2": 2, "m": milestones(file)}


def milestones(file):
    if "milestones" not in file:
        return None
    q, n = (int(file["register"].attrs[name]) for name in ("field_order", "length"))
    return (q - 1) * q ** (n - int(file["milestones"].attrs["zeros"]) - 1)


def histogram_of(file):
    """Python's own integers, from whichever columns there are."""
    group = file["histogram"]
    if "length_text" in group:
        return [(int(length), int(count)) for length, count in
                zip(group["length_text"][...], group["count_text"][...])]
    return list(zip(group["length"][...].tolist(), group["count"][...].tolist()))


def large_numbers(file):
    return any(max(row) >= 2**64 for row in histogram_of(file))


def number_of_cycles(file):
    return sum(count for _length, count in histogram_of(file))


def expected_shape(shape, letters):
    if not shape:
        return ()
    letter, plus = re.fullmatch(r"\[(.+?)(\+1)?\]", shape).groups()
    return (letters[letter] + (1 if plus else 0),)


def conditions(file):
    register = file["register"].attrs
    certificate = file["certificate"].attrs
    large = large_numbers(file)
    return {"always": True,
            "all fit in 64 bits": not large, "a number above 64 bits": large,
            "the number of cycles fits in 64 bits": number_of_cycles(file) < 2**64,
            "the number of cycles is above 64 bits": number_of_cycles(file) >= 2**64,
            "theory agrees": text(certificate["theory"]) == "agrees",
            "m > 1": int(register["degree"]) > 1,
            "all coefficients are 1": not re.search(r"\d\*|\b[2-9]", re.sub(
                r"x\d+", "x", text(register["feedback"]))),
            "f is linear": bool(register["linear"]),
            "cycle table": "cycles" in file, "sequences": "sequences" in file,
            "index": "milestones" in file}


def check_type(name, type_, handle):
    dtype = handle.dtype
    if type_ != "text":
        assert dtype.str == TYPES[type_], f"{name}: type {dtype.str}, the page says {type_}"
        return
    h5type = handle.get_type()
    assert isinstance(h5type, h5py.h5t.TypeStringID), f"{name}: no text"
    assert not h5type.is_variable_str(), f"{name}: not of fixed size"
    assert h5type.get_strpad() == h5py.h5t.STR_NULLPAD, f"{name}: not padded with nulls"
    assert h5type.get_cset() == h5py.h5t.CSET_UTF8, f"{name}: not UTF-8"


def compare(path, page):
    """Returns which conditional names the file has."""
    with h5py.File(path, "r") as file:
        found = file_entries(file)
        letters = sizes(file)
        holds = conditions(file)
        for name in found:
            assert name in page, f"{path}: {name} is not on the page"
        for name, (kind, type_, shape, when) in page.items():
            assert when in holds, f"{name}: no test for the condition \"{when}\""
            assert (name in found) == holds[when], f"{path}: {name}: the page says \"{when}\""
            if name not in found:
                continue
            assert found[name][0] == kind, f"{name}: {found[name][0]}, the page says {kind}"
            check_type(name, type_, found[name][1])
            expected = expected_shape(shape, letters)
            assert found[name][1].shape == expected, \
                f"{path}: {name}: shape {found[name][1].shape}, the page says {shape} = {expected}"
        for table in ("cycles/leader", "cycles/length", "sequences/offset", "sequences/symbol",
                      "milestones/position"):
            if table in file:
                assert file[table].chunks and file[table].compression == "gzip", table
                assert file[table].chunks[0] <= max(1, file[table].shape[0]), table
                assert file[table].shuffle == (file[table].dtype == numpy.uint64), table
        assert text(file.attrs["filetype"]) == "orbitmill decomposition"
        assert file.attrs["version"].tolist() == [1, 1]
        return {name for name in found if page[name][3] != "always"}


def written_by_the_program():
    """One file for each condition of the page, holding and not holding."""
    jobs = {
        "nonlinear.h5": ["--length", "9", "--feedback", "0,1,(2,3)", "--cycles", "all",
                         "--sequences"],
        "complemented.h5": ["--length", "7", "--feedback", "x0 + x3 + 1", "--cycles", "none"],
        "linear.h5": ["--polynomial", "x^8 + x^4 + x^3 + x^2 + 1", "--cycles", "all"],
        "ternary.h5": ["--field", "3", "--coefficients", "2,0,1", "--cycles", "all",
                       "--index"],
        "large.h5": ["--length", "1279", "--feedback", "0,216"],
        # 2^100 cycles and more of lengths below 2^64.
        "many.h5": ["--length", "200", "--feedback", "0"],
        "extension.h5": ["--field", "4", "--coefficients", "2,1,1", "--cycles", "all"],
    }
    for name, job in jobs.items():
        subprocess.run([os.environ["ORBITMILL_BIN"], "decompose", *job, "--quiet", "-o", name],
                       check=True, timeout=60,
                       env=dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1"))
    return list(jobs)


def main():
    page = page_entries()
    assert len(page) > 50, "the tables of the page were not found"
    given = sys.argv[1:]
    seen = set()
    for path in given or written_by_the_program():
        seen |= compare(path, page)
    if not given:
        unseen = {name for name, entry in page.items()
                  if entry[3] != "always"} - seen
        assert not unseen, f"no file showed {sorted(unseen)}"
    print(f"{len(page)} names agree")


if __name__ == "__main__":
    main()
