"""The models behind LitServe, one path each; the port is the argument."""

import base64
import sys

import litserve
import numpy
from classifier import Classifier


class Noop(litserve.LitAPI):
    def setup(self, device):
        self.answer = lambda x: x

    def decode_request(self, request):
        return numpy.array(request["x"], "float32")

    def predict(self, x):
        return self.answer(x)

    def encode_response(self, y):
        return {"y": y.ravel().tolist()}


class Tensor(Noop):
    def setup(self, device):
        of_tensor = Classifier().of_tensor
        self.answer = lambda x: of_tensor(x.reshape(1, 3, 224, 224))


class Image(Noop):
    def setup(self, device):
        self.answer = Classifier().of_image

    def decode_request(self, request):
        return base64.b64decode(request["image"])


if __name__ == "__main__":
    apis = [Noop(api_path="/noop"), Tensor(api_path="/tensor"), Image(api_path="/image")]
    server = litserve.LitServer(apis, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False,
               log_level="error")
