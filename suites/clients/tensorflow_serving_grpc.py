"""Drives a server with TensorFlow Serving's own client over gRPC, as its users do.

Usage: tensorflow_serving_grpc.py HOST:PORT

Needs grpcio and numpy, and without their dependencies tensorflow-serving-api==2.14.1 and
tensorflow-protobuf==2.11.0, which has TensorFlow's messages without TensorFlow. The server holds
the models of `serve/grpc/tests/grpc/support.rs`. Prints one line for each thing that was asked.
"""

import sys
import types

import grpc
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool


def complete():
    """Adds the one file of messages that tensorflow-protobuf leaves out."""
    file = descriptor_pb2.FileDescriptorProto(
        name="tensorflow/tsl/protobuf/error_codes.proto",
        package="tensorflow.error",
        syntax="proto3",
    )
    code = file.enum_type.add(name="Code")
    for number, name in enumerate(["OK", "CANCELLED", "UNKNOWN"]):
        code.value.add(name=name, number=number)
    descriptor_pool.Default().Add(file)
    module = None
    for name in ("error_codes_pb2", "protobuf", "tsl"):
        inner, module = module, types.ModuleType(name)
        if inner is not None:
            setattr(module, inner.__name__, inner)
        full = {"tsl": "tensorflow.tsl", "protobuf": "tensorflow.tsl.protobuf"}
        sys.modules[full.get(name, "tensorflow.tsl.protobuf." + name)] = module


complete()

from tensorflow.core.framework import tensor_pb2, types_pb2  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

IMAGE = b"\xff\xd8\xff\xe0\x40"


def tensor(array):
    made = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=array.tobytes())
    for size in array.shape:
        made.tensor_shape.dim.add(size=size)
    return made


def request(model):
    made = predict_pb2.PredictRequest()
    made.model_spec.name = model
    return made


def predicted(stub, _):
    asked = request("half_plus_two")
    asked.inputs["x"].CopyFrom(tensor(np.array([1, 2, 5], dtype="<f4")))
    for compression in grpc.Compression:
        answer = stub.Predict(asked, timeout=5, compression=compression)
        assert list(answer.outputs["y"].float_val) == [2.5, 3, 4.5], answer
        assert answer.model_spec.version.value == 1, answer


def classified(stub, _):
    asked = request("brightness")
    asked.inputs["x"].dtype = types_pb2.DT_STRING
    asked.inputs["x"].string_val.append(IMAGE)
    answer = stub.Predict(asked, timeout=5)
    assert list(answer.outputs["classes"].string_val) == [b"bright", b"dark"], answer
    asked = classification_pb2.ClassificationRequest(model_spec=asked.model_spec)
    feature = asked.input.example_list.examples.add().features.feature["image"]
    feature.bytes_list.value.append(IMAGE)
    classes = stub.Classify(asked, timeout=5).result.classifications[0].classes
    assert (classes[0].label, classes[0].score) == ("bright", 0.25), classes


def regressed(stub, _):
    asked = regression_pb2.RegressionRequest(model_spec=request("half_plus_two").model_spec)
    for number in (1, 5):
        features = asked.input.example_list.examples.add().features
        features.feature["x"].float_list.value.append(number)
    answer = stub.Regress(asked, timeout=5)
    assert [each.value for each in answer.result.regressions] == [2.5, 4.5], answer


def described(stub, models):
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "pair"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert stub.GetModelMetadata(asked).metadata["signature_def"].Unpack(signatures)
    info = signatures.signature_def["serving_default"].inputs["b"]
    assert info.dtype == types_pb2.DT_INT64 and info.tensor_shape.dim[1].size == 2, info
    asked = get_model_status_pb2.GetModelStatusRequest(model_spec=asked.model_spec)
    version = models.GetModelStatus(asked).model_version_status[0]
    assert version.version == 1 and version.state == version.AVAILABLE, version


def refused(stub, _):
    for call, asked, code, words in (
        (stub.Predict, predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (stub.Predict, request("nope"), "NOT_FOUND", "request: Latest(nope)"),
        (
            stub.Regress,
            regression_pb2.RegressionRequest(model_spec=request("words").model_spec),
            "INVALID_ARGUMENT",
            "Expected regression signature",
        ),
    ):
        try:
            call(asked, timeout=5)
        except grpc.RpcError as error:
            assert error.code().name == code and words in error.details(), error
        else:
            raise AssertionError(f"expected a refusal that says {words}")


def main():
    channel = grpc.insecure_channel(sys.argv[1])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    for step in (predicted, classified, regressed, described, refused):
        step(stub, models)
        print(step.__name__, "as with TensorFlow Serving")


if __name__ == "__main__":
    main()
