"""Writes fashion.onnx, its sample pictures and its labelled val/ folder from trained weights.

    python export.py FIXTURES            # $SCHOONER_FIXTURES stands in for the argument

FIXTURES holds fmnist-resnet8/fmnist_resnet8s2.pth (what train.py wrote) and fashion-mnist/*.gz.
Needs numpy, onnx, onnxruntime and Pillow; torch is not needed: the checkpoint is a zip of raw
arrays beside a pickle, and the pickle is read as data, with a list of the names it may use.
Every output is overwritten, and the same inputs give the same bytes.
"""

import collections
import gzip
import io
import os
import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import PIL
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

HERE = Path(__file__).resolve().parent
LABELS = (HERE / "fashion.labels.txt").read_text().splitlines()
MEAN, STD = 73.0, 90.0
EPSILON = 1e-5  # torch's default for BatchNorm2d.
OPSET = 17
VAL_PER_CLASS = 10  # 100 pictures in all: enough to see a broken recipe, small enough for git.


class Checkpoint(pickle.Unpickler):
    """Reads a torch state dict as numpy arrays; any name outside the list is refused."""

    DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

    def __init__(self, archive: zipfile.ZipFile):
        self.archive = archive
        pickled = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
        self.root = pickled.removesuffix("data.pkl")
        super().__init__(io.BytesIO(archive.read(pickled)))

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.tensor
        if module == "torch" and name in self.DTYPES:
            return self.DTYPES[name]
        raise pickle.UnpicklingError(f"a state dict has no use for {module}.{name}")

    def persistent_load(self, pid):
        kind, dtype, key, _device, count = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"expected a storage, found {kind}")
        values = np.frombuffer(self.archive.read(f"{self.root}data/{key}"), dtype)
        if values.size != count:
            raise pickle.UnpicklingError(f"storage {key} claims {count}, holds {values.size}")
        return values

    @staticmethod
    def tensor(storage, offset, shape, stride, _requires_grad, _hooks):
        size = int(np.prod(shape, dtype=np.int64))
        dense = np.zeros(shape).strides
        if tuple(s * 8 for s in stride) != dense:
            raise pickle.UnpicklingError(f"expected row-major strides, found {stride}")
        return storage[offset : offset + size].reshape(shape)


def read_checkpoint(path: Path) -> dict[str, np.ndarray]:
    """The checkpoint's tensors by name."""
    with zipfile.ZipFile(path) as archive:
        return dict(Checkpoint(archive).load())


class Builder:
    """Collects nodes and weights under the names an exporter would give them."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, op: str, scope: str, inputs: list[str], **attributes) -> str:
        """Appends one node; its name and its output's name come from `scope`."""
        name = f"{scope}/{op}"
        output = f"{name}_output_0"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def weight(self, name: str) -> str:
        """Appends an initializer and gives its name back."""
        self.initializers.append(numpy_helper.from_array(self.weights[name], name))
        return name

    def conv(self, x: str, layer: str, stride: int) -> str:
        """A convolution without bias that keeps (size / stride) by padding."""
        kernel = self.weights[f"{layer}.weight"].shape[2]
        pad = kernel // 2
        return self.add(
            "Conv",
            "/" + layer.replace(".", "/"),
            [x, self.weight(f"{layer}.weight")],
            dilations=[1, 1],
            group=1,
            kernel_shape=[kernel, kernel],
            pads=[pad, pad, pad, pad],
            strides=[stride, stride],
        )

    def norm(self, x: str, layer: str) -> str:
        """BatchNormalization, left unfolded: folding is the compiler's work."""
        parts = ("weight", "bias", "running_mean", "running_var")
        inputs = [x] + [self.weight(f"{layer}.{part}") for part in parts]
        scope = "/" + layer.replace(".", "/")
        return self.add("BatchNormalization", scope, inputs, epsilon=EPSILON, momentum=0.9)

    def block(self, x: str, layer: str, stride: int) -> str:
        """`Block` of train.py."""
        scope = "/" + layer.replace(".", "/")
        y = self.norm(self.conv(x, f"{layer}.c1", stride), f"{layer}.b1")
        y = self.add("Relu", f"{scope}/1", [y])
        y = self.norm(self.conv(y, f"{layer}.c2", 1), f"{layer}.b2")
        y = self.add("Add", scope, [y, self.conv(x, f"{layer}.sc", stride)])
        return self.add("Relu", f"{scope}/2", [y])


