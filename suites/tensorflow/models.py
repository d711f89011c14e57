"""Models with variables, tables, branches and loops, and layers of Keras as SavedModels hold them."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from operators import values

BOTH = ("frozen", "saved")


def models(case):
    variables(case)
    control(case)
    tables(case)
    layers(case)


def variables(case):
    def dense(rng):
        module = tf.Module()
        module.kernel = tf.Variable(values(rng, (4, 3)))
        module.bias = tf.Variable(values(rng, (3,)))
        return module, lambda x: tf.nn.relu(x @ module.kernel + module.bias), [values(rng, (2, 4))]

    case("variables_dense", dense, forms=BOTH)

    def twins(rng):
        module = tf.Module()
        module.first = tf.Variable(values(rng, (4,)), name="v")
        module.second = tf.Variable(values(rng, (4,)), name="v")
        return module, lambda x: x * module.first + module.second, [values(rng, (2, 4))]

    case("variables_of_one_name", twins, forms=BOTH)

    def nested(rng):
        module = tf.Module()
        module.w = tf.Variable(values(rng, (4, 4)))

        @tf.function
        def inner(x):
            return tf.tanh(x @ module.w)

        @tf.function
        def middle(x):
            return inner(x) + inner(2.0 * x)

        return module, lambda x: [middle(x), inner(x)], [values(rng, (2, 4))]

    case("functions_in_functions", nested, forms=BOTH)

    def gathered(rng):
        module = tf.Module()
        module.table = tf.Variable(values(rng, (10, 3)))
        return module, lambda i: tf.nn.embedding_lookup(module.table, i), [
            values(rng, (2, 4), "int64")]

    case("variables_gathered", gathered, forms=BOTH)


def control(case):
    def plain(name, function, *shapes):
        def make(rng):
            return tf.Module(), function, [values(rng, shape) for shape in shapes]

        case(name, make, forms=BOTH)

    plain("branch", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x - 1.0),
          (3, 4))
    plain("branch_of_two", lambda x: tf.cond(tf.reduce_sum(x) > 100, lambda: (x, x[:, 0]),
                                             lambda: (-x, x[:, 1])), (3, 4))
    plain("loop", lambda x: tf.while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, y * 1.1),
                                          [0, x])[1], (3, 4))
    plain("loop_counted", lambda x: list(tf.while_loop(
        lambda i, y: i < tf.shape(x)[0], lambda i, y: (i + 1, y + x[i]), [0, x[0]])), (3, 4))
    plain("loop_until", lambda x: tf.while_loop(lambda y: tf.reduce_sum(y) < 100.0,
                                                lambda y: y + 1.0, [tf.abs(x)])[0], (3, 4))
    plain("loop_growing", lambda x: tf.while_loop(
        lambda i, y: i < 3, lambda i, y: (i + 1, tf.concat([y, x], 0)), [0, x],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 4])])[1], (3, 4))
    plain("map", lambda x: tf.map_fn(lambda row: row * tf.reduce_sum(row), x), (3, 4))
    plain("scan", lambda x: tf.scan(lambda a, row: a + row, x), (3, 4))
    plain("fold", lambda x: tf.foldl(lambda a, row: a + row, x), (3, 4))


def tables(case):
    def table(name, keys, values_, default, given):
        def make(rng):
            module = tf.Module()
            module.table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values_)),
                default)
            return module, lambda x: module.table.lookup(x), [np.asarray(given)]

        case(name, make, forms=("saved",))

    words, given = ["a", "bc", "d"], np.array(["bc", "x", "a"], object)
    table("table_of_words", words, np.array([5, 6, 7], "int64"), -1, given)
    table("table_of_words_to_floats", words, np.array([0.5, 0.25, 1], "float32"), -1.0, given)
    table("table_of_numbers", np.array([3, 1, 7], "int64"), words, "none", np.array([7, 2, 3], "int64"))
    table("table_of_numbers_to_numbers", np.array([3, 1, 7], "int64"), np.array([1, 2, 3], "int64"),
          0, np.array([7, 2, 3], "int64"))

    def of_file(rng):
        path = os.path.join(tempfile.mkdtemp(), "words.txt")
        with open(path, "w") as file:
            file.write("alpha\nbeta\ngamma\n")
        module = tf.Module()
        module.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
            path, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER), -1)
        return module, lambda x: module.table.lookup(x), [
            np.array(["beta", "x", "gamma"], object)]

    case("table_of_file", of_file, forms=("saved",))


def layers(case):
    import tf_keras as keras

    L = keras.layers

    def layer(name, make, shape, dtype="float32"):
        def build(rng):
            x = keras.Input(shape, dtype=dtype)
            model = keras.Model(x, make()(x))
            model.set_weights([w if w.dtype.kind in "iu" else np.abs(values(rng, w.shape)) * 0.3
                               for w in model.get_weights()])
            module = tf.Module()
            module.model = model
            return module, lambda x: model(x, training=False), [values(rng, (2, *shape), dtype)]

        case(f"layer_{name}", build, forms=BOTH)

    layer("dense", lambda: L.Dense(3, "relu"), (4,))
    layer("dense_of_steps", lambda: L.Dense(3, "softmax"), (3, 4))
    layer("conv", lambda: L.Conv2D(3, 3, 2, "same", activation="relu"), (9, 10, 4))
    layer("conv_dilated", lambda: L.Conv2D(3, 3, dilation_rate=2, padding="same"), (9, 10, 4))
    layer("conv_transpose", lambda: L.Conv2DTranspose(3, 3, 2, "same"), (5, 6, 2))
    layer("conv_transpose_valid", lambda: L.Conv2DTranspose(3, 3, 2), (5, 6, 2))
    layer("separable_conv", lambda: L.SeparableConv2D(3, 3, padding="same"), (9, 10, 4))
    layer("depthwise_conv", lambda: L.DepthwiseConv2D(3, padding="same"), (9, 10, 4))
    layer("batch_norm", L.BatchNormalization, (5, 6, 4))
    layer("layer_norm", L.LayerNormalization, (5, 6, 4))
    layer("group_norm", lambda: L.GroupNormalization(2), (5, 6, 4))
    layer("pool", lambda: L.AveragePooling2D(2), (5, 6, 4))
    layer("global_pool", L.GlobalAveragePooling2D, (5, 6, 4))
    layer("flatten", L.Flatten, (5, 6, 4))
    layer("up_sampling", lambda: L.UpSampling2D(2, interpolation="bilinear"), (5, 6, 4))
    layer("prelu", L.PReLU, (5, 4))
    layer("embedding", lambda: L.Embedding(10, 3), (5,), "int32")
    layer("lstm", lambda: L.LSTM(3), (5, 4))
    layer("lstm_sequences", lambda: L.LSTM(3, return_sequences=True), (5, 4))
    layer("gru", lambda: L.GRU(3), (5, 4))
    layer("simple_rnn", lambda: L.SimpleRNN(3), (5, 4))
    layer("bidirectional", lambda: L.Bidirectional(L.LSTM(3)), (5, 4))
    layer("time_distributed", lambda: L.TimeDistributed(L.Conv2D(2, 3)), (3, 6, 6, 2))
    layer("attention", lambda: (lambda x: L.MultiHeadAttention(2, 3)(x, x)), (5, 4))
    layer("conv_lstm", lambda: L.ConvLSTM2D(2, 3, padding="same"), (3, 5, 6, 2))
