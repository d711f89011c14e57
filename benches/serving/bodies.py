"""Writes the models and the requests that every server is asked.

    python bodies.py FOLDER

The models: `noop.onnx` gives back its rows of 16 numbers; `mobilenet_v2.onnx` is the one of
benches/peers. The requests are files with the bodies, and `requests.json`, which says for each its
headers. Everything is the same on every run. Needs `numpy`, `onnx` and `pillow`.
"""

import base64
import io
import json
import pathlib
import sys

import numpy
import onnx
from PIL import Image
from onnx import TensorProto, helper

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "peers"))
import models  # noqa: E402

JSON = {"content-type": "application/json"}


def noop(folder):
    port = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 16])
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "noop", [port("x")], [port("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", models.OPSET)])
    model.ir_version = 8
    onnx.save(model, folder / "noop.onnx")


def photograph():
    """A JPEG of 500 x 375 pixels whose size, 80 kB, is that of the photographs of ImageNet: soft
    shapes and some grain."""
    random = numpy.random.default_rng(3)
    coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), "uint8"))
    pixels = numpy.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC), "float32")
    grain = random.standard_normal((375, 500, 1)) * 14
    image = Image.fromarray(numpy.clip(pixels + grain, 0, 255).astype("uint8"))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


def v2_json(tensor):
    data = [round(float(x), 4) for x in tensor.ravel()]
    given = {"name": "x", "shape": tensor.shape, "datatype": "FP32", "data": data}
    return json.dumps({"inputs": [given]}).encode(), JSON


def v2_binary(array, datatype, data):
    """The binary tensor extension of the Open Inference Protocol."""
    given = {"name": "x", "shape": array, "datatype": datatype,
             "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    headers = {"content-type": "application/octet-stream",
               "inference-header-content-length": str(len(head))}
    return head + data, headers


def v2_bytes_json(data):
    """An image for a server that takes no binary tensors: base64 in JSON."""
    given = {"name": "x", "shape": [1], "datatype": "BYTES",
             "parameters": {"content_type": "base64"},
             "data": [base64.b64encode(data).decode()]}
    return json.dumps({"inputs": [given]}).encode(), JSON


def v2_bytes(data):
    return v2_binary([1], "BYTES", len(data).to_bytes(4, "little") + data)


def plain_json(tensor):
    """`{"x": [...]}`, for servers whose users choose the form of requests."""
    data = [round(float(x), 4) for x in tensor.ravel()]
    return json.dumps({"x": data}).encode(), JSON


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    noop(folder)
    models.mobilenet_v2(folder)
    row = numpy.arange(16, dtype="float32").reshape(1, 16) / 8
    image = numpy.random.default_rng(1).standard_normal((1, 3, 224, 224), "float32")
    jpeg = photograph()
    binary = lambda tensor: v2_binary(tensor.shape, "FP32", tensor.tobytes())
    image_json = {"image": base64.b64encode(jpeg).decode()}
    requests = {
        "noop.binary": binary(row), "noop.json": v2_json(row), "noop.plain": plain_json(row),
        "tensor.binary": binary(image), "tensor.json": v2_json(image),
        "tensor.plain": plain_json(image),
        "image.jpeg": (jpeg, {"content-type": "image/jpeg"}), "image.binary": v2_bytes(jpeg),
        "image.json": v2_bytes_json(jpeg), "image.plain": (json.dumps(image_json).encode(), JSON),
    }
    for name, (body, _) in requests.items():
        (folder / name).write_bytes(body)
    headers = {name: headers for name, (_, headers) in requests.items()}
    (folder / "requests.json").write_text(json.dumps(headers))


if __name__ == "__main__":
    main()
