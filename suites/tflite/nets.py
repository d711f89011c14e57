"""Layers and small models that are kept in several forms."""

import numpy as np
import tf_keras as keras

from operators import values

L = keras.layers

ALL = ("float", "halves", "dynamic", "int8", "uint8")
INTEGERS = ("int8",)
SAMPLES = 8

# Layers of which one step makes more than one of the next.
CHAINS = ("separable", "swish")


def finished(rng, start, end, batch=2):
    """A model with weights by chance, and inputs like those that it is quantized for."""
    model = keras.Model(start, end)
    weights = []
    for w in model.weights:
        fan = max(1, int(np.prod(w.shape[:-1])))
        x = values(rng, w.shape) * np.float32(1 / np.sqrt(fan))
        weights.append(np.abs(x) + 0.5 if "variance" in w.name or "gamma" in w.name else x)
    model.set_weights(weights)
    samples = [values(rng, (batch, *model.input_shape[1:])) for _ in range(SAMPLES)]
    return model, samples


def dense(rng):
    start = keras.Input((6,), name="levels")
    return finished(rng, start, L.Dense(3, "softmax", name="scores")(L.Dense(8, "relu")(start)))


def layers():
    image, flat = (9, 10, 4), (12,)

    def both(x, act):
        return act(L.Conv2D(4, 3, padding="same")(x), L.Conv2D(4, 1)(x))

    yield "conv", image, lambda x: L.Conv2D(5, 3)(x)
    yield "conv_same_strided", image, lambda x: L.Conv2D(5, 3, 2, "same", activation="relu")(x)
    yield "conv_relu6", image, lambda x: L.ReLU(6.0)(L.Conv2D(5, 3)(x))
    yield "conv_dilated", image, lambda x: L.Conv2D(5, 3, dilation_rate=2)(x)
    yield "conv_1d", (9, 4), lambda x: L.Conv1D(5, 3)(x)
    yield "conv_transpose", image, lambda x: L.Conv2DTranspose(5, 3, 2, "same")(x)
    yield "depthwise", image, lambda x: L.DepthwiseConv2D(3, padding="same")(x)
    yield "depthwise_multiplied", image, lambda x: L.DepthwiseConv2D(3, depth_multiplier=2)(x)
    yield "separable", image, lambda x: L.SeparableConv2D(5, 3, padding="same")(x)
    yield "batch_norm", image, lambda x: L.ReLU()(L.BatchNormalization()(L.Conv2D(5, 3)(x)))
    yield "dense", flat, lambda x: L.Dense(7, "relu")(x)
    yield "dense_of_steps", (3, 12), lambda x: L.Dense(7)(x)
    yield "max_pool", image, lambda x: L.MaxPooling2D(3, 2, "same")(x)
    yield "average_pool", image, lambda x: L.AveragePooling2D(2)(x)
    yield "average_pool_same", image, lambda x: L.AveragePooling2D(3, 2, "same")(x)
    yield "global_average", image, lambda x: L.GlobalAveragePooling2D()(x)
    yield "global_max", image, lambda x: L.GlobalMaxPooling2D()(x)
    yield "add", image, lambda x: both(x, lambda a, b: L.Add()([a, b]))
    yield "add_relu", image, lambda x: L.ReLU()(both(x, lambda a, b: L.Add()([a, b])))
    yield "subtract", image, lambda x: both(x, lambda a, b: L.Subtract()([a, b]))
    yield "multiply", image, lambda x: both(x, lambda a, b: L.Multiply()([a, b]))
    yield "maximum", image, lambda x: both(x, lambda a, b: L.Maximum()([a, b]))
    yield "concatenate", image, lambda x: both(x, lambda a, b: L.Concatenate()([a, b]))
    yield "pad", image, lambda x: L.Conv2D(5, 3)(L.ZeroPadding2D(1)(x))
    yield "crop", image, lambda x: L.Cropping2D(1)(x)
    yield "up_nearest", image, lambda x: L.UpSampling2D(2)(x)
    yield "up_bilinear", image, lambda x: L.UpSampling2D(2, interpolation="bilinear")(x)
    yield "reshape", image, lambda x: L.Permute((2, 1))(L.Reshape((-1, 12))(x))
    yield "softmax", flat, lambda x: L.Softmax()(x)
    yield "sigmoid", flat, lambda x: L.Activation("sigmoid")(x)
    yield "tanh", flat, lambda x: L.Activation("tanh")(x)
    yield "relu", flat, lambda x: L.ReLU()(x)
    yield "leaky_relu", flat, lambda x: L.LeakyReLU(0.3)(x)
    yield "elu", flat, lambda x: L.ELU()(x)
    yield "prelu", image, lambda x: L.PReLU(shared_axes=(1, 2))(x)
    yield "swish", image, lambda x: L.Activation("swish")(L.Conv2D(5, 3)(x))
    yield "hard_swish", image, lambda x: (lambda y: y * L.ReLU(6.0)(y + 3.0) / 6.0)(
        L.Conv2D(5, 3)(x))
    yield "gelu", flat, lambda x: L.Activation("gelu")(L.Dense(7)(x))
    yield "layer_norm", (3, 12), lambda x: L.LayerNormalization()(x)


