"""Asks a server by the definitions that it tells of itself, and by no others.

Usage: reflection_grpc.py HOST:PORT

Needs grpcio-reflection. The server holds `m`, which adds 1000 to each of the four numbers of a row of
`x`. Prints one line for each service. No answer may have a field that the definitions lack.
"""

import sys

import grpc
from google.protobuf import unknown_fields
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


def known(message):
    """Refuses fields without a definition, at any depth."""
    assert len(unknown_fields.UnknownFieldSet(message)) == 0, message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"].message_type
            values = value.values() if inner is not None else []
        else:
            values = value if hasattr(value, "append") else [value]
        for value in values:
            known(value)


class Service:
    def __init__(self, channel, pool, name):
        self.channel, self.name = channel, name
        self.methods = pool.FindServiceByName(name).methods_by_name

    def ask(self, method, **fields):
        found = self.methods[method]
        call = self.channel.unary_unary(
            f"/{self.name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(found.output_type).FromString,
        )
        answer = call(GetMessageClass(found.input_type)(**fields), timeout=5)
        known(answer)
        return answer


ROW = {"name": "x", "datatype": "FP32", "shape": [1, 4]}


def inference(service):
    assert service.ask("ServerLive").live and service.ask("ServerReady").ready
    assert service.ask("ServerMetadata").name == "schooner"
    assert service.ask("ModelReady", name="m").ready
    assert service.ask("ModelMetadata", name="m").inputs[0].name == "x"
    assert service.ask("ModelConfig", name="m").config.input[0].data_type == 11
    row = {**ROW, "contents": {"fp32_contents": [1, 2, 3, 4]}}
    answer = service.ask("ModelInfer", model_name="m", inputs=[row])
    assert answer.outputs[0].shape == [1, 4], answer
    assert service.ask("ModelStatistics", name="m").model_stats[0].inference_count >= 1
    assert service.ask("RepositoryIndex").models[0].state == "READY"
    for method in ("TraceSetting", "LogSettings"):
        assert service.ask(method).settings, method
    service.ask("SystemSharedMemoryStatus")


def predictions(service):
    x = {"dtype": 1, "tensor_shape": {"dim": [{"size": 1}, {"size": 4}]}, "float_val": [1]}
    answer = service.ask("Predict", model_spec={"name": "m"}, inputs={"x": x})
    assert list(answer.outputs["y"].float_val) == [1001] * 4, answer
    about = service.ask(
        "GetModelMetadata", model_spec={"name": "m"}, metadata_field=["signature_def"]
    )
    assert list(about.metadata) == ["signature_def"], about


def models(service):
    status = service.ask("GetModelStatus", model_spec={"name": "m"}).model_version_status[0]
    assert (status.version, status.state) == (1, 30), status


def health(service):
    assert service.ask("Check").status == 1


def main():
    channel = grpc.insecure_channel(sys.argv[1])
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    found = set(database.get_services())
    for name, step in (
        ("inference.GRPCInferenceService", inference),
        ("tensorflow.serving.PredictionService", predictions),
        ("tensorflow.serving.ModelService", models),
        ("grpc.health.v1.Health", health),
    ):
        assert name in found, found
        step(Service(channel, pool, name))
        print(name, "as it says itself")


if __name__ == "__main__":
    main()
