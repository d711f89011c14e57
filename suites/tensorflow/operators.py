"""Operators in several settings."""

import numpy as np
import tensorflow as tf

raw = tf.raw_ops


def values(rng, shape, dtype="float32", low=0, high=10):
    dtype = np.dtype(dtype)
    if dtype == bool:
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.integer):
        return rng.integers(low, high, shape).astype(dtype)
    return np.asarray(rng.standard_normal(shape), dtype)


def operators(case):
    def op(name, function, *inputs, fixed=False, positive=False, weights=()):
        """A function of inputs of these shapes, or `(shape, dtype)`, and of constants."""

        def make(rng):
            arrays = []
            for given in inputs:
                shape, dtype = given if isinstance(given[-1:], tuple) and given and isinstance(
                    given[-1], str) else (given, "float32")
                x = values(rng, shape, dtype)
                arrays.append(np.abs(x) + np.asarray(0.1, x.dtype) if positive else x)
            constants = [tf.constant(values(rng, shape)) for shape in weights]
            return tf.Module(), lambda *xs: function(*xs, *constants), arrays

        case(name, make, fixed)

    elementwise(op)
    convolutions(op)
    norms(op)
    products(op)
    reductions(op)
    movement(op)
    slices(op)
    shapes(op)
    indices(op)
    images(op)
    texts(case)
    quantized(op)


