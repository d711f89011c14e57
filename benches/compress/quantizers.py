"""What makes a model of 8-bit integers of one in f32: onnxruntime.quantization, NNCF and Schooner."""

import subprocess

import numpy


def by_onnxruntime(case, source, target, samples):
    from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                          quantize_dynamic, quantize_static)
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = each(samples)

        def get_next(self):
            return next(self.left, None)

    cleaned = target.with_suffix(".cleaned.onnx")
    quant_pre_process(source, cleaned, skip_symbolic_shape=True)
    if case.is_dynamic:
        quantize_dynamic(cleaned, target, per_channel=True, weight_type=QuantType.QInt8)
    else:
        quantize_static(cleaned, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    cleaned.unlink()


def by_nncf(case, source, target, samples):
    import nncf
    import openvino

    model = openvino.Core().read_model(source)
    kind = nncf.ModelType.TRANSFORMER if case.is_dynamic else None
    quantized = nncf.quantize(model, nncf.Dataset(list(each(samples))), subset_size=len(samples),
                              model_type=kind)
    openvino.save_model(quantized, target, compress_to_fp16=False)


def by_schooner(args, case, folder, samples, calibration, sizes):
    """Its own gate decides: when the drop may be above the budget there is no result."""
    data, made, arrays = folder / "data.npz", folder / "int8", dict(samples.inputs)
    if samples.labels is not None:
        # One class a row: where several are right, the gate is asked for agreement.
        arrays["labels"] = numpy.array([labels[0] for labels in samples.labels])
    numpy.savez(data, **arrays)
    command = [args.schooner, "compress", folder / "f32.onnx", "--data", data, "-o", made,
               "--threads", str(args.threads), "--quiet", "--for", "size", *case.flags,
               "--calibration", str(calibration), "--max-drop", args.budget or case.budget]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for source, library in [(folder / "f32.onnx", "libf32.so"), (made, "libint8.so")]:
        command = [args.schooner, "build", source, "-o", folder / library, "--quiet", *sizes]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def each(samples):
    """The inputs of one sample after the other."""
    for row in range(len(samples)):
        yield {name: array[row:row + 1] for name, array in samples.inputs.items()}
