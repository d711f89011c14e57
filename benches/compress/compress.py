"""Compresses a classifier to int8 by Schooner, onnxruntime.quantization and NNCF on the same data.

    python compress.py --data DATA [--model MODEL] [--schooner BINARY] [--folder FOLDER]
                       [--calibration N] [--seconds N] [--threads N]

DATA is a `.npz` file with one array for the model's input, one sample a row, and one of class numbers
called `labels`, or the folder of the test files of MNIST's format. The first N samples calibrate the peers,
as many that it draws from all of them Schooner, whose gate sees the rest. Those after the first N are
answered by each result in its own engine, one at a time: ONNX Runtime, OpenVINO and Schooner. Engines
take turns of a quarter of a second in a shuffled order for the latencies. Makes a virtual environment
on its first run. Prints the table of docs/performance.md.
"""

import argparse
import datetime
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "benches" / "peers"))
import peers

PACKAGES = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "openvino==2026.4.1",
            "nncf==3.4.0"]
# What the table calls a result, the engine that runs it, and its file.
RESULTS = [
    ("f32, ONNX Runtime", "onnxruntime", "f32.onnx"),
    ("f32, Schooner", "schooner", "libf32.so"),
    ("int8, onnxruntime.quantization", "onnxruntime", "ort.onnx"),
    ("int8, NNCF", "openvino", "nncf.xml"),
    ("int8, Schooner", "schooner", "libint8.so"),
]


def load(data, name):
    """Samples as the model takes them, and their classes."""
    import numpy

    if data.is_file():
        arrays = dict(numpy.load(data))
        labels = arrays.pop("labels")
        return arrays.get(name, next(iter(arrays.values()))), labels
    idx = {part: gzip.decompress((data / f"t10k-{part}-ubyte.gz").read_bytes())
           for part in ("images-idx3", "labels-idx1")}
    images = numpy.frombuffer(idx["images-idx3"], "uint8", offset=16).reshape(-1, 1, 28, 28)
    images = (images.astype("float32") / 255 - 0.2860) / 0.3530
    return images.astype("float32"), numpy.frombuffer(idx["labels-idx1"], "uint8", offset=8)


def by_onnxruntime(source, target, name, samples):
    from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                          quantize_static)
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = iter(samples)

        def get_next(self):
            sample = next(self.left, None)
            return None if sample is None else {name: sample[None]}

    cleaned = target.with_suffix(".cleaned.onnx")
    quant_pre_process(source, cleaned, skip_symbolic_shape=True)
    quantize_static(cleaned, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    cleaned.unlink()


def by_nncf(source, target, name, samples):
    import nncf
    import openvino

    model = openvino.Core().read_model(source)
    dataset = nncf.Dataset([{name: sample[None]} for sample in samples])
    openvino.save_model(nncf.quantize(model, dataset, subset_size=len(samples)), target,
                        compress_to_fp16=False)


def by_schooner(args, folder, name, samples, labels, sizes):
    """Its own gate decides: when the drop may be above the budget there is no result."""
    import numpy

    data = folder / "data.npz"
    numpy.savez(data, **{name: samples, "labels": labels})
    made = folder / "int8"
    command = [args.schooner, "compress", folder / "f32.onnx", "--data", data, "-o", made,
               "--max-drop", f"{args.max_drop}pp", "--threads", str(args.threads), "--quiet",
               "--for", "size", "--calibration", str(args.calibration)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for source, library in [(folder / "f32.onnx", "libf32.so"), (made, "libint8.so")]:
        command = [args.schooner, "build", source, "-o", folder / library, "--quiet", *sizes]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def prepare(args):
    """Everything that is measured, and the samples that the results answer."""
    import numpy
    import onnx

    folder = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "f32.onnx").write_bytes(args.model.read_bytes())
    port = onnx.load(args.model).graph.input[0]
    name, batch = port.name, port.type.tensor_type.shape.dim[0].dim_param
    samples, labels = load(args.data, name)
    calibration = samples[:args.calibration]
    by_onnxruntime(folder / "f32.onnx", folder / "ort.onnx", name, calibration)
    by_nncf(folder / "f32.onnx", folder / "nncf.xml", name, calibration)
    sizes = ["--size", f"{batch}=1"] if batch else []
    by_schooner(args, folder, name, samples, labels, sizes)
    rest = {name: samples[args.calibration:], "labels": labels[args.calibration:]}
    numpy.savez(folder / "rest.npz", **rest)


def serve(engine, file, data, threads):
    """Answers all samples, then runs the first one for a turn for each line on stdin."""
    import numpy
    import workers

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    arrays = dict(numpy.load(data))
    labels = arrays.pop("labels")
    [(name, samples)] = arrays.items()
    bind = workers.ENGINES[engine](str(file), threads, "f32")()
    sample = numpy.array(samples[:1])
    run = bind({name: sample})
    right = []
    for row, label in zip(samples, labels):
        sample[0] = row
        right.append(bool(run().argmax() == label))
    print(json.dumps(right), flush=True)
    workers.take_turns(run)


def size(folder, file):
    """Bytes of the model: a library is Schooner's engine too, so the file that it is of counts."""
    if file == "libint8.so":
        return sum(part.stat().st_size for part in (folder / "int8").glob("*.onnx"))
    if file.endswith(".xml"):
        return (folder / file).stat().st_size + (folder / file).with_suffix(".bin").stat().st_size
    return (folder / ("f32.onnx" if file == "libf32.so" else file)).stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "examples/fashion/fashion.onnx")
    parser.add_argument("--schooner", type=pathlib.Path, default=ROOT / "target/release/schooner")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "target/compress")
    parser.add_argument("--calibration", type=int, default=300)
    parser.add_argument("--max-drop", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=5, help="time for each result")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(*args.serve, args.data, args.threads)
    interpreter = args.folder.resolve() / "venv" / "bin" / "python"
    if pathlib.Path(sys.executable) != interpreter:
        if not interpreter.exists():
            venv.create(interpreter.parent.parent, with_pip=True)
            subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        sys.exit(subprocess.run([interpreter, __file__, *sys.argv[1:]]).returncode)
    prepare(args)
    started = [peers.Worker(engine, [sys.executable, __file__, "--serve", engine,
                                     args.folder / file, "--data", args.folder / "rest.npz",
                                     "--threads", args.threads])
               for _, engine, file in RESULTS]
    peers.take_turns(started, args.seconds)
    table(args, started)


def table(args, workers):
    print(f"{datetime.date.today()}, {peers.processor()}, {args.model.name}, "
          f"{len(workers[0].start)} samples, {args.threads} threads, {', '.join(PACKAGES[2:])}\n")
    print("| result | right, % | drop, points | lost / gained | size, kB | median, ms |")
    print("|---" * 6 + "|")
    first = workers[0].start
    for (what, _, file), worker in zip(RESULTS, workers):
        share = 100 * sum(worker.start) / len(first)
        drop = 100 * sum(first) / len(first) - share
        lost = sum(a and not b for a, b in zip(first, worker.start))
        gained = sum(b and not a for a, b in zip(first, worker.start))
        print(f"| {what} | {share:.2f} | {drop:.2f} | {lost} / {gained} "
              f"| {size(args.folder, file) / 1e3:.0f} | {statistics.median(worker.times):.4f} |")


if __name__ == "__main__":
    main()
