"""A handler of TorchServe; which model it is, the name of its archive says."""

import json

import numpy
from classifier import Classifier


class Handler:
    def initialize(self, context):
        self.name = context.manifest["model"]["modelName"]
        self.classifier = None if self.name == "noop" else Classifier()

    def handle(self, data, context):
        return [self.one(row.get("body") or row.get("data")) for row in data]

    def one(self, body):
        if self.name == "image":
            return self.classifier.of_image(bytes(body)).ravel().tolist()
        if isinstance(body, (bytes, bytearray)):
            body = json.loads(body)
        x = numpy.array(body["x"], "float32")
        if self.name == "tensor":
            x = self.classifier.of_tensor(x.reshape(1, 3, 224, 224))
        return x.ravel().tolist()
