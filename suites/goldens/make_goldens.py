"""Runs onnxruntime on the models of CASES and stores its answers; README.md tells the format.

    python make_goldens.py FIXTURES      # $SCHOONER_FIXTURES stands in for the argument

Writes cases.json and <model>/<case>/output_<k>.pb beside itself. Inputs are not stored: `fill`
makes them from their index. Needs numpy, onnx, onnxruntime. One thread, CPU only, so that the same
machine and versions give the same bytes.
"""

import collections
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
MULTIPLIER, INCREMENT = 2654435761, 12345  # Knuth's multiplicative hash: 2^32 / golden ratio.
RTOL = 1e-4
# Answers like softmax's 1/1000 would pass any fixed absolute bound: it shrinks with them.
ATOL_MOST, ATOL_RELATIVE = 1e-4, 1e-4

FLOAT, INT32, INT64 = "f32", "i32", "i64"
DTYPES = {FLOAT: np.float32, INT32: np.int32, INT64: np.int64, "bool": np.bool_}


def hashed(name: str, *shape: int, scale: float = 1.0, offset: float = 0.0) -> dict:
    """An f32 input in offset - scale .. offset + scale."""
    fill = {"kind": "hash", "scale": scale, "offset": offset}
    return {"name": name, "dtype": FLOAT, "shape": list(shape), "fill": fill}


def columns(name: str, rows: int, scales: list[float], offsets: list[float]) -> dict:
    """An f32 table whose columns have ranges of their own, as measured features have."""
    fill = {"kind": "hash_columns", "scales": scales, "offsets": offsets}
    return {"name": name, "dtype": FLOAT, "shape": [rows, len(scales)], "fill": fill}


def integers(name: str, dtype: str, *shape: int, low: int, high: int) -> dict:
    """An integer input in low .. high, `high` excluded."""
    fill = {"kind": "hash_int", "low": low, "high": high}
    return {"name": name, "dtype": dtype, "shape": list(shape), "fill": fill}


def ramp(name: str, *shape: int) -> dict:
    """An f32 input that goes from 0 to 1, as onnx's own test runner makes it."""
    return {"name": name, "dtype": FLOAT, "shape": list(shape), "fill": {"kind": "ramp"}}


def text(batch: int, seq: int) -> list[dict]:
    """The three inputs of an encoder of text."""
    shape = (batch, seq)
    return [
        integers("input_ids", INT64, *shape, low=0, high=50),
        integers("attention_mask", INT64, *shape, low=0, high=2),
        integers("token_type_ids", INT64, *shape, low=0, high=2),
    ]


def frames(batch: int, length: int, rate: int) -> list[dict]:
    """Inputs of a voice detector: samples with those before them, the state, and the rate."""
    return [
        hashed("input", batch, length, scale=0.5),
        hashed("state", 2, batch, 128, scale=0.1),
        integers("sr", INT64, low=rate, high=rate + 1),
    ]


def light(name: str, graph_input: str) -> list[tuple]:
    """A model of onnx's light set, whose answer is published, and our narrow copy of it.

    The light model's classes are all equal by its constant weights, so one case is enough; the
    narrow copy (narrow/make_narrow.py) is the one that tells right kernels from wrong ones.
    """
    picture = (1, 3, 224, 224)
    full = f"onnx-light/light/light_{name}.onnx"
    copy = f"suites/goldens/narrow/narrow_{name}.onnx"
    ramped = {"ramp": [ramp(graph_input, *picture)]}
    both = {**ramped, "hash": [hashed(graph_input, *picture)]}
    return [
        (f"light_{name}", "fixtures", full, ramped),
        (f"narrow_{name}", "repository", copy, both),
    ]


# Means, and 1.5 standard deviations, of the breast cancer data's columns: far from them, all
# probabilities are 0 or 1.
BREAST_OFFSETS = [
    14.2, 19.2, 92.1, 658.0, 0.0964, 0.104, 0.0887, 0.0491, 0.18, 0.0626,
    0.405, 1.21, 2.84, 40.7, 0.00699, 0.0251, 0.0317, 0.0117, 0.0204, 0.00371,
    16.3, 25.6, 107.0, 888.0, 0.133, 0.253, 0.269, 0.115, 0.29, 0.0835,
]  # fmt: skip
BREAST_SCALES = [
    5.32, 6.18, 36.6, 540.0, 0.0208, 0.0759, 0.118, 0.0582, 0.0415, 0.0103,
    0.43, 0.818, 3.09, 72.7, 0.00423, 0.0254, 0.0471, 0.00886, 0.0123, 0.00394,
    7.33, 9.09, 50.9, 878.0, 0.0344, 0.228, 0.297, 0.0983, 0.0948, 0.0267,
]  # fmt: skip