def squeezed(x, channels):
    """A gate of each channel by the mean of all."""
    y = L.GlobalAveragePooling2D(keepdims=True)(x)
    y = L.Conv2D(channels // 4, 1, activation="relu")(y)
    return L.Multiply()([x, L.Conv2D(channels, 1, activation="sigmoid")(y)])


def models():
    def of_images(name, make, forms=ALL, size=16):
        def build(rng):
            start = keras.Input((size, size, 3))
            x = L.GlobalAveragePooling2D()(make(start))
            return finished(rng, start, L.Dense(5, "softmax")(x), batch=1)

        return name, build, forms

    def inverted(x, wide, out, stride=1):
        y = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(wide, 1, use_bias=False)(x)))
        y = L.DepthwiseConv2D(3, stride, "same", use_bias=False)(y)
        y = L.ReLU(6.0)(L.BatchNormalization()(y))
        y = L.BatchNormalization()(L.Conv2D(out, 1, use_bias=False)(y))
        return L.Add()([x, y]) if stride == 1 and x.shape[-1] == out else y

    def mobile(x):
        x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(8, 3, 2, "same", use_bias=False)(x)))
        return inverted(inverted(inverted(x, 16, 8), 16, 12, 2), 24, 12)

    def residual(x):
        x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
        y = L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(x))
        x = L.ReLU()(L.Add()([x, y]))
        y = L.Conv2D(12, 3, 2, "same")(x)
        return L.ReLU()(L.Add()([y, L.Conv2D(12, 1, 2)(x)]))

    def efficient(x):
        x = L.Activation("swish")(L.Conv2D(8, 3, 2, "same")(x))
        y = L.Activation("swish")(L.DepthwiseConv2D(3, padding="same")(x))
        return L.Add()([x, L.Conv2D(8, 1)(squeezed(y, 8))])

    def forked(x):
        x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
        y = L.Conv2D(6, 1, activation="relu")(x)
        z = L.Conv2D(4, (1, 7), padding="same")(x)
        p = L.Conv2D(4, 1)(L.AveragePooling2D(3, 1, "same")(x))
        return L.MaxPooling2D(3, 2)(L.Concatenate()([y, z, p]))

    def grown(x):
        x = L.Conv2D(8, 3, 2, "same")(x)
        for _ in range(2):
            y = L.ReLU()(L.BatchNormalization()(x))
            x = L.Concatenate()([x, L.Conv2D(4, 3, padding="same")(y)])
        return L.AveragePooling2D(2)(x)

    def segmented(rng):
        start = keras.Input((16, 16, 3))
        x = L.Conv2D(6, 3, 2, "same", activation="relu")(start)
        y = L.Conv2D(8, 3, 2, "same", activation="relu")(x)
        y = L.UpSampling2D(2, interpolation="bilinear")(y)
        x = L.Concatenate()([x, L.Conv2DTranspose(4, 2, 2)(L.Conv2D(4, 3, 2, "same")(x)), y])
        return finished(rng, start, L.Conv2D(3, 1, activation="sigmoid")(x), batch=1)

    def attentive(rng):
        start = keras.Input((6, 8))
        y = L.MultiHeadAttention(2, 4)(start, start)
        x = L.LayerNormalization()(L.Add()([start, y]))
        y = L.Dense(8)(L.Dense(16, "gelu")(x))
        return finished(rng, start, L.Dense(3)(L.Flatten()(L.Add()([x, y]))), batch=1)

    def remembered(rng):
        start = keras.Input((6, 5), batch_size=1)
        x = L.LSTM(4, return_sequences=True)(start)
        return finished(rng, start, L.Dense(3, "softmax")(L.LSTM(3)(x)), batch=1)

    def gated(rng):
        start = keras.Input((6, 5), batch_size=1)
        return finished(rng, start, L.Dense(3, "softmax")(L.GRU(3)(start)), batch=1)

    yield of_images("mobile", mobile, ALL + ("int8_inside", "int16"))
    yield of_images("residual", residual)
    yield of_images("efficient", efficient)
    yield of_images("forked", forked)
    yield of_images("grown", grown)
    yield "segmented", segmented, ALL
    yield "attentive", attentive, ("float", "halves", "dynamic")
    yield "remembered", remembered, ("float", "halves", "dynamic")
    yield "gated", gated, ("float",)
    yield "two_layers", dense, ALL


def nets():
    for name, shape, make in layers():
        def build(rng, shape=shape, make=make):
            start = keras.Input(shape)
            return finished(rng, start, make(start))

        forms = ("dynamic", "int8") if name in ("conv", "depthwise", "dense") else INTEGERS
        yield name, build, forms
    yield from models()