def elementwise(op):
    math = tf.math
    plain = {"abs": math.abs, "neg": math.negative, "exp": math.exp, "expm1": math.expm1,
             "square": math.square, "floor": math.floor, "ceil": math.ceil, "round": math.round,
             "sign": math.sign, "erf": math.erf, "erfc": math.erfc, "sin": math.sin,
             "cos": math.cos, "tan": math.tan, "atan": math.atan, "sinh": math.sinh,
             "cosh": math.cosh, "asinh": math.asinh, "tanh": math.tanh, "relu": tf.nn.relu,
             "relu6": tf.nn.relu6, "elu": tf.nn.elu, "selu": tf.nn.selu,
             "softplus": math.softplus, "softsign": math.softsign, "sigmoid": math.sigmoid,
             "softmax": tf.nn.softmax, "log_softmax": tf.nn.log_softmax,
             "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.3), "swish": tf.nn.silu,
             "gelu": tf.nn.gelu, "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True),
             "is_nan": math.is_nan, "is_inf": math.is_inf, "is_finite": math.is_finite,
             "clip": lambda x: tf.clip_by_value(x, -0.5, 0.5), "rint": math.rint,
             "zeros_like": lambda x: x + tf.zeros_like(x), "ones_like": tf.ones_like,
             "cast": lambda x: tf.cast(x, tf.int32), "cast_bool": lambda x: tf.cast(x, tf.bool),
             "stop_gradient": tf.stop_gradient, "identity": tf.identity,
             "check": lambda x: tf.debugging.check_numerics(x, "odd")}
    for name, function in plain.items():
        op(name, function, (3, 5))
    for name, function in {"log": math.log, "log1p": math.log1p, "sqrt": math.sqrt,
                           "rsqrt": math.rsqrt, "reciprocal": math.reciprocal}.items():
        op(name, function, (3, 5), positive=True)
    op("acos", lambda x: math.acos(tf.tanh(x)), (3, 5))
    op("asin", lambda x: math.asin(tf.tanh(x)), (3, 5))
    op("atanh", lambda x: math.atanh(tf.tanh(x)), (3, 5))
    op("acosh", lambda x: math.acosh(1 + x), (3, 5), positive=True)
    pairs = {"add": math.add, "sub": math.subtract, "mul": math.multiply, "div": math.divide,
             "maximum": math.maximum, "minimum": math.minimum, "mod": math.floormod,
             "floor_div": math.floordiv, "squared_difference": math.squared_difference,
             "less": math.less, "less_equal": math.less_equal, "greater": math.greater,
             "greater_equal": math.greater_equal, "equal": math.equal,
             "not_equal": math.not_equal, "div_no_nan": math.divide_no_nan,
             "mul_no_nan": math.multiply_no_nan}
    for name, function in pairs.items():
        op(f"pair_{name}", function, (3, 5), (3, 5))
    op("pair_pow", math.pow, (3, 5), (3, 5), positive=True)
    op("pair_broadcast", lambda a, b: a * b[:1] + 2.0, (3, 5), (3, 5))
    whole = {"add": math.add, "sub": math.subtract, "mul": math.multiply,
             "maximum": math.maximum, "less": math.less, "equal": math.equal}
    for name, function in whole.items():
        op(f"whole_{name}", function, ((3, 5), "int32"), ((3, 5), "int32"))
    by = tf.constant([3, 4, 5, 6, 7])
    op("whole_floor_div", lambda a: (a - 5) // by, ((3, 5), "int32"))
    op("whole_floor_mod", lambda a: (a - 5) % by, ((3, 5), "int32"))
    op("whole_truncate_div", lambda a: raw.TruncateDiv(x=a - 5, y=by), ((3, 5), "int32"))
    op("whole_truncate_mod", lambda a: raw.TruncateMod(x=a - 5, y=by), ((3, 5), "int32"))
    op("bitwise", lambda a, b: [tf.bitwise.bitwise_and(a, b), tf.bitwise.bitwise_or(a, b),
                                tf.bitwise.bitwise_xor(a, b), tf.bitwise.left_shift(a, b)],
       ((3, 5), "int32"), ((3, 5), "int32"))
    op("logical", lambda a, b: [math.logical_and(a, b), math.logical_or(a, b),
                                math.logical_not(a)], ((3, 5), "bool"), ((3, 5), "bool"))
    op("select", lambda c, a, b: tf.where(c, a, b), ((3, 5), "bool"), (3, 5), (3, 5))
    op("select_broadcast", lambda c, a: tf.where(c, a, 0.0), ((3, 1), "bool"), (3, 5))
    op("select_rows", lambda c, a, b: raw.Select(condition=c, x=a, y=b), ((3,), "bool"), (3, 5),
       (3, 5))
    op("add_n", lambda a, b, c: tf.add_n([a, b, c]), (3, 5), (3, 5), (3, 5))
    op("inv", lambda x: raw.Inv(x=x), (3, 5), positive=True)
    op("half", lambda x: tf.nn.relu(x) + tf.constant(1.5, tf.float16), ((3, 5), "float16"))
    op("double", lambda x: tf.nn.relu(x) * tf.constant(1.5, tf.float64), ((3, 5), "float64"))


def convolutions(op):
    nn = tf.nn
    for pad in ("SAME", "VALID"):
        p = pad.lower()
        op(f"conv2d_{p}", lambda x, w, p=pad: nn.conv2d(x, w, 1, p), (2, 9, 10, 4),
           weights=[(3, 3, 4, 5)])
        op(f"conv2d_strided_{p}", lambda x, w, p=pad: nn.conv2d(x, w, [2, 3], p), (2, 9, 10, 4),
           weights=[(3, 2, 4, 5)])
        op(f"conv2d_dilated_{p}", lambda x, w, p=pad: nn.conv2d(x, w, 1, p, dilations=2),
           (2, 9, 10, 4), weights=[(3, 3, 4, 5)])
        op(f"depthwise_{p}", lambda x, w, p=pad: nn.depthwise_conv2d(x, w, [1, 2, 2, 1], p),
           (2, 9, 10, 4), weights=[(3, 3, 4, 2)])
        op(f"conv2d_transpose_{p}", lambda x, w, p=pad: nn.conv2d_transpose(
            x, w, [2, 10, 12, 3] if p == "SAME" else [2, 11, 13, 3], 2, p), (2, 5, 6, 4),
           weights=[(3, 3, 3, 4)], fixed=True)
        op(f"conv3d_{p}", lambda x, w, p=pad: nn.conv3d(x, w, [1, 1, 2, 1, 1], p),
           (2, 4, 5, 6, 3), weights=[(2, 3, 3, 3, 4)])
        for kind, pool in (("max", nn.max_pool2d), ("average", nn.avg_pool2d)):
            op(f"{kind}_pool_{p}", lambda x, f=pool, p=pad: f(x, 3, 2, p), (2, 9, 10, 4))
            op(f"{kind}_pool_rectangle_{p}", lambda x, f=pool, p=pad: f(x, [2, 3], [1, 2], p),
               (2, 9, 10, 4))
        op(f"max_pool3d_{p}", lambda x, p=pad: nn.max_pool3d(x, 2, 2, p), (2, 5, 6, 7, 3))
        op(f"average_pool3d_{p}", lambda x, p=pad: nn.avg_pool3d(x, 2, 2, p), (2, 5, 6, 7, 3))
        op(f"conv1d_{p}", lambda x, w, p=pad: nn.conv1d(x, w, 2, p), (2, 9, 4),
           weights=[(3, 4, 5)])
    op("conv2d_explicit", lambda x, w: nn.conv2d(x, w, 1, [[0, 0], [1, 2], [3, 0], [0, 0]]),
       (2, 9, 10, 4), weights=[(3, 3, 4, 5)])
    op("conv2d_groups", lambda x, w: nn.conv2d(x, w, 1, "SAME"), (2, 9, 10, 4),
       weights=[(3, 3, 2, 6)])
    op("depthwise_dilated", lambda x, w: nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME",
                                                             dilations=[2, 2]), (2, 9, 10, 4),
       weights=[(3, 3, 4, 1)])
    op("separable", lambda x, w, v: nn.separable_conv2d(x, w, v, [1, 1, 1, 1], "SAME"),
       (2, 9, 10, 4), weights=[(3, 3, 4, 2), (1, 1, 8, 3)])
    op("conv2d_open", lambda x, w: nn.conv2d(tf.reshape(x, [-1, 9, 10, 4]), w, 2, "SAME"),
       (2, 9, 40), weights=[(3, 3, 4, 5)])
    op("conv2d_bias_relu_conv", lambda x, w, b, v: nn.conv2d(nn.relu6(nn.bias_add(nn.conv2d(
        x, w, 2, "SAME"), b)), v, 1, "VALID"), (2, 9, 10, 4),
       weights=[(3, 3, 4, 5), (5,), (3, 3, 5, 2)])
    op("conv2d_pad_before", lambda x, w: nn.conv2d(tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]]), w,
                                                   2, "VALID"), (2, 9, 10, 4),
       weights=[(3, 3, 4, 5)])
    op("conv2d_residual", lambda x, w, s: nn.relu(x + s * nn.conv2d(x, w, 1, "SAME")),
       (2, 9, 10, 4), weights=[(3, 3, 4, 4), (4,)])
    op("conv2d_squeeze_excite", lambda x, w, v: (lambda y: y * tf.sigmoid(nn.conv2d(
        tf.reduce_mean(y, [1, 2], keepdims=True), v, 1, "SAME")))(nn.conv2d(x, w, 1, "SAME")),
       (2, 9, 10, 4), weights=[(3, 3, 4, 6), (1, 1, 6, 6)])
    op("conv2d_concat_split", lambda x, w, v: tf.concat(tf.split(tf.concat(
        [nn.conv2d(x, w, 1, "SAME"), nn.conv2d(x, v, 1, "SAME")], 3), 3, 3)[::-1], 3),
       (2, 9, 10, 4), weights=[(3, 3, 4, 4), (1, 1, 4, 2)])
    op("dilated_by_batches", lambda x, w: tf.batch_to_space(nn.conv2d(tf.space_to_batch(
        x, [2, 2], [[2, 2], [2, 2]]), w, 1, "VALID"), [2, 2], [[0, 0], [0, 0]]), (2, 8, 10, 4),
       weights=[(3, 3, 4, 5)])


