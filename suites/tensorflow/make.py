"""Writes `frozen.zip.zst` and `saved.zip.zst`: small graphs of every operator as TensorFlow saves
them, with random weights, inputs, and what TensorFlow answers.

    python make.py frozen        # graphs with their variables in them
    python make.py saved         # SavedModels
    python make.py frozen -o FILE -k WORD    # only the cases whose names hold a word

The cases are in `cases.py` and `models.py`. README.md says which version was taken.
"""

import argparse
import io
import os
import tempfile
import zipfile
import zlib

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import cases
from archive import pack, write


def frozen(case):
    """The graph with its variables as constants, and the outputs in its own order."""
    concrete = case.function.get_concrete_function(*case.specs)
    whole = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    graph = whole.graph.as_graph_def()
    # In the order of the inputs, which a reader takes for theirs.
    ends = {node.name: node for node in graph.node if node.op == "Placeholder"}
    others = [node for node in graph.node if node.op != "Placeholder"]
    ordered = tf.compat.v1.GraphDef(versions=graph.versions, library=graph.library)
    ordered.node.extend([ends[spec.name] for spec in case.specs if spec.name in ends] + others)
    return {"model.pb": ordered.SerializeToString(deterministic=True)}


def saved(case):
    """The folder of a SavedModel, its files side by side."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(case.module, folder, signatures=case.function.get_concrete_function(
            *case.specs))
        for root, _, names in os.walk(folder):
            for name in names:
                if name != "fingerprint.pb":
                    files[name] = open(os.path.join(root, name), "rb").read()
    return files


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=["frozen", "saved"])
    parser.add_argument("-o", default=None)
    parser.add_argument("-k", default="")
    args = parser.parse_args()
    skipped, made = [], io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for case in cases.cases(args.form):
            if args.k not in case.name:
                continue
            try:
                rng = np.random.default_rng(zlib.crc32(case.name.encode()))
                tf.random.set_seed(zlib.crc32(case.name.encode()))
                case.build(rng)
                given = [tf.constant(a) for a in case.inputs]
                answers = case.function(*given)
                outputs = [np.asarray(answers[key]) for key in sorted(answers)]
                files = (frozen if args.form == "frozen" else saved)(case)
                write(archive, case.name, files, case.inputs, outputs)
            except Exception as error:
                skipped.append(f"{case.name}: {type(error).__name__}: {str(error)[:300]}")
    pack(args.o or f"{args.form}.zip.zst", made.getvalue())
    print("\n".join(["not made:"] + skipped) if skipped else "all made")


if __name__ == "__main__":
    main()
