"""Each architecture of keras.applications with random weights: what `schooner run` answers against
what Keras does. Nothing of it is kept: the weights of all take gigabytes.

    python applications.py PATH_OF_SCHOONER [WORD ...]

Prints a line for each: name, parameters, largest difference over the largest answer, agreement.
"""

import os
import subprocess
import sys
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

TOLERANCE = 1e-4


def architectures():
    found = {}
    for name in dir(keras.applications):
        make = getattr(keras.applications, name)
        if callable(make) and name[0].isupper():
            found[name] = make
    return found


def main():
    binary, words = sys.argv[1], sys.argv[2:]
    agree = total = 0
    for name, make in architectures().items():
        if words and not any(word.lower() in name.lower() for word in words):
            continue
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        total += 1
        try:
            model = make(weights=None, classes=10)
            shape = [1] + [size for size in model.input_shape[1:]]
            x = np.random.default_rng(0).uniform(0, 1, shape).astype("float32")
            expected = np.asarray(model(x, training=False))
            with tempfile.TemporaryDirectory() as folder:
                path, given, made = (os.path.join(folder, n) for n in ("m.keras", "x.npy", "y.npy"))
                model.save(path)
                np.save(given, x)
                command = [binary, "run", path, "--input", given, "--output", made]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(done.stderr.strip()[:300])
                found = np.load(made)
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
            is_close = error <= TOLERANCE
            agree += is_close
            print(f"{name} {model.count_params()} {error:.1e} {'yes' if is_close else 'NO'}")
        except Exception as error:
            print(f"{name} NO {type(error).__name__}: {str(error)[:300]}")
        sys.stdout.flush()
    print(f"{agree} of {total} agree")


if __name__ == "__main__":
    main()