def norms(op):
    nn = tf.nn
    op("bias_add", nn.bias_add, (2, 3, 4, 5), weights=[(5,)])
    op("bias_add_rows", nn.bias_add, (2, 5), weights=[(5,)])

    def batch_norm(x, s, o, m, v, training=False, conv=None):
        x = x if conv is None else nn.conv2d(x, conv, 1, "SAME")
        empty = tf.zeros([0])
        return raw.FusedBatchNormV3(x=x, scale=s, offset=o, mean=empty if training else m,
                                    variance=empty if training else tf.abs(v), epsilon=1e-3,
                                    is_training=training)[0]

    op("batch_norm", batch_norm, (2, 3, 4, 5), weights=[(5,)] * 4)
    op("batch_norm_conv", lambda x, s, o, m, v, w: nn.relu(batch_norm(x, s, o, m, v, conv=w)),
       (2, 3, 4, 5), weights=[(5,)] * 4 + [(3, 3, 5, 5)])
    op("batch_norm_training", lambda x, s, o: batch_norm(x, s, o, None, None, True),
       (2, 3, 4, 5), weights=[(5,)] * 2)
    op("batch_norm_by_parts", lambda x, m, v, o, s: nn.batch_normalization(x, m, tf.abs(v), o, s,
                                                                          1e-3),
       (2, 3, 4, 5), weights=[(5,)] * 4)
    op("lrn", lambda x: nn.local_response_normalization(x, 2, 1.0, 0.1, 0.75), (2, 3, 4, 7))
    op("moments", lambda x: list(nn.moments(x, [1, 2])), (2, 3, 4, 5))
    op("l2_normalize", lambda x: nn.l2_normalize(x, -1), (3, 5))
    op("l2_loss", nn.l2_loss, (3, 5))


