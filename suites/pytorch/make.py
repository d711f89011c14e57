"""Writes `export.zip.zst`, `trace.zip.zst` and `script.zip.zst`: operators, layers and small models
as PyTorch saves them, with random weights, inputs, and what PyTorch answers.

    python make.py export        # torch.export.save
    python make.py trace         # torch.jit.trace
    python make.py script        # torch.jit.script
    python make.py export -o FILE -k WORD    # only the cases whose names hold a word

The cases are in `operators.py` and `layers.py`. README.md says which versions were taken.
"""

import argparse
import inspect
import io
import json
import warnings
import zipfile
import zlib

import numpy as np
import torch
import zstandard

import layers
import operators

warnings.filterwarnings("ignore")
TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool",
         "uint8": "u8", "int8": "i8", "float16": "f16"}


def port(array):
    return {"dtype": TYPES[str(array.dtype)], "shape": list(array.shape)}


def write(archive, name, model, inputs, outputs, sizes):
    case = {"inputs": [port(a) for a in inputs], "outputs": [port(a) for a in outputs], "sizes": sizes}
    archive.writestr(zipfile.ZipInfo(f"{name}/model.pt"), model)
    archive.writestr(zipfile.ZipInfo(f"{name}/case.json"), json.dumps(case))
    archive.writestr(zipfile.ZipInfo(f"{name}/values.bin"),
                     b"".join(np.ascontiguousarray(a).tobytes() for a in inputs + outputs))


def stored(data):
    """The archive without compression, stack traces and padding, which say nothing."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given, zipfile.ZipFile(made, "w") as kept:
        for info in given.infolist():
            if info.filename.endswith("debug_pkl") or "sample_inputs" in info.filename:
                continue
            body = given.read(info)
            if info.filename.endswith("models/model.json"):
                program = json.loads(body)
                for node in program["graph_module"]["graph"]["nodes"]:
                    node["metadata"] = {}
                program["graph_module"]["module_call_graph"] = []
                body = json.dumps(program).encode()
            kept.writestr(zipfile.ZipInfo(info.filename), body)
    return made.getvalue()


def flat(outputs):
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    if isinstance(outputs, dict):
        outputs = outputs.values()
    return [x for part in outputs if part is not None for x in flat(part)]


def randomize(module, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, value in list(module.named_parameters()) + list(module.named_buffers()):
        if value.dtype.is_floating_point:
            with torch.no_grad():
                noise = torch.randn(value.shape, generator=generator) * 0.3
                is_scale = "var" in name or value.dim() == 1 and name.endswith("weight")
                value.copy_(noise.abs() + 0.5 if is_scale else noise)


def saved(form, case, inputs):
    made = io.BytesIO()
    if form == "export":
        axes = tuple({} if case.fixed or x.dim() == 0 else {0: torch.export.Dim.AUTO} for x in inputs)
        varied = isinstance(case.module, operators.Function)
        shapes = (axes,) if varied else axes
        program = torch.export.export(case.module, tuple(inputs), dynamic_shapes=shapes)
        torch.export.save(program, made)
    elif form == "trace":
        torch.jit.save(torch.jit.trace(case.module, tuple(inputs), check_trace=False, strict=False), made)
    else:
        torch.jit.save(torch.jit.script(case.module), made)
    return stored(made.getvalue())


def sizes(form, case, inputs):
    """What a script does not say: the sizes of its inputs, for those cases that need them told."""
    if form != "script" or not case.told:
        return {}
    names = list(inspect.signature(case.module.forward).parameters)
    return {f"{name}_{axis}": size for name, x in zip(names, inputs)
            for axis, size in enumerate(x.shape)}


def packed(archive):
    """All cases together, since their files are much alike."""
    wide = zstandard.ZstdCompressionParameters.from_level(22, window_log=25)
    return zstandard.ZstdCompressor(compression_params=wide).compress(archive)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=["export", "trace", "script"])
    parser.add_argument("-o", default=None)
    parser.add_argument("-k", default="")
    args = parser.parse_args()
    cases = layers.cases() + ([] if args.form == "script" else operators.cases())
    assert len({case.name for case in cases}) == len(cases)
    skipped, count, made = [], 0, io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for case in cases:
            if args.k not in case.name or args.form in case.skip:
                continue
            seed = zlib.crc32(case.name.encode())
            torch.manual_seed(seed)
            try:
                module = case.module.eval()
                randomize(module, seed)
                inputs = [x() if callable(x) else x for x in case.inputs]
                with torch.no_grad():
                    outputs = flat(module(*[x.clone() for x in inputs]))
                    model = saved(args.form, case, inputs)
                numbers = [[x.detach().numpy() for x in side] for side in (inputs, outputs)]
                write(archive, case.name, model, *numbers, sizes(args.form, case, inputs))
                count += 1
            except Exception as error:
                skipped.append(f"{case.name}: {type(error).__name__}: {str(error)[:200]}")
    whole = packed(made.getvalue())
    with open(args.o or f"{args.form}.zip.zst", "wb") as file:
        file.write(whole)
    print(f"{count} cases, {len(whole)} bytes")
    print("\n".join(["not made:"] + skipped) if skipped else "all made")


if __name__ == "__main__":
    main()
