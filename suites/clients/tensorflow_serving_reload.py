"""Says anew what a server serves, with TensorFlow Serving's own client.

Usage: tensorflow_serving_reload.py HOST:PORT FOLDER

Needs what tensorflow_serving_grpc.py needs. The server was started with `--control explicit` and
holds `m`, version 1 of FOLDER/m; there are versions 1 and 2 in FOLDER/other as well. Prints one line
for each thing that was asked.
"""

import os
import sys

import grpc
from tensorflow_serving_grpc import request, tensor
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)
import numpy as np


class Server:
    def __init__(self, address, folder):
        channel = grpc.insecure_channel(address)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.folder = folder

    def reload(self, *models):
        """Each a name, the folder of its versions, its policy and its labels."""
        asked = model_management_pb2.ReloadConfigRequest()
        asked.config.model_config_list.SetInParent()
        for name, path, policy, labels in models:
            config = asked.config.model_config_list.config.add()
            config.name, config.model_platform = name, "tensorflow"
            config.base_path = os.path.join(self.folder, path)
            if policy == "all":
                config.model_version_policy.all.SetInParent()
            for label, version in labels.items():
                config.version_labels[label] = version
        status = self.models.HandleReloadConfigRequest(asked, timeout=30).status
        assert (status.error_code, status.error_message) == (0, ""), status

    def version(self, name, label=None):
        """Which version answers: it adds a thousand for each of its number."""
        asked = request(name)
        if label is not None:
            asked.model_spec.version_label = label
        asked.inputs["x"].CopyFrom(tensor(np.array([[1, 2, 3, 4]], dtype="<f4")))
        answer = self.predictions.Predict(asked, timeout=5)
        number = answer.model_spec.version.value
        assert answer.outputs["y"].float_val[0] == 1 + 1000 * number, answer
        return number

    def states(self, name):
        asked = get_model_status_pb2.GetModelStatusRequest()
        asked.model_spec.name = name
        status = self.models.GetModelStatus(asked, timeout=5).model_version_status
        return {version.version: version.state for version in status}


def refused(ask, code, words):
    try:
        ask()
    except grpc.RpcError as error:
        assert error.code().name == code and words in error.details(), error
    else:
        raise AssertionError(f"expected a refusal that says {words}")


def replaced(server):
    assert server.version("m") == 1
    server.reload(("n", "other", "all", {"stable": 1, "canary": 2}))
    assert server.version("n") == 2
    assert server.version("n", "stable") == 1 and server.version("n", "canary") == 2
    refused(lambda: server.version("m"), "NOT_FOUND", "Latest(m)")
    assert server.states("m") == {1: 50} and server.states("n") == {2: 30, 1: 30}


def changed(server):
    server.reload(("n", "other", "latest", {"stable": 2}), ("m", "m", "latest", {}))
    assert server.version("n", "stable") == 2 and server.version("m") == 1
    assert server.states("n") == {2: 30, 1: 50}


def kept(server):
    for model, code, words in (
        (("n", "nowhere", "latest", {}), "FAILED_PRECONDITION", "nowhere"),
        (("n", "other", "latest", {"stable": 1}), "FAILED_PRECONDITION", "label to version 1"),
    ):
        refused(lambda: server.reload(model), code, words)
    refused(
        lambda: server.reload(*[("n", "other", "all", {})] * 2),
        "INVALID_ARGUMENT",
        "multiple times in config list",
    )
    assert server.version("n", "stable") == 2 and server.version("m") == 1


def emptied(server):
    server.reload()
    refused(lambda: server.version("n"), "NOT_FOUND", "Latest(n)")


def main():
    server = Server(*sys.argv[1:])
    for step in (replaced, changed, kept, emptied):
        step(server)
        print(step.__name__, "as with TensorFlow Serving")


if __name__ == "__main__":
    main()