def products(op):
    op("matmul", tf.matmul, (3, 5), weights=[(5, 4)])
    op("matmul_transposed", lambda a, b: tf.matmul(a, b, transpose_b=True), (3, 5),
       weights=[(4, 5)])
    op("matmul_transposed_a", lambda a, b: tf.matmul(a, b, transpose_a=True), (5, 3), (5, 4),
       fixed=True)
    op("batch_matmul", tf.matmul, (2, 3, 5), weights=[(2, 5, 4)], fixed=True)
    op("batch_matmul_adjoint", lambda a, b: tf.matmul(a, b, adjoint_a=True), (2, 5, 3), (2, 5, 4),
       fixed=True)
    op("batch_matmul_broadcast", tf.matmul, (2, 3, 5), weights=[(5, 4)])
    op("einsum", lambda a, b: tf.einsum("abc,cde->abde", a, b), (2, 3, 5), weights=[(5, 4, 2)])
    op("einsum_attention", lambda a, b: tf.einsum("bqhd,bkhd->bhqk", a, b), (2, 3, 2, 5),
       (2, 4, 2, 5), fixed=True)
    op("einsum_ellipsis", lambda a, b: tf.einsum("...a,ab->...b", a, b), (2, 3, 5),
       weights=[(5, 4)])
    op("tensordot", lambda a, b: tf.tensordot(a, b, 1), (2, 3, 5), weights=[(5, 4)])


def reductions(op):
    for name in ("sum", "mean", "max", "min", "prod"):
        reduce = getattr(tf, f"reduce_{name}")
        op(f"reduce_{name}", lambda x, f=reduce: f(x, 1), (2, 3, 4))
        op(f"reduce_{name}_kept", lambda x, f=reduce: f(x, [0, -1], keepdims=True), (2, 3, 4))
        op(f"reduce_{name}_all", reduce, (2, 3, 4))
    op("reduce_all", lambda x: tf.reduce_all(x, 1), ((2, 3, 4), "bool"))
    op("reduce_any", lambda x: tf.reduce_any(x, 1), ((2, 3, 4), "bool"))
    op("reduce_std", lambda x: tf.math.reduce_std(x, 1), (2, 3, 4))
    op("reduce_logsumexp", lambda x: tf.reduce_logsumexp(x, 1), (2, 3, 4))
    op("reduce_norm", lambda x: tf.math.reduce_euclidean_norm(x, 1), (2, 3, 4))
    op("arg_max", lambda x: tf.argmax(x, 1), (2, 3, 4))
    op("arg_min", lambda x: tf.argmin(x, -1, output_type=tf.int32), (2, 3, 4))
    op("reduce_none", lambda x: tf.reduce_sum(x, []), (2, 3, 4))


