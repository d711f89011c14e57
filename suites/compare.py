"""What the engine answers for a model file, beside what its framework does."""

import os
import subprocess
import sys
import tempfile

import numpy as np

TOLERANCE = 1e-4


def difference(binary, name, save, x, expected):
    """The largest difference over the largest answer, of a model that `save` writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path, given, made = (os.path.join(folder, n) for n in (name, "x.npy", "y.npy"))
        save(path)
        np.save(given, x)
        command = [binary, "run", path, "--input", given, "--output", made]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[:300])
        return float(np.abs(np.load(made) - expected).max() / np.abs(expected).max())


def each(names, compared):
    """Prints a line for each name: parameters, difference, agreement; `compared` gives the first
    two, or fails with the reason."""
    agree = total = 0
    for name in names:
        total += 1
        try:
            count, error = compared(name)
            is_close = error <= TOLERANCE
            agree += is_close
            print(f"{name} {count} {error:.1e} {'yes' if is_close else 'NO'}")
        except Exception as error:
            print(f"{name} NO {type(error).__name__}: {str(error)[:300]}")
        sys.stdout.flush()
    print(f"{agree} of {total} agree")
