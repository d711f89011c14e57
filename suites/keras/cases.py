"""The cases: each a name, a model and its inputs. A layer is called on inputs of given shapes."""

import importlib

from inputs import values
from models import functions, models


class Case:
    def __init__(self, name, build, suffixes):
        self.name, self.build, self.suffixes = name, build, suffixes


def cases(keras, version):
    made = []
    L = keras.layers
    native = ".keras" if version == 3 else ".h5"
    both = [".keras", ".h5"] if version == 3 else [".h5", ".keras"]

    def model(name, build, suffixes=None):
        made.append(Case(name, build, suffixes or [native]))

    def layer(name, make, *shapes, dtype="float32", high=10, call=None, suffixes=None, batch=2):
        """A layer on inputs of these shapes; `call` says how it is called, else on all of them."""

        def build(rng):
            types = dtype if isinstance(dtype, list) else [dtype] * len(shapes)
            inputs = [keras.Input(shape, dtype=t) for shape, t in zip(shapes, types)]
            own = make()
            given = inputs if len(inputs) > 1 else inputs[0]
            outputs = call(own, *inputs) if call else own(given)
            arrays = [values(rng, (batch, *shape), t, high=high) for shape, t in zip(shapes, types)]
            return keras.Model(inputs, outputs), arrays

        if make is not None:
            model(name, build, suffixes)

    def have(name):
        return hasattr(L, name)

    core(keras, L, layer, model, version, both, have)
    convolutions(keras, L, layer, have)
    pools(keras, L, layer, have)
    norms(keras, L, layer, have, version)
    movements(keras, L, layer, have)
    merges(keras, L, layer)
    recurrent(keras, L, layer, model, version, both)
    attention(keras, L, layer, have, version)
    preprocessing(keras, L, layer, have, version)
    regularization(keras, L, layer, have)
    functions(keras, L, layer, model, version)
    models(keras, L, model, version, both)
    return made


def core(keras, L, layer, model, version, both, have):
    layer("dense", lambda: L.Dense(5), (4,), suffixes=both)
    layer("dense_relu_no_bias", lambda: L.Dense(5, activation="relu", use_bias=False), (4,))
    layer("dense_of_steps", lambda: L.Dense(5, activation="softmax"), (3, 4))
    layer("dense_of_images", lambda: L.Dense(2, activation="sigmoid"), (3, 4, 5))
    layer("embedding", lambda: L.Embedding(10, 3), (5,), dtype="int32")
    layer("embedding_of_floats", lambda: L.Embedding(10, 3), (5,), dtype="int64")
    if have("EinsumDense"):
        layer("einsum_dense", lambda: L.EinsumDense("abc,ce->abe", (None, 5), bias_axes="e"),
              (3, 4))
        layer("einsum_dense_heads", lambda: L.EinsumDense("abc,cde->abde", (None, 2, 5)), (3, 4))
        layer("einsum_dense_back", lambda: L.EinsumDense("abcd,cde->abe", (None, 6), bias_axes="e",
              activation="relu"), (3, 2, 4))
        layer("einsum_dense_ellipsis", lambda: L.EinsumDense("...x,xy->...y", 5, bias_axes="y"),
              (3, 2, 4))
    if have("Identity"):
        layer("identity", lambda: L.Identity(), (4,))
    names = ["linear", "relu", "tanh", "sigmoid", "softmax", "elu", "selu", "softplus", "softsign",
             "exponential", "hard_sigmoid", "swish", "gelu", "mish"]
    if version == 3:
        names += ["relu6", "silu", "hard_silu", "leaky_relu", "log_softmax", "celu", "log_sigmoid",
                  "tanh_shrink", "hard_tanh", "hard_shrink", "soft_shrink", "squareplus",
                  "sparse_plus", "sparse_sigmoid", "glu", "sparsemax"]
    for name in names:
        layer(f"activation_{name}", lambda name=name: L.Activation(name), (6,), batch=5)
    layer("dense_activation_layer", lambda: L.Dense(5, activation=L.LeakyReLU()), (4,))
    layer("activation_layer_relu6", lambda: L.Activation(L.ReLU(6.0)), (6,))
    layer("relu", lambda: L.ReLU(), (6,), batch=5)
    layer("relu_max", lambda: L.ReLU(max_value=1.0), (6,), batch=5)
    layer("relu_all", lambda: L.ReLU(max_value=1.0, negative_slope=0.25, threshold=0.5), (6,),
          batch=5)
    layer("leaky_relu", lambda: L.LeakyReLU(), (6,), batch=5)
    layer("leaky_relu_slope", lambda: L.LeakyReLU(0.1), (6,), batch=5)
    layer("elu", lambda: L.ELU(0.7), (6,), batch=5)
    layer("prelu", lambda: L.PReLU(), (3, 4), batch=5)
    layer("prelu_shared", lambda: L.PReLU(shared_axes=[1, 2]), (3, 4, 5))
    layer("softmax", lambda: L.Softmax(), (3, 4))
    layer("softmax_axis", lambda: L.Softmax(axis=1), (3, 4))
    layer("softmax_axes", lambda: L.Softmax(axis=[1, 2]), (3, 4))
    if have("ThresholdedReLU"):
        layer("thresholded_relu", lambda: L.ThresholdedReLU(0.5), (6,), batch=5)