def movement(op):
    x = (2, 3, 4)
    op("reshape", lambda x: tf.reshape(x, [-1, 6]), x)
    op("reshape_by_shape", lambda x: tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1] * 4]), x)
    op("flatten", lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0], -1])), x)
    op("squeeze", lambda x: tf.squeeze(x, [1]), (2, 1, 4))
    op("squeeze_all", tf.squeeze, (2, 1, 4), fixed=True)
    op("expand_dims", lambda x: tf.expand_dims(x, -1), x)
    op("transpose", lambda x: tf.transpose(x, [0, 2, 1]), x)
    op("concat", lambda a, b: tf.concat([a, b], -1), x, (2, 3, 5))
    op("concat_constant", lambda a: tf.concat([a, tf.ones([1, 3, 4])], 0), x)
    op("stack", lambda a, b: tf.stack([a, b], 1), x, x)
    op("unstack", lambda a: tf.unstack(a, axis=1), x)
    op("split", lambda a: tf.split(a, 2, -1), x)
    op("split_sizes", lambda a: tf.split(a, [1, -1], -1), x)
    op("tile", lambda a: tf.tile(a, [1, 2, 3]), x)
    op("tile_batch", lambda a: tf.tile(tf.ones([1, 4]), [tf.shape(a)[0], 1]) * a[:, 0], x)
    op("broadcast_to", lambda a: tf.broadcast_to(a, [2, 2, 3, 4]), x, fixed=True)
    op("pad", lambda a: tf.pad(a, [[0, 0], [1, 2], [0, 3]]), x)
    op("pad_value", lambda a: tf.pad(a, [[0, 0], [1, 2], [0, 3]], constant_values=1.5), x)
    op("pad_reflect", lambda a: tf.pad(a, [[0, 0], [1, 2], [0, 3]], "REFLECT"), x)
    op("pad_symmetric", lambda a: tf.pad(a, [[0, 0], [1, 2], [2, 3]], "SYMMETRIC"), x)
    op("pad_image", lambda a: tf.pad(a, [[0, 0], [1, 2], [0, 3], [0, 0]]), (2, 3, 4, 2))
    op("pad_image_reflect", lambda a: tf.pad(a, [[0, 0], [1, 2], [0, 3], [0, 0]], "REFLECT"),
       (2, 3, 4, 2))
    op("reverse", lambda a: tf.reverse(a, [1, 2]), x)
    op("roll", lambda a: tf.roll(a, [1, -1], [1, 2]), x)
    op("depth_to_space", lambda a: tf.nn.depth_to_space(a, 2), (2, 3, 4, 8))
    op("space_to_depth", lambda a: tf.nn.space_to_depth(a, 2), (2, 4, 6, 3))
    op("space_to_batch", lambda a: tf.space_to_batch(a, [2, 2], [[0, 1], [1, 0]]), (2, 3, 5, 3))
    op("batch_to_space", lambda a: tf.batch_to_space(a, [2, 2], [[0, 1], [1, 0]]), (4, 3, 5, 3))
    op("repeat", lambda a: tf.repeat(a, 2, axis=1), x)
    op("band_part", lambda a: tf.linalg.band_part(a, 1, 0), (2, 4, 4))
    op("identity_n", lambda a, b: tf.identity_n([a, b]), x, x)


