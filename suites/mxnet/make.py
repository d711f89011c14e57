"""Writes `operators.zip.zst` and `models.zip.zst`: small graphs as MXNet saves them, with random
weights, inputs, and what MXNet answers.

    python make.py operators     # each operator in several settings
    python make.py models        # small nets of the model zoo's blocks, and recurrent ones
    python make.py zoo -o FILE   # the model zoo's nets themselves, which are too large to keep
    python make.py detectors -o FILE    # and the detectors of GluonCV

README.md says which version was taken.
"""

import argparse
import io
import json
import os
import tempfile
import zipfile
import zlib

os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

import mxnet as mx
import numpy as np
import zstandard

import models
import operators

TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "uint8": "u8",
         "float16": "f16"}


def write(archive, name, files, inputs, outputs):
    def port(a):
        return {"dtype": TYPES[str(a.dtype)], "shape": list(a.shape)}

    case = {"inputs": [port(a) for a in inputs], "outputs": [port(a) for a in outputs]}
    files = dict(files)
    files["case.json"] = json.dumps(case).encode()
    files["values.bin"] = b"".join(np.ascontiguousarray(a).tobytes() for a in [*inputs, *outputs])
    for part, data in files.items():
        archive.writestr(zipfile.ZipInfo(f"{name}/{part}"), data)


def of_symbol(name, symbol, inputs, parameters, rng, asked=None):
    """Files and answers of a symbol; what no shape says of its parameters is drawn. Another symbol
    may be asked, where the framework does not as it says it does."""
    shapes = {key: a.shape for key, a in {**inputs, **parameters}.items()}
    arguments, _, states = symbol.infer_shape(**shapes)
    args, aux, labels = {}, {}, {}
    for key, shape in zip(symbol.list_arguments(), arguments):
        if key in inputs:
            continue
        if key.endswith("_label"):
            labels[key] = mx.nd.zeros(shape)
            continue
        drawn = rng.normal(size=shape) * 0.5
        args[key] = mx.nd.array(parameters.get(key, drawn), dtype="float32")
    for key, shape in zip(symbol.list_auxiliary_states(), states):
        drawn = rng.uniform(0.5, 1.5, shape) if key.endswith("var") else rng.normal(size=shape)
        aux[key] = mx.nd.array(drawn)
    given = {key: mx.nd.array(a, dtype=a.dtype) for key, a in inputs.items()}
    asked = symbol if asked is None else asked
    executor = asked.bind(mx.cpu(), {**given, **labels, **args}, aux_states=aux, grad_req="null")
    outputs = [made.asnumpy() for made in executor.forward(is_train=False)]
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "net")
        mx.model.save_checkpoint(prefix, 0, symbol, args, aux)
        files = {part: open(os.path.join(folder, part), "rb").read() for part in os.listdir(folder)}
    return files, outputs


def of_block(block, inputs, states, asked=None):
    """Files and answers of a block of Gluon, whose last inputs are states. It may have to be asked
    layer by layer and in a context."""
    if asked:
        with asked:
            made = block(*models.given(inputs, states))
    block.hybridize()
    hybrid = block(*models.given(inputs, states))
    made = made if asked else hybrid
    outputs, waiting = [], [made]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, (list, tuple)):
            waiting = list(value) + waiting
        else:
            outputs.append(value.asnumpy())
    with tempfile.TemporaryDirectory() as folder:
        block.export(os.path.join(folder, "net"))
        files = {part: open(os.path.join(folder, part), "rb").read() for part in os.listdir(folder)}
    return files, outputs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=["operators", "models", "zoo", "detectors"])
    parser.add_argument("-o", default=None)
    parser.add_argument("-k", default="")
    args = parser.parse_args()
    skipped, made = [], io.BytesIO()
    if args.form == "detectors":
        from detectors import cases
    else:
        cases = {"operators": operators.cases, "models": models.cases, "zoo": models.zoo}[args.form]
    with zipfile.ZipFile(made, "w") as archive:
        for name, make in cases():
            if args.k not in name:
                continue
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            mx.random.seed(zlib.crc32(name.encode()) % 2**31)
            try:
                with mx.name.NameManager():
                    case = make(rng)
                if args.form == "operators":
                    symbol, inputs, *rest = case
                    parameters, asked = [*rest, *[{}, None][len(rest):]]
                    files, outputs = of_symbol(name, symbol, inputs, parameters, rng, asked)
                    inputs = list(inputs.values())
                else:
                    inputs = case[1]
                    files, outputs = of_block(*case)
                write(archive, name, files, inputs, outputs)
            except Exception as error:
                skipped.append(f"{name}: {str(error).strip().splitlines()[-1][:200]}")
    # All cases together, since their graphs are much alike.
    level = 1 if args.form in ("zoo", "detectors") else 22
    wide = zstandard.ZstdCompressionParameters.from_level(level, window_log=27)
    packed = zstandard.ZstdCompressor(compression_params=wide).compress(made.getvalue())
    with open(args.o or f"{args.form}.zip.zst", "wb") as file:
        file.write(packed)
    print("\n".join(["not made:"] + skipped) if skipped else "all made")


if __name__ == "__main__":
    main()
