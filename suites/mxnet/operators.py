"""The cases of operators: each a name and a function that gives a symbol and its inputs, and
parameters that are not to be drawn."""

import mxnet as mx
import numpy as np
from mxnet.gluon import rnn

import detection

S = mx.sym


def f(rng, *shape):
    return rng.normal(size=shape).astype("f4")


def cases():
    made = []

    def case(name, make):
        made.append((name, make))

    def one(name, function, *shape, positive=False, scale=1.0):
        """An operator of one input."""

        def make(rng):
            x = f(rng, *(shape or (2, 3, 5, 6))) * np.float32(scale)
            if positive:
                x = np.abs(x) + np.float32(0.1)
            rank = len(x.shape)
            shape_of = (0,) + x.shape[1:] if rank > 1 else x.shape
            return function(S.var("data", shape=shape_of)), {"data": x}

        case(name, make)

    def two(name, function, a=(2, 3, 4), b=(2, 3, 4), positive=False):
        def make(rng):
            x, y = f(rng, *a), f(rng, *b)
            if positive:
                x, y = np.abs(x) + np.float32(0.2), np.abs(y) + np.float32(0.2)
            return function(S.var("a", shape=a), S.var("b", shape=b)), {"a": x, "b": y}

        case(name, make)

    # --- layers ---
    conv = S.Convolution
    one("conv", lambda x: conv(x, kernel=(3, 3), num_filter=4))
    one("conv_stride_pad", lambda x: conv(x, kernel=(3, 2), stride=(2, 1), pad=(1, 0), num_filter=4))
    one("conv_dilate", lambda x: conv(x, kernel=(2, 2), dilate=(2, 2), num_filter=4, no_bias=True))
    one("conv_group", lambda x: conv(x, kernel=(3, 3), num_filter=6, num_group=3))
    one("conv_1d", lambda x: conv(x, kernel=(3,), num_filter=4), 2, 3, 9)
    one("conv_3d", lambda x: conv(x, kernel=(2, 3, 3), pad=(1, 1, 1), num_filter=4), 2, 3, 4, 5, 6)
    deconv = S.Deconvolution
    one("deconv", lambda x: deconv(x, kernel=(3, 3), num_filter=4))
    one("deconv_stride", lambda x: deconv(x, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=4))
    one("deconv_adj", lambda x: deconv(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 1),
                                       num_filter=4, no_bias=False))
    one("deconv_group", lambda x: deconv(x, kernel=(3, 3), stride=(2, 2), num_filter=6, num_group=3))
    one("fully_connected", lambda x: S.FullyConnected(x, num_hidden=5))
    one("fully_connected_open", lambda x: S.FullyConnected(x, num_hidden=5, no_bias=True), 3, 7)
    one("fully_connected_rows", lambda x: S.FullyConnected(x, num_hidden=5, flatten=False), 2, 3, 4)
    norm = S.BatchNorm
    one("batch_norm", lambda x: norm(x))
    one("batch_norm_gamma", lambda x: norm(x, fix_gamma=False, eps=1e-5))
    one("batch_norm_global", lambda x: norm(x, fix_gamma=False, use_global_stats=True))
    one("batch_norm_last", lambda x: norm(x, fix_gamma=False, axis=-1), 2, 5, 3)
    one("batch_norm_rows", lambda x: norm(x, fix_gamma=False), 4, 5)
    one("instance_norm", lambda x: S.InstanceNorm(x))
    one("layer_norm", lambda x: S.LayerNorm(x))
    one("layer_norm_axis", lambda x: S.LayerNorm(x, axis=1))
    one("group_norm", lambda x: S.GroupNorm(x, num_groups=2), 2, 4, 3, 3)
    one("lrn", lambda x: S.LRN(x, nsize=3, alpha=0.1, beta=0.5), 2, 7, 3, 3)
    for mode in ("instance", "channel", "spatial"):
        one(f"l2_{mode}", lambda x, mode=mode: S.L2Normalization(x, mode=mode))
    for kind in ("max", "avg", "sum"):
        one(f"pool_{kind}", lambda x, k=kind: S.Pooling(x, kernel=(2, 3), stride=(2, 2), pool_type=k))
        one(f"pool_{kind}_pad", lambda x, k=kind: S.Pooling(
            x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=k), 2, 3, 7, 8)
        one(f"pool_{kind}_global", lambda x, k=kind: S.Pooling(
            x, kernel=(1, 1), global_pool=True, pool_type=k))
    one("pool_avg_inside", lambda x: S.Pooling(
        x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", count_include_pad=False))
    one("pool_max_full", lambda x: S.Pooling(
        x, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full"), 2, 3, 8, 8)
    one("pool_avg_full", lambda x: S.Pooling(
        x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", pooling_convention="full"),
        2, 3, 8, 9)
    one("pool_avg_full_inside", lambda x: S.Pooling(
        x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", pooling_convention="full",
        count_include_pad=False), 2, 3, 8, 9)
    one("pool_1d", lambda x: S.Pooling(x, kernel=(2,), stride=(2,), pool_type="max"), 2, 3, 8)
    one("pool_3d", lambda x: S.Pooling(x, kernel=(2, 2, 2), pool_type="avg"), 2, 3, 4, 4, 4)
    one("pool_default_stride", lambda x: S.Pooling(x, kernel=(2, 2), pool_type="max"))
    adaptive = S.contrib.AdaptiveAvgPooling2D
    one("adaptive_1", lambda x: adaptive(x, output_size=1))
    one("adaptive_32", lambda x: conv(adaptive(conv(
        x, kernel=(1, 1), num_filter=2, no_bias=True), output_size=(3, 2)), kernel=(1, 1), num_filter=2))

    one("adaptive_more", lambda x: adaptive(x, output_size=(7, 9)))

    def open_sizes(name, function, *shape):
        """An operator of an image of any size, of few numbers so that it takes little here."""
        case(name, lambda rng: (function(S.var("data", shape=(0, shape[1], 0, 0))),
                                {"data": np.round(f(rng, *shape))}))

    def strided(x):
        """Layers that make the image smaller, each by what the one before it left, and halves of the
        channels added."""
        for _ in range(3):
            x = conv(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), num_filter=4)
            x = S.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="avg", pooling_convention="full",
                          count_include_pad=False)
            x = S.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="max")
        return S.sum(S.reshape(x, shape=(0, -4, 2, 2, -2)), axis=1)

    open_sizes("adaptive_open", lambda x: adaptive(x, output_size=3), 2, 3, 5, 7)
    open_sizes("strided_open", strided, 1, 2, 64, 72)

    # --- activations ---
    for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        one(f"activation_{kind}", lambda x, k=kind: S.Activation(x, act_type=k))
    for kind in ("leaky", "elu", "selu", "gelu", "prelu"):
        one(f"leaky_relu_{kind}", lambda x, k=kind: S.LeakyReLU(x, act_type=k, slope=0.3))
    one("leaky_relu_rrelu", lambda x: S.LeakyReLU(x, act_type="rrelu")[0])
    one("hard_sigmoid", lambda x: S.hard_sigmoid(x, alpha=0.3))
    one("softmax", lambda x: S.softmax(x))
    one("softmax_axis", lambda x: S.softmax(x, axis=1, temperature=2.0))
    one("softmin", lambda x: S.softmin(x))
    one("log_softmax", lambda x: S.log_softmax(x, axis=1))
    one("softmax_activation", lambda x: S.SoftmaxActivation(x), 2, 5)
    one("softmax_activation_channel", lambda x: S.SoftmaxActivation(x, mode="channel"))

    # --- losses ---
    def loss(name, function, *shape):
        case(name, lambda rng: (function(S.FullyConnected(
            S.var("data", shape=(0,) + shape[1:]), num_hidden=4, flatten=len(shape) < 3, name="fc")),
            {"data": f(rng, *shape)}))

    loss("softmax_output", lambda x: S.SoftmaxOutput(x, name="softmax"), 3, 5)
    loss("softmax_output_multi", lambda x: S.SoftmaxOutput(
        x, name="softmax", multi_output=True), 3, 2, 5)
    loss("softmax_output_preserve", lambda x: S.SoftmaxOutput(
        x, name="softmax", preserve_shape=True), 3, 2, 5)
    loss("linear_output", lambda x: S.LinearRegressionOutput(x, name="out"), 3, 5)
    loss("logistic_output", lambda x: S.LogisticRegressionOutput(x, name="out"), 3, 5)
    loss("mae_output", lambda x: S.MAERegressionOutput(x, name="out"), 3, 5)
    loss("make_loss", lambda x: S.MakeLoss(x), 3, 5)

    # --- elementwise ---
    for name in ("abs", "negative", "sign", "ceil", "floor", "fix", "trunc", "round", "rint",
                 "square", "exp", "expm1", "erf", "sin", "cos", "tanh", "tan", "arctan", "sinh",
                 "cosh", "arcsinh", "degrees", "radians", "sigmoid", "relu", "softsign",
                 "logical_not", "zeros_like", "ones_like", "BlockGrad", "identity"):
        one(name, lambda x, name=name: getattr(S, name)(x), 3, 8)
    for name in ("sqrt", "rsqrt", "reciprocal", "log", "log2", "log10", "log1p"):
        one(name, lambda x, name=name: getattr(S, name)(x), 3, 8, positive=True)
    for name in ("arcsin", "arccos", "arctanh"):
        one(name, lambda x, name=name: getattr(S, name)(S.clip(x, a_min=-0.9, a_max=0.9)), 3, 8)
    one("clip", lambda x: S.clip(x, a_min=-0.5, a_max=0.7))
    one("smooth_l1", lambda x: S.smooth_l1(x, scalar=1.5))
    one("cast", lambda x: S.Cast(S.Cast(x, dtype="int32"), dtype="float32"), 3, 8, scale=4)
    for name, function in {
        "plus": lambda x: x + 1.5, "minus": lambda x: x - 1.5, "rminus": lambda x: 1.5 - x,
        "mul": lambda x: x * 1.5, "div": lambda x: x / 1.5, "power": lambda x: x ** 2,
        "mod": lambda x: x % 0.7, "maximum": lambda x: S.maximum(x, 0.2),
        "minimum": lambda x: S.minimum(x, 0.2), "equal": lambda x: x == 1,
        "not_equal": lambda x: x != 1, "greater": lambda x: x > 0.1, "lesser": lambda x: x < 0.1,
        "greater_equal": lambda x: x >= 0.1, "lesser_equal": lambda x: x <= 0.1,
    }.items():
        one(f"scalar_{name}", function, 3, 8)
    one("scalar_rdiv", lambda x: 1.5 / x, 3, 8, positive=True)
    one("scalar_rpower", lambda x: 1.5 ** x, 3, 8)
    for name in ("elemwise_add", "elemwise_sub", "elemwise_mul", "elemwise_div"):
        two(name, lambda a, b, name=name: getattr(S, name)(a, b))
    for name in ("add", "sub", "mul", "div", "maximum", "minimum", "equal", "not_equal", "greater",
                 "greater_equal", "lesser", "lesser_equal", "hypot", "mod", "logical_and",
                 "logical_or", "logical_xor"):
        two(f"broadcast_{name}", lambda a, b, name=name: getattr(S, f"broadcast_{name}")(a, b),
            (2, 3, 4), (1, 3, 1))
    two("broadcast_power", lambda a, b: S.broadcast_power(a, b), (2, 3), (2, 1), positive=True)
    two("add_n", lambda a, b: S.add_n(a, b, a))
    two("where", lambda a, b: S.where(a > b, a, b))

    # --- reductions ---
    for name in ("sum", "mean", "max", "min", "prod"):
        one(f"{name}_axis", lambda x, n=name: getattr(S, n)(x, axis=1))
        one(f"{name}_keep", lambda x, n=name: getattr(S, n)(x, axis=(1, 3), keepdims=True))
    one("sum_all", lambda x: S.sum(x))
    one("mean_exclude", lambda x: S.mean(x, axis=(0, 1), exclude=True))
    one("norm", lambda x: S.norm(x, axis=1))
    one("norm_1", lambda x: S.norm(x, ord=1, axis=(2, 3)))
    one("argmax", lambda x: S.argmax(x, axis=1))
    one("argmin_keep", lambda x: S.argmin(x, axis=2, keepdims=True))
    one("argmax_channel", lambda x: S.argmax_channel(x), 3, 5)

    # --- movement ---
    one("flatten", lambda x: S.Flatten(x))
    for name, codes in {"0_rest": (0, -1), "all": (-2, 1), "merge": (-3, 0, 0), "merge_rest": (0, -3, -2),
                        "split": (0, 0, -4, -1, 2, 0)}.items():
        one(f"reshape_{name}", lambda x, codes=codes: S.reshape(x, shape=codes), 2, 3, 4, 6)
    one("reshape_reverse", lambda x: S.reshape(x, shape=(-1, 0), reverse=True), 2, 3, 4, 6)
    two("reshape_like", lambda a, b: S.reshape_like(a, b), (2, 6), (2, 2, 3))
    two("reshape_like_part", lambda a, b: S.reshape_like(
        a, b, lhs_begin=2, lhs_end=3, rhs_begin=-2, rhs_end=None), (2, 3, 20), (2, 5, 4, 5))
    one("transpose", lambda x: S.transpose(x, axes=(0, 2, 3, 1)))
    one("transpose_default", lambda x: S.transpose(x), 3, 4)
    one("swap_axis", lambda x: S.SwapAxis(x, dim1=1, dim2=3))
    one("expand_dims", lambda x: S.expand_dims(x, axis=1))
    one("squeeze", lambda x: S.squeeze(S.expand_dims(x, axis=2), axis=2))
    two("concat", lambda a, b: S.Concat(a, b, dim=1), (2, 3, 4), (2, 2, 4))
    two("stack", lambda a, b: S.stack(a, b, axis=1))
    one("split", lambda x: S.split(x, num_outputs=3, axis=1)[1])
    one("split_all", lambda x: S.split(x, num_outputs=2, axis=3))
    one("split_squeeze", lambda x: S.split(x, num_outputs=3, axis=1, squeeze_axis=True)[0])
    one("slice", lambda x: S.slice(x, begin=(None, 1, 0), end=(None, 3, 4)))
    one("slice_step", lambda x: S.slice(x, begin=(None, None, 4), end=(None, None, None), step=(1, 1, -2)))
    one("slice_axis", lambda x: S.slice_axis(x, axis=2, begin=1, end=-1))
    one("slice_axis_open", lambda x: S.slice_axis(x, axis=3, begin=2, end=None))
    two("slice_like", lambda a, b: S.slice_like(a, b, axes=(2,)), (2, 3, 4), (2, 3, 2))
    one("tile", lambda x: S.tile(x, reps=(1, 2, 3)), 2, 3, 2)
    one("repeat", lambda x: S.repeat(x, repeats=2, axis=1))
    one("reverse", lambda x: S.reverse(x, axis=2))
    one("flip", lambda x: S.flip(x, axis=(1, 2)))
    for mode in ("constant", "edge", "reflect"):
        one(f"pad_{mode}", lambda x, mode=mode: S.pad(
            x, mode=mode, pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=0.5))
    one("broadcast_to", lambda x: S.broadcast_to(x, shape=(0, 4, 0)), 2, 1, 3)
    one("broadcast_axis", lambda x: S.broadcast_axis(x, axis=(1,), size=(4,)), 2, 1, 3)
    two("broadcast_like", lambda a, b: S.broadcast_like(a, b), (2, 1, 4), (2, 3, 4))
    one("depth_to_space", lambda x: S.depth_to_space(x, block_size=2), 2, 8, 3, 4)
    one("space_to_depth", lambda x: S.space_to_depth(x, block_size=2), 2, 3, 4, 6)
    one("shape_array", lambda x: S.shape_array(x))

    # --- indices ---
    def indices(name, function, shape, high):
        def make(rng):
            x = rng.integers(0, high, shape).astype("f4")
            return function(S.var("data", shape=(0,) + shape[1:])), {"data": x}

        case(name, make)

    indices("embedding", lambda x: S.Embedding(x, input_dim=7, output_dim=4), (2, 5), 7)
    indices("one_hot", lambda x: S.one_hot(x, depth=5, on_value=2.0, off_value=-1.0), (2, 3), 7)
    indices("take", lambda x: S.take(S.var("w", shape=(6, 3)), x), (2, 4), 8)
    indices("take_axis_wrap", lambda x: S.take(S.var("w", shape=(3, 6)), x, axis=1, mode="wrap"), (4,), 9)
    case("pick", lambda rng: (S.pick(S.var("a", shape=(4, 5)), S.var("i", shape=(4,)), axis=1),
                              {"a": f(rng, 4, 5), "i": rng.integers(0, 5, 4).astype("f4")}))
    case("gather_nd", lambda rng: (
        S.gather_nd(S.var("a", shape=(4, 5)), S.var("i", shape=(2, 3))),
        {"a": f(rng, 4, 5), "i": rng.integers(0, 4, (2, 3)).astype("f4")}))
    one("topk", lambda x: S.topk(x, k=2), 3, 7)
    one("topk_value", lambda x: S.topk(x, k=3, ret_typ="value", axis=1), 2, 6, 3)
    one("topk_both", lambda x: S.topk(x, k=2, ret_typ="both", is_ascend=True), 3, 7)
    one("sort", lambda x: S.sort(x, axis=1), 3, 7)
    one("argsort", lambda x: S.argsort(x, is_ascend=False), 3, 7)
    for use in (False, True):
        lengths = {"sequence_length": S.var("n", shape=(3,))} if use else {}
        given = {"n": np.array([2, 5, 4], "f4")} if use else {}

        def sequence(name, function):
            case(f"{name}_{use}", lambda rng, function=function, given=given: (
                function(S.var("data", shape=(5, 3, 2))), {"data": f(rng, 5, 3, 2), **given}))

        sequence("sequence_last", lambda x, n=lengths, use=use: S.SequenceLast(
            x, use_sequence_length=use, **n))
        sequence("sequence_mask", lambda x, n=lengths, use=use: S.SequenceMask(
            x, use_sequence_length=use, value=-1, **n))
    one("sequence_reverse", lambda x: S.SequenceReverse(x), 4, 2, 3)

    # --- products ---
    two("dot", lambda a, b: S.dot(a, b), (3, 4), (4, 5))
    two("dot_turned", lambda a, b: S.dot(a, b, transpose_a=True, transpose_b=True), (4, 3), (5, 4))
    two("dot_wide", lambda a, b: S.dot(a, b), (2, 3, 4), (4, 2, 5))
    two("batch_dot", lambda a, b: S.batch_dot(a, b), (2, 3, 4), (2, 4, 5))
    two("batch_dot_turned", lambda a, b: S.batch_dot(a, b, transpose_b=True), (2, 3, 4), (2, 5, 4))
    two("gemm2", lambda a, b: S.linalg.gemm2(a, b, transpose_b=True, alpha=0.5), (2, 3, 4), (2, 5, 4))
    one("div_sqrt_dim", lambda x: S.contrib.div_sqrt_dim(x))
    one("selfatt_qk", lambda x: S.contrib.interleaved_matmul_selfatt_qk(x, heads=2), 5, 3, 24)
    two("selfatt_valatt", lambda a, b: S.contrib.interleaved_matmul_selfatt_valatt(a, b, heads=2),
        (5, 3, 24), (6, 5, 5))

    # --- given values, images ---
    one("arange_like", lambda x: S.contrib.arange_like(x, axis=1, start=2, step=0.5), 2, 5)
    one("zeros", lambda x: S.broadcast_add(x, S.zeros((1, 3)) + 1), 2, 3)
    one("arange", lambda x: S.broadcast_add(x, S.expand_dims(S.arange(1, 4), axis=0)), 2, 3)
    one("arange_stop", lambda x: S.broadcast_add(x, S.arange(0, 6, 2, repeat=1)), 3)
    one("up_sampling", lambda x: S.UpSampling(x, scale=2, sample_type="nearest"))
    one("bilinear_resize", lambda x: S.contrib.BilinearResize2D(x, height=7, width=9))
    one("bilinear_resize_centers", lambda x: S.contrib.BilinearResize2D(
        x, height=7, width=3, align_corners=False))
    for mode in ("to_even_down", "to_even_up", "to_odd_down", "to_odd_up"):
        one(f"bilinear_resize_{mode}", lambda x, mode=mode: S.contrib.BilinearResize2D(x, mode=mode))
    for mode in ("size", "odd_scale"):
        one(f"bilinear_resize_{mode}", lambda x, mode=mode: S.contrib.BilinearResize2D(
            x, mode=mode, scale_height=1.7, scale_width=2.3))
    two("bilinear_resize_like", lambda a, b: S.contrib.BilinearResize2D(a, b, mode="like"),
        (2, 3, 4, 5), (2, 3, 6, 4))
    for aligned in (False, True):
        case(f"roi_align_{aligned}", lambda rng, aligned=aligned: (
            S.contrib.ROIAlign(S.var("a", shape=(2, 3, 8, 9)), S.var("b", shape=(3, 5)),
                               pooled_size=(3, 2), spatial_scale=0.5, sample_ratio=2, aligned=aligned),
            {"a": f(rng, 2, 3, 8, 9), "b": np.array(
                [[0, 1, 2, 9, 12], [1, 3.5, 0, 15, 6], [0, 4, 4, 5, 9]], "f4")}))
    two("crop", lambda a, b: S.Crop(a, b, num_args=2, offset=(1, 2)), (2, 3, 7, 8), (2, 3, 4, 5))
    two("crop_center", lambda a, b: S.Crop(a, b, num_args=2, center_crop=True), (2, 3, 8, 9), (2, 3, 4, 5))
    # --- steps of sequences ---
    def unrolled(name, make_cell, layout="NTC"):
        """A cell for each of five steps, of an input that says nothing of its axes."""

        def make(rng):
            made, _ = make_cell().unroll(5, S.var("data"), layout=layout, merge_outputs=True)
            return made, {"data": f(rng, *((2, 5, 3) if layout == "NTC" else (5, 2, 3)))}

        case(f"unrolled_{name}", make)

    def two_ways():
        return rnn.BidirectionalCell(rnn.LSTMCell(4), rnn.LSTMCell(3))

    for kind in (rnn.RNNCell, rnn.LSTMCell, rnn.GRUCell):
        unrolled(kind.__name__, lambda kind=kind: kind(4))
    unrolled("steps_first", lambda: rnn.GRUCell(4), "TNC")
    unrolled("both_ways", two_ways)

    def language(rng):
        """Tokens as recurrent layers take them: steps first, then examples."""
        states = [S.var("h"), S.var("c")]
        embedded = S.Embedding(S.var("data"), input_dim=9, output_dim=3)
        values, states = rnn.LSTM(4, 2)(embedded, states)
        given = {"data": rng.integers(0, 9, (7, 3)).astype("f4"), "h": f(rng, 2, 3, 4), "c": f(rng, 2, 3, 4)}
        return S.Group([S.FullyConnected(values, num_hidden=9, flatten=False), *states]), given

    case("language_lstm", language)
    return made + detection.cases()