def slices(op):
    x = (4, 5, 6)
    given = {"range": lambda x: x[:, 1:3], "step": lambda x: x[:, ::2], "place": lambda x: x[:, 1],
             "last": lambda x: x[..., -1], "negative": lambda x: x[:, -3:-1],
             "back": lambda x: x[:, ::-1], "back_part": lambda x: x[:, 4:1:-2],
             "new": lambda x: x[:, tf.newaxis, 1:], "ellipsis": lambda x: x[..., 1:2],
             "many": lambda x: x[1:, 2, ..., :3], "batch": lambda x: x[0], "rows": lambda x: x[1:],
             "past": lambda x: x[:, 2:100], "empty": lambda x: x[:, 3:2]}
    for name, function in given.items():
        op(f"slice_{name}", function, x)
    op("slice_sizes", lambda x: tf.slice(x, [0, 1, 2], [-1, 2, 3]), x)
    op("slice_by_shape", lambda x, y: x[:, : tf.shape(y)[1]], x, (4, 3))
    op("slice_by_data", lambda x, n: x[:, : n[0]], x, ((1,), "int32"), fixed=True)
    op("place_by_data", lambda x, n: x[:, n[0] % 5], x, ((1,), "int32"), fixed=True)


def shapes(op):
    x = (2, 3, 4)
    op("shape", tf.shape, x)
    op("shape_n", lambda a, b: tf.shape_n([a, b]), x, x)
    op("size", tf.size, x)
    op("rank", lambda a: tf.rank(a) + tf.cast(a[0, 0, 0] > 9.0, tf.int32), x)
    op("fill", lambda a: tf.fill([tf.shape(a)[0], 3], 2.5), x)
    op("range", lambda a: tf.range(tf.shape(a)[0] * 2), x)
    op("range_floats", lambda a: a[:, :, 0] + tf.range(0.5, 2.0, 0.5), x)
    op("lin_space", lambda a: a[0, 0] + tf.linspace(0.0, 1.0, 4), x)
    op("shape_arithmetic", lambda a: tf.reshape(a, [tf.shape(a)[0] * tf.shape(a)[1] // 3, -1]), x)
    op("zeros", lambda a: tf.zeros([tf.shape(a)[0], 2]), x)
    op("ensure_shape", lambda a: tf.ensure_shape(a, [None, 3, 4]), x)


def indices(op):
    i = ((3,), "int32")
    op("gather", lambda x, i: tf.gather(x, i), (10, 4), i, fixed=True)
    op("gather_axis", lambda x, i: tf.gather(x, i, axis=1), (2, 10, 4), i, fixed=True)
    op("gather_batch", lambda x, i: tf.gather(x, i, batch_dims=1, axis=1), (3, 10, 4),
       ((3, 2), "int32"))
    op("gather_batch_axis", lambda x, i: tf.gather(x, i, batch_dims=1, axis=2), (3, 4, 10),
       ((3, 2), "int32"), fixed=True)
    op("gather_nd", lambda x, i: tf.gather_nd(x, i), (10, 10, 4), ((3, 2), "int32"),
       fixed=True)
    op("one_hot", lambda i: tf.one_hot(i, 6), i)
    op("one_hot_values", lambda i: tf.one_hot(i - 2, 6, 5.0, -1.0, axis=0), i)
    op("top_k", lambda x: list(tf.math.top_k(x, 3)), (2, 6))
    op("cumsum", lambda x: tf.cumsum(x, 1), (2, 6))
    op("cumsum_exclusive", lambda x: tf.cumsum(x, 1, exclusive=True, reverse=True), (2, 6))
    op("cumprod", lambda x: tf.math.cumprod(x, 1), (2, 6))
    op("scatter_nd", lambda u: tf.scatter_nd([[1], [0], [1]], u, [4, 2]), (3, 2), fixed=True)
    op("scatter_update", lambda x, u: tf.tensor_scatter_nd_update(x, [[1], [0]], u), (4, 2),
       (2, 2), fixed=True)
    op("scatter_add", lambda x, u: tf.tensor_scatter_nd_add(x, [[1], [1]], u), (4, 2), (2, 2),
       fixed=True)
    op("where", lambda x: tf.where(x > 0), (3, 4))
    op("boolean_mask", lambda x: tf.boolean_mask(x, x[:, 0] > 0), (5, 4))
    op("unique", lambda x: list(tf.unique(x)), ((9,), "int32"))
    op("invert_permutation", lambda x: tf.transpose(x, tf.math.invert_permutation([2, 0, 1])),
       (2, 3, 4))
    op("embedding", lambda i, w: tf.nn.embedding_lookup(w, i), ((2, 3), "int64"),
       weights=[(10, 4)])
    boxes = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 2, 1, 3], [0, 2, 0.9, 3]], "float32")
    op("suppress", lambda s: tf.image.non_max_suppression(boxes, s, 3, 0.5, 0.0), (4,), fixed=True)
    op("reverse_sequence", lambda x: tf.reverse_sequence(x, [2, 3], 1, 0), (2, 4, 3), fixed=True)