# Model, root of its path ("fixtures" or "repository"), path, and inputs by case.
CASES = [
    (
        "efficientnet_lite0",
        "fixtures",
        "efficientnet-lite0/efficientnet_lite0.onnx",
        {
            "batch_1": [hashed("x", 1, 3, 224, 224)],
            "batch_3": [hashed("x", 3, 3, 224, 224)],
        },
    ),
    (
        "fashion",
        "repository",
        "examples/fashion/fashion.onnx",
        {
            "batch_1": [hashed("image", 1, 1, 28, 28)],
            "batch_5": [hashed("image", 5, 1, 28, 28, scale=1.4, offset=0.6)],
        },
    ),
    (
        "rapidocr_cls",
        "fixtures",
        "rapidocr-cls/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        {
            "batch_1_48x192": [hashed("x", 1, 3, 48, 192)],
            "batch_2_48x320": [hashed("x", 2, 3, 48, 320)],
            "batch_1_32x100": [hashed("x", 1, 3, 32, 100)],
        },
    ),
    (
        "magika",
        "fixtures",
        "magika/standard_v3_3/model.onnx",
        {
            "batch_1": [integers("bytes", INT32, 1, 2048, low=0, high=257)],
            "batch_2_ascii": [integers("bytes", INT32, 2, 2048, low=32, high=127)],
        },
    ),
    (
        "bc_logreg",
        "fixtures",
        "tabular/bc_logreg.onnx",
        {
            "batch_1": [columns("X", 1, BREAST_SCALES, BREAST_OFFSETS)],
            "batch_7": [columns("X", 7, BREAST_SCALES, BREAST_OFFSETS)],
        },
    ),
    (
        "logreg_iris",
        "fixtures",
        "tabular/logreg_iris.onnx",
        {"batch_3": [hashed("float_input", 3, 2, scale=4.0)]},
    ),
    *(
        (
            name,
            "fixtures",
            f"tabular/{name}.onnx",
            {"batch_7": [columns(port, 7, BREAST_SCALES, BREAST_OFFSETS)]},
        )
        for name, port in (("bc_lgbm", "x"), ("bc_rf100", "X"), ("bc_svc", "X"), ("bc_xgb", "x"))
    ),
    (
        "silero_vad_16k",
        "fixtures",
        "silero-vad/silero_vad_16k_op15.onnx",
        {"batch_1": frames(1, 576, 16000), "batch_3": frames(3, 576, 16000)},
    ),
    (
        "silero_vad",
        "fixtures",
        "silero-vad/silero_vad.onnx",
        {"rate_16000": frames(2, 576, 16000), "rate_8000": frames(1, 288, 8000)},
    ),
    *light("resnet50", "gpu_0/data_0"),
    *light("densenet121", "data_0"),
    *light("squeezenet", "data_0"),
    *light("shufflenet", "gpu_0/data_0"),
    (
        "bert_tiny",
        "repository",
        "suites/goldens/encoders/bert_tiny.onnx",
        {"batch_1_seq_7": text(1, 7), "batch_3_seq_16": text(3, 16)},
    ),
    (
        "minilm_int8",
        "fetched",
        "minilm-int8/model.onnx",
        {"batch_1_seq_7": text(1, 7), "batch_3_seq_16": text(3, 16)},
    ),
    (
        "deit_tiny",
        "repository",
        "suites/goldens/encoders/deit_tiny.onnx",
        {
            "batch_1": [hashed("pixel_values", 1, 3, 16, 16)],
            "batch_4": [hashed("pixel_values", 4, 3, 16, 16, scale=2.0)],
        },
    ),
]


def fill(spec: dict) -> np.ndarray:
    """The input that `spec` describes; README.md gives the formulas."""
    how, count = spec["fill"], int(np.prod(spec["shape"]))
    index = np.arange(count, dtype=np.uint64)
    hashes = (index * np.uint64(MULTIPLIER) + np.uint64(INCREMENT)) % np.uint64(2**32)
    unit = hashes.astype(np.float64) / 2.0**32 * 2.0 - 1.0
    if how["kind"] == "hash":
        values = unit * how["scale"] + how["offset"]
    elif how["kind"] == "hash_columns":
        rows = unit.reshape(-1, len(how["scales"]))
        values = rows * np.array(how["scales"]) + np.array(how["offsets"])
    elif how["kind"] == "hash_int":
        values = (hashes % np.uint64(how["high"] - how["low"])).astype(np.int64) + how["low"]
    elif how["kind"] == "ramp":
        values = index.astype(np.float64) / count
    else:
        raise ValueError(how)
    return values.astype(DTYPES[spec["dtype"]]).reshape(spec["shape"])