def convolutions(keras, L, layer, have):
    sizes = {1: (12,), 2: (9, 10), 3: (5, 6, 7)}
    for axes in (1, 2, 3):
        conv = getattr(L, f"Conv{axes}D")
        back = getattr(L, f"Conv{axes}DTranspose")
        shape = (*sizes[axes], 4)
        layer(f"conv{axes}d", lambda c=conv: c(3, 3), shape)
        layer(f"conv{axes}d_same", lambda c=conv: c(3, 3, padding="same", activation="relu"), shape)
        layer(f"conv{axes}d_same_strided", lambda c=conv: c(3, 3, strides=2, padding="same"), shape)
        layer(f"conv{axes}d_even_same", lambda c=conv: c(3, 2, strides=2, padding="same",
              use_bias=False), shape)
        layer(f"conv{axes}d_strided", lambda c=conv: c(3, 2, strides=3), shape)
        layer(f"conv{axes}d_dilated", lambda c=conv: c(3, 2, dilation_rate=2, padding="same",
              activation="softmax"), shape)
        layer(f"conv{axes}d_groups", lambda c=conv: c(6, 3, groups=2, activation="tanh"), shape)
        layer(f"conv{axes}d_transpose", lambda c=back: c(3, 3), shape)
        layer(f"conv{axes}d_transpose_same", lambda c=back: c(3, 3, strides=2, padding="same",
              activation="relu"), shape)
        layer(f"conv{axes}d_transpose_strided", lambda c=back: c(3, 3, strides=2), shape)
        layer(f"conv{axes}d_transpose_wide", lambda c=back: c(3, 2, strides=3, padding="same"),
              shape)
        layer(f"conv{axes}d_transpose_wide_valid", lambda c=back: c(3, 2, strides=3), shape)
        layer(f"conv{axes}d_transpose_four", lambda c=back: c(3, 4, strides=2, padding="same",
              use_bias=False), shape)
    layer("conv2d_transpose_output_padding", lambda: L.Conv2DTranspose(3, 3, strides=2,
          padding="same", output_padding=1), (5, 6, 2))
    layer("conv2d_transpose_output_padding_valid", lambda: L.Conv2DTranspose(3, 3, strides=2,
          output_padding=1), (5, 6, 2))
    layer("conv1d_causal", lambda: L.Conv1D(3, 3, padding="causal", dilation_rate=2), (12, 4))
    layer("conv1d_causal_strided", lambda: L.Conv1D(3, 3, padding="causal", strides=2), (12, 4))
    layer("conv2d_rectangle", lambda: L.Conv2D(3, (1, 5), strides=(2, 1), padding="same"),
          (9, 10, 4))
    layer("depthwise_conv2d", lambda: L.DepthwiseConv2D(3), (9, 10, 4))
    layer("depthwise_conv2d_multiplier", lambda: L.DepthwiseConv2D(3, depth_multiplier=2,
          strides=2, padding="same", activation="relu"), (9, 10, 4))
    layer("depthwise_conv2d_dilated", lambda: L.DepthwiseConv2D(3, dilation_rate=2, padding="same",
          use_bias=False), (9, 10, 4))
    layer("separable_conv2d", lambda: L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same",
          activation="relu"), (9, 10, 4))
    layer("separable_conv2d_strided", lambda: L.SeparableConv2D(5, 3, strides=2, use_bias=False),
          (9, 10, 4))
    layer("separable_conv1d", lambda: L.SeparableConv1D(5, 3, padding="same"), (12, 4))
    if have("DepthwiseConv1D"):
        layer("depthwise_conv1d", lambda: L.DepthwiseConv1D(3, depth_multiplier=2), (12, 4))