def images(op):
    x = (2, 5, 6, 3)
    for name in ("bilinear", "nearest", "bicubic"):
        op(f"resize_{name}", lambda x, n=name: tf.image.resize(x, [8, 9], n), x)
        op(f"resize_{name}_smaller", lambda x, n=name: tf.image.resize(x, [3, 4], n), x)
        op(f"resize_{name}_half", lambda x, n=name: getattr(tf.compat.v1.image, f"resize_{n}" if
           n != "nearest" else "resize_nearest_neighbor")(x, [10, 12]), x)
        op(f"resize_{name}_corners", lambda x, n=name: getattr(tf.compat.v1.image, f"resize_{n}" if
           n != "nearest" else "resize_nearest_neighbor")(x, [8, 9], align_corners=True), x)


def texts(case):
    def text(name, function, *arrays):
        arrays = [np.array(a, object) if isinstance(a[0], str) else np.asarray(a) for a in arrays]
        case(f"text_{name}", lambda rng: (tf.Module(), function, arrays))

    words = ["Hello World", "a b c", "", "x  y", "Straße 12"]
    S = tf.strings
    text("equal", lambda x: x == "a b c", words)
    text("not_equal", lambda x: x != "", words)
    text("add", lambda x: x + "!", words)
    text("join", lambda x, y: S.join([x, y], "-"), words, words)
    text("reshape", lambda x: tf.reshape(x, [-1, 1]), words)
    text("gather", lambda x: tf.gather(x, [2, 0]), words)
    text("lower", S.lower, words[:4])
    text("upper", S.upper, words[:4])
    text("strip", lambda x: S.strip(x), [" a ", "b\n", "c"])
    text("length", lambda x: S.length(x), words)
    text("hash_bucket_fast", lambda x: S.to_hash_bucket_fast(x, 1000), words + [
        "a" * n for n in (1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130, 200)])
    text("full_match", lambda x: S.regex_full_match(x, "[a-z ]*"), words)
    text("regex_replace", lambda x: S.regex_replace(x, "[aeiou]", "_"), words)
    text("to_number", lambda x: S.to_number(x), ["1.5", "-2", "3e2"])
    text("as_string", lambda x: tf.strings.as_string(x), [1, -2, 30])
    text("bytes_split", lambda x: S.bytes_split(x).to_tensor(), words[:4])
    text("split", lambda x: S.split(x).to_tensor(), words[:4])
    text("substr", lambda x: S.substr(x, 1, 3), ["abcde", "xyz", "hello"])
    text("ngrams", lambda x: S.ngrams(tf.reshape(x, [1, -1]), 2)[0], ["a", "b", "c", "d"])


def quantized(op):
    op("fake_quant", lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -2.0, 3.0), (3, 5))
    op("fake_quant_args", lambda x: tf.quantization.fake_quant_with_min_max_args(x, -2.0, 3.0),
       (3, 5))
    op("fake_quant_narrow", lambda x: tf.quantization.fake_quant_with_min_max_vars(
        x, -2.0, 3.0, narrow_range=True, num_bits=6), (3, 5))
    op("fake_quant_channels", lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(
        x, [-1.0, -2.0, -3.0, -1.0, -2.0], [1.0, 2.0, 3.0, 4.0, 5.0]), (3, 5))
    op("quantize_and_dequantize", lambda x: tf.quantization.quantize_and_dequantize_v2(
        x, -2.0, 3.0, range_given=True), (3, 5))
