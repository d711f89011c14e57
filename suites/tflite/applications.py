"""Writes the architectures of keras.applications with random weights as cases of TensorFlow Lite.

    python applications.py -o FILE [WORD ...]
    SCHOONER_CASES=FILE cargo test -p schooner-lower --test tflite -- --nocapture each_case
"""

import argparse
import io
import zipfile

import make
import numpy as np
import tensorflow as tf
import tf_keras as keras
from archive import pack, write

# The smallest image that each takes, or one that leaves it some pixels at its end.
SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetMobile": 224}
SIZE = 64


def architectures(words):
    for name in dir(keras.applications):
        function = getattr(keras.applications, name)
        is_asked = not words or any(word.lower() in name.lower() for word in words)
        if callable(function) and name[0].isupper() and is_asked:
            yield name, function


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", required=True)
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    made, rng = io.BytesIO(), np.random.default_rng(1)
    with zipfile.ZipFile(made, "w") as archive:
        for name, function in architectures(args.words):
            keras.backend.clear_session()
            keras.utils.set_random_seed(1)
            size = SIZES.get(name, SIZE)
            try:
                base = function(weights=None, include_top=False, pooling="avg",
                                input_shape=(size, size, 3))
                end = keras.layers.Dense(10, "softmax")(base.output)
                model = keras.Model(base.input, end)
                samples = [rng.uniform(-1, 1, (1, size, size, 3)).astype("float32")
                           for _ in range(8)]
                for form in ("float", "int8"):
                    data = make.converted(tf.lite.TFLiteConverter.from_keras_model(model), form,
                                          samples)
                    inputs, outputs = make.answers(data, lambda _: samples[0])
                    write(archive, f"{name}_{form}", {"model.tflite": data}, inputs, outputs,
                          **make.tolerance(name, form, outputs))
                print(name, "made", flush=True)
            except Exception as error:
                print(name, "NOT MADE", type(error).__name__, str(error)[:200], flush=True)
    pack(args.o, made.getvalue(), level=1)


if __name__ == "__main__":
    main()
