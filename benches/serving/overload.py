"""Sends Schooner twice the requests that it can answer, for minutes.

    python overload.py [--schooner BINARY] [--folder FOLDER] [--case CASE] [--seconds N]
                       [--factor X]

One worker of one thread, as in serving.py, whose cases these are. What the server can answer is
measured just before and just after, each for a twelfth of the time; in between requests come at
`--factor` times that rate, whether or not those before are answered. Prints the table of
docs/performance.md: how many were answered well, how many were refused, and the memory of the
process over the time. Fails when less than 0.9 of the capacity was answered well, or memory at the
end is more than a tenth above that after the first tenth of the time.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import threading
import time

import serving

# As many as wait in the queue of a model, and half of that again: fewer would slow the load down.
CONNECTIONS = 384
GOODPUT_MIN = 0.9
GROWTH_MAX = 1.1


def bench(args, peer, *flags):
    url, body, headers = peer.request(args.case)
    command = [args.schooner, "bench", url, "--json", "--body", body, *map(str, flags)]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)["runs"][0]


class Memory(threading.Thread):
    """Looks at a process's resident memory five times a second."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.file = pathlib.Path(f"/proc/{process}/status")
        self.found, self.is_over = [], threading.Event()

    def run(self):
        while not self.is_over.wait(0.2):
            lines = self.file.read_text().splitlines()
            kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
            self.found.append(kib / 1024)

    def end(self):
        self.is_over.set()
        self.join()
        return self.found


def measure(args, peer, process):
    """Capacity before, the run under overload, capacity after, and the memory in between."""
    aside = max(args.seconds / 12, 1)
    # One request beyond the worker's and the reader's waits, so that neither is ever idle.
    capacity = lambda: bench(args, peer, "--connections", 8, "--seconds", aside)
    before = capacity()
    rate = max(round(before["successes_per_second"] * args.factor), 1)
    memory = Memory(process)
    memory.start()
    over = bench(args, peer, "--connections", CONNECTIONS, "--rate", rate,
                 "--seconds", args.seconds)
    found = memory.end()
    time.sleep(1)
    return before, over, capacity(), rate, found


def table(args, before, over, after, rate, memory):
    refused = sum(over["refused"].values())
    statuses = ", ".join(f"{status}: {count}" for status, count in over["refused"].items())
    capacity = min(run["successes_per_second"] for run in (before, after))
    share = over["successes_per_second"] / capacity
    first = memory[len(memory) // 10]
    print(f"{serving.CASES[args.case]}, {over['seconds']:.0f} s at {rate} requests/s\n")
    print("| answered/s before | under overload | after | share | refused | failed | "
          "memory after a tenth, most, at the end (MB) |")
    print("|---" * 7 + "|")
    print(f"| {before['successes_per_second']:.1f} | {over['successes_per_second']:.1f} | "
          f"{after['successes_per_second']:.1f} | {share:.2f} | {refused} ({statuses}) | "
          f"{sum(over['failed'].values())} | "
          f"{first:.1f}, {max(memory):.1f}, {memory[-1]:.1f} |")
    return share >= GOODPUT_MIN and memory[-1] <= first * GROWTH_MAX and not over["failed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--schooner", type=pathlib.Path, default="target/release/schooner")
    parser.add_argument("--folder", type=pathlib.Path, default="target/serving")
    parser.add_argument("--case", choices=serving.CASES, default="image")
    parser.add_argument("--seconds", type=float, default=120, help="of overload")
    parser.add_argument("--factor", type=float, default=2, help="of what can be answered")
    args = parser.parse_args()
    args.schooner, args.folder = args.schooner.resolve(), args.folder.resolve()
    serving.prepare(args)
    peer = serving.Schooner(args)
    peer.set_up()
    running = serving.Running(peer)
    try:
        is_good = table(args, *measure(args, peer, running.process.pid))
    finally:
        running.end()
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
