"""Compresses models to int8 by Schooner, onnxruntime.quantization and NNCF on the same data.

    python compress.py --fixtures FOLDER [--only NAME] [--limit N] [--budget POINTS] [--schooner BINARY]
                       [--folder FOLDER] [--seconds N] [--threads N]
    python compress.py --model MODEL --data DATA.npz [...]

The models are those of cases.py, which says what FOLDER holds, or a classifier of your own with a `.npz`
of one array for its input, one sample a row, and one of class numbers called `labels`. The first samples
calibrate the peers, as many that it draws from all of them Schooner, whose gate sees the rest. Those after
the first are answered by each result in its own engine, one at a time: ONNX Runtime, OpenVINO and
Schooner. Engines take turns of a quarter of a second in a shuffled order for the latencies. Makes a
virtual environment on its first run. Prints the tables of docs/performance.md.
"""

import argparse
import datetime
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

PACKAGES = ["numpy==2.4.6", "pillow==13.0.0", "onnx==1.23.2", "onnxruntime==1.32.0",
            "openvino==2026.4.1", "nncf==3.4.0"]
# What the table calls a result, the engine that runs it, its file, and that of its model: a library is
# Schooner's engine too, so the file that it is made of counts.
RESULTS = [
    ("f32, ONNX Runtime", "onnxruntime", "f32.onnx", "f32.onnx"),
    ("f32, Schooner", "schooner", "libf32.so", "f32.onnx"),
    ("int8, onnxruntime.quantization", "onnxruntime", "ort.onnx", "ort.onnx"),
    ("int8, NNCF", "openvino", "nncf.xml", "nncf.xml"),
    ("int8, Schooner", "schooner", "libint8.so", "int8/f32.onnx"),
]


def prepare(args, case, folder):
    """Everything that is measured, and the samples that the results answer; gives these."""
    import numpy
    import onnx
    import quantizers

    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "f32.onnx"
    samples = case.make(args, source).rows(slice(args.limit))
    calibration = min(args.calibration or case.calibration, len(samples) // 2)
    first, rest = samples.rows(slice(calibration)), samples.rows(slice(calibration, None))
    dims = [port.type.tensor_type.shape.dim[0] for port in onnx.load(source).graph.input]
    sizes = [word for name in sorted({dim.dim_param for dim in dims if dim.dim_param})
             for word in ("--size", f"{name}=1")]
    quantizers.by_onnxruntime(case, source, folder / "ort.onnx", first)
    quantizers.by_nncf(case, source, folder / "nncf.xml", first)
    quantizers.by_schooner(args, case, folder, samples, calibration, sizes)
    numpy.savez(folder / "rest.npz", **rest.inputs)
    return rest


def serve(engine, file, folder, threads):
    """Answers all samples, then runs the first one for a turn for each line on stdin."""
    import numpy
    import workers

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    arrays = dict(numpy.load(folder / "rest.npz"))
    bind = workers.ENGINES[engine](str(folder / file), threads, "f32")()
    inputs = {name: numpy.array(array[:1]) for name, array in arrays.items()}
    run = bind(inputs)
    answers = []
    for row in range(len(next(iter(arrays.values())))):
        for name, array in arrays.items():
            inputs[name][0] = array[row]
        answers.append(answer(numpy, run()[0], inputs.get("attention_mask")))
    numpy.save(folder / f"{file}.npy", answers)
    print(json.dumps(len(answers)), flush=True)
    workers.take_turns(run)


def answer(numpy, made, mask):
    """The class, or of tokens the mean of those that count."""
    if made.ndim == 1:
        return made.argmax()
    mask = mask[0].astype("float32")
    return (mask @ made / mask.sum()).astype("float32")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fixtures", type=pathlib.Path)
    parser.add_argument("--only", help="one model instead of all")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--limit", type=int, help="the first samples only, so many")
    parser.add_argument("--schooner", type=pathlib.Path, default=ROOT / "target/release/schooner")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "target/compress")
    parser.add_argument("--calibration", type=int)
    parser.add_argument("--budget", help="the drop that Schooner's gate allows, as 0.5pp")
    parser.add_argument("--seconds", type=float, default=5, help="time for each result")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.folder = args.folder.resolve()
    if args.serve:
        return serve(*args.serve, args.folder, args.threads)
    if (args.fixtures is None) == (args.model is None) or (args.model is None) != (args.data is None):
        parser.error("expected --fixtures, or --model and --data")
    interpreter = args.folder / "venv" / "bin" / "python"
    if pathlib.Path(sys.executable) != interpreter:
        if not interpreter.exists():
            venv.create(interpreter.parent.parent, with_pip=True)
            subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        sys.exit(subprocess.run([interpreter, __file__, *sys.argv[1:]]).returncode)
    import cases

    print(f"{datetime.date.today()}, {peers.processor()}, {args.threads} threads, "
          f"{', '.join(PACKAGES[3:])}")
    for case in [cases.OWN] if args.model else cases.CASES:
        if args.only in (None, case.name):
            compare(args, case)


def compare(args, case):
    """The table of one model."""
    folder = args.folder / case.name
    samples = prepare(args, case, folder)
    started = [peers.Worker(engine, [sys.executable, __file__, "--serve", engine, file, "--folder",
                                     folder, "--threads", args.threads])
               for _, engine, file, _ in RESULTS]
    peers.take_turns(started, args.seconds)
    medians = [statistics.median(worker.times) for worker in started]
    print(f"\n{case.name}, {len(samples)} samples\n")
    if samples.labels is None:
        embeddings(folder, medians)
    else:
        classes(folder, medians, samples.labels)
    sys.stdout.flush()


def classes(folder, medians, labels):
    print("| result | right, % | drop, points | lost / gained | agreement, % | size, kB | median, ms |")
    print("|---" * 7 + "|")
    original, first = None, None
    for what, file, size, median in rows(folder, medians):
        right = [answer in label for answer, label in zip(file, labels)]
        original, first = (file, right) if first is None else (original, first)
        share = 100 * sum(right) / len(right)
        drop = 100 * sum(first) / len(first) - share
        lost = sum(a and not b for a, b in zip(first, right))
        gained = sum(b and not a for a, b in zip(first, right))
        agreement = 100 * (file == original).mean()
        print(f"| {what} | {share:.2f} | {drop:.2f} | {lost} / {gained} | {agreement:.2f} "
              f"| {size:.0f} | {median:.4f} |")


def embeddings(folder, medians):
    import numpy

    print("| result | cosine, mean | cosine, least | size, kB | median, ms |")
    print("|---" * 5 + "|")
    original = None
    for what, file, size, median in rows(folder, medians):
        unit = file / numpy.linalg.norm(file, axis=1, keepdims=True)
        original = unit if original is None else original
        cosine = (unit * original).sum(axis=1)
        print(f"| {what} | {cosine.mean():.4f} | {cosine.min():.4f} | {size:.0f} | {median:.3f} |")


def rows(folder, medians):
    """Of each result its name, its answers, kilobytes of its model and its median latency."""
    import numpy

    for (what, _, file, model), median in zip(RESULTS, medians):
        parts = [folder / model, (folder / model).with_suffix(".bin")]
        size = sum(part.stat().st_size for part in parts if part.exists())
        yield what, numpy.load(folder / f"{file}.npy"), size / 1e3, median


if __name__ == "__main__":
    main()
