"""Each architecture of keras.applications with random weights: what `schooner run` answers against
what Keras does. Nothing of it is kept: the weights of all take gigabytes.

    python applications.py PATH_OF_SCHOONER [WORD ...]

Prints a line for each: name, parameters, largest difference over the largest answer, agreement.
"""

import os
import pathlib
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from compare import difference, each


def architectures():
    found = {}
    for name in dir(keras.applications):
        make = getattr(keras.applications, name)
        if callable(make) and name[0].isupper():
            found[name] = make
    return found


def compared(binary, make):
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    model = make(weights=None, classes=10)
    shape = [1] + [size for size in model.input_shape[1:]]
    x = np.random.default_rng(0).uniform(0, 1, shape).astype("float32")
    expected = np.asarray(model(x, training=False))
    return model.count_params(), difference(binary, "m.keras", model.save, x, expected)


def main():
    binary, words = sys.argv[1], [word.lower() for word in sys.argv[2:]]
    found = architectures()
    asked = [name for name in found if not words or any(word in name.lower() for word in words)]
    each(asked, lambda name: compared(binary, found[name]))


if __name__ == "__main__":
    main()
