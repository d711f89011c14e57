"""Each architecture of keras.applications with random weights: what `schooner run` answers against
what Keras does. Nothing of it is kept: the weights of all take gigabytes.

    python applications.py PATH_OF_SCHOONER FORM [NAME ...]

FORM is what the model is written as: `keras`, `h5`, `saved` for a SavedModel, or `tflite`. Prints a
line for each: name, parameters, largest difference over the largest answer, agreement.
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


def lite(model, path):
    import tensorflow

    made = tensorflow.lite.TFLiteConverter.from_keras_model(model).convert()
    pathlib.Path(path).write_bytes(made)


# Of images where an architecture takes any.
SIDE = 224

FORMS = {
    "keras": ("m.keras", lambda model, path: model.save(path)),
    "h5": ("m.h5", lambda model, path: model.save(path)),
    "saved": ("m", lambda model, path: model.export(path, verbose=False)),
    "tflite": ("m.tflite", lite),
}


def settle(model, rng):
    """Statistics, scales and biases as training leaves them: untrained ones change nothing. Nothing
    grows from layer to layer, or the last digit of an input would decide what the last layer says."""
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(rng.uniform(1.0, 2.0, weight.shape))
        elif weight.name == "gamma":
            weight.assign(rng.uniform(0.3, 0.8, weight.shape))
        elif weight.name in ("moving_mean", "beta", "bias"):
            weight.assign(rng.normal(size=weight.shape) * 0.1)


def rescales(model):
    """Does it take pixels as they are?"""
    return any(isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization))
               for layer in model.layers)


def compared(binary, form, make):
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    # Probabilities of random weights would be all alike.
    model = make(weights=None, classes=10, classifier_activation=None)
    settle(model, rng)
    shape = [1] + [size or SIDE for size in model.input_shape[1:]]
    x = rng.uniform(0, 255 if rescales(model) else 1, shape).astype("float32")
    expected = np.asarray(model(x, training=False))
    name, save = FORMS[form]
    return model.count_params(), difference(binary, name, lambda path: save(model, path), x, expected)


def main():
    binary, form, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    found = architectures()
    asked = [name for name in found if not names or name in names]
    each(asked, lambda name: compared(binary, form, found[name]))


if __name__ == "__main__":
    main()
