"""Runs models and what Schooner exported of them in ONNX Runtime, and holds their answers together.

Usage: onnxruntime_exports.py ORIGINAL EXPORTED [ORIGINAL EXPORTED ...]

Prints one line for each pair: the greatest difference over the largest element. Stops at the first
pair that differs by more than 1e-4 of it, and where integers or text differ at all.
"""

import os
import sys

import numpy as np
import onnxruntime

TOLERANCE = 1e-4

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}

# Small, and no two alike, so that axes that are taken for each other show.
SIZES = [2, 3, 5, 7]


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def made_up(model):
    """Inputs by chance. Sizes of the same name are the same."""
    random = np.random.default_rng(0)
    sizes, inputs = {}, {}
    for value in model.get_inputs():
        shape = []
        for axis, size in enumerate(value.shape):
            if not isinstance(size, int):
                name = size or f"{value.name}_{axis}"
                size = sizes.setdefault(name, open_size(value, axis, len(sizes)))
            shape.append(size)
        dtype = DTYPES[value.type]
        if np.issubdtype(dtype, np.floating):
            inputs[value.name] = random.standard_normal(shape).astype(dtype)
        elif shape == []:
            inputs[value.name] = np.array(16000, dtype)
        else:
            inputs[value.name] = random.integers(0, 2, shape).astype(dtype)
    return inputs


def open_size(value, axis, count):
    """The sides of an image and the length of a sound are more than the axes of most models."""
    if axis >= 2 and len(value.shape) == 4:
        return 96
    if axis == 1 and len(value.shape) == 2 and value.type == "tensor(float)":
        return 512
    return SIZES[count % len(SIZES)]


def difference(found, expected):
    if isinstance(expected, list):
        # Maps of classes: their numbers in order.
        expected = np.array([list(row.values()) for row in expected])
        found = np.asarray(found).reshape(expected.shape)
    assert found.shape == expected.shape, f"{found.shape}, expected {expected.shape}"
    if not np.issubdtype(expected.dtype, np.floating):
        assert np.array_equal(found, expected), "other integers or text"
        return 0.0
    if expected.size == 0:
        return 0.0
    largest = max(float(np.abs(expected).max()), 1e-30)
    return float(np.abs(found.astype(np.float64) - expected).max()) / largest


def main():
    paths = sys.argv[1:]
    for original, exported in zip(paths[::2], paths[1::2]):
        first, second = session(original), session(exported)
        assert [i.name for i in first.get_inputs()] == [i.name for i in second.get_inputs()]
        assert [o.name for o in first.get_outputs()] == [o.name for o in second.get_outputs()]
        inputs = made_up(first)
        pairs = zip(second.run(None, inputs), first.run(None, inputs))
        worst = max(difference(found, expected) for found, expected in pairs)
        name = os.path.basename(original)
        assert worst <= TOLERANCE, f"{name}: {worst:.2e} of the largest element"
        print(f"{name}: {worst:.1e} of the largest element")


main()
