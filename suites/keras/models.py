"""What stands among layers and is none, and small models."""

from inputs import values


def functions(keras, L, layer, model, version):
    """What stands among layers and is none."""

    def call(name, function, *shapes, dtype="float32"):
        def build(rng):
            inputs = [keras.Input(shape, dtype=dtype) for shape in shapes]
            arrays = [values(rng, (2, *shape), dtype) for shape in shapes]
            return keras.Model(inputs, function(*inputs)), arrays

        model(f"function_{name}", build)

    call("arithmetic", lambda x: (2.0 * x + 1.0) / 3.0 - x, (3, 4))
    call("of_two", lambda a, b: a * b - a, (3, 4), (3, 4))
    call("power", lambda x: x ** 2, (3, 4))
    call("negative", lambda x: -x, (3, 4))
    call("slice", lambda x: x[:, 1:3], (5, 4))
    call("index", lambda x: x[:, 0], (5, 4))
    call("ellipsis", lambda x: x[..., ::2], (5, 4))
    if version == 3:
        ops = keras.ops
        call("mean", lambda x: ops.mean(x, axis=1), (3, 4))
        call("sum_keepdims", lambda x: ops.sum(x, axis=[1, 2], keepdims=True), (3, 4))
        call("reshape", lambda x: ops.reshape(x, (-1, 6, 2)), (3, 4))
        call("transpose", lambda x: ops.transpose(x, (0, 2, 1)), (3, 4))
        call("concatenate", lambda a, b: ops.concatenate([a, b], axis=-1), (3, 4), (3, 2))
        call("stack", lambda a, b: ops.stack([a, b], axis=1), (3, 4), (3, 4))
        call("expand_squeeze", lambda x: ops.squeeze(ops.expand_dims(x, 2), 2), (3, 4))
        call("matmul", lambda a, b: ops.matmul(a, b), (3, 4), (4, 5))
        call("einsum", lambda a, b: ops.einsum("bij,bkj->bik", a, b), (3, 4), (5, 4))
        call("activations", lambda x: ops.gelu(ops.silu(ops.relu(x))) + ops.tanh(x), (3, 4))
        call("gelu_exact", lambda x: ops.gelu(x, approximate=False), (3, 4))
        call("softmax", lambda x: ops.softmax(x, axis=1), (3, 4))
        call("clip", lambda x: ops.clip(x, -0.5, 0.5), (3, 4))
        call("where", lambda a, b: ops.where(a > b, a, b * 2), (3, 4), (3, 4))
        call("cast", lambda x: ops.cast(x, "float32") / 255.0, (3, 4), dtype="uint8")
        call("sqrt_abs", lambda x: ops.sqrt(ops.abs(x)) + ops.exp(x) + ops.log(ops.abs(x) + 1),
             (3, 4))
        call("maximum", lambda a, b: ops.maximum(a, b) + ops.minimum(a, 0.0), (3, 4), (3, 4))
        call("split", lambda x: ops.split(x, 2, axis=-1), (3, 4))
        call("repeat", lambda x: ops.repeat(x, 2, axis=1), (3, 4))
        call("tile", lambda x: ops.tile(x, (1, 2, 1)), (3, 4))
        call("pad", lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))), (3, 4))
        call("flip", lambda x: ops.flip(x, axis=1), (3, 4))
        call("swapaxes", lambda x: ops.swapaxes(x, 1, 2), (3, 4))
        call("argmax", lambda x: ops.argmax(x, axis=-1), (3, 4))
        call("normalize", lambda x: ops.normalize(x, axis=-1), (3, 4))
        call("variance", lambda x: ops.var(x, axis=1) + ops.std(x, axis=1), (3, 4))
        call("one_hot", lambda x: ops.one_hot(x, 10), (3,), dtype="int32")
        call("take", lambda x: ops.take(x, [2, 0], axis=1), (3, 4))
    else:
        import tensorflow as tf
        call("mean", lambda x: tf.reduce_mean(x, axis=1), (3, 4))
        call("sum_keepdims", lambda x: tf.reduce_sum(x, axis=[1, 2], keepdims=True), (3, 4))
        call("reshape", lambda x: tf.reshape(x, (-1, 6, 2)), (3, 4))
        call("transpose", lambda x: tf.transpose(x, (0, 2, 1)), (3, 4))
        call("concat", lambda a, b: tf.concat([a, b], axis=-1), (3, 4), (3, 2))
        call("expand_squeeze", lambda x: tf.squeeze(tf.expand_dims(x, 2), 2), (3, 4))
        call("matmul", lambda a, b: tf.matmul(a, b), (3, 4), (4, 5))
        call("activations", lambda x: tf.nn.gelu(tf.nn.silu(tf.nn.relu(x))) + tf.tanh(x), (3, 4))
        call("softmax", lambda x: tf.nn.softmax(x, axis=1), (3, 4))
        call("clip", lambda x: tf.clip_by_value(x, -0.5, 0.5), (3, 4))
        call("cast", lambda x: tf.cast(x, tf.float32) / 255.0, (3, 4), dtype="uint8")
        call("sqrt_abs", lambda x: tf.sqrt(tf.abs(x)) + tf.exp(x), (3, 4))


