"""Writes `keras2.zip.zst` or `keras3.zip.zst`: layers and small models as Keras saves them, with
random weights, inputs, and what Keras answers.

    python make.py 3            # with keras, tensorflow-cpu and zstandard
    python make.py 2            # with tf_keras, tensorflow-cpu and zstandard
    python make.py 3 -o FILE -k WORD    # only the cases whose names hold a word

The cases are in `cases.py`. README.md says which versions were taken.
"""

import argparse
import io
import json
import os
import tempfile
import zipfile
import zlib

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import zstandard

TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool",
         "uint8": "u8", "float16": "f16"}


def randomize(model, rng):
    """Weights by chance, of a size at which no activation is saturated."""
    made = []
    for weight in model.weights:
        value, name = np.asarray(weight), getattr(weight, "path", weight.name)
        if not np.issubdtype(value.dtype, np.floating):
            made.append(value)
            continue
        spread = 1.0 / max(1.0, np.sqrt(value.size / max(1, value.shape[-1] if value.ndim else 1)))
        new = rng.standard_normal(value.shape) * spread * 1.5
        if "variance" in name:
            new = rng.uniform(0.5, 1.5, value.shape)
        elif "gamma" in name or name.endswith("scale"):
            new = rng.uniform(0.5, 1.5, value.shape)
        elif value.ndim <= 1:
            new = rng.standard_normal(value.shape) * 0.3
        made.append(new.astype(value.dtype))
    model.set_weights(made)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def plain(value):
    """Without numbers that differ from run to run."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in ("shared_object_id", "date_saved")}
        return {k: plain(v) for k, v in kept.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def packed(bytes_):
    """An archive of Keras without what differs from run to run."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bytes_)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".json"):
                data = json.dumps(plain(json.loads(data))).encode()
            new.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def listed(outputs):
    if isinstance(outputs, dict):
        return [outputs[key] for key in sorted(outputs)]
    if not isinstance(outputs, (list, tuple)):
        return [outputs]
    return [x for output in outputs for x in listed(output)]


def write(archive, name, model, suffix, inputs):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model" + suffix)
        model.save(path)
        data = open(path, "rb").read()
    if suffix == ".keras":
        data = packed(data)
    given = inputs if len(inputs) > 1 else inputs[0]
    outputs = [np.asarray(x) for x in listed(model(given, training=False))]
    side = lambda arrays: [{"dtype": TYPES[str(a.dtype)], "shape": list(a.shape)} for a in arrays]
    ports = {"inputs": side(inputs), "outputs": side(outputs)}
    values = b"".join(np.ascontiguousarray(a).tobytes() for a in inputs + outputs)
    parts = {"model" + suffix: data, "case.json": json.dumps(ports).encode(), "values.bin": values}
    for part, bytes_ in parts.items():
        archive.writestr(zipfile.ZipInfo(f"{name}/{part}"), bytes_)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("version", type=int, choices=[2, 3])
    parser.add_argument("-o", default=None)
    parser.add_argument("-k", default="")
    args = parser.parse_args()
    if args.version == 2:
        import tf_keras as keras
    else:
        import keras
    import cases

    skipped = []
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for case in cases.cases(keras, args.version):
            name = f"keras{args.version}_{case.name}"
            if args.k not in name:
                continue
            keras.backend.clear_session()
            rng = np.random.default_rng(zlib.crc32(case.name.encode()))
            try:
                model, inputs = case.build(rng)
                randomize(model, rng)
                for suffix in case.suffixes:
                    label = name + ("" if suffix == case.suffixes[0] else "_" + suffix[1:])
                    write(archive, label, model, suffix, inputs)
            except Exception as error:
                skipped.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
    # All cases together, since their descriptions are much alike.
    wide = zstandard.ZstdCompressionParameters.from_level(22, window_log=23)
    packed_ = zstandard.ZstdCompressor(compression_params=wide).compress(made.getvalue())
    with open(args.o or f"keras{args.version}.zip.zst", "wb") as file:
        file.write(packed_)
    print("\n".join(["not made:"] + skipped) if skipped else "all made")


if __name__ == "__main__":
    main()
