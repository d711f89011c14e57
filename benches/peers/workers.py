"""One engine with one model in a process of its own, driven over pipes by peers.py.

    python workers.py ENGINE MODEL THREADS PRECISION INPUTS OUTPUT

Prints a JSON line when it is loaded; then, for each line `SECONDS` on stdin, runs for so long and
prints the times in milliseconds. Each engine is pinned to as many processors as it has threads.
"""

import ctypes
import json
import os
import resource
import sys
import time

import numpy


def onnxruntime(model, threads, _precision):
    import onnxruntime as ort

    def load():
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return lambda inputs: lambda: session.run(None, inputs)[0]

    return load


def openvino(model, threads, precision):
    import openvino as ov

    def load():
        config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision,
                  "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        compiled = ov.Core().compile_model(model, "CPU", config)
        request = compiled.create_infer_request()

        def bind(inputs):
            for name, array in inputs.items():
                request.set_tensor(name, ov.Tensor(array, shared_memory=True))

            def run():
                request.infer()
                return request.get_output_tensor(0).data

            return run

        return bind

    return load


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("path", ctypes.c_char_p)]


class Port(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("dtype", ctypes.c_int32), ("rank", ctypes.c_uint32),
                ("dims", ctypes.c_int64 * 8), ("takes_image", ctypes.c_int32),
                ("reserved", ctypes.c_int32)]


class Tensor(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("data", ctypes.c_void_p),
                ("bytes", ctypes.c_size_t), ("dtype", ctypes.c_int32), ("rank", ctypes.c_uint32),
                ("dims", ctypes.c_int64 * 8)]

    @classmethod
    def of(cls, array):
        dtypes = {"float32": 1, "int64": 8}
        dims = (ctypes.c_int64 * 8)(*array.shape)
        return cls(ctypes.sizeof(cls), array.ctypes.data, array.nbytes, dtypes[str(array.dtype)],
                   array.ndim, dims)


def schooner(model, _threads, _precision):
    """The library that `schooner build` made of the model, on as many threads as processors."""

    def check(library, status):
        if status != 0:
            sys.exit(library.schooner_last_error().decode())

    def load():
        library = ctypes.CDLL(model)
        library.schooner_last_error.restype = ctypes.c_char_p
        handle = ctypes.c_void_p()
        check(library, library.schooner_create(None, ctypes.byref(handle)))
        port = Port(ctypes.sizeof(Port))
        check(library, library.schooner_describe_output(handle, 0, ctypes.byref(port)))
        output = numpy.zeros(tuple(port.dims[: port.rank]), "float32")

        def bind(inputs):
            tensors = (Tensor * len(inputs))(*map(Tensor.of, inputs.values()))
            results = (Tensor * 1)(Tensor.of(output))

            def run():
                check(library, library.schooner_run(handle, tensors, len(inputs), results, 1))
                return output

            return run

        return bind

    return load


ENGINES = {"onnxruntime": onnxruntime, "openvino": openvino, "schooner": schooner}


def peak():
    """Most memory that the process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def take_turns(run):
    """For each line `SECONDS` on stdin, runs for so long and prints the times in milliseconds."""
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while time.perf_counter() < end or len(times) < 3:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(times), flush=True)


def main():
    engine, model, threads, precision, inputs, output = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    inputs = dict(numpy.load(inputs))
    before = peak()
    load = ENGINES[engine](model, int(threads), precision)
    start = time.perf_counter()
    run = load()(inputs)
    loaded = time.perf_counter()
    answer = run()
    answered = time.perf_counter()
    numpy.save(output, answer)
    print(json.dumps({"load_ms": (loaded - start) * 1e3, "first_ms": (answered - start) * 1e3,
                      "peak_mib": peak() - before}), flush=True)
    take_turns(run)


if __name__ == "__main__":
    main()
