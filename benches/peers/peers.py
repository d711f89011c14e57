"""Times Schooner beside ONNX Runtime and OpenVINO on the same models, processors and inputs.

    python peers.py [--schooner BINARY] [--models FOLDER] [--only NAME] [--seconds N]
                    [--precision f32|bf16|int8]

Makes a virtual environment with the engines and the models on its first run. Engines take turns
of a quarter of a second, in an order that is shuffled each round, so that what else happens on
the machine meets all of them. Prints the tables of docs/performance.md. In int8, models are those that
onnxruntime.quantization makes of the others, and every engine reads the same files.
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
MODELS = ["resnet50", "mobilenet_v2", "efficientnet_lite0", "vit_s16", "minilm_l6"]
# Those that compute in the precision; ONNX Runtime has no bf16 on CPUs.
ENGINES = {"f32": ["onnxruntime", "openvino", "schooner"], "bf16": ["openvino", "schooner"],
           "int8": ["onnxruntime", "openvino", "schooner"]}
TURN_SECONDS = 0.25
# What answers may differ by from ONNX Runtime's in f32 (in int8, of the same file), relative to the
# largest element: other orders of sums, the 8 bits that bf16 keeps of each factor, or a step or two
# of the last scale.
TOLERANCE = {"f32": 1e-3, "bf16": 0.1, "int8": 0.05}


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
    names = [args.only] if args.only else MODELS
    script = (
        "import numpy, sys; r = numpy.random.default_rng(1); f = sys.argv[1];"
        "numpy.savez(f + '/image.npz', x=r.standard_normal((1, 3, 224, 224), 'float32'));"
        "numpy.savez(f + '/text.npz', input_ids=r.integers(0, 30522, (1, 128)),"
        " attention_mask=numpy.ones((1, 128), 'int64'))")
    subprocess.run([interpreter, "-c", script, folder], check=True)
    for name in names:
        library = folder / f"lib{name}-{args.precision}.so"
        model = source(folder, name, args.precision)
        if not model.exists():
            subprocess.run([interpreter, HERE / "quantize.py", folder, name], check=True)
        command = [args.schooner, "build", model, "-o", library, "--quiet", "--precision",
                   computed(args.precision)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return interpreter, names


def source(folder, name, precision):
    """The file that every engine reads."""
    return folder / (f"{name}-int8.onnx" if precision == "int8" else f"{name}.onnx")


def computed(precision):
    """What an engine is asked for: a file of integers says itself what is computed in them."""
    return "f32" if precision == "int8" else precision


class Worker:
    """One engine in a process of its own, which waits for its turns."""

    def __init__(self, engine, command):
        self.engine, self.times = engine, []
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.start = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.engine} ended early")
        return json.loads(line)

    def turn(self):
        self.process.stdin.write(f"{TURN_SECONDS}\n")
        self.process.stdin.flush()
        self.times += self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def take_turns(workers, seconds):
    """Lets each run for so long, in turns whose order is shuffled each round."""
    for _ in range(round(seconds / TURN_SECONDS)):
        for worker in random.sample(workers, len(workers)):
            worker.turn()
    for worker in workers:
        worker.close()


def worker(interpreter, folder, engine, name, threads, precision):
    """The worker of an engine with one of the models."""
    model = source(folder, name, precision)
    if engine == "schooner":
        model = folder / f"lib{name}-{precision}.so"
    inputs = folder / ("text.npz" if name == "minilm_l6" else "image.npz")
    return Worker(engine, [interpreter, HERE / "workers.py", engine, model, threads,
                           computed(precision), inputs, folder / f"{engine}.npy"])


def difference(interpreter, folder, engine):
    """Largest difference between an engine's answer and ONNX Runtime's, relative to the largest
    element."""
    script = ("import numpy, sys; a, b = (numpy.load(f) for f in sys.argv[1:]);"
              "print(abs(a - b).max() / abs(b).max())")
    files = [folder / f"{engine}.npy", folder / "onnxruntime.npy"]
    output = subprocess.run([interpreter, "-c", script, *files], check=True, text=True,
                            capture_output=True).stdout
    return float(output)


def measure(args, interpreter, name, threads):
    """Medians in milliseconds, differences from ONNX Runtime, and how each engine started."""
    engines = ENGINES[args.precision]
    if "onnxruntime" not in engines:
        worker(interpreter, args.models, "onnxruntime", name, threads, "f32").close()
    workers = [worker(interpreter, args.models, engine, name, threads, args.precision)
               for engine in engines]
    differences = {engine: difference(interpreter, args.models, engine) for engine in engines}
    if not differences["schooner"] <= TOLERANCE[args.precision]:
        sys.exit(f"answers differ by {differences['schooner']:.2g} of the largest element")
    for each in workers:
        each.turn()
        each.times.clear()
    take_turns(workers, args.seconds)
    medians = {each.engine: statistics.median(each.times) for each in workers}
    return medians, differences, {each.engine: each.start for each in workers}


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
    parser.add_argument("--precision", choices=ENGINES, default="f32")
    args = parser.parse_args()
    args.models = args.models.resolve()
    interpreter, names = prepare(args)
    print(f"{datetime.date.today()}, {processor()}, {', '.join(PACKAGES[2:])}\n")
    engines, is_rounded = ENGINES[args.precision], args.precision != "f32"
    print(f"| model | threads | {' | '.join(engines)} | best peer / ours |", end="")
    print(" difference |" if is_rounded else "")
    print("|---" * (len(engines) + (4 if is_rounded else 3)) + "|")
    ratios, starts = {1: [], 2: []}, {}
    for name in names:
        for threads in ratios:
            medians, differences, start = measure(args, interpreter, name, threads)
            ratio = min(medians[engine] for engine in engines[:-1]) / medians["schooner"]
            ratios[threads].append(ratio)
            starts.setdefault(name, start)
            row = " | ".join(f"{medians[engine]:.2f}" for engine in engines)
            print(f"| {name} | {threads} | {row} | {ratio:.2f} |", end="")
            shown = " / ".join(f"{differences[engine]:.3f}" for engine in engines)
            print(f" {shown} |" if is_rounded else "", flush=True)
    for threads, values in ratios.items():
        mean = math.exp(statistics.mean(map(math.log, values)))
        print(f"\nGeometric mean of the ratios, {threads} threads: {mean:.2f}")
    print("\nOne thread, the file in the page cache: load (ms) / first answer (ms) / memory (MiB)\n")
    print(f"| model | {' | '.join(engines)} |")
    print("|---" * (len(engines) + 1) + "|")
    for name, start in starts.items():
        cells = [start[engine] for engine in engines]
        cells = [f"{c['load_ms']:.0f} / {c['first_ms']:.0f} / {c['peak_mib']:.0f}" for c in cells]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