def without_zipmap(model: onnx.ModelProto) -> dict[str, str]:
    """Cuts ZipMap off: the map's output becomes the tensor that fed it. Returns name -> tensor."""
    fed = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "ZipMap"}
    for output in list(model.graph.output):
        if output.name in fed:
            model.graph.output.remove(output)
            tensor = onnx.helper.make_tensor_value_info(
                fed[output.name], onnx.TensorProto.FLOAT, None
            )
            model.graph.output.append(tensor)
    for node in [n for n in model.graph.node if n.op_type == "ZipMap"]:
        model.graph.node.remove(node)
    return fed


def session(model: bytes, is_optimized: bool) -> onnxruntime.InferenceSession:
    """A one-thread CPU session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not is_optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def describe(name: str, answer: np.ndarray, plain: np.ndarray) -> dict:
    """One output's row in cases.json, with what shows that the case means something."""
    if not np.isfinite(answer).all():
        raise ValueError(f"{name} holds NaN or infinity: no golden can be made of it")
    dtype = next(k for k, v in DTYPES.items() if v == answer.dtype)
    row = {"name": name, "dtype": dtype, "shape": list(answer.shape)}
    if dtype == FLOAT:
        row["atol"] = float(f"{min(ATOL_MOST, ATOL_RELATIVE * float(abs(answer).max())):.0e}")
        # How far onnxruntime is from itself without its optimizations: the noise of f32.
        row["spread"] = float(f"{float(abs(answer - plain).max()):.1e}")
    row["distinct"] = int(np.unique(answer).size)
    return row


def check_published(path: Path, answer: np.ndarray) -> str:
    """Compares with the answer that onnx ships beside its light models."""
    published = path.with_name(path.stem + "_output_0.pb")
    tensor = onnx.TensorProto()
    tensor.ParseFromString(published.read_bytes())
    expected = numpy_helper.to_array(tensor)
    worst = float(abs(answer.reshape(expected.shape) - expected).max())
    return f"published answer {list(expected.shape)}: max |difference| {worst:.1e}"


def run_model(name: str, root: str, file: str, cases: dict, roots: dict) -> tuple[dict, list]:
    """Writes the outputs of one model; returns its row and its cases for cases.json."""
    path = roots[root] / file
    data = path.read_bytes()
    model = onnx.load_from_string(data)
    ops = collections.Counter(
        f"{n.domain}:{n.op_type}" if n.domain else n.op_type for n in model.graph.node
    )
    names = [output.name for output in model.graph.output]
    fed = without_zipmap(model)
    served = model.SerializeToString() if fed else data
    optimized, plain = session(served, True), session(served, False)
    shutil.rmtree(HERE / name, ignore_errors=True)
    rows = []
    for case, inputs in cases.items():
        feeds = {spec["name"]: fill(spec) for spec in inputs}
        fetched = [fed.get(output, output) for output in names]
        answers, unoptimized = optimized.run(fetched, feeds), plain.run(fetched, feeds)
        folder = HERE / name / case
        folder.mkdir(parents=True)
        outputs = []
        for k, (output, answer) in enumerate(zip(names, answers)):
            tensor = numpy_helper.from_array(np.ascontiguousarray(answer), output)
            (folder / f"output_{k}.pb").write_bytes(tensor.SerializeToString(deterministic=True))
            row = describe(output, answer, unoptimized[k])
            if output in fed:
                row["before_zipmap"] = fed[output]
            outputs.append(row)
            print(f"{name}/{case}:", {k: v for k, v in row.items() if k != "dtype"})
        if name.startswith("light_") and case == "ramp":
            print(f"{name}/{case}:", check_published(path, answers[0]))
        rows.append({"model": name, "case": case, "inputs": inputs, "outputs": outputs})
    opsets = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    row = {
        "name": name,
        "root": root,
        "path": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "ir_version": model.ir_version,
        "opsets": opsets,
        "ops": dict(sorted(ops.items())),
    }
    return row, rows


def dump(document: dict) -> str:
    """JSON with one line for each model and each case, so that a change is a line of a diff."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            lines = ",\n".join("    " + json.dumps(item) for item in value)
            parts.append(f'  "{key}": [\n{lines}\n  ]')
        else:
            parts.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    fixtures = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["SCHOONER_FIXTURES"])
    fetched = Path(os.environ["SCHOONER_FETCHED"])
    roots = {"fixtures": fixtures, "fetched": fetched, "repository": REPOSITORY}
    versions = {
        "onnxruntime": onnxruntime.__version__,
        "onnx": onnx.__version__,
        "numpy": np.__version__,
    }
    print(versions)
    models, cases = [], []
    for name, root, file, inputs in CASES:
        row, rows = run_model(name, root, file, inputs, roots)
        models.append(row)
        cases.extend(rows)
    document = {"generator": versions, "rtol": RTOL, "models": models, "cases": cases}
    (HERE / "cases.json").write_text(dump(document))


if __name__ == "__main__":
    main()
