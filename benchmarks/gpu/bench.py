#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the kernels of a package of pack.py on a card: checks every result, then times, beside cuBLAS and the physical floor.

usage: benchmarks/gpu/bench.py PACKAGE [--budget SECONDS] [--json FILE] [--only TEXT] [--driver cuda|emulator]

Needs Python with numpy and the CUDA driver; cuBLASLt, or without it PyTorch, if they are there, is the peer. No compiler. Each kernel is checked in full on a few
rows and in spots on every number of rows that is timed; integers have to be right to the bit. Weights take turns over three times the
cache. A kernel that fails or hangs costs its entry and not the run. With --golden DIR single instructions are recorded instead, for
golden.py. The driver 'emulator' checks on the CPU, without times. Exit code: 0 done, 1 bad input, 3 a wrong result or a failure, 4 ended at
the deadline before everything was done.
"""
import argparse
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "utils"))

from driver import LaunchFailed  # noqa: E402
from figures import Figures  # noqa: E402
from goals import summary  # noqa: E402
from manifest import BadInput, read_package  # noqa: E402
from supervisor import Supervisor, WorkerFailed  # noqa: E402

# What needs numpy is imported where work begins: the supervisor does without.


def record(options, package) -> int:
    from golden import record_all  # pylint: disable=import-outside-toplevel
    if not package.instructions:
        raise BadInput(f"expected instructions in '{package.folder}', which pack.py --instructions puts there")
    driver = open_driver(options, package)
    print(f"{record_all(driver, package, options.golden)} instructions of {package.target} recorded on {driver.card}")
    return 0


def find_entries(options, package) -> list:
    """(number, entry) of what is asked for."""
    entries = [(number, entry) for number, entry in enumerate(package.entries) if options.only in entry.title]
    if not entries:
        raise BadInput(f"expected --only to be part of a problem's name, but none has '{options.only}' in it")
    return entries


def open_driver(options, package):
    if options.driver == "emulator":
        from emulator_driver import EmulatorDriver  # pylint: disable=import-outside-toplevel
        return EmulatorDriver(package.target)
    from cuda_driver import CudaDriver  # pylint: disable=import-outside-toplevel
    return CudaDriver(package.target, options.library)


def work(options, package, entries: list) -> int:
    from worker import Worker  # pylint: disable=import-outside-toplevel
    return Worker(options, package, open_driver(options, package)).run(entries)


def supervise(options, entries: list) -> int:
    def command(numbers: list, budget: float) -> list:
        return [sys.executable, __file__, *sys.argv[1:], f"--budget={budget}", f"--worker={','.join(map(str, numbers))}"]

    def store() -> None:
        figures.write({**supervisor.about, "seconds": time.monotonic() - supervisor.start, "failures": supervisor.failures,
                       "left_out": supervisor.left_out, "goals": summary(supervisor.rows), "results": supervisor.rows})

    figures = Figures(options.json)
    supervisor = Supervisor(command, {number: entry.title for number, entry in entries}, options.budget, options.patience, options.deadline, store)
    supervisor.run()
    if supervisor.left_out:
        reason = f"ended at the deadline of {options.deadline:g} s" if supervisor.is_late else f"left out for the budget of {options.budget:g} s"
        print(f"{reason}: {'; '.join(supervisor.left_out)}")
    store()
    if supervisor.about.get("can_time"):
        print("\n".join(summary(supervisor.rows)))
    wrong = supervisor.wrong()
    print(f"{len(supervisor.rows)} results, {wrong} wrong elements, {len(supervisor.failures)} failures, {time.monotonic() - supervisor.start:.1f} s")
    return 3 if supervisor.failures or wrong else 4 if supervisor.is_late else 0


def bench(options) -> int:
    package = read_package(options.package)
    if options.golden:
        return record(options, package)
    entries = find_entries(options, package)
    if options.worker is None:
        return supervise(options, entries)
    numbers = set(map(int, options.worker.split(",")))
    return work(options, package, [each for each in entries if each[0] in numbers])


def seconds(text: str) -> float:
    """An option that is a time."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, but got {text}")
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="folder made by pack.py")
    parser.add_argument("--budget", type=seconds, default=420, help="seconds after which nothing more is begun")
    parser.add_argument("--deadline", type=seconds, default=470, metavar="SECONDS", help="after which the run is ended whatever it does")
    parser.add_argument("--seconds", type=seconds, default=0.15, help="of samples for each timing")
    parser.add_argument("--only", default="", metavar="TEXT", help="only problems with this in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store every figure")
    parser.add_argument("--golden", type=Path, metavar="DIR", help="record what single instructions compute")
    parser.add_argument("--driver", choices=("cuda", "emulator"), default="cuda", help="what runs the kernels")
    parser.add_argument("--library", default="libcuda.so.1", help="the CUDA driver's library")
    parser.add_argument("--cublaslt", default="", metavar="LIBRARY", help="the peer instead of the libcublasLt that is found; none for PyTorch")
    parser.add_argument("--patience", type=seconds, default=90, help="seconds without a result after which a kernel hangs")
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # numbers of entries
    for name, unit in (("memory", "TB/s"), ("int8", "tera-operations/s"), ("bf16", "TFLOP/s")):
        parser.add_argument(f"--{name}", type=float, help=f"of the card, in {unit}, instead of what the table says")
    try:
        return bench(parser.parse_args())
    except (BadInput, LaunchFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except WorkerFailed:
        return 1


if __name__ == "__main__":
    sys.exit(main())
