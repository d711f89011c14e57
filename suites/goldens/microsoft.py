"""Runs onnxruntime on models of one node each and stores them with its answers: com.microsoft, and
Einsum in f32, of which onnx's own tests have f64 alone; and on convolutions as its quantize_dynamic
writes them.

    python microsoft.py

Writes microsoft/<case>.onnx and <case>.values.pb, a GraphProto whose initializers are the
model's inputs and then its outputs. Needs numpy, onnx, onnxruntime. One thread, CPU only, no
optimization: the same machine and versions give the same bytes.
"""

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "microsoft"
MICROSOFT = "com.microsoft"
F32, I32, I64, U8, I8 = np.float32, np.int32, np.int64, np.uint8, np.int8
BATCH, ROWS, HEADS, SIZE = 2, 5, 2, 4
HIDDEN = HEADS * SIZE


def floats(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normally distributed elements."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(F32)


def whole(seed: int, low: int, high: int, *shape: int, dtype: type = I64) -> np.ndarray:
    """Integers in low .. high, `high` excluded."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def number(value: float, dtype: type = F32) -> np.ndarray:
    """A tensor of rank 0."""
    return np.array(value, dtype)


class Weight:
    """An input that the model holds as a constant."""

    def __init__(self, value: np.ndarray):
        self.value = value


def make(name: str, op: str, inputs: list, outputs: int = 1, domain: str = MICROSOFT, **attributes):
    """Stores a model of one node and what onnxruntime makes of it. `None` leaves an input out."""
    taken = ["" if given is None else f"x{index}" for index, given in enumerate(inputs)]
    made = [f"y{index}" for index in range(outputs)]
    store(name, [helper.make_node(op, taken, made, domain=domain, **attributes)], inputs, made)


def store(name: str, nodes: list, inputs: list, made: list):
    """Stores a model that takes `inputs` as x0, x1 … and what onnxruntime makes of it."""
    ports, weights, feeds = [], [], {}
    for index, given in enumerate(inputs):
        label = f"x{index}"
        if isinstance(given, Weight):
            weights.append(numpy_helper.from_array(given.value, label))
        elif given is not None:
            element = helper.np_dtype_to_tensor_dtype(given.dtype)
            ports.append(helper.make_tensor_value_info(label, element, given.shape))
            feeds[label] = given
    results = [helper.make_empty_tensor_value_info(label) for label in made]
    graph = helper.make_graph(nodes, name, ports, results, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    answers = session.run(made, feeds)
    for result, answer in zip(results, answers, strict=True):
        element = helper.np_dtype_to_tensor_dtype(answer.dtype)
        result.CopyFrom(helper.make_tensor_value_info(result.name, element, answer.shape))
    del model.graph.output[:]
    model.graph.output.extend(results)
    values = [numpy_helper.from_array(value, label) for label, value in feeds.items()]
    values += [numpy_helper.from_array(value, label) for label, value in zip(made, answers)]
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
    data = helper.make_graph([], name, [], [], values)
    (FOLDER / f"{name}.values.pb").write_bytes(data.SerializeToString())


def activations():
    x, bias = floats(1, 3, 8, scale=2), floats(2, 8)
    make("gelu", "Gelu", [x])
    make("bias_gelu", "BiasGelu", [x, bias])
    make("fast_gelu", "FastGelu", [x])
    make("fast_gelu_bias", "FastGelu", [x, Weight(bias)])
    make("quick_gelu", "QuickGelu", [x], alpha=1.5)


def fused():
    x, w, b = floats(3, 1, 4, 6, 6), floats(4, 3, 4, 3, 3), floats(5, 3)
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    for name, parameters in [
        ("Relu", []),
        ("Tanh", []),
        ("Sigmoid", []),
        ("LeakyRelu", [0.2]),
        ("Clip", [-0.5, 1.5]),
        ("HardSigmoid", [0.3, 0.4]),
    ]:
        given = {"activation_params": parameters} if parameters else {}
        case = f"fused_conv_{name.lower()}"
        make(case, "FusedConv", [x, Weight(w), Weight(b)], activation=name, **given, **window)
    z = floats(6, 1, 3, 6, 6)
    make("fused_conv_sum", "FusedConv", [x, Weight(w), Weight(b), z], activation="Relu", **window)
    a, b, c = floats(7, 3, 5), floats(8, 4, 5), floats(9, 4)
    make("fused_gemm", "FusedGemm", [a, b, c], activation="Relu", transB=1, alpha=0.5, beta=2.0)
    make(
        "fused_gemm_leaky",
        "FusedGemm",
        [a, Weight(b), c],
        activation="LeakyRelu",
        activation_alpha=0.3,
        transB=1,
    )
    a, b = floats(10, 2, 3, 4, 5), floats(11, 2, 3, 6, 5)
    make("fused_mat_mul", "FusedMatMul", [a, b], transB=1, alpha=0.25)
    make("fused_mat_mul_a", "FusedMatMul", [floats(12, 2, 5, 4), floats(13, 2, 5, 6)], transA=1)
    a, b = floats(14, 4, 2, 3, 5), floats(15, 2, 3, 5, 6)
    make("fused_mat_mul_batch", "FusedMatMul", [a, b], transBatchA=1)
    a, b = floats(16, 4, 2, 5), floats(17, 6, 2, 4)
    make("fused_mat_mul_both", "FusedMatMul", [a, b], transBatchA=1, transA=1, transBatchB=1, transB=1)
    make("transpose_mat_mul", "TransposeMatMul", [floats(18, 3, 4), floats(19, 5, 4)], transB=1)


def norms():
    x, skip = floats(20, BATCH, ROWS, HIDDEN), floats(21, BATCH, ROWS, HIDDEN)
    gamma, beta, bias = floats(22, HIDDEN), floats(23, HIDDEN), floats(24, HIDDEN)
    make("skip_layer_norm", "SkipLayerNormalization", [x, skip, gamma, beta], epsilon=1e-5)
    make(
        "skip_layer_norm_bias",
        "SkipLayerNormalization",
        [x, skip, Weight(gamma), Weight(beta), Weight(bias)],
        outputs=4,
        epsilon=1e-6,
    )
    make("skip_layer_norm_broadcast", "SkipLayerNormalization", [x, skip[0], gamma])
    make("skip_simplified", "SkipSimplifiedLayerNormalization", [x, skip, gamma], epsilon=1e-5)
    make("skip_simplified_bias", "SkipSimplifiedLayerNormalization", [x, skip, gamma, bias])
    make("simplified", "SimplifiedLayerNormalization", [x, gamma], domain="", epsilon=1e-5, axis=-1)
    ids, segments = whole(25, 0, 11, 2, 4, dtype=I32), whole(26, 0, 2, 2, 4, dtype=I32)
    tables = [Weight(floats(seed, rows, 8)) for seed, rows in [(27, 11), (28, 6), (29, 2)]]
    scale = [Weight(gamma), Weight(beta)]
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], I32)
    make("embed", "EmbedLayerNormalization", [ids, segments, *tables, *scale, mask], outputs=2)
    make("embed_words", "EmbedLayerNormalization", [ids, None, *tables[:2], None, *scale], outputs=2)
    place = np.array([[1, 0, 3, 2], [5, 4, 3, 2]], I32)
    given = [ids, segments, *tables, *scale, mask, place]
    make("embed_places", "EmbedLayerNormalization", given, outputs=3, epsilon=1e-6)


def attentions():
    x = floats(30, BATCH, ROWS, 6)
    w, b = Weight(floats(31, 6, 3 * HIDDEN, scale=0.5)), Weight(floats(32, 3 * HIDDEN))
    heads = {"num_heads": HEADS}
    make("attention", "Attention", [x, w, b], **heads)
    make("attention_computed", "Attention", [x, w.value, b.value], scale=0.7, **heads)
    flat = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], I32)
    make("attention_mask", "Attention", [x, w, b, flat], **heads)
    make("attention_lengths", "Attention", [x, w, b, np.array([5, 3], I32)], **heads)
    make("attention_ends", "Attention", [x, w, b, np.array([5, 3, 1, 0], I32)], **heads)
    square = whole(33, 0, 2, BATCH, ROWS, ROWS, dtype=I32)
    square[:, :, 0] = 1
    make("attention_square", "Attention", [x, w, b, square], mask_filter_value=-50.0, **heads)
    make("attention_causal", "Attention", [x, w, b], unidirectional=1, **heads)
    make("attention_causal_mask", "Attention", [x, w, b, flat], unidirectional=1, **heads)
    past = floats(34, 2, BATCH, HEADS, 3, SIZE)
    make("attention_past", "Attention", [x, w, b, None, past], 2, unidirectional=1, **heads)
    bias = floats(35, BATCH, HEADS, ROWS, ROWS)
    make("attention_bias", "Attention", [x, w, b, None, None, bias], **heads)
    sizes = {"qkv_hidden_sizes": [8, 8, 12]}
    w, b = Weight(floats(36, 6, 28, scale=0.5)), Weight(floats(37, 28))
    make("attention_sizes", "Attention", [x, w, b], **sizes, **heads)


def multi_head_attentions():
    q, k, v = (floats(seed, BATCH, ROWS, HIDDEN) for seed in (40, 41, 42))
    heads, op = {"num_heads": HEADS}, "MultiHeadAttention"
    make("multi_head", op, [q, k, v], **heads)
    make("multi_head_bias", op, [q, k, v, Weight(floats(43, 3 * HIDDEN))], **heads)
    keys, values = floats(44, BATCH, 7, HIDDEN), floats(45, BATCH, 7, 6)
    make("multi_head_cross", op, [q, keys, values], scale=0.4, **heads)
    mask = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], I32)
    make("multi_head_mask", op, [q, k, v, None, mask], **heads)
    make("multi_head_lengths", op, [q, k, v, None, np.array([5, 3], I32)], **heads)
    bias = floats(46, 1, HEADS, ROWS, ROWS)
    make("multi_head_added", op, [q, k, v, None, None, bias], unidirectional=1, **heads)
    past = [floats(seed, BATCH, HEADS, 3, SIZE) for seed in (47, 48)]
    make("multi_head_past", op, [q, k, v, None, None, None, *past], 3, **heads)
    make("multi_head_past_causal", op, [q, k, v, None, None, None, *past], 3, unidirectional=1, **heads)
    apart = [floats(seed, BATCH, HEADS, 7, SIZE) for seed in (49, 50)]
    make("multi_head_apart", op, [q, *apart], **heads)


def rotations():
    x, op = floats(51, BATCH, ROWS, HIDDEN), "RotaryEmbedding"
    angle = np.random.default_rng(52).uniform(0, 3, (10, SIZE // 2))
    caches = [np.cos(angle).astype(F32), np.sin(angle).astype(F32)]
    place = whole(53, 0, 10, BATCH, ROWS)
    make("rotary", op, [x, place, *caches])
    make("rotary_interleaved", op, [x, place, *caches], interleaved=1)
    make("rotary_offset", op, [x, np.array([2], I64), *caches])
    make("rotary_apart", op, [floats(54, BATCH, HEADS, ROWS, SIZE), place, *caches])
    wide = floats(55, BATCH, ROWS, 16)
    make("rotary_part", op, [wide, place, *caches], num_heads=2, rotary_embedding_dim=SIZE)


def scale(value: float, zero: int, dtype: type = U8) -> list:
    """Scale and zero point, as constants."""
    return [Weight(number(value)), Weight(number(zero, dtype))]


def qlinear():
    for kind, low, high, zero in [(U8, 0, 256, 120), (I8, -128, 128, 3)]:
        name = np.dtype(kind).name
        a = whole(60, low, high, 2, 3, 4, dtype=kind)
        b = whole(61, low, high, 3, 1, dtype=kind)
        given = [a, *scale(0.02, zero, kind), b, *scale(0.03, zero, kind)]
        make(f"qlinear_add_{name}", "QLinearAdd", [*given, *scale(0.04, zero - 1, kind)])
        make(f"qlinear_mul_{name}", "QLinearMul", [*given, *scale(0.05, zero + 1, kind)])
        x = [a, *scale(0.03, zero, kind)]
        make(f"qlinear_sigmoid_{name}", "QLinearSigmoid", [*x, *scale(0.004, low, kind)])
        leaky = [*x, *scale(0.03, zero + 2, kind)]
        make(f"qlinear_leaky_{name}", "QLinearLeakyRelu", leaky, alpha=0.2)
        y = scale(1 / 256, low, kind)
        make(f"qlinear_softmax_{name}", "QLinearSoftmax", [*x, *y], axis=-1, opset=13)
        make(f"qlinear_softmax_old_{name}", "QLinearSoftmax", [*x, *y], axis=1, opset=11)
    x, y = whole(62, 0, 256, 1, 3, 6, 6, dtype=U8), scale(0.04, 100)
    x = [x, *scale(0.03, 110)]
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    make("qlinear_average", "QLinearAveragePool", [*x, *y], **window)
    make("qlinear_average_padded", "QLinearAveragePool", [*x, *y], count_include_pad=1, **window)
    make("qlinear_average_last", "QLinearAveragePool", [*x, *y], channels_last=1, **window)
    make("qlinear_global", "QLinearGlobalAveragePool", [*x, *y], channels_last=0)
    make("qlinear_global_last", "QLinearGlobalAveragePool", [*x, *y], channels_last=1)
    parts = [whole(seed, 0, 256, 2, size, dtype=U8) for seed, size in [(63, 3), (64, 5)]]
    given = [*scale(0.03, 100), parts[0], *scale(0.02, 90), parts[1], *scale(0.04, 110)]
    make("qlinear_concat", "QLinearConcat", given, axis=1)
    is_taken = whole(65, 0, 2, 2, 3, dtype=np.bool_)
    given = [parts[0], *scale(0.02, 90), whole(66, 0, 256, 1, 3, dtype=U8), *scale(0.04, 110)]
    make("qlinear_where", "QLinearWhere", [is_taken, *given, *scale(0.03, 100)])
    for kind, low, high in [(U8, 0, 256), (I8, -128, 128)]:
        x = whole(67, low, high, 1, 7, 6, 3, dtype=kind)
        make(f"nhwc_max_pool_{np.dtype(kind).name}", "NhwcMaxPool", [x], **window)


def products():
    a = floats(70, 2, 3, 8)
    b, columns = whole(71, -127, 128, 8, 5, dtype=I8), whole(72, 1, 9, 5).astype(F32) / 100
    bias, op = Weight(floats(73, 5)), "DynamicQuantizeMatMul"
    make("dynamic_mat_mul", op, [a, Weight(b), Weight(number(0.02)), Weight(number(3, I8)), bias])
    make("dynamic_mat_mul_columns", op, [a, Weight(b), Weight(columns)])
    x, zero = whole(74, 0, 256, 2, 3, 8, dtype=U8), Weight(number(128, U8))
    zeros = Weight(whole(75, -5, 6, 5, dtype=I8))
    op, a_scale = "MatMulIntegerToFloat", Weight(number(0.05))
    make("integer_to_float", op, [x, Weight(b), a_scale, Weight(columns), zero, zeros, bias])
    make("integer_to_float_plain", op, [x, Weight(b), a_scale, Weight(number(0.02))])
    m, n = whole(76, 0, 256, 4, 8, dtype=U8), whole(77, -127, 128, 5, 8, dtype=I8)
    first = [m, a_scale, zero, Weight(n)]
    c = Weight(whole(78, -900, 900, 5, dtype=I32))
    b_scale, b_zero = Weight(number(0.02)), Weight(number(0, I8))
    make("q_gemm", "QGemm", [*first, b_scale, b_zero, c, *scale(0.6, 120)], transB=1)
    zeros = Weight(np.zeros(5, I8))
    make("q_gemm_float", "QGemm", [*first, Weight(columns), zeros, c], transB=1)
    x, w = whole(79, 0, 256, BATCH, ROWS, 6, dtype=U8), whole(80, -99, 99, 6, 3 * HIDDEN, dtype=I8)
    given = [x, Weight(w), Weight(floats(81, 3 * HIDDEN)), Weight(number(0.02)), Weight(number(0.01))]
    given += [np.array([5, 3], I32), zero, b_zero]
    make("q_attention", "QAttention", given, num_heads=HEADS)


def few_bits():
    inner, columns, op = 40, 6, "MatMulNBits"
    a = floats(90, 2, 3, inner)
    for bits, block in [(4, 16), (4, 32), (8, 16), (2, 16)]:
        blocks = -(-inner // block)
        packed = Weight(whole(91, 0, 256, columns, blocks, block * bits // 8, dtype=U8))
        scales = Weight(floats(92, columns * blocks, scale=0.1))
        zeros = Weight(whole(93, 0, 256, columns * (-(-blocks * bits // 8)), dtype=U8))
        size = {"K": inner, "N": columns, "bits": bits, "block_size": block, "accuracy_level": 1}
        make(f"n_bits_{bits}_{block}", op, [a, packed, scales], **size)
        make(f"n_bits_{bits}_{block}_zeros", op, [a, packed, scales, zeros], **size)
        if bits == 4:
            bias = [None, Weight(floats(94, columns))]
            make(f"n_bits_{bits}_{block}_bias", op, [a, packed, scales, zeros, *bias], **size)


def linear():
    x, scales = floats(95, 2, 3, 4, scale=2), np.array([0.02, 0.03, 0.01], F32)
    zeros = np.array([100, 128, 140], U8)
    make("quantize", "QuantizeLinear", [x, number(0.02), number(120, U8)])
    make("quantize_axis", "QuantizeLinear", [x, scales, zeros], axis=1)
    integers = whole(96, 0, 256, 2, 3, 4, dtype=U8)
    make("dequantize", "DequantizeLinear", [integers, number(0.02), number(120, U8)])
    make("dequantize_axis", "DequantizeLinear", [integers, scales, zeros], axis=1)


def recurrences():
    """DynamicQuantizeLSTM, of one sequence: states of several are rounded together."""
    x, h, c = floats(110, 6, 1, 4), floats(111, 2, 1, 3), floats(112, 2, 1, 3)
    w = Weight(whole(113, -127, 128, 2, 4, 12, dtype=I8))
    r = Weight(whole(114, -127, 128, 2, 3, 12, dtype=I8))
    bias, lengths = Weight(floats(115, 2, 24)), None
    w_scale, r_scale = [Weight(whole(seed, 1, 9, 2).astype(F32) / 900) for seed in (116, 117)]
    zeros = Weight(np.zeros(2, I8))
    given = [x, w, r, bias, lengths, h, c, None, w_scale, zeros, r_scale, zeros]
    op = "DynamicQuantizeLSTM"
    make("dynamic_lstm", op, given, outputs=3, hidden_size=3, direction="bidirectional")
    rows = [Weight(whole(seed, 1, 9, 2, 12).astype(F32) / 900) for seed in (118, 119)]
    zeros = Weight(np.zeros((2, 12), I8))
    given = [x, w, r, bias, lengths, None, None, None, rows[0], zeros, rows[1], zeros]
    make("dynamic_lstm_rows", op, given, outputs=3, hidden_size=3, direction="bidirectional")


def convolutions():
    """Images that are quantized while the model runs, by weights of bytes."""
    for name, kernel, groups, dtype, zero, window in [
        ("u8", (6, 3, 3, 3), 1, U8, 128, {"pads": [1, 1, 1, 1]}),
        ("u8_uneven", (6, 3, 3, 3), 1, U8, 141, {"pads": [0, 1, 1, 2], "strides": [2, 2]}),
        ("i8", (5, 3, 1, 1), 1, I8, 0, {}),
        ("depthwise", (3, 1, 3, 3), 3, I8, 0, {"pads": [1, 1, 1, 1], "dilations": [1, 2]}),
        ("groups", (6, 1, 2, 3), 3, U8, 128, {"pads": [1, 0, 0, 1]}),
        ("sequence", (4, 3, 5), 1, U8, 128, {"pads": [2, 2]}),
    ]:
        nodes = [
            helper.make_node("DynamicQuantizeLinear", ["x0"], ["bytes", "scale", "zero"]),
            helper.make_node("ConvInteger", ["bytes", "x1", "zero", "x2"], ["sums"],
                             group=groups, **window),
            helper.make_node("Cast", ["sums"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["scale", "x3"], ["scales"]),
            helper.make_node("Mul", ["floats", "scales"], ["scaled"]),
            helper.make_node("Add", ["scaled", "x4"], ["y0"]),
        ]  # fmt: skip
        x = floats(120, 2, 3, *[9, 8][: len(kernel) - 2])
        low = 0 if dtype == U8 else -127
        weights = whole(121, low, low + 255, *kernel, dtype=dtype)
        bias = floats(122, 1, kernel[0], *[1] * (len(kernel) - 2))
        parameters = [weights, number(zero, dtype), number(0.01), bias]
        store(f"conv_integer_{name}", nodes, [x, *map(Weight, parameters)], ["y0"])


def einsums():
    for name, equation, *shapes in [
        ("product", "ij,jk->ik", (3, 4), (4, 5)),
        ("implied", "ij,kj", (3, 4), (5, 4)),
        ("batch", "bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
        ("ellipsis", "...ij,...jk->...ik", (2, 1, 3, 4), (1, 5, 4, 6)),
        ("attention", "bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
        ("diagonal", "bii->bi", (2, 3, 3)),
        ("trace", "ii", (3, 3)),
        ("inner", "ij,ij->", (3, 4), (3, 4)),
        ("outer", "i,j->ji", (3,), (4,)),
        ("pairs", "ij,ik->kij", (3, 4), (3, 5)),
        ("chain", "ijk,kl,lm->jm", (2, 3, 4), (4, 5), (5, 2)),
        ("sum", "ij->j", (3, 4)),
        ("transpose", "ijk->kij", (2, 3, 4)),
        ("alone", "ij,kl->il", (2, 3), (4, 5)),
    ]:
        given = [floats(97 + seed, *shape) for seed, shape in enumerate(shapes)]
        make(f"einsum_{name}", "Einsum", given, domain="", equation=equation)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for family in [
        activations, fused, norms, attentions, multi_head_attentions, rotations, qlinear,
        products, few_bits, linear, recurrences, convolutions, einsums,
    ]:  # fmt: skip
        family()
    files = sorted(FOLDER.iterdir())
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files) // 2} cases, {size} bytes")


if __name__ == "__main__":
    main()
