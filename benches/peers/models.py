"""Writes the five models of the comparison as ONNX files with random weights.

    python models.py FOLDER

Speed does not depend on the values of weights, so none are downloaded. Layers, sizes and
activations are those of the published models; scales keep activations near 1, so that no number
becomes infinite or subnormal. Needs `onnx` and `numpy`.
"""

import math
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Builder:
    """A graph in the making; each method adds a layer and gives the name of its output."""

    def __init__(self, name, inputs):
        self.name = name
        self.random = numpy.random.default_rng(7)
        self.nodes, self.constants, self.count = [], [], 0
        self.inputs = [helper.make_tensor_value_info(*port) for port in inputs]

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def floats(self, *shape, fan_in=None):
        scale = 1 / math.sqrt(fan_in or math.prod(shape[1:]) or 1)
        return self.constant((self.random.standard_normal(shape) * scale).astype("float32"))

    def add(self, op, *inputs, **attributes):
        self.count += 1
        output = f"{op}_{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x, channels, outputs, kernel=1, stride=1, groups=1, pad=None, act=None):
        pad = kernel // 2 if pad is None else pad
        begin, end = pad if isinstance(pad, tuple) else (pad, pad)
        weights = self.floats(outputs, channels // groups, kernel, kernel)
        bias = self.floats(outputs, fan_in=100)
        x = self.add("Conv", x, weights, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                     group=groups, pads=[begin, begin, end, end])
        return self.activation(x, act)

    def activation(self, x, act):
        if act == "relu":
            return self.add("Relu", x)
        if act == "relu6":
            scalar = lambda value: self.constant(numpy.float32(value))
            return self.add("Clip", x, scalar(0), scalar(6))
        return x

    def linear(self, x, inputs, outputs):
        return self.add("Add", self.add("MatMul", x, self.floats(inputs, outputs, fan_in=inputs)),
                        self.floats(outputs, fan_in=100))

    def reshape(self, x, *shape):
        return self.add("Reshape", x, self.constant(numpy.array(shape, "int64")))

    def classify(self, x, channels):
        x = self.add("Flatten", self.add("GlobalAveragePool", x))
        return self.add("Gemm", x, self.floats(1000, channels), self.floats(1000, fan_in=100),
                        transB=1)

    def layer_norm(self, x, width):
        ones = self.constant(numpy.ones(width, "float32"))
        zeros = self.constant(numpy.zeros(width, "float32"))
        return self.add("LayerNormalization", x, ones, zeros, axis=-1, epsilon=1e-6)

    def gelu(self, x):
        """x * (1 + erf(x / sqrt 2)) / 2, as exporters write it."""
        scalar = lambda value: self.constant(numpy.float32(value))
        inner = self.add("Erf", self.add("Div", x, scalar(math.sqrt(2))))
        return self.add("Mul", self.add("Mul", x, self.add("Add", inner, scalar(1))), scalar(0.5))

    def attention(self, x, width, heads, tokens, mask=None):
        size = width // heads

        def split(perm):
            y = self.reshape(self.linear(x, width, width), 1, tokens, heads, size)
            return self.add("Transpose", y, perm=perm)

        query, key, value = split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])
        scale = self.constant(numpy.float32(1 / math.sqrt(size)))
        scores = self.add("Mul", self.add("MatMul", query, key), scale)
        if mask:
            scores = self.add("Add", scores, mask)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        mixed = self.reshape(self.add("Transpose", mixed, perm=[0, 2, 1, 3]), 1, tokens, width)
        return self.linear(mixed, width, width)

    def mlp(self, x, width):
        return self.linear(self.gelu(self.linear(x, width, 4 * width)), 4 * width, width)

    def save(self, folder, output, shape):
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        path = pathlib.Path(folder) / f"{self.name}.onnx"
        onnx.save(model, path)
        return path


IMAGE = [("x", TensorProto.FLOAT, [1, 3, 224, 224])]


