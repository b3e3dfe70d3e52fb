"""What the command line tests share: running the program, alone and under mpirun."""
import os
import subprocess
import sys

BIN = os.environ["ORBITMILL_BIN"]
MPIRUN = os.environ["MPIRUN"]
SOURCE = os.environ["ORBITMILL_SOURCE_DIR"]


def run(*args, ranks=None, env=None, program=BIN, timeout=120, **kwargs):
    """Runs the program; `ranks=None` without mpirun. Four ranks on two cores are meant here, so
    oversubscription is allowed unless the test says otherwise."""
    command = [program, *map(str, args)]
    if ranks is not None:
        command = [MPIRUN, "-n", str(ranks), "--oversubscribe", *command]
    environment = dict(os.environ, ORBITMILL_OVERSUBSCRIBE="1")
    environment.update(env or {})
    environment = {key: value for key, value in environment.items() if value is not None}
    return subprocess.run(command, env=environment, timeout=timeout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kwargs)


def decompose(output, *args, **kwargs):
    """Runs `orbitmill decompose` and insists that it works."""
    result = run("decompose", *args, "-o", output, **kwargs)
    assert result.returncode == 0, f"{args}: exit {result.returncode}\n{result.stderr}"
    return result


def datasets(path, leave_out=("run", "profile")):
    """Everything in the file but the groups that differ from run to run: {name: bytes}."""
    import h5py
    import numpy

    content = {}

    def note(name, item):
        if name.split("/")[0] in leave_out:
            return
        for key, value in item.attrs.items():
            content[f"{name}@{key}"] = numpy.asarray(value).tobytes()
        if isinstance(item, h5py.Dataset):
            content[name] = (str(item.dtype), item.shape, item[...].tobytes())

    with h5py.File(path, "r") as file:
        for key, value in file.attrs.items():
            content[f"@{key}"] = numpy.asarray(value).tobytes()
        file.visititems(note)
    return content


def histogram(path):
    import h5py

    with h5py.File(path, "r") as file:
        return dict(zip(file["histogram/length"][...].tolist(),
                        file["histogram/count"][...].tolist()))


sys.dont_write_bytecode = True


def damage(names, rng):
    """Empties the first of these files, cuts the second in the middle, flips a bit of the others."""
    for number, name in enumerate(names):
        size = os.path.getsize(name)
        with open(name, "r+b") as file:
            if number < 2:
                file.truncate(number * size // 2)
                continue
            file.seek(rng.randrange(size))
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 0x10]))