def pools(keras, L, layer, have):
    sizes = {1: (11,), 2: (9, 10), 3: (5, 6, 7)}
    for axes in (1, 2, 3):
        shape = (*sizes[axes], 3)
        for kind in ("Max", "Average"):
            pool = getattr(L, f"{kind}Pooling{axes}D")
            name = f"{kind.lower()}_pooling{axes}d"
            layer(name, lambda p=pool: p(2), shape)
            layer(f"{name}_same", lambda p=pool: p(3, strides=2, padding="same"), shape)
            layer(f"{name}_overlap", lambda p=pool: p(3, strides=1), shape)
            total = getattr(L, f"Global{kind}Pooling{axes}D")
            layer(f"global_{name}", lambda t=total: t(), shape)
            layer(f"global_{name}_keepdims", lambda t=total: t(keepdims=True), shape)
            layer(f"global_{name}_channels_first", lambda t=total: t(data_format="channels_first"),
                  shape)
            adaptive = f"Adaptive{kind}Pooling{axes}D"
            if have(adaptive):
                layer(f"adaptive_{name}", lambda a=adaptive: getattr(L, a)(3), shape)


def norms(keras, L, layer, have, version):
    layer("batch_normalization", lambda: L.BatchNormalization(), (5, 6, 4))
    layer("batch_normalization_of_rows", lambda: L.BatchNormalization(epsilon=0.01), (4,))
    layer("batch_normalization_bare", lambda: L.BatchNormalization(scale=False, center=False),
          (5, 4))
    layer("batch_normalization_axis", lambda: L.BatchNormalization(axis=1), (5, 6, 4))
    layer("layer_normalization", lambda: L.LayerNormalization(), (5, 4))
    layer("layer_normalization_axes", lambda: L.LayerNormalization(axis=[1, 2]), (5, 4))
    layer("layer_normalization_axis", lambda: L.LayerNormalization(axis=1), (5, 4))
    layer("layer_normalization_bare", lambda: L.LayerNormalization(scale=False, center=False,
          epsilon=0.1), (5, 4))
    if have("GroupNormalization"):
        layer("group_normalization", lambda: L.GroupNormalization(2), (5, 6, 4))
        layer("group_normalization_instance", lambda: L.GroupNormalization(-1), (5, 6, 4))
        layer("group_normalization_axis", lambda: L.GroupNormalization(2, axis=1, scale=False),
              (4, 5, 6))
    if have("UnitNormalization"):
        layer("unit_normalization", lambda: L.UnitNormalization(), (5, 4))
        layer("unit_normalization_axes", lambda: L.UnitNormalization(axis=[1, 2]), (5, 4))
    if have("RMSNormalization"):
        layer("rms_normalization", lambda: L.RMSNormalization(), (5, 4))
    if version == 3:
        layer("layer_normalization_rms", lambda: L.LayerNormalization(rms_scaling=True), (5, 4))
    # That of version 2 cannot be called in a Functional model.
    if version == 3:
        layer("spectral_normalization", lambda: L.SpectralNormalization(L.Dense(5)), (4,))
        layer("spectral_normalization_conv", lambda: L.SpectralNormalization(L.Conv2D(3, 3)),
              (6, 6, 2))


