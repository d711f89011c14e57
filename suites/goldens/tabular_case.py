"""How a case of `tabular.py` is made and stored."""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "tabular"
ML = "ai.onnx.ml"
NAN = float("nan")
TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]
FLOATS = {"f32": np.float32, "f64": np.float64}
NUMBERS = {**FLOATS, "i32": np.int32, "i64": np.int64}
random = np.random.default_rng(7)


def store(case, model, inputs):
    """The model, its inputs and what ONNX Runtime makes of them."""
    # Converters draw it at random.
    model.graph.name = case
    for made in model.graph.node:
        attributes = sorted(made.attribute, key=lambda attribute: attribute.name)
        del made.attribute[:]
        made.attribute.extend(attributes)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [port.name for port in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, inputs)))
    folder = FOLDER / case
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for side, tensors in ("input", inputs), ("output", outputs):
        for index, tensor in enumerate(tensors):
            assert tensor.dtype != object, f"{case} answers text"
            proto = numpy_helper.from_array(np.asarray(tensor))
            (folder / f"{side}_{index}.pb").write_bytes(proto.SerializeToString())


def node(case, op, inputs, outputs=("Y",), opset=3, **attributes):
    """A model of one node; rows are free where an input has several axes."""
    ports = []
    for index, x in enumerate(inputs):
        shape = [f"N{index if op == 'ArrayFeatureExtractor' else ''}", *x.shape[1:]]
        dtype = helper.np_dtype_to_tensor_dtype(x.dtype)
        ports.append(helper.make_tensor_value_info(f"X{index}", dtype, shape))
    made = helper.make_node(op, [p.name for p in ports], list(outputs), domain=ML, **attributes)
    attribute_names = {a.name for a in made.attribute}
    label_first = "Classifier" in op
    results = []
    for index, name in enumerate(outputs):
        dtype = TensorProto.INT64 if label_first and index == 0 else TensorProto.FLOAT
        if op in ("Imputer", "ArrayFeatureExtractor", "TreeEnsemble", "Binarizer"):
            dtype = ports[0].type.tensor_type.elem_type
        if op == "LabelEncoder":
            if "values_tensor" in attribute_names:
                dtype = attributes["values_tensor"].data_type
            elif "values_int64s" in attribute_names:
                dtype = TensorProto.INT64
        results.append(helper.make_tensor_value_info(name, dtype, None))
    graph = helper.make_graph([made], case, ports, results)
    imports = [helper.make_opsetid(ML, opset), helper.make_opsetid("", 21)]
    store(case, helper.make_model(graph, opset_imports=imports, ir_version=10), inputs)


def matrix(rows, columns, dtype=np.float32, scale=3.0):
    return (random.standard_normal((rows, columns)) * scale).astype(dtype)
