"""A model with its author's words: names of the classes in an archive behind it, and how its input
is normalized."""

import io
import zipfile

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema


def table(builder, fields):
    """A table of `(field, kind, value)`."""
    builder.StartObject(max(field for field, _, _ in fields) + 1)
    for field, kind, value in fields:
        if kind == "byte":
            builder.PrependInt8Slot(field, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(field, value, 0)
    return builder.EndObject()


def vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def floats(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


def described(data, labels, mean, std):
    builder = flatbuffers.Builder(1024)
    name, text = builder.CreateString("labels.txt"), builder.CreateString("Animals by chance.")
    file = vector(builder, [table(builder, [(0, "table", name), (2, "byte", 2)])])
    output = vector(builder, [table(builder, [(6, "table", file)])])
    options = [(0, "table", floats(builder, mean)), (1, "table", floats(builder, std))]
    options = table(builder, options)
    steps = vector(builder, [table(builder, [(0, "byte", 1), (1, "table", options)])])
    inputs = vector(builder, [table(builder, [(4, "table", steps)])])
    graph = vector(builder, [table(builder, [(2, "table", inputs), (3, "table", output)])])
    root = table(builder, [(1, "table", text), (3, "table", graph)])
    builder.Finish(root, b"M001")

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(builder.Output())
    entry.name, entry.buffer = b"TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = (model.metadata or []) + [entry]
    whole = flatbuffers.Builder(1024)
    whole.Finish(model.Pack(whole), b"TFL3")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(zipfile.ZipInfo("labels.txt"), "\n".join(labels) + "\n")
    return bytes(whole.Output()) + archive.getvalue()
