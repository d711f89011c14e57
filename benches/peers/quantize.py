"""Quantizes one of the models of the comparison by onnxruntime.quantization.

    python quantize.py FOLDER NAME

Networks of convolutions become QDQ graphs with static scales, one for each output channel of
weights; transformers get integers for the weights of their products and scales that are found at
each run, as is usual for either.
"""

import pathlib
import sys

import numpy
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                      quantize_dynamic, quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process

SAMPLES = 4
DYNAMIC = ["vit_s16", "minilm_l6"]


class Noise(CalibrationDataReader):
    """What the random weights are calibrated by: scales, not accuracy, are needed."""

    def __init__(self):
        random = numpy.random.default_rng(0)
        shape = (1, 3, 224, 224)
        self.left = [{"x": random.standard_normal(shape, "float32")} for _ in range(SAMPLES)]

    def get_next(self):
        return self.left.pop() if self.left else None


def main():
    folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
    source, made = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
    cleaned = folder / f"{name}-cleaned.onnx"
    quant_pre_process(source, cleaned, skip_symbolic_shape=True)
    if name in DYNAMIC:
        quantize_dynamic(cleaned, made, per_channel=True, weight_type=QuantType.QInt8)
    else:
        quantize_static(cleaned, made, Noise(), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    cleaned.unlink()


if __name__ == "__main__":
    main()