def movements(keras, L, layer, have):
    layer("flatten", lambda: L.Flatten(), (3, 4, 5))
    layer("flatten_channels_first", lambda: L.Flatten(data_format="channels_first"), (3, 4, 5))
    layer("flatten_rows", lambda: L.Flatten(), (4,))
    layer("reshape", lambda: L.Reshape((6, 2)), (3, 4))
    layer("reshape_open", lambda: L.Reshape((2, -1, 3)), (3, 4))
    layer("permute", lambda: L.Permute((3, 1, 2)), (3, 4, 5))
    layer("repeat_vector", lambda: L.RepeatVector(3), (4,))
    layer("cropping1d", lambda: L.Cropping1D((1, 2)), (6, 3))
    layer("cropping2d", lambda: L.Cropping2D(((1, 2), (0, 1))), (6, 7, 3))
    layer("cropping2d_one", lambda: L.Cropping2D(1), (6, 7, 3))
    layer("cropping3d", lambda: L.Cropping3D(((1, 2), (0, 1), (1, 1))), (6, 7, 5, 3))
    layer("cropping2d_channels_first", lambda: L.Cropping2D(1, data_format="channels_first"),
          (3, 6, 7))
    layer("zero_padding1d", lambda: L.ZeroPadding1D((1, 2)), (6, 3))
    layer("zero_padding1d_one", lambda: L.ZeroPadding1D(2), (6, 3))
    layer("zero_padding2d", lambda: L.ZeroPadding2D(((1, 2), (0, 1))), (6, 7, 3))
    layer("zero_padding2d_pair", lambda: L.ZeroPadding2D((1, 2)), (6, 7, 3))
    layer("zero_padding3d", lambda: L.ZeroPadding3D((1, 2, 1)), (4, 3, 5, 2))
    layer("up_sampling1d", lambda: L.UpSampling1D(3), (4, 3))
    layer("up_sampling2d", lambda: L.UpSampling2D((2, 3)), (4, 5, 3))
    layer("up_sampling2d_bilinear", lambda: L.UpSampling2D(2, interpolation="bilinear"), (4, 5, 3))
    layer("up_sampling2d_channels_first", lambda: L.UpSampling2D(2, data_format="channels_first"),
          (3, 4, 5))
    layer("up_sampling3d", lambda: L.UpSampling3D(2), (3, 4, 2, 2))


def merges(keras, L, layer):
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        layer(f"merge_{name.lower()}", lambda n=name: getattr(L, n)(), (3, 4), (3, 4))
    applications = importlib.import_module(f"{keras.__name__}.src.applications.inception_resnet_v2")
    layer("merge_custom_scale", lambda: applications.CustomScaleLayer(0.17), (3, 4), (3, 4))
    layer("merge_add_three", lambda: L.Add(), (3, 4), (3, 4), (3, 4))
    layer("merge_add_broadcast", lambda: L.Add(), (3, 4), (1, 4))
    layer("merge_multiply_ranks", lambda: L.Multiply(), (3, 3, 4), (4,),
          call=lambda own, a, b: own([a, L.Reshape((1, 1, 4))(b)]))
    layer("concatenate", lambda: L.Concatenate(), (3, 4), (3, 2))
    layer("concatenate_axis", lambda: L.Concatenate(axis=1), (3, 4), (2, 4))
    layer("dot", lambda: L.Dot(axes=(2, 1)), (3, 4), (4, 5))
    layer("dot_rows", lambda: L.Dot(axes=1), (4,), (4,))
    layer("dot_normalized", lambda: L.Dot(axes=2, normalize=True), (3, 4), (5, 4))


