"""Writes two small transformer encoders with random weights, spelled as exporters spell them.

    python make_encoders.py              # writes bert_tiny.onnx and deit_tiny.onnx beside itself

They cover operators and shape arithmetic, not accuracy: the weights come from a frozen random
stream (numpy's RandomState, which is guaranteed not to change), so the bytes are reproducible.
Needs numpy and onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
HIDDEN, HEADS, LAYERS = 32, 4, 2
HEAD = HIDDEN // HEADS
INTERMEDIATE = 4 * HIDDEN
INT64_MAX = 2**63 - 1  # Exporters write it for "to the end" in Slice.


class Builder:
    """Collects the nodes and weights of one graph."""

    def __init__(self, seed: int):
        self.random = np.random.RandomState(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, outputs: int = 1, name: str | None = None, **attributes):
        """Appends one node and gives its output's name back, or a list of names."""
        label = f"/{op}_{len(self.nodes)}"
        names = [name] if name else [f"{label}_output_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=label, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, dtype=np.int64) -> str:
        """A Constant node, which is how exporters write the numbers of shape arithmetic."""
        return self.add("Constant", value=numpy_helper.from_array(np.array(value, dtype)))

    def scalar(self, value: float) -> str:
        """A rank-0 f32 Constant."""
        return self.constant(value, np.float32)

    def weight(self, name: str, *shape: int, scale: float = 0.3, offset: float = 0.0) -> str:
        """A normally distributed f32 initializer."""
        value = self.random.standard_normal(shape) * scale + offset
        self.initializers.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def dense(self, x: str, name: str, rows: int, columns: int) -> str:
        """x @ W + b, over the last axis."""
        y = self.add("MatMul", x, self.weight(f"{name}.weight", rows, columns))
        return self.add("Add", self.weight(f"{name}.bias", columns), y)

    def size(self, x: str, axis: int) -> str:
        """The size of one axis as an i64 vector of one element: Shape, Gather, Unsqueeze."""
        size = self.add("Gather", self.add("Shape", x), self.constant(axis), axis=0)
        return self.add("Unsqueeze", size, self.constant([0]))

    def model(self, name: str, opset: int, ir: int, inputs: list, outputs: list) -> bytes:
        """The checked model."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.initializers)
        model = helper.make_model(
            graph,
            ir_version=ir,
            opset_imports=[helper.make_opsetid("", opset)],
            producer_name="schooner suites/goldens/encoders/make_encoders.py",
        )
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


# --- bert_tiny: opset 14, everything decomposed -----------------------------------------------


def layer_norm_decomposed(b: Builder, x: str, name: str) -> str:
    """LayerNorm over the last axis as exporters wrote it before opset 17."""
    centered = b.add("Sub", x, b.add("ReduceMean", x, axes=[-1], keepdims=1))
    square = b.add("Pow", centered, b.scalar(2.0))
    variance = b.add("ReduceMean", square, axes=[-1], keepdims=1)
    deviation = b.add("Sqrt", b.add("Add", variance, b.scalar(1e-12)))
    y = b.add("Div", centered, deviation)
    y = b.add("Mul", y, b.weight(f"{name}.weight", HIDDEN, scale=0.1, offset=1.0))
    return b.add("Add", y, b.weight(f"{name}.bias", HIDDEN, scale=0.1))


def gelu_decomposed(b: Builder, x: str) -> str:
    """x * (1 + erf(x / sqrt 2)) * 0.5."""
    y = b.add("Erf", b.add("Div", x, b.scalar(np.sqrt(2.0))))
    y = b.add("Mul", x, b.add("Add", y, b.scalar(1.0)))
    return b.add("Mul", y, b.scalar(0.5))


def bert_embeddings(b: Builder) -> str:
    """Words, positions cut to the sequence length out of a constant, and segment types."""
    positions = b.constant(np.arange(64)[None])
    end = b.size("input_ids", 1)
    positions = b.add(
        "Slice", positions, b.constant([0]), end, b.constant([1]), b.constant([1])
    )
    words = b.add("Gather", b.weight("embeddings.word", 50, HIDDEN), "input_ids")
    types = b.add("Gather", b.weight("embeddings.type", 2, HIDDEN), "token_type_ids")
    places = b.add("Gather", b.weight("embeddings.position", 64, HIDDEN), positions)
    total = b.add("Add", b.add("Add", words, types), places)
    return layer_norm_decomposed(b, total, "embeddings.norm")


def bert_additive_mask(b: Builder) -> str:
    """(1 - mask) * -1e4, f32 [batch, 1, 1, seq], to be added to the scores."""
    mask = b.add("Unsqueeze", "attention_mask", b.constant([1]))
    mask = b.add("Cast", b.add("Unsqueeze", mask, b.constant([2])), to=TensorProto.FLOAT)
    return b.add("Mul", b.add("Sub", b.scalar(1.0), mask), b.scalar(-1e4))


def bert_boolean_mask(b: Builder) -> str:
    """mask == 0, bool [batch, 1, seq, seq]; its sizes go through the -1 guard of `expand`."""
    mask = b.add("Unsqueeze", "attention_mask", b.constant([1, 2]))
    batch, seq = b.size("attention_mask", 0), b.size("attention_mask", 1)
    shape = b.add("Concat", batch, b.constant([1]), seq, seq, axis=0)
    rank = b.add("Shape", shape)
    one = numpy_helper.from_array(np.array([1], np.int64))
    ones = b.add("ConstantOfShape", rank, value=one)
    unknown = b.add("Equal", shape, b.add("Mul", ones, b.constant(-1)))
    shape = b.add("Where", unknown, ones, shape)
    return b.add("Equal", b.add("Expand", mask, shape), b.constant(0))


def bert_heads(b: Builder, x: str, order: list[int]) -> str:
    """[batch, seq, hidden] -> [batch, seq, heads, head], then transposed by `order`."""
    sizes = [b.size(x, 0), b.size(x, 1), b.constant([HEADS]), b.constant([HEAD])]
    return b.add("Transpose", b.add("Reshape", x, b.add("Concat", *sizes, axis=0)), perm=order)


def bert_attention(b: Builder, x: str, name: str, masked) -> str:
    """Multi-head attention; `masked` maps scores to masked scores."""
    q = bert_heads(b, b.dense(x, f"{name}.query", HIDDEN, HIDDEN), [0, 2, 1, 3])
    k = bert_heads(b, b.dense(x, f"{name}.key", HIDDEN, HIDDEN), [0, 2, 3, 1])
    v = bert_heads(b, b.dense(x, f"{name}.value", HIDDEN, HIDDEN), [0, 2, 1, 3])
    scores = masked(b.add("Div", b.add("MatMul", q, k), b.scalar(np.sqrt(HEAD))))
    context = b.add("MatMul", b.add("Softmax", scores, axis=-1), v)
    context = b.add("Transpose", context, perm=[0, 2, 1, 3])
    sizes = [b.size(context, 0), b.size(context, 1), b.constant([HIDDEN])]
    context = b.add("Reshape", context, b.add("Concat", *sizes, axis=0))
    return b.dense(context, f"{name}.output", HIDDEN, HIDDEN)


def bert_tiny() -> bytes:
    """ids, mask, types i64 [batch, seq] -> last_hidden_state [batch, seq, 32], logits [batch, 3].

    Layer 0 adds its mask to the scores, layer 1 replaces masked scores by Where.
    """
    b = Builder(seed=1)
    x = bert_embeddings(b)
    added, replaced = bert_additive_mask(b), bert_boolean_mask(b)
    lowest = b.scalar(np.finfo(np.float32).min)
    masks = [
        lambda scores: b.add("Add", scores, added),
        lambda scores: b.add("Where", replaced, lowest, scores),
    ]
    for layer in range(LAYERS):
        name = f"layer.{layer}"
        y = bert_attention(b, x, f"{name}.attention", masks[layer])
        x = layer_norm_decomposed(b, b.add("Add", y, x), f"{name}.attention.norm")
        y = gelu_decomposed(b, b.dense(x, f"{name}.intermediate", HIDDEN, INTERMEDIATE))
        y = b.dense(y, f"{name}.output", INTERMEDIATE, HIDDEN)
        x = layer_norm_decomposed(b, b.add("Add", y, x), f"{name}.norm")
    x = b.add("Identity", x, name="last_hidden_state")
    first = b.add("Gather", x, b.constant(0), axis=1)
    pooled = [first, b.weight("pooler.weight", HIDDEN, HIDDEN), b.weight("pooler.bias", HIDDEN)]
    pooled = b.add("Tanh", b.add("Gemm", *pooled, transB=1))
    head = [pooled, b.weight("classifier.weight", 3, HIDDEN), b.weight("classifier.bias", 3)]
    b.add("Gemm", *head, transB=1, name="logits")
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "seq"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    hidden = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["batch", "seq", HIDDEN]
    )
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    return b.model("bert_tiny", 14, 7, ids, [hidden, logits])


# --- deit_tiny: opset 20, with the newer composite operators ----------------------------------

PATCHES = 16  # A 16x16 picture in 4x4 patches.


def layer_norm(b: Builder, x: str, name: str) -> str:
    """LayerNormalization as one node."""
    scale = b.weight(f"{name}.weight", HIDDEN, scale=0.1, offset=1.0)
    bias = b.weight(f"{name}.bias", HIDDEN, scale=0.1)
    return b.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-6)


def deit_tokens(b: Builder) -> str:
    """Patches by convolution, a class token for each picture, and positions."""
    kernel = b.weight("patch.weight", HIDDEN, 3, 4, 4, scale=0.15)
    bias = b.weight("patch.bias", HIDDEN)
    x = b.add("Conv", "pixel_values", kernel, bias, kernel_shape=[4, 4], strides=[4, 4])
    x = b.add("Reshape", x, b.constant([0, HIDDEN, -1]))
    x = b.add("Transpose", x, perm=[0, 2, 1])
    shape = b.add("Concat", b.size(x, 0), b.constant([-1]), b.constant([-1]), axis=0)
    # `expand` keeps an axis by -1, which ONNX does not know: exporters guard it as here.
    ones = b.constant([1, 1, 1])
    shape = b.add("Where", b.add("Equal", shape, b.constant([-1, -1, -1])), ones, shape)
    token = b.add("Expand", b.weight("token", 1, 1, HIDDEN), shape)
    x = b.add("Concat", token, x, axis=1)
    return b.add("Add", x, b.weight("positions", 1, PATCHES + 1, HIDDEN))


def deit_attention(b: Builder, x: str, name: str, is_split: bool) -> str:
    """Attention over one fused projection, taken apart by Split or by Gather."""
    qkv = b.dense(x, f"{name}.qkv", HIDDEN, 3 * HIDDEN)
    sizes = [b.size(x, 0), b.size(x, 1), b.constant([3]), b.constant([HEADS]), b.constant([HEAD])]
    qkv = b.add("Reshape", qkv, b.add("Concat", *sizes, axis=0))
    qkv = b.add("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    if is_split:
        parts = b.add("Split", qkv, outputs=3, axis=0, num_outputs=3)
        q, k, v = (b.add("Squeeze", part, b.constant([0])) for part in parts)
    else:
        q, k, v = (b.add("Gather", qkv, b.constant(i), axis=0) for i in range(3))
    q = b.add("Mul", q, b.scalar(HEAD**-0.5))
    scores = b.add("MatMul", q, b.add("Transpose", k, perm=[0, 1, 3, 2]))
    context = b.add("MatMul", b.add("Softmax", scores, axis=-1), v)
    context = b.add("Transpose", context, perm=[0, 2, 1, 3])
    context = b.add("Reshape", context, b.constant([0, 0, HIDDEN]))
    return b.dense(context, f"{name}.projection", HIDDEN, HIDDEN)


def deit_tiny() -> bytes:
    """pixel_values f32 [n, 3, 16, 16] -> logits f32 [n, 10].

    The head averages two classifiers: of the class token and of the mean over the patches.
    """
    b = Builder(seed=2)
    x = deit_tokens(b)
    for layer in range(LAYERS):
        name = f"blocks.{layer}"
        y = layer_norm(b, x, f"{name}.norm1")
        x = b.add("Add", x, deit_attention(b, y, f"{name}.attention", is_split=layer == 0))
        y = b.dense(layer_norm(b, x, f"{name}.norm2"), f"{name}.fc1", HIDDEN, INTERMEDIATE)
        y = b.add("Gelu", y, approximate="none" if layer == 0 else "tanh")
        x = b.add("Add", x, b.dense(y, f"{name}.fc2", INTERMEDIATE, HIDDEN))
    x = layer_norm(b, x, "norm")
    token = b.add("Gather", x, b.constant(0), axis=1)
    patches = b.add("Slice", x, b.constant([1]), b.constant([INT64_MAX]), b.constant([1]))
    mean = b.add("ReduceMean", patches, b.constant([1]), keepdims=0)
    heads = [
        b.add("Gemm", part, b.weight(f"{name}.weight", 10, HIDDEN), b.weight(f"{name}.bias", 10),
              transB=1)
        for part, name in ((token, "head"), (mean, "head_mean"))
    ]
    b.add("Div", b.add("Add", *heads), b.scalar(2.0), name="logits")
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 16, 16])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])
    return b.model("deit_tiny", 20, 9, [pixels], [logits])


def main() -> None:
    print(f"onnx {onnx.__version__}, numpy {np.__version__}")
    for name, build in (("bert_tiny", bert_tiny), ("deit_tiny", deit_tiny)):
        data = build()
        (HERE / f"{name}.onnx").write_bytes(data)
        print(f"{name}.onnx: {len(data)} bytes")


if __name__ == "__main__":
    main()