def models(keras, L, model, version, both):
    def sequential(rng):
        made = keras.Sequential([
            L.Input((8, 8, 3)), L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(),
            L.MaxPooling2D(), L.Dropout(0.2), L.Flatten(), L.Dense(5, activation="softmax")])
        return made, [values(rng, (2, 8, 8, 3), "float32")]

    model("model_sequential", sequential, both)

    def built_late(rng):
        made = keras.Sequential([L.Dense(4, activation="relu"), L.Dense(3)])
        x = values(rng, (2, 5), "float32")
        made(x)
        return made, [x]

    model("model_built_late", built_late, both)

    def shared(rng):
        a, b = keras.Input((4,), name="left"), keras.Input((4,), name="right")
        dense = L.Dense(5, activation="tanh", name="twin")
        x, y = dense(a), dense(b)
        joined = L.Concatenate()([x, y, dense(L.Subtract()([a, b]))])
        outputs = [L.Dense(2, name="first")(joined), L.Dense(1, name="second")(joined)]
        return keras.Model([a, b], outputs), [values(rng, (2, 4), "float32") for _ in range(2)]

    model("model_shared", shared, both)

    def nested(rng, freeze=""):
        base_in = keras.Input((8, 8, 3))
        x = L.Conv2D(4, 3, padding="same", use_bias=False)(base_in)
        x = L.BatchNormalization()(x)
        y = L.SeparableConv2D(4, 3, padding="same")(L.ReLU()(x))
        x = L.Add()([x, L.BatchNormalization()(y)])
        base = keras.Model(base_in, x, name="backbone")
        if freeze == "all":
            base.trainable = False
        elif freeze == "some":
            for part in base.layers[:4]:
                part.trainable = False
        head = keras.Sequential([L.Input((4,)), L.Dense(6, activation="relu"),
                                 L.BatchNormalization(), L.Dense(3)], name="head")
        start = keras.Input((8, 8, 3))
        x = base(L.Rescaling(1 / 255.0)(start))
        x = head(L.GlobalAveragePooling2D()(x))
        return keras.Model(start, L.Softmax()(x)), [values(rng, (2, 8, 8, 3), "float32") * 100]

    model("model_nested", nested, both)
    model("model_nested_frozen", lambda rng: nested(rng, "all"), both)
    model("model_nested_partly_frozen", lambda rng: nested(rng, "some"), both)

    def nested_twice(rng):
        inner_in = keras.Input((4,))
        inner = keras.Model(inner_in, L.Dense(4, activation="tanh")(inner_in), name="inner")
        middle_in = keras.Input((4,))
        middle = keras.Model(middle_in, L.BatchNormalization()(inner(inner(middle_in))), name="mid")
        start = keras.Input((4,))
        return keras.Model(start, middle(L.Add()([middle(start), start]))), [
            values(rng, (2, 4), "float32")]

    model("model_nested_twice", nested_twice, both)

    def ends_in_model(rng):
        inner_in = keras.Input((4,))
        hidden = L.Dense(4)(inner_in)
        inner = keras.Model(inner_in, [hidden, L.Dense(2)(hidden)], name="two_ends")
        start = keras.Input((4,))
        return keras.Model(start, inner(start)), [values(rng, (2, 4), "float32")]

    model("model_ends_in_model", ends_in_model, both)

    def several_of_a_kind(rng):
        start = keras.Input((6,))
        x = start
        for size in (5, 6, 5, 6):
            x = L.Dense(size, activation="tanh")(x)
            x = L.BatchNormalization()(x)
            x = L.Dense(6)(x)
        return keras.Model(start, x), [values(rng, (2, 6), "float32")]

    model("model_several_of_a_kind", several_of_a_kind, both)

    def open_sizes(rng):
        start = keras.Input((None, None, 3))
        x = L.Conv2D(4, 3, padding="same", activation="relu")(start)
        x = L.Conv2D(4, 3, strides=2, padding="same")(x)
        x = L.MaxPooling2D(3, strides=2, padding="same")(x)
        x = L.UpSampling2D()(x)
        end = L.GlobalMaxPooling2D()(x)
        return keras.Model(start, end), [values(rng, (1, 9, 11, 3), "float32")]

    model("model_open_sizes", open_sizes)

    def open_steps(rng):
        start = keras.Input((None,), dtype="int32")
        x = L.Embedding(20, 4, mask_zero=True)(start)
        x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
        x = L.Dense(4)(x)
        x = L.GlobalAveragePooling1D()(x)
        return keras.Model(start, x), [values(rng, (2, 7), "int32", 0, 3)]

    model("model_open_steps", open_steps, both)

    def named_ends(rng):
        a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        x = L.Dense(2)(L.Add()([a, b]))
        return keras.Model([a, b], {"zeta": x, "alpha": L.ReLU()(x)}), [
            values(rng, (2, 3), "float32") for _ in range(2)]

    model("model_named_ends", named_ends)

    def mixed(rng):
        start = keras.Input((6, 6, 3))
        x = L.Conv2D(4, 3, dtype="mixed_float16" if version == 3 else "float32")(start)
        return keras.Model(start, L.Dense(2, dtype="float32")(L.Flatten(dtype="float32")(x))), [
            values(rng, (1, 6, 6, 3), "float32") * 0.1]

    model("model_mixed_precision", mixed)

    def double(rng):
        start = keras.Input((6, 6, 3), dtype="float64")
        x = L.Dense(4, dtype="float64", activation="relu")(start)
        return keras.Model(start, x), [values(rng, (1, 6, 6, 3), "float64")]

    model("model_double", double)

    def transformer(rng):
        start = keras.Input((6,), dtype="int32")
        x = L.Embedding(10, 8)(start)
        y = L.MultiHeadAttention(2, 4)(x, x)
        x = L.LayerNormalization()(L.Add()([x, y]))
        y = L.Dense(8)(L.Dense(16, activation="gelu")(x))
        x = L.LayerNormalization()(L.Add()([x, y]))
        return keras.Model(start, L.Dense(2)(L.Flatten()(x))), [values(rng, (2, 6), "int32")]

    model("model_transformer", transformer, both)