def recurrent(keras, L, layer, model, version, both):
    for name in ("SimpleRNN", "LSTM", "GRU"):
        cell = getattr(L, name)
        low = name.lower()
        layer(low, lambda c=cell: c(5), (6, 3), suffixes=both)
        layer(f"{low}_sequences", lambda c=cell: c(5, return_sequences=True), (6, 3))
        layer(f"{low}_backwards", lambda c=cell: c(5, go_backwards=True, return_sequences=True),
              (6, 3))
        layer(f"{low}_states", lambda c=cell: c(5, return_state=True, return_sequences=True),
              (6, 3))
        layer(f"{low}_relu", lambda c=cell: c(5, activation="relu", use_bias=False), (6, 3))
        layer(f"{low}_masked", lambda c=cell: c(5), (6, 3), call=masked(L))
        layer(f"{low}_masked_sequences", lambda c=cell: c(5, return_sequences=True), (6, 3),
              call=masked(L))
        layer(f"{low}_masked_backwards", lambda c=cell: c(5, go_backwards=True), (6, 3),
              call=masked(L))
        layer(f"{low}_embedded", lambda c=cell: c(4), (7,), dtype="int32", high=4,
              call=lambda own, x: own(L.Embedding(4, 3, mask_zero=True)(x)))
        layer(f"bidirectional_{low}", lambda c=cell: L.Bidirectional(c(4)), (6, 3), suffixes=both)
        layer(f"bidirectional_{low}_sequences", lambda c=cell: L.Bidirectional(c(4,
              return_sequences=True)), (6, 3))
        layer(f"bidirectional_{low}_masked", lambda c=cell: L.Bidirectional(c(4,
              return_sequences=True)), (6, 3), call=masked(L))
        layer(f"bidirectional_{low}_masked_last", lambda c=cell: L.Bidirectional(c(4)), (6, 3),
              call=masked(L))
        layer(f"rnn_{low}_cell", lambda n=name: L.RNN(getattr(L, n + "Cell")(4)), (6, 3))
        layer(f"time_distributed_{low}", lambda c=cell: L.TimeDistributed(c(3)), (2, 5, 3))
    layer("lstm_hard_sigmoid", lambda: L.LSTM(5, recurrent_activation="hard_sigmoid"), (6, 3))
    layer("gru_reset_before", lambda: L.GRU(5, reset_after=False), (6, 3))
    layer("gru_reset_before_no_bias", lambda: L.GRU(5, reset_after=False, use_bias=False), (6, 3))
    layer("lstm_stacked_cells", lambda: L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)],
          return_sequences=True, return_state=True), (6, 3))
    layer("lstm_initial_state", lambda: L.LSTM(4), (6, 3), (4,), (4,),
          call=lambda own, x, h, c: own(x, initial_state=[h, c]))
    layer("gru_initial_state", lambda: L.GRU(4), (6, 3), (4,),
          call=lambda own, x, h: own(x, initial_state=h))
    for mode in ("sum", "mul", "ave", None):
        layer(f"bidirectional_{mode}", lambda m=mode: L.Bidirectional(L.GRU(4,
              return_sequences=True), merge_mode=m), (6, 3))
    layer("bidirectional_two_layers", lambda: L.Bidirectional(L.LSTM(4), backward_layer=L.LSTM(4,
          activation="relu", go_backwards=True)), (6, 3))
    layer("bidirectional_states", lambda: L.Bidirectional(L.LSTM(4, return_state=True)), (6, 3))
    layer("bidirectional_stacked", lambda: L.Bidirectional(L.LSTM(4)), (6, 3),
          call=lambda own, x: own(L.Bidirectional(L.LSTM(3, return_sequences=True))(x)))
    layer("time_distributed_dense", lambda: L.TimeDistributed(L.Dense(4, activation="relu")),
          (6, 3))
    layer("time_distributed_conv2d", lambda: L.TimeDistributed(L.Conv2D(2, 3, padding="same")),
          (3, 5, 6, 2))
    layer("time_distributed_batch_normalization", lambda: L.TimeDistributed(
          L.BatchNormalization()), (6, 3))
    layer("time_distributed_model", lambda: L.TimeDistributed(keras.Sequential([
          L.Input((5, 6, 2)), L.Conv2D(2, 3), L.BatchNormalization(), L.Flatten(), L.Dense(3)])),
          (3, 5, 6, 2), suffixes=both)
    for axes, shape in ((1, (4, 7, 2)), (2, (4, 6, 7, 2)), (3, (3, 4, 5, 4, 2))):
        cell = getattr(L, f"ConvLSTM{axes}D")
        layer(f"conv_lstm{axes}d", lambda c=cell: c(3, 3, padding="same"), shape)
        layer(f"conv_lstm{axes}d_sequences", lambda c=cell: c(3, 3, return_sequences=True), shape)
    layer("conv_lstm2d_states", lambda: L.ConvLSTM2D(3, 2, strides=2, return_state=True,
          go_backwards=True), (4, 6, 7, 2))
    layer("conv_lstm2d_bidirectional", lambda: L.Bidirectional(L.ConvLSTM2D(3, 3, padding="same",
          return_sequences=True)), (4, 6, 7, 2))