def resnet50(folder):
    """He et al., 2015, with the stride in the 3x3 convolution (v1.5)."""
    b = Builder("resnet50", IMAGE)
    x = b.conv("x", 3, 64, 7, 2, act="relu")
    x = b.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for width, blocks, first_stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            y = b.conv(x, channels, width, act="relu")
            y = b.conv(y, width, width, 3, stride, act="relu")
            y = b.conv(y, width, 4 * width)
            if block == 0:
                x = b.conv(x, channels, 4 * width, 1, stride)
            channels = 4 * width
            x = b.add("Relu", b.add("Add", y, x))
    return b.save(folder, b.classify(x, channels), [1, 1000])


def inverted_residuals(b, x, channels, settings):
    """Expansion, depthwise convolution, projection: (expand, out, blocks, stride, kernel)."""
    for expand, outputs, blocks, first_stride, kernel in settings:
        for block in range(blocks):
            stride, y, wide = first_stride if block == 0 else 1, x, channels * expand
            if expand > 1:
                y = b.conv(y, channels, wide, act="relu6")
            y = b.conv(y, wide, wide, kernel, stride, groups=wide, act="relu6")
            y = b.conv(y, wide, outputs)
            x = b.add("Add", y, x) if stride == 1 and channels == outputs else y
            channels = outputs
    return x, channels


def mobilenet_v2(folder):
    """Sandler et al., 2018, width 1."""
    b = Builder("mobilenet_v2", IMAGE)
    x = b.conv("x", 3, 32, 3, 2, act="relu6")
    settings = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3),
                (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)]
    x, channels = inverted_residuals(b, x, 32, settings)
    return b.save(folder, b.classify(b.conv(x, channels, 1280, act="relu6"), 1280), [1, 1000])


def efficientnet_lite0(folder):
    """EfficientNet-B0 (Tan and Le, 2019) with ReLU6 and without squeeze-and-excitation."""
    b = Builder("efficientnet_lite0", IMAGE)
    x = b.conv("x", 3, 32, 3, 2, act="relu6")
    settings = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
                (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]
    x, channels = inverted_residuals(b, x, 32, settings)
    return b.save(folder, b.classify(b.conv(x, channels, 1280, act="relu6"), 1280), [1, 1000])


def vit_s16(folder):
    """DeiT-S (Touvron et al., 2021): 12 layers of 384 with 6 heads, 196 patches and a class."""
    b, width, heads, tokens = Builder("vit_s16", IMAGE), 384, 6, 197
    x = b.conv("x", 3, width, 16, 16, pad=0)
    x = b.add("Transpose", b.reshape(x, 1, width, tokens - 1), perm=[0, 2, 1])
    x = b.add("Concat", b.floats(1, 1, width), x, axis=1)
    x = b.add("Add", x, b.floats(1, tokens, width))
    for _ in range(12):
        x = b.add("Add", x, b.attention(b.layer_norm(x, width), width, heads, tokens))
        x = b.add("Add", x, b.mlp(b.layer_norm(x, width), width))
    x = b.layer_norm(x, width)
    x = b.add("Gather", x, b.constant(numpy.array(0, "int64")), axis=1)
    return b.save(folder, b.linear(x, width, 1000), [1, 1000])


def minilm_l6(folder):
    """all-MiniLM-L6-v2: BERT (Devlin et al., 2018) of 6 layers of 384, 12 heads, 128 tokens."""
    tokens, width, heads, words = 128, 384, 12, 30522
    ports = [(name, TensorProto.INT64, [1, tokens]) for name in ("input_ids", "attention_mask")]
    b = Builder("minilm_l6", ports)
    x = b.add("Gather", b.floats(words, width), "input_ids", axis=0)
    x = b.layer_norm(b.add("Add", x, b.floats(1, tokens, width)), width)
    mask = b.add("Cast", b.reshape("attention_mask", 1, 1, 1, tokens), to=TensorProto.FLOAT)
    mask = b.add("Sub", b.constant(numpy.float32(1)), mask)
    mask = b.add("Mul", mask, b.constant(numpy.float32(-1e4)))
    for _ in range(6):
        x = b.layer_norm(b.add("Add", x, b.attention(x, width, heads, tokens, mask)), width)
        x = b.layer_norm(b.add("Add", x, b.mlp(x, width)), width)
    return b.save(folder, x, [1, tokens, width])


MODELS = [resnet50, mobilenet_v2, efficientnet_lite0, vit_s16, minilm_l6]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        print(model(folder))


if __name__ == "__main__":
    main()
