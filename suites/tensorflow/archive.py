"""How cases lie in an archive."""

import json
import zipfile

import numpy as np
import zstandard

TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool",
         "uint8": "u8", "int8": "i8", "int16": "i16", "float16": "f16"}


def port(array):
    array = np.asarray(array)
    if array.dtype.kind in "OS":
        texts = [x.decode() if isinstance(x, bytes) else str(x) for x in array.ravel()]
        return {"dtype": "string", "shape": list(array.shape), "elements": texts}
    return {"dtype": TYPES[str(array.dtype)], "shape": list(array.shape)}


def write(archive, name, files, inputs, outputs, **more):
    ports = {"inputs": [port(a) for a in inputs], "outputs": [port(a) for a in outputs], **more}
    dense = [np.ascontiguousarray(a) for a in inputs + outputs if np.asarray(a).dtype.kind not in "OS"]
    files = dict(files)
    files["case.json"] = json.dumps(ports).encode()
    files["values.bin"] = b"".join(a.tobytes() for a in dense)
    for part, data in files.items():
        archive.writestr(zipfile.ZipInfo(f"{name}/{part}"), data)


def pack(path, whole, level=22):
    """All cases together, since their graphs are much alike."""
    wide = zstandard.ZstdCompressionParameters.from_level(level, window_log=23)
    packed = zstandard.ZstdCompressor(compression_params=wide).compress(whole)
    with open(path, "wb") as file:
        file.write(packed)
