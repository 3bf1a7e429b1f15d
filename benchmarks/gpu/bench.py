#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the kernels of a package of pack.py on a card: checks every result, then times, beside cuBLAS and the physical floor.

usage: benchmarks/gpu/bench.py PACKAGE [--budget SECONDS] [--json FILE] [--only TEXT] [--driver cuda|emulator]

Needs Python with numpy and the CUDA driver; PyTorch, if it is there, is the peer. No compiler. Each kernel is checked in full on a few
rows and in spots on every number of rows that is timed; integers have to be right to the bit. Weights take turns over three times the
cache. With --golden DIR single instructions are recorded instead, for golden.py. The driver 'emulator' checks on the CPU, without times. Exit code: 0 done, 1 bad input, 3 a wrong result or a failed launch.
"""
import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "utils"))

from cards import find_card  # noqa: E402
from cuda_driver import CudaDriver  # noqa: E402
from driver import LaunchFailed  # noqa: E402
from emulator_driver import EmulatorDriver  # noqa: E402
from families import FAMILIES  # noqa: E402
from golden import record_all  # noqa: E402
from manifest import BadInput, read_package  # noqa: E402
from peers import Peers  # noqa: E402
from timing import clocks, measure  # noqa: E402
from trial import Trial  # noqa: E402

FEW_ROWS = 19  # odd, and more than a tile of the smallest schedules
HEADER = f"{'kernel':34} {'rows':>5} {'us':>9} {'floor us':>9} {'of floor':>8} {'bf16 us':>9} {'x':>5} {'int8 us':>9} {'x':>5}  check"


class Bench:
    """A run over a package. `rows` is what goes to the JSON file."""

    def __init__(self, options, package, entries, driver):
        self.options, self.package, self.entries, self.driver = options, package, entries, driver
        self.start = time.monotonic()
        self.card = find_card(driver.card, options.memory, options.int8, options.bf16)
        self.peers = Peers(driver.cache_bytes, options.seconds) if driver.can_time else None
        self.rows, self.left_out, self.wrong = [], [], 0

    def spent(self) -> bool:
        return time.monotonic() - self.start > self.options.budget

    def run(self) -> None:
        print(f"{self.driver.card}, driver for CUDA {self.driver.version}; kernels for {self.package.target}, revision {self.package.revision}")
        if self.driver.can_time:
            print(f"{self.driver.multiprocessors} multiprocessors, {self.driver.cache_bytes >> 20} MiB of cache; PyTorch {self.peers.version}")
            if not self.card.memory:
                print("the table of cards does not have this one: --memory, --int8 and --bf16 say what its floor is")
        print(HEADER, flush=True)
        for title, entry in self.entries:
            if self.spent():
                self.left_out.append(title)
            else:
                self.run_entry(entry, title)

    def run_entry(self, entry, title: str) -> None:
        trial = Trial(self.driver, self.package, entry)
        handles = [self.driver.load(self.package, kernel) for kernel in entry.kernels]
        for kernel, handle in zip(entry.kernels, handles):
            call = trial.call(kernel, handle, FEW_ROWS)
            self.driver.launch(self.driver.prepare(call))
            self.driver.synchronise()
            self.report(title, kernel, FEW_ROWS, trial.check(call, all_of_it=True))
            self.driver.free(*call.results)
        if self.driver.can_time:
            for kernel, handle in zip(entry.kernels, handles):
                for rows in kernel.rows:
                    if self.spent():
                        self.left_out.append(f"{title}, {rows} rows")
                    else:
                        self.time(trial, title, kernel, handle, rows)
        trial.release()

    def time(self, trial: Trial, title: str, kernel, handle, rows: int) -> None:
        call = trial.call(kernel, handle, rows)
        launches = [self.driver.prepare(each) for each in trial.rotate(call, 3 * self.driver.cache_bytes)]
        timing = measure(lambda count: self.driver.graph([launches[turn % len(launches)] for turn in range(count)]), len(launches),
                         self.options.seconds)
        state = clocks()
        check = trial.check(call, all_of_it=False)
        self.driver.free(*call.results)
        peers = {name: self.peers.time(name, arguments) for name, arguments in trial.family.peers(rows)}
        floor = self.card.floor(trial.family.cost(rows, native_int4=bool(self.card.int4)))
        self.report(title, kernel, rows, check, timing, floor, peers, state)

    def report(self, title, kernel, rows, check, timing=None, floor=0.0, peers=None, state=None) -> None:
        self.wrong += check.wrong
        peers = {name: peer for name, peer in (peers or {}).items() if peer}
        line = f"{title:34} {rows:>5} {micro(timing)} {floor * 1e6 or float('nan'):9.2f} "
        line += f"{floor / timing.median:8.0%} " if timing and floor else f"{'-':>8} "
        for name in ("bf16", "int8"):
            peer = peers.get(name)
            line += f"{micro(peer)} " + (f"{peer.median / timing.median:5.2f} " if peer and timing else f"{'-':>5} ")
        print(f"{line.replace('nan', '  -')} {check}", flush=True)
        self.rows.append({"kernel": title, "schedule": kernel.schedule, "rows": rows, "check": asdict(check),
                          "timing": asdict(timing) if timing else None, "floor": floor, "clocks": state or {},
                          "peers": {name: asdict(peer) for name, peer in peers.items()}})

    def close(self, failure: str) -> int:
        """The last lines, and the file; the exit code."""
        if self.left_out:
            print(f"left out for the budget of {self.options.budget:.0f} s: {'; '.join(self.left_out)}")
        if self.options.json:
            content = {"card": self.driver.card, "driver": self.driver.version, "target": self.package.target, "revision": self.package.revision,
                       "torch": self.peers.version if self.peers else "", "seconds": time.monotonic() - self.start, "failure": failure,
                       "left_out": self.left_out, "results": self.rows}
            self.options.json.write_text(json.dumps(content, indent=1) + "\n")
        if failure:
            print(f"error: {failure}", file=sys.stderr)
        else:
            print(f"{len(self.rows)} results, {self.wrong} wrong elements, {time.monotonic() - self.start:.1f} s")
        return 3 if failure or self.wrong else 0


def micro(timing) -> str:
    return f"{timing.median * 1e6:9.2f}" if timing else f"{'-':>9}"


def record(driver, package, folder: Path) -> int:
    if not package.instructions:
        raise BadInput(f"expected instructions in '{package.folder}', which pack.py --instructions puts there")
    print(f"{record_all(driver, package, folder)} instructions of {package.target} recorded on {driver.card}")
    return 0


def bench(options) -> int:
    package = read_package(options.package)
    unknown = [entry.family for entry in package.entries if entry.family not in FAMILIES]
    if unknown:
        raise BadInput(f"expected families of {', '.join(FAMILIES)} in the package, but got '{unknown[0]}'")
    titled = [(f"{entry.family} {FAMILIES[entry.family](entry.problem).title}", entry) for entry in package.entries]
    entries = [(title, entry) for title, entry in titled if options.only in title]
    if not entries:
        raise BadInput(f"expected --only to be part of a problem's name, but none has '{options.only}' in it")
    driver = EmulatorDriver(package.target) if options.driver == "emulator" else CudaDriver(package.target, options.library)
    if options.golden:
        return record(driver, package, options.golden)
    run, failure = Bench(options, package, entries, driver), ""
    try:
        run.run()
    except LaunchFailed as error:
        failure = str(error)
    return run.close(failure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="folder made by pack.py")
    parser.add_argument("--budget", type=float, default=420, help="seconds after which nothing more is begun")
    parser.add_argument("--seconds", type=float, default=0.15, help="of samples for each timing")
    parser.add_argument("--only", default="", metavar="TEXT", help="only problems with this in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store every figure")
    parser.add_argument("--golden", type=Path, metavar="DIR", help="record what single instructions compute")
    parser.add_argument("--driver", choices=("cuda", "emulator"), default="cuda", help="what runs the kernels")
    parser.add_argument("--library", default="libcuda.so.1", help="the CUDA driver's library")
    for name, unit in (("memory", "TB/s"), ("int8", "tera-operations/s"), ("bf16", "TFLOP/s")):
        parser.add_argument(f"--{name}", type=float, help=f"of the card, in {unit}, instead of what the table says")
    try:
        return bench(parser.parse_args())
    except (BadInput, LaunchFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
