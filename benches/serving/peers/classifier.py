"""What the servers in Python serve: the models of the comparison in ONNX Runtime on one thread."""

import io
import os

import numpy
from PIL import Image

MEAN = numpy.array([123.675, 116.28, 103.53], "float32")
DEVIATION = numpy.array([58.395, 57.12, 57.375], "float32")


class Classifier:
    def __init__(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        path = os.environ["SERVING_MODELS"] + "/mobilenet_v2.onnx"
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(path, options, providers=providers)

    def of_tensor(self, tensor):
        return self.session.run(None, {"x": tensor})[0]

    def of_image(self, file):
        return self.of_tensor(prepare(file))


def prepare(file):
    """As torchvision's classifiers were trained: shorter side 256, the center of 224."""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    scale = 256 / min(image.size)
    size = [round(side * scale) for side in image.size]
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = [(side - 224) // 2 for side in size]
    pixels = numpy.asarray(image.crop((left, top, left + 224, top + 224)), "float32")
    return numpy.ascontiguousarray(((pixels - MEAN) / DEVIATION).transpose(2, 0, 1)[None])