def masked(L):
    """A mask that is true where the first element of a step is above a bound."""

    def call(own, x):
        return own(L.Masking(0.0)(L.ReLU(threshold=0.9)(x)))

    return call


def attention(keras, L, layer, have, version):
    layer("multi_head_attention", lambda: L.MultiHeadAttention(2, 3), (5, 4),
          call=lambda own, x: own(x, x))
    layer("multi_head_attention_of_others", lambda: L.MultiHeadAttention(2, 3, value_dim=5,
          use_bias=False, output_shape=7), (5, 4), (6, 3), (6, 4),
          call=lambda own, q, v, k: own(q, v, k))
    layer("multi_head_attention_causal", lambda: L.MultiHeadAttention(2, 3), (5, 4),
          call=lambda own, x: own(x, x, use_causal_mask=True))
    layer("multi_head_attention_scores", lambda: L.MultiHeadAttention(2, 3), (5, 4),
          call=lambda own, x: own(x, x, return_attention_scores=True))
    layer("multi_head_attention_mask", lambda: L.MultiHeadAttention(2, 3), (5, 4), (5, 5),
          dtype=["float32", "int32"], high=2,
          call=lambda own, x, m: own(x, x, attention_mask=m))
    layer("multi_head_attention_named", lambda: L.MultiHeadAttention(2, 3), (5, 4), (6, 4),
          call=lambda own, q, v: own(query=q, value=v))
    layer("multi_head_attention_images", lambda: L.MultiHeadAttention(2, 3), (3, 2, 4),
          call=lambda own, x: own(x, x))
    layer("multi_head_attention_masked", lambda: L.MultiHeadAttention(2, 3), (5,), dtype="int32",
          high=3, call=lambda own, x: (lambda e: own(e, e))(L.Embedding(3, 4, mask_zero=True)(x)))
    layer("attention", lambda: L.Attention(), (5, 4), (6, 4))
    layer("attention_three", lambda: L.Attention(use_scale=True), (5, 4), (6, 3), (6, 4))
    layer("attention_concat", lambda: L.Attention(score_mode="concat", use_scale=True), (5, 4),
          (6, 4))
    layer("attention_causal", lambda: L.Attention(), (5, 4), (5, 4),
          call=lambda own, a, b: own([a, b], use_causal_mask=True))
    layer("attention_scores", lambda: L.Attention(), (5, 4), (5, 4),
          call=lambda own, a, b: own([a, b], return_attention_scores=True))
    layer("additive_attention", lambda: L.AdditiveAttention(), (5, 4), (6, 4))
    layer("additive_attention_plain", lambda: L.AdditiveAttention(use_scale=False), (5, 4), (6, 4))
    if have("GroupQueryAttention"):
        layer("group_query_attention", lambda: L.GroupQueryAttention(3, 4, 2), (5, 6),
              call=lambda own, x: own(x, x))


