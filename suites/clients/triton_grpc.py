"""Drives a server with NVIDIA's own client over gRPC, as its users do.

Usage: triton_grpc.py HOST:PORT

The server holds the models of `serve/grpc/tests/grpc/support.rs`. Prints one line for each thing
that was asked; stops at the first that is not as Triton has it.
"""

import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException


def tensor(name, array, datatype):
    given = grpc.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    return given


def refused(ask, status, *words):
    """The refusal has this status and holds these words."""
    try:
        ask()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}", error.status()
        assert all(word in error.message() for word in words), error.message()
        return
    raise AssertionError(f"expected a refusal that says {words}")


def described(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("pair") and not client.is_model_ready("nope")
    assert "statistics" in client.get_server_metadata().extensions
    about = client.get_model_metadata("pair", as_json=True)
    assert about["inputs"][1] == {"name": "b", "datatype": "INT64", "shape": ["-1", "2"]}, about
    config = client.get_model_config("pair", as_json=True)["config"]
    assert config["input"][0]["data_type"] == "TYPE_FP32", config
    index = client.get_model_repository_index(as_json=True)["models"]
    assert {"name": "pair", "version": "1", "state": "READY"} in index, index
    refused(lambda: client.get_model_metadata("nope"), "NOT_FOUND", "unknown model: 'nope'")
    refused(lambda: client.load_model("pair"), "FAILED_PRECONDITION", "explicit model load")


def answered(client):
    a = np.array([[1, 2], [3, 4.5]], dtype=np.float32)
    b = np.array([[1, -2], [3, 4]], dtype=np.int64)
    inputs = [tensor("a", a, "FP32"), tensor("b", b, "INT64")]
    for compression in (None, "gzip", "deflate"):
        result = client.infer(
            "pair", inputs, request_id="7", compression_algorithm=compression
        )
        assert result.get_response().id == "7", result.get_response()
        assert np.array_equal(result.as_numpy("a"), a)
        assert np.array_equal(result.as_numpy("b"), b)
    wanted = [grpc.InferRequestedOutput("b")]
    result = client.infer("pair", inputs, outputs=wanted)
    assert result.as_numpy("a") is None and np.array_equal(result.as_numpy("b"), b)
    half = np.array([1, -2.5], dtype=np.float16)
    result = client.infer("f16", [tensor("x", half, "FP16")])
    assert np.array_equal(result.as_numpy("y"), half)


def classified(client):
    image = np.array([b"\xff\xd8\xff\xe0\x40"], dtype=np.object_)
    wanted = [grpc.InferRequestedOutput("y", class_count=1)]
    result = client.infer("brightness", [tensor("x", image, "BYTES")], outputs=wanted)
    assert result.as_numpy("y").tolist() == [b"0.250000:0:dark"], result.as_numpy("y")


def streamed(client):
    results = queue.Queue()
    client.start_stream(callback=lambda result, error: results.put((result, error)))
    for number in range(20):
        array = np.full([3], number, dtype=np.int32)
        client.async_stream_infer("i32", [tensor("x", array, "INT32")], request_id=str(number))
    client.async_stream_infer("nope", [tensor("x", array, "INT32")])
    for number in range(20):
        result, error = results.get(timeout=10)
        assert error is None, error
        assert result.get_response().id == str(number)
        assert result.as_numpy("y").tolist() == [number] * 3
    _, error = results.get(timeout=10)
    assert "unknown model: 'nope'" in error.message(), error
    client.stop_stream()


def shared(client):
    array = np.arange(4, dtype=np.float32).reshape(2, 2)
    handle = shm.create_shared_memory_region("given", "/schooner_grpc_given", 64)
    shm.set_shared_memory_region(handle, [array])
    client.register_system_shared_memory("given", "/schooner_grpc_given", 64)
    assert client.get_system_shared_memory_status().regions["given"].byte_size == 64
    a = grpc.InferInput("a", [2, 2], "FP32")
    a.set_shared_memory("given", 16)
    b = tensor("b", np.zeros([2, 2], dtype=np.int64), "INT64")
    wanted = grpc.InferRequestedOutput("a")
    wanted.set_shared_memory("given", 16, offset=32)
    client.infer("pair", [a, b], outputs=[wanted])
    found = shm.get_contents_as_numpy(handle, np.float32, [2, 2], offset=32)
    assert np.array_equal(found, array), found
    client.unregister_system_shared_memory("given")
    shm.destroy_shared_memory_region(handle)


def configured(client):
    found = client.update_trace_settings("pair", {"trace_level": ["TIMESTAMPS"], "trace_rate": "5"})
    assert list(found.settings["trace_rate"].value) == ["5"], found
    assert list(client.get_trace_settings().settings["trace_level"].value) == ["OFF"]
    found = client.update_log_settings({"log_verbose_level": 1, "log_info": False})
    assert found.settings["log_verbose_level"].uint32_param == 1, found
    stats = client.get_inference_statistics("pair").model_stats[0]
    assert stats.inference_stats.success.count >= 5, stats


def refusals(client):
    array = np.zeros([2], dtype=np.float32)
    ask = lambda name, inputs: client.infer(name, inputs)
    refused(lambda: ask("nope", [tensor("x", array, "FP32")]), "NOT_FOUND", "unknown model")
    refused(
        lambda: ask("pair", [tensor("a", array, "FP32")]),
        "INVALID_ARGUMENT",
        "expected 2 inputs but got 1 inputs for model 'pair'",
        "missing required input(s) ['b']",
    )
    refused(
        lambda: ask("i32", [tensor("x", array, "FP32")]),
        "INVALID_ARGUMENT",
        "inference input 'x' data-type is 'FP32', but model 'i32' expects 'INT32'",
    )
    refused(
        lambda: client.infer("slow", [tensor("x", array, "FP32")], client_timeout=0.05),
        "DEADLINE_EXCEEDED",
    )


def main():
    client = grpc.InferenceServerClient(sys.argv[1])
    for step in (described, answered, classified, streamed, shared, configured, refusals):
        step(client)
        print(step.__name__, "as with Triton")


if __name__ == "__main__":
    main()
