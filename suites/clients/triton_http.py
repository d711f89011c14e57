"""Drives a server with NVIDIA's own client over HTTP, as its users do.

Usage: triton_http.py HOST:PORT

The server holds the models of `serve/rest/tests/rest/clients.rs`. Prints one line for each thing
that was asked; stops at the first that is not as Triton has it.
"""

import base64
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException


def tensor(name, array, datatype, binary=True):
    given = http.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def refused(ask, *words):
    """The text of the refusal, which must hold these words."""
    try:
        ask()
    except InferenceServerException as error:
        text = error.message()
        assert all(word in text for word in words), text
        return
    raise AssertionError(f"expected a refusal that says {words}")


def described(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("identity") and not client.is_model_ready("nope")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    about = client.get_model_metadata("identity")
    assert about["inputs"] == [{"name": "INPUT0", "datatype": "FP32", "shape": [-1]}], about
    config = client.get_model_config("identity")
    assert config["input"][0]["data_type"] == "TYPE_FP32", config
    index = client.get_model_repository_index()
    assert {"name": "identity", "version": "1", "state": "READY"} in index, index
    refused(lambda: client.get_model_metadata("nope"), "unknown model: 'nope'")
    refused(lambda: client.load_model("identity"), "explicit model load / unload")


def answered(client):
    array = np.array([1, 2, 3, 4.5], dtype=np.float32)
    for binary_in in (True, False):
        for binary_out in (True, False):
            for coding in (None, "gzip", "deflate"):
                outputs = [http.InferRequestedOutput("OUTPUT0", binary_data=binary_out)]
                result = client.infer(
                    "identity",
                    [tensor("INPUT0", array, "FP32", binary_in)],
                    outputs=outputs,
                    request_id="7",
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                assert np.array_equal(result.as_numpy("OUTPUT0"), array)
                assert result.get_response()["id"] == "7"
    many = np.arange(100_000, dtype=np.float32) / 7
    waiting = [client.async_infer("identity", [tensor("INPUT0", many, "FP32")]) for _ in range(8)]
    for result in waiting:
        assert np.array_equal(result.get_result().as_numpy("OUTPUT0"), many)
    half = np.array([1, -2.5], dtype=np.float16)
    result = client.infer("half", [tensor("x", half, "FP16")])
    assert np.array_equal(result.as_numpy("y"), half)


def images(client):
    image = np.array([bytes([0xFF, 0xD8, 0xFF, 0xE0, 64])], dtype=object)
    result = client.infer("brightness", [tensor("x", image, "BYTES")])
    assert result.as_numpy("y").tolist() == [[0.25]]
    classes = [http.InferRequestedOutput("y", class_count=1)]
    result = client.infer("brightness", [tensor("x", image, "BYTES")], outputs=classes)
    assert result.as_numpy("y").tolist() == [b"0.250000:0:dark"]
    text = np.array([base64.b64encode(image[0])], dtype=object)
    result = client.infer("brightness", [tensor("x", text, "BYTES", binary=False)])
    assert result.as_numpy("y").tolist() == [[0.25]]


def texts(client):
    about = client.get_model_metadata("words")
    assert about["inputs"] == [{"name": "x", "datatype": "BYTES", "shape": [-1]}], about
    words = np.array(["größer".encode(), b"", b"a\nb"], dtype=object)
    for binary_in in (True, False):
        for binary_out in (True, False):
            outputs = [http.InferRequestedOutput("y", binary_data=binary_out)]
            given = np.array([word.decode() for word in words], dtype=object)
            result = client.infer("words", [tensor("x", given, "BYTES", binary_in)], outputs=outputs)
            found = [w.encode() if isinstance(w, str) else w for w in result.as_numpy("y")]
            assert found == words.tolist(), (binary_in, binary_out, found)
    refused(
        lambda: client.infer("words", [tensor("x", np.array([b"\xff"], dtype=object), "BYTES")]),
        "expected text in UTF-8 for inference input 'x' for model 'words'",
    )
    size = 64
    handle = shm.create_shared_memory_region("words", "/schooner_client_words", size)
    try:
        client.register_system_shared_memory("words", "/schooner_client_words", size)
        wanted = http.InferRequestedOutput("y")
        wanted.set_shared_memory("words", size)
        client.infer("words", [tensor("x", words, "BYTES")], outputs=[wanted])
        found = shm.get_contents_as_numpy(handle, np.object_, [3])
        assert found.tolist() == words.tolist(), found
        client.unregister_system_shared_memory("words")
    finally:
        shm.destroy_shared_memory_region(handle)


def shared(client):
    array = np.arange(16, dtype=np.float32)
    size = array.nbytes
    handle = shm.create_shared_memory_region("both", "/schooner_client_test", 2 * size)
    try:
        shm.set_shared_memory_region(handle, [array])
        client.register_system_shared_memory("both", "/schooner_client_test", 2 * size)
        status = client.get_system_shared_memory_status()
        assert status == [
            {"name": "both", "key": "/schooner_client_test", "offset": 0, "byte_size": 2 * size}
        ], status
        given = http.InferInput("INPUT0", [16], "FP32")
        given.set_shared_memory("both", size)
        wanted = http.InferRequestedOutput("OUTPUT0")
        wanted.set_shared_memory("both", size, offset=size)
        result = client.infer("identity", [given], outputs=[wanted])
        output = result.get_output("OUTPUT0")
        assert output["shape"] == [16], output
        found = shm.get_contents_as_numpy(handle, np.float32, [16], offset=size)
        assert np.array_equal(found, array)
        client.unregister_system_shared_memory("both")
        assert client.get_system_shared_memory_status() == []
        refused(
            lambda: client.infer("identity", [given]),
            "Unable to find shared memory region: 'both'",
        )
    finally:
        shm.destroy_shared_memory_region(handle)
    assert client.get_cuda_shared_memory_status() == []


def counted(client):
    stats = client.get_inference_statistics("identity")["model_stats"][0]
    assert stats["inference_stats"]["success"]["count"] >= 20, stats
    assert stats["execution_count"] >= 20 and stats["batch_stats"], stats
    assert len(client.get_inference_statistics()["model_stats"]) == 4


def settings(client):
    assert client.get_trace_settings()["trace_level"] == ["OFF"]
    changed = client.update_trace_settings("identity", {"trace_rate": "5"})
    assert changed["trace_rate"] == "5", changed
    assert client.get_trace_settings()["trace_rate"] == "1000"
    assert client.update_log_settings({"log_verbose_level": 2})["log_verbose_level"] == 2
    assert client.get_log_settings()["log_verbose_level"] == 2


def misused(client):
    array = np.zeros([2, 2], dtype=np.float32)
    refused(
        lambda: client.infer("identity", [tensor("INPUT0", array, "FP32")]),
        "unexpected shape for input 'INPUT0' for model 'identity'. Expected [-1], got [2,2]. ",
    )
    refused(
        lambda: client.infer("identity", [tensor("WRONG", array, "FP32")]),
        "unexpected inference input 'WRONG' for model 'identity'",
    )


def main(url):
    client = http.InferenceServerClient(url=url, concurrency=4)
    for step in (described, answered, images, texts, shared, counted, settings, misused):
        step(client)
        print(f"{step.__name__}: as Triton has it")
    client.close()


if __name__ == "__main__":
    main(sys.argv[1])
