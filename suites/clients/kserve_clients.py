"""Drives a server with KServe's own clients over HTTP and gRPC, as its users do.

Usage: kserve_clients.py HOST:PORT

The server holds `m`, which adds 1000 to each of the four numbers of a row of `x`. Prints one line
for each thing that was asked.
"""

import asyncio
import sys

import httpx
import numpy as np
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferRequest,
    RESTConfig,
)

ROWS = np.array([[1, 2, 3, 4], [5, 6, 7, 8.5]], dtype=np.float32)


def request(binary):
    given = InferInput("x", list(ROWS.shape), "FP32")
    given.set_data_from_numpy(ROWS, binary_data=binary)
    return InferRequest(model_name="m", request_id="7", infer_inputs=[given])


def check(answer):
    assert answer.id == "7" and answer.model_name == "m", answer.to_dict()
    assert np.array_equal(answer.outputs[0].as_numpy(), ROWS + 1000), answer.outputs[0]


async def predicted(url):
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    rows = {"instances": ROWS.tolist()}
    answer = await client.infer(url, rows, model_name="m")
    assert answer == {"predictions": (ROWS + 1000).tolist()}, answer
    try:
        await client.explain(url, "m", rows)
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 501, error
    else:
        raise AssertionError("expected a refusal: there is no explainer")
    await client.close()


async def inferred(url):
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(url) and await client.is_server_ready(url)
    assert await client.is_model_ready(url, "m")
    assert not await client.is_model_ready(url, "nope")
    for binary in (False, True):
        check(await client.infer(url, request(binary), model_name="m"))
    try:
        await client.infer(url, request(False), model_name="nope")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 404, error
    else:
        raise AssertionError("expected a refusal: there is no such model")
    await client.close()


async def called(url):
    client = InferenceGRPCClient(url=url.removeprefix("http://"))
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready("m")
    for binary in (False, True):
        check(await client.infer(request(binary)))
    await client.close()


async def main(url):
    for step in (predicted, inferred, called):
        await step(url)
        print(step.__name__, "as with KServe")


if __name__ == "__main__":
    asyncio.run(main("http://" + sys.argv[1]))
