"""Measures Schooner as a server beside Triton, MLServer, LitServe and TorchServe.

    python serving.py [--schooner BINARY] [--folder FOLDER] [--only NAME,NAME] [--seconds N]
                      [--rounds N]

Sets each peer up in a virtual environment of its own on the first run; one that cannot be set up
or does not start is named with the reason, and the others go on. All servers run at once, each with
one worker of one thread, on the same models; they take turns, in an order that is shuffled each
time, in which `schooner bench URL` sends them the same requests. So what else happens on the
machine meets all of them. Prints the tables of docs/performance.md: of each cell the run in the
middle of the rounds (of two, the faster). Bounded: about a minute a server and round.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv

HERE = pathlib.Path(__file__).resolve().parent
RUNTIME = ["onnxruntime==1.32.0", "pillow==13.0.0"]
CONNECTIONS = [1, 8, 32]
# Case, what the table calls it.
CASES = {
    "noop.binary": "no-op, binary tensor", "noop.json": "no-op, JSON",
    "tensor.binary": "MobileNetV2, binary tensor", "tensor.json": "MobileNetV2, JSON tensor",
    "image": "MobileNetV2, JPEG 500x375",
}
READY_SECONDS = 90
# After its last request, until a server's memory is looked at.
IDLE_SECONDS = 12


class Peer:
    """A server: how it is set up and started, and which requests it takes for each case."""

    name, packages = "", []
    # Case to path and body.
    requests = {}

    def __init__(self, args):
        self.folder, self.schooner = args.folder / self.name, args.schooner
        self.models, self.port = args.folder / "models", free_port()
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def bin(self):
        return self.folder / "venv" / "bin"

    @property
    def site(self):
        return next((self.folder / "venv" / "lib").glob("python*")) / "site-packages"

    def set_up(self):
        """Installs; raises `Unavailable` when that cannot be done here."""
        if not (self.folder / "installed").exists():
            venv.create(self.folder / "venv", with_pip=True, clear=True)
            run([self.bin / "python", "-m", "pip", "install", "--quiet", *self.packages])
            (self.folder / "installed").touch()

    def command(self):
        raise NotImplementedError

    def request(self, case):
        """URL, file of the body, headers."""
        path, body = self.requests[case]
        headers = json.loads((self.models / "requests.json").read_text())[body]
        return f"http://127.0.0.1:{self.port}{path}", self.models / body, headers

    def environment(self):
        path = f"{self.bin}:{os.environ['PATH']}"
        return os.environ | {"PATH": path, "PYTHONPATH": str(HERE / "peers"),
                             "SERVING_MODELS": str(self.models), "OMP_NUM_THREADS": "1"}


class Unavailable(Exception):
    pass


class Schooner(Peer):
    name = "schooner"
    requests = {
        "noop.binary": ("/v2/models/noop/infer", "noop.binary"),
        "noop.json": ("/v2/models/noop/infer", "noop.json"),
        "tensor.binary": ("/v2/models/mobilenet_v2/infer", "tensor.binary"),
        "tensor.json": ("/v2/models/mobilenet_v2/infer", "tensor.json"),
        "image": ("/v1/models/mobilenet_v2:predict", "image.jpeg"),
    }

    def set_up(self):
        for model in ["noop", "mobilenet_v2"]:
            run([self.schooner, "build", self.models / f"{model}.onnx", "--quiet", "-o",
                 self.folder / f"lib{model}.so"])

    def command(self):
        libraries = [self.folder / f"lib{model}.so" for model in ["noop", "mobilenet_v2"]]
        return [self.schooner, "serve", *libraries, "--listen", f"127.0.0.1:{self.port}",
                "--threads", "1", "--workers", "1", "--control", "fixed", "--quiet"]


class Triton(Peer):
    """NVIDIA's own binary, which PyTriton carries; its backend for Python is the only one there,
    so the models run in ONNX Runtime inside of that."""

    name = "triton"
    packages = ["nvidia-pytriton==0.7.0", "onnx==1.23.2", *RUNTIME]
    requests = {
        "noop.binary": ("/v2/models/noop/infer", "noop.binary"),
        "noop.json": ("/v2/models/noop/infer", "noop.json"),
        "tensor.binary": ("/v2/models/tensor/infer", "tensor.binary"),
        "tensor.json": ("/v2/models/tensor/infer", "tensor.json"),
        "image": ("/v2/models/image/infer", "image.binary"),
    }
    ports = {"noop": ("TYPE_FP32", "-1, 16", "-1, 16"),
             "tensor": ("TYPE_FP32", "1, 3, 224, 224", "1, 1000"),
             "image": ("TYPE_STRING", "1", "1, 1000")}

    def set_up(self):
        super().set_up()
        triton = self.site / "pytriton" / "tritonserver"
        version = self.site.parent.name.removeprefix("python")
        stub = triton / "python_backend_stubs" / version / "triton_python_backend_stub"
        if not stub.exists():
            raise Unavailable(f"it has no backend for Python {version}")
        shutil.copy(stub, triton / "backends" / "python")
        for name, (dtype, shape, output) in self.ports.items():
            folder = self.folder / "repository" / name
            (folder / "1").mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / "peers" / "triton_model.py", folder / "1" / "model.py")
            shutil.copy(HERE / "peers" / "classifier.py", folder / "1")
            (folder / "config.pbtxt").write_text(
                f'backend: "python"\nmax_batch_size: 0\n'
                f'input {{ name: "x" data_type: {dtype} dims: [{shape}] }}\n'
                f'output {{ name: "y" data_type: TYPE_FP32 dims: [{output}] }}\n'
                f'instance_group {{ count: 1 kind: KIND_CPU }}\n')

    def command(self):
        triton = self.site / "pytriton" / "tritonserver"
        return [triton / "bin" / "tritonserver", "--model-repository", self.folder / "repository",
                "--backend-directory", triton / "backends", "--http-address", "127.0.0.1",
                "--http-port", str(self.port), "--allow-grpc=false", "--allow-metrics=false"]


class MLServer(Peer):
    name = "mlserver"
    # Its workers find no event loop with a newer uvloop.
    packages = ["mlserver==1.7.1", "uvloop==0.21.0", *RUNTIME]
    requests = {
        "noop.json": ("/v2/models/noop/infer", "noop.json"),
        "tensor.json": ("/v2/models/tensor/infer", "tensor.json"),
        "image": ("/v2/models/image/infer", "image.json"),
    }

    def set_up(self):
        super().set_up()
        for name in ["noop", "tensor", "image"]:
            folder = self.folder / "models" / name
            folder.mkdir(parents=True, exist_ok=True)
            implementation = f"mlserver_models.{name.capitalize()}"
            settings = {"name": name, "implementation": implementation}
            (folder / "model-settings.json").write_text(json.dumps(settings))

    def command(self):
        settings = {"host": "127.0.0.1", "http_port": self.port, "grpc_port": free_port(),
                    "metrics_port": free_port(), "parallel_workers": 1, "debug": False}
        (self.folder / "models" / "settings.json").write_text(json.dumps(settings))
        return [self.bin / "mlserver", "start", self.folder / "models"]


class LitServe(Peer):
    name = "litserve"
    packages = ["litserve==0.2.19", "numpy==2.4.6", *RUNTIME]
    requests = {
        "noop.json": ("/noop", "noop.plain"), "tensor.json": ("/tensor", "tensor.plain"),
        "image": ("/image", "image.plain"),
    }

    def command(self):
        return [self.bin / "python", HERE / "peers" / "litserve_server.py", str(self.port)]


class TorchServe(Peer):
    name = "torchserve"
    # Its workers import PyTorch, whatever they serve; this is the smallest that they start with.
    packages = ["torchserve==0.12.0", "torch-model-archiver==0.12.0", "torch==1.13.1",
                "numpy==1.26.4", "pyyaml", "setuptools<81", *RUNTIME]
    requests = {
        "noop.json": ("/predictions/noop", "noop.plain"),
        "tensor.json": ("/predictions/tensor", "tensor.plain"),
        "image": ("/predictions/image", "image.jpeg"),
    }

    def set_up(self):
        if shutil.which("java") is None:
            raise Unavailable("it needs a Java runtime, and there is none")
        super().set_up()
        store = self.folder / "store"
        store.mkdir(exist_ok=True)
        for name in ["noop", "tensor", "image"]:
            run([self.bin / "torch-model-archiver", "--model-name", name, "--version", "1",
                 "--handler", HERE / "peers" / "torchserve_handler.py", "--export-path", store,
                 "--force"])

    def command(self):
        addresses = "".join(f"{kind}_address=http://127.0.0.1:{port}\n" for kind, port in [
            ("inference", self.port), ("management", free_port()), ("metrics", free_port())])
        config = self.folder / "config.properties"
        config.write_text(f"{addresses}grpc_inference_port={free_port()}\n"
                          f"grpc_management_port={free_port()}\ndefault_workers_per_model=1\n"
                          f"disable_token_authorization=true\n")
        return [self.bin / "torchserve", "--foreground", "--model-store", self.folder / "store",
                "--models", "noop.mar", "tensor.mar", "image.mar", "--ts-config", config,
                "--disable-token-auth"]


PEERS = [Schooner, Triton, MLServer, LitServe, TorchServe]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable((done.stderr or done.stdout).strip().splitlines()[-1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Running:
    """A started server; ended with all its processes."""

    def __init__(self, peer):
        self.log = open(peer.folder / "log", "w")
        start = time.perf_counter()
        self.process = subprocess.Popen(
            peer.command(), env=peer.environment(), cwd=peer.folder, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        while not all(self.answers(*peer.request(case)) for case in peer.requests):
            is_late = time.perf_counter() - start > READY_SECONDS
            if is_late or self.process.poll() is not None:
                self.end()
                why = f"not ready after {READY_SECONDS} s" if is_late else "it ended at once"
                raise Unavailable(f"{why}; see {self.log.name}")
            time.sleep(0.01)
        self.ready_s = time.perf_counter() - start

    @staticmethod
    def answers(url, body, headers):
        request = urllib.request.Request(url, body.read_bytes(), headers)
        try:
            return urllib.request.urlopen(request, timeout=10).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def memory_mb(self):
        """Of all its processes, pages that they share counted once."""
        session, total = self.process.pid, 0
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(folder.name)) == session:
                    lines = (folder / "smaps_rollup").read_text().splitlines()
                    total += next(int(l.split()[1]) for l in lines if l.startswith("Pss:"))
            except OSError:
                continue
        return total / 1024

    def end(self):
        for sign in [signal.SIGTERM, signal.SIGKILL]:
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(timeout=5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.log.close()


def load(args, peer, case):
    """The runs of one case, by number of connections."""
    url, body, headers = peer.request(case)
    command = [args.schooner, "bench", url, "--json", "--body", body,
               "--connections", ",".join(map(str, CONNECTIONS)), "--seconds", str(args.seconds)]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout
    runs = json.loads(output)["runs"] if output else []
    for found in runs:
        if found["refused"] or found["failed"]:
            print(f"{peer.name}, {case}: {found['refused']} {found['failed']} "
                  f"{found.get('first_refusal')}", file=sys.stderr)
    return {found["connections"]: found for found in runs}


def start(args, names):
    """The servers that could be started, each with its memory when it idles."""
    started = []
    for kind in PEERS:
        if kind.name in names:
            try:
                peer = kind(args)
                peer.set_up()
                running = Running(peer)
                time.sleep(IDLE_SECONDS)
                started.append((peer, running, running.memory_mb()))
            except Unavailable as reason:
                print(f"{kind.name} is left out: {reason}", file=sys.stderr)
    return started


def measure(args, peers):
    """By server and case, of each number of connections the run in the middle."""
    found = {}
    for _ in range(args.rounds):
        for case in CASES:
            for peer in random.sample(peers, len(peers)):
                if case in peer.requests:
                    for connections, run in load(args, peer, case).items():
                        found.setdefault((peer.name, case, connections), []).append(run)
    cases = {peer.name: {} for peer in peers}
    for (name, case, connections), runs in found.items():
        runs.sort(key=lambda run: run["requests_per_second"])
        cases[name].setdefault(case, {})[connections] = runs[len(runs) // 2]
    return cases


def table(results):
    ours = results.get("schooner", {})
    print("| case | server |", *(f"c={c} |" for c in CONNECTIONS), "ours / theirs at c=32 |")
    print("|---" * (len(CONNECTIONS) + 3) + "|")
    for case, title in CASES.items():
        for name, cases in results.items():
            runs = cases.get(case)
            if not runs:
                continue
            cells = [f"{r['p50_ms']:.2f}/{r['p99_ms']:.2f} @{r['requests_per_second']:.0f}"
                     for r in runs.values()]
            ratio = "" if name == "schooner" else ratio_of(ours.get(case), runs)
            print(f"| {title} | {name} | {' | '.join(cells)} | {ratio} |")


def ratio_of(ours, theirs):
    """Our requests a second by theirs; nothing when they answered none in time."""
    rates = [runs[CONNECTIONS[-1]]["requests_per_second"] for runs in (ours, theirs) if runs]
    return f"{rates[0] / rates[1]:.1f}" if len(rates) == 2 and rates[1] > 0 else ""


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return f"{line.split(':')[1].strip()}, {os.cpu_count()} processors"
    return "an unknown processor"


def prepare(args):
    """Models and bodies."""
    if not (args.folder / "models" / "requests.json").exists():
        folder = args.folder / "bodies"
        if not (folder / "installed").exists():
            venv.create(folder / "venv", with_pip=True, clear=True)
            run([folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "numpy==2.4.6",
                 "onnx==1.23.2", "pillow==13.0.0"])
            (folder / "installed").touch()
        run([folder / "venv/bin/python", HERE / "bodies.py", args.folder / "models"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--schooner", type=pathlib.Path, default="target/release/schooner")
    parser.add_argument("--folder", type=pathlib.Path, default="target/serving")
    parser.add_argument("--only", help="names of servers, with commas between")
    parser.add_argument("--seconds", type=float, default=1, help="for each number of connections")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server and case")
    args = parser.parse_args()
    args.schooner, args.folder = args.schooner.resolve(), args.folder.resolve()
    names = args.only.split(",") if args.only else [kind.name for kind in PEERS]
    prepare(args)
    started = start(args, names)
    try:
        cases = measure(args, [peer for peer, _, _ in started])
    finally:
        for _, running, _ in started:
            running.end()
    versions = [peer.packages[0] for peer, _, _ in started if peer.packages]
    print(f"{datetime.date.today()}, {processor()}; {', '.join(versions)}\n")
    table(cases)
    print("\n| server | ready s | idle MB |\n|---|---|---|")
    for peer, running, memory in started:
        print(f"| {peer.name} | {running.ready_s:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
