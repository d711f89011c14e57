"""Times Schooner beside ONNX Runtime and OpenVINO on the same models, processors and inputs.

    python peers.py [--schooner BINARY] [--models FOLDER] [--only NAME] [--seconds N]

Makes a virtual environment with the engines and the models on its first run. Engines take turns
of a quarter of a second, in an order that is shuffled each round, so that what else happens on
the machine meets all of them. Prints the tables of docs/performance.md.
"""

import argparse
import datetime
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "openvino==2026.4.1"]
ENGINES = ["onnxruntime", "openvino", "schooner"]
TURN_SECONDS = 0.25
# What answers may differ by, relative to the largest element: other orders of sums.
TOLERANCE = 1e-3


def python(folder):
    """An interpreter that has the engines."""
    interpreter = folder / "venv" / "bin" / "python"
    if not interpreter.exists():
        venv.create(folder / "venv", with_pip=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return interpreter


def prepare(args):
    """Models, their libraries and their inputs; gives the interpreter and the names."""
    folder = args.models
    folder.mkdir(parents=True, exist_ok=True)
    interpreter = python(folder)
    if not (folder / "minilm_l6.onnx").exists():
        subprocess.run([interpreter, HERE / "models.py", folder], check=True)
    names = [args.only] if args.only else [
        "resnet50", "mobilenet_v2", "efficientnet_lite0", "vit_s16", "minilm_l6"]
    script = (
        "import numpy, sys; r = numpy.random.default_rng(1); f = sys.argv[1];"
        "numpy.savez(f + '/image.npz', x=r.standard_normal((1, 3, 224, 224), 'float32'));"
        "numpy.savez(f + '/text.npz', input_ids=r.integers(0, 30522, (1, 128)),"
        " attention_mask=numpy.ones((1, 128), 'int64'))")
    subprocess.run([interpreter, "-c", script, folder], check=True)
    for name in names:
        model, library = folder / f"{name}.onnx", folder / f"lib{name}.so"
        command = [args.schooner, "build", model, "-o", library, "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return interpreter, names


class Worker:
    """One engine that waits for its turns."""

    def __init__(self, interpreter, folder, engine, name, threads):
        self.engine, self.times = engine, []
        model = folder / (f"lib{name}.so" if engine == "schooner" else f"{name}.onnx")
        inputs = folder / ("text.npz" if name == "minilm_l6" else "image.npz")
        self.output = folder / f"{engine}.npy"
        command = [interpreter, HERE / "workers.py", engine, model, str(threads), inputs,
                   self.output]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.start = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.engine} ended early")
        return json.loads(line)

    def turn(self):
        self.process.stdin.write(f"{TURN_SECONDS}\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(interpreter, folder):
    """Largest difference between our answer and ONNX Runtime's, relative to the largest element."""
    script = ("import numpy, sys; a, b = (numpy.load(f) for f in sys.argv[1:]);"
              "print(abs(a - b).max() / abs(b).max())")
    files = [folder / "schooner.npy", folder / "onnxruntime.npy"]
    output = subprocess.run([interpreter, "-c", script, *files], check=True, text=True,
                            capture_output=True).stdout
    if not float(output) <= TOLERANCE:
        sys.exit(f"answers differ by {float(output):.2g} of the largest element")


def measure(args, interpreter, name, threads):
    """Medians in milliseconds, and how each engine started."""
    workers = [Worker(interpreter, args.models, engine, name, threads) for engine in ENGINES]
    compare(interpreter, args.models)
    for worker in workers:
        worker.turn()
    for _ in range(round(args.seconds / TURN_SECONDS)):
        for worker in random.sample(workers, len(workers)):
            worker.times += worker.turn()
    for worker in workers:
        worker.close()
    medians = {worker.engine: statistics.median(worker.times) for worker in workers}
    return medians, {worker.engine: worker.start for worker in workers}


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "an unknown processor"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--schooner", type=pathlib.Path, default="target/release/schooner")
    parser.add_argument("--models", type=pathlib.Path, default="target/peers")
    parser.add_argument("--only", help="one model instead of all")
    parser.add_argument("--seconds", type=float, default=5, help="time for each engine")
    args = parser.parse_args()
    args.models = args.models.resolve()
    interpreter, names = prepare(args)
    print(f"{datetime.date.today()}, {processor()}, {', '.join(PACKAGES[2:])}\n")
    print(f"| model | threads | {' | '.join(ENGINES)} | best peer / ours |")
    print("|---" * (len(ENGINES) + 3) + "|")
    ratios, starts = {1: [], 2: []}, {}
    for name in names:
        for threads in ratios:
            medians, start = measure(args, interpreter, name, threads)
            ratio = min(medians[engine] for engine in ENGINES[:-1]) / medians["schooner"]
            ratios[threads].append(ratio)
            starts.setdefault(name, start)
            row = " | ".join(f"{medians[engine]:.2f}" for engine in ENGINES)
            print(f"| {name} | {threads} | {row} | {ratio:.2f} |", flush=True)
    for threads, values in ratios.items():
        mean = math.exp(statistics.mean(map(math.log, values)))
        print(f"\nGeometric mean of the ratios, {threads} threads: {mean:.2f}")
    print("\nOne thread, the file in the page cache: load (ms) / first answer (ms) / memory (MiB)\n")
    print(f"| model | {' | '.join(ENGINES)} |")
    print("|---" * (len(ENGINES) + 1) + "|")
    for name, start in starts.items():
        cells = [start[engine] for engine in ENGINES]
        cells = [f"{c['load_ms']:.0f} / {c['first_ms']:.0f} / {c['peak_mib']:.0f}" for c in cells]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
