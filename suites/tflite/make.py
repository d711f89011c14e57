"""Writes `lite.zip.zst`: small models as TensorFlow Lite has them, with random weights, inputs, and
what its interpreter answers.

    python make.py                    # all
    python make.py -o FILE -k WORD    # only the cases whose names hold a word

The operators, and layers of Keras, are the cases of `../tensorflow`; `nets.py` has those that are
also kept with weights of 16 bits, with weights of 8, and wholly in integers.
"""

import argparse
import io
import os
import sys
import zipfile
import zlib

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tensorflow"))

import numpy as np
import tensorflow as tf

import cases
import nets
from about import described
from archive import pack, write

KERNELS = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def converted(converter, form="float", samples=None):
    """The bytes of a file in one of the forms."""
    if form != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if form == "halves":
        converter.target_spec.supported_types = [tf.float16]
    if form in ("int8", "uint8", "int8_inside", "int16"):
        converter.representative_dataset = lambda: ([x] for x in samples)
        ops = tf.lite.OpsSet
        wide = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [wide if form == "int16" else ops.TFLITE_BUILTINS_INT8]
    if form in ("int8", "uint8"):
        kind = tf.int8 if form == "int8" else tf.uint8
        converter.inference_input_type = converter.inference_output_type = kind
    return bytes(converter.convert())


def answers(data, given):
    """The inputs in the file's own order and types, and what the interpreter makes of them."""
    interpreter = tf.lite.Interpreter(model_content=data, experimental_op_resolver_type=KERNELS)
    details = interpreter.get_input_details()
    arrays = [np.asarray(given(detail)) for detail in details]
    for detail, array in zip(details, arrays):
        interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    inputs = []
    for detail, array in zip(interpreter.get_input_details(), arrays):
        scale, zero = detail["quantization"]
        if scale and np.issubdtype(detail["dtype"], np.integer):
            range_ = np.iinfo(detail["dtype"])
            array = np.clip(np.round(array / scale) + zero, range_.min, range_.max)
        inputs.append(array.astype(detail["dtype"]))
        interpreter.set_tensor(detail["index"], inputs[-1])
    interpreter.invoke()
    return inputs, [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def of_operator(case):
    """Open sizes stay open where the converter and the interpreter let them."""
    named = {spec.name: np.asarray(array) for spec, array in zip(case.specs, case.inputs)}
    given = lambda detail: named[detail["name"].removeprefix("serving_default_").split(":")[0]]
    known = [tf.TensorSpec(np.shape(array), spec.dtype, name=spec.name)
             for spec, array in zip(case.specs, case.inputs)]
    for specs in (case.specs, known):
        try:
            concrete = case.function.get_concrete_function(*specs)
            converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], case.module)
            data = converted(converter)
            return data, *answers(data, given)
        except Exception as error:
            failure = error
    raise failure


def foreign(is_flexible):
    """A model with an operator that the format does not have: one of TensorFlow, or one's own."""
    concrete = tf.function(lambda x: tf.math.erf(tf.nn.relu(x))).get_concrete_function(
        tf.TensorSpec([2, 3]))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if is_flexible:
        ops = tf.lite.OpsSet
        converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS, ops.SELECT_TF_OPS]
    converter.allow_custom_ops = not is_flexible
    return converted(converter)


def tolerance(name, form, outputs):
    """How far answers may be off: integers by one step, or by two where one step of a layer makes
    more than one of the next; what the interpreter rounds to 8 bits while it runs, by what that
    costs."""
    if form == "dynamic":
        return {"absolute": max(float(np.abs(y).max()) for y in outputs) * 0.03}
    if form in ("int8", "uint8", "int16"):
        return {"absolute": 2 if name in nets.CHAINS else 1}
    return {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", default="lite.zip.zst")
    parser.add_argument("-k", default="")
    args = parser.parse_args()
    skipped, made = [], io.BytesIO()

    def attempt(name, act):
        if args.k not in name:
            return
        try:
            tf.keras.backend.clear_session()
            tf.random.set_seed(zlib.crc32(name.encode()))
            data, inputs, outputs, more = act(np.random.default_rng(zlib.crc32(name.encode())))
            write(archive, name, {"model.tflite": data}, inputs, outputs, **more)
        except Exception as error:
            skipped.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")

    with zipfile.ZipFile(made, "w") as archive:
        for case in cases.cases("frozen"):
            def act(rng, case=case):
                case.build(rng)
                return *of_operator(case), {}

            attempt(case.name, act)
        for name, build, forms in nets.nets():
            for form in forms:
                def act(rng, name=name, build=build, form=form):
                    model, samples = build(rng)
                    converter = tf.lite.TFLiteConverter.from_keras_model(model)
                    data = converted(converter, form, samples)
                    inputs, outputs = answers(data, lambda _: samples[0])
                    return data, inputs, outputs, tolerance(name, form, outputs)

                attempt(f"net_{name}_{form}", act)

        def labelled(rng):
            model, samples = nets.dense(rng)
            data = converted(tf.lite.TFLiteConverter.from_keras_model(model))
            data = described(data, ["cat", "dog", "newt"], [127.5], [128.0])
            return data, *answers(data, lambda _: samples[0]), {"labels": ["cat", "dog", "newt"]}

        attempt("net_labelled", labelled)
        attempt("refused_tensorflow", lambda _: (foreign(True), [], [], {}))
        attempt("refused_custom", lambda _: (foreign(False), [], [], {}))
    pack(args.o, made.getvalue())
    print("\n".join(["not made:"] + skipped) if skipped else "all made")


if __name__ == "__main__":
    main()