def preprocessing(keras, L, layer, have, version):
    layer("rescaling", lambda: L.Rescaling(1 / 127.5, -1.0), (4, 5, 3), dtype="uint8", high=255)
    layer("rescaling_channels", lambda: L.Rescaling([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]), (4, 5, 3))
    layer("normalization", lambda: L.Normalization(), (4, 3))
    layer("normalization_given", lambda: L.Normalization(mean=[1.0, 2.0, 3.0],
          variance=[4.0, 5.0, 6.0]), (4, 3))
    layer("normalization_one", lambda: L.Normalization(axis=None, mean=1.0, variance=2.0), (4, 3))
    layer("normalization_invert", lambda: L.Normalization(mean=1.0, variance=2.0, invert=True),
          (4, 3))
    layer("resizing", lambda: L.Resizing(7, 5), (4, 6, 3))
    layer("resizing_down", lambda: L.Resizing(3, 4), (8, 9, 3))
    layer("resizing_nearest", lambda: L.Resizing(7, 5, interpolation="nearest"), (4, 6, 3))
    layer("resizing_bicubic", lambda: L.Resizing(8, 12, interpolation="bicubic"), (4, 6, 3))
    layer("resizing_crop", lambda: L.Resizing(4, 6, crop_to_aspect_ratio=True), (8, 9, 3))
    if version == 3:
        layer("resizing_antialias", lambda: L.Resizing(3, 4, antialias=True), (8, 9, 3))
        layer("resizing_pad", lambda: L.Resizing(4, 6, pad_to_aspect_ratio=True), (8, 9, 3))
    layer("center_crop", lambda: L.CenterCrop(3, 4), (6, 7, 3))
    layer("center_crop_small", lambda: L.CenterCrop(8, 4), (6, 7, 3))
    for mode in ("one_hot", "multi_hot", "count"):
        shape = (1,) if mode == "one_hot" else (4,)
        layer(f"category_encoding_{mode}", lambda m=mode: L.CategoryEncoding(6, output_mode=m),
              shape, dtype="int32", high=6)
    layer("discretization", lambda: L.Discretization(bin_boundaries=[-0.5, 0.0, 0.7]), (6,))
    layer("discretization_one_hot", lambda: L.Discretization(bin_boundaries=[-0.5, 0.0, 0.7],
          output_mode="one_hot"), (1,))
    layer("integer_lookup", lambda: L.IntegerLookup(vocabulary=[3, 1, 7]), (4,), dtype="int64")
    layer("hashing", lambda: L.Hashing(5), (4,), dtype="int64", high=1000)


def regularization(keras, L, layer, have):
    for name, make in {
        "dropout": lambda: L.Dropout(0.5),
        "spatial_dropout2d": lambda: L.SpatialDropout2D(0.5),
        "gaussian_dropout": lambda: L.GaussianDropout(0.5),
        "gaussian_noise": lambda: L.GaussianNoise(0.5),
        "alpha_dropout": lambda: L.AlphaDropout(0.5) if have("AlphaDropout") else L.Dropout(0.5),
        "activity_regularization": lambda: L.ActivityRegularization(0.1),
        "random_flip": lambda: L.RandomFlip(),
        "random_rotation": lambda: L.RandomRotation(0.1),
        "random_zoom": lambda: L.RandomZoom(0.1),
        "random_contrast": lambda: L.RandomContrast(0.1),
    }.items():
        layer(name, make, (5, 6, 3))