def build(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """`ResNet8` of train.py: "image" f32 [n, 1, 28, 28] -> "logits" f32 [n, 10]."""
    b = Builder(weights)
    x = b.add("Relu", "", [b.norm(b.conv("image", "s", 2), "bn")])
    for i in range(3):
        x = b.block(x, f"l.{i}", 2)
    x = b.add("ReduceMean", "", [x], axes=[2, 3], keepdims=0)
    fc = [x, b.weight("fc.weight"), b.weight("fc.bias")]
    b.nodes.append(
        helper.make_node("Gemm", fc, ["logits"], "/fc/Gemm", alpha=1.0, beta=1.0, transB=1)
    )
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 28, 28])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])
    graph = helper.make_graph(b.nodes, "fashion", [image], [logits], b.initializers)
    model = helper.make_model(
        graph,
        ir_version=8,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="schooner examples/fashion/export.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def read_test_set(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images u8 [10000, 28, 28] and labels u8 [10000]."""
    pixels = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    return np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8)


def jpeg(pixels: np.ndarray) -> bytes:
    """One picture as a grayscale JPEG of quality 95, at its native 28x28."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


def decode(data: bytes) -> np.ndarray:
    """What a JPEG of ours holds after decoding, u8 [28, 28]."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def write_pictures(images: np.ndarray, labels: np.ndarray, predict) -> None:
    """Writes val/<label>/<index>.jpg (the first of each class) and samples/ (the next ones)."""
    for folder in ("val", "samples"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    right = total = 0
    for label in range(10):
        indices = np.flatnonzero(labels == label)[: VAL_PER_CLASS + 1]
        folder = HERE / "val" / LABELS[label]
        folder.mkdir()
        pictures = [jpeg(images[i]) for i in indices]
        for index, data in zip(indices[:VAL_PER_CLASS], pictures):
            (folder / f"{index}.jpg").write_bytes(data)
        sample = f"{indices[VAL_PER_CLASS]}_{LABELS[label].replace(' ', '-')}.jpg"
        (HERE / "samples" / sample).write_bytes(pictures[VAL_PER_CLASS])
        answers = predict(np.stack([decode(p) for p in pictures])).argmax(1)
        right += int((answers[:VAL_PER_CLASS] == label).sum())
        total += VAL_PER_CLASS
        print(f"samples/{sample}: {LABELS[answers[VAL_PER_CLASS]]}")
    print(f"val/: top-1 {right}/{total}")


def main() -> None:
    fixtures = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["SCHOONER_FIXTURES"])
    print(
        f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__},"
        f" numpy {np.__version__}, Pillow {PIL.__version__}"
    )
    weights = read_checkpoint(fixtures / "fmnist-resnet8/fmnist_resnet8s2.pth")
    model = build(weights).SerializeToString(deterministic=True)
    (HERE / "fashion.onnx").write_bytes(model)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def predict(pixels: np.ndarray) -> np.ndarray:
        x = (pixels[:, None].astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
        return session.run(["logits"], {"image": x})[0]

    images, labels = read_test_set(fixtures / "fashion-mnist")
    right = sum(
        int((predict(images[i : i + 500]).argmax(1) == labels[i : i + 500]).sum())
        for i in range(0, len(images), 500)
    )
    print(f"fashion.onnx: {len(model)} bytes, test accuracy {right}/{len(images)}")
    write_pictures(images, labels, predict)


if __name__ == "__main__":
    main()
