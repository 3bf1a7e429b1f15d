#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Lets the n-th open, write, fsync, rename, ... of a run fail, for n = 1, 2, ... until a run meets no failure. Every failure
must end in exit code 1 and a message with the path, leave the result that was there before or the new one, whole, and let the
same command go on to the bytes of an undisturbed run. A run whose writes are all cut short must not fail, nor one that
cannot have the system copy from file to file: it writes then.

    faults.py [--calls open,write,...] [--recipe NAME ...] [--most N]
"""
import os
import shutil

import runs

CALLS = {"open": "EACCES", "write": "ENOSPC", "fsync": "EIO", "rename": "EACCES", "truncate": "EIO", "allocate": "ENOSPC", "map": "EIO",
         "copy": "ENOSPC"}


def environment(folder, fault, below=None):
    return dict(os.environ, LD_PRELOAD=str(runs.BUILD / "test" / "lib" / "QLLMFaults.so"), QLLM_FAULT=fault,
                QLLM_FAULT_DIRECTORY=str(below or folder / "out"), QLLM_FAULT_REACHED=str(folder / "reached"))


def clean(folder, earlier):
    """An earlier result, and nothing else."""
    for path in [folder / "out", *folder.glob("out.*")]:
        shutil.rmtree(path, ignore_errors=True)
    (folder / "reached").unlink(missing_ok=True)
    if earlier:
        shutil.copytree(earlier, folder / "out")


def fail(words, folder, fault, allowed, wanted):
    """One run with a fault. Returns whether the fault was met."""
    run = runs.Run(words, env=environment(folder, fault))
    if not (folder / "reached").exists():
        run.check()
        return False
    where = f"{fault} ({(folder / 'reached').read_text(encoding='utf-8')}): "
    if fault.startswith("copy:"):
        run.check()
        if runs.digest(folder / "out") != wanted:
            raise SystemExit(f"{where}the run gave other bytes")
        return True
    lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    if run.code != 1 or not lines:
        raise SystemExit(f"{where}expected exit code 1 and an error, but got {run.code}:\n{run.stderr}")
    if not any(str(folder / "out") in line for line in lines):
        raise SystemExit(f"{where}expected the path in the message, but got:\n{run.stderr}")
    result = runs.digest(folder / "out") if (folder / "out").exists() else None
    if result not in allowed:
        raise SystemExit(f"{where}left a result that is neither the earlier nor the new one")
    runs.Run(words).check()
    if runs.digest(folder / "out") != wanted:
        raise SystemExit(f"{where}the run that went on gave other bytes")
    if runs.remains(folder / "out"):
        raise SystemExit(f"{where}a finished run left {runs.remains(folder / 'out')}")
    return True


def fail_reading(words, folder, path):
    """Lets every open and every mapping of an input fail; returns how many there were."""
    count = 0
    for call in ("open", "map"):
        number = 0
        while True:
            clean(folder, None)
            fault = f"{call}:{number + 1}:EIO"
            run = runs.Run(words, env=environment(folder, fault, path))
            if not (folder / "reached").exists():
                break
            lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
            if run.code != 1 or not any(path.name in line for line in lines):
                raise SystemExit(f"{fault} of {path}: expected exit code 1 and an error that names it, but got {run.code}:\n{run.stderr}")
            if (folder / "out").exists() or (folder / "out.partial").exists():
                raise SystemExit(f"{fault} of {path}: left a result")
            number += 1
        count += number
    return count


def main():
    parser = runs.arguments(__doc__)
    parser.add_argument("--calls", default=",".join(CALLS))
    parser.add_argument("--most", type=int, default=10000, help="stop at this n")
    options = parser.parse_args()
    recipes = options.recipe or ["gptq", "rtn"]
    with runs.scratch() as name:
        folder = runs.Path(name)
        runs.prepare(options, folder)
        earlier = folder / "earlier"
        runs.Run(runs.command(options, "rtn", earlier, "--weight-bits=8")).check()
        for recipe in recipes:
            words = runs.command(options, recipe, folder / "out")
            clean(folder, None)
            runs.Run(words).check()
            wanted = runs.digest(folder / "out")
            for call in options.calls.split(","):
                number = 0
                while number < options.most:
                    # Every other time there is a result to be replaced.
                    before = earlier if number % 2 else None
                    clean(folder, before)
                    allowed = {runs.digest(before) if before else None, wanted}
                    if not fail(words, folder, f"{call}:{number + 1}:{CALLS[call]}", allowed, wanted):
                        break
                    number += 1
                told = "written instead, the same bytes" if call == "copy" else "each told, nothing partial, gone on to the same bytes"
                print(f"{recipe}: {number} failures of {call}, {told}", flush=True)
            for path in (options.model, options.calibration):
                if path == options.model or recipe not in runs.UNCALIBRATED:
                    print(f"{recipe}: {fail_reading(words, folder, path)} failures to open or map {path.name}, each told, nothing written", flush=True)
            clean(folder, None)
            runs.Run(words, env=environment(folder, "short")).check()
            if runs.digest(folder / "out") != wanted:
                raise SystemExit(f"{recipe}: short writes gave other bytes")
            print(f"{recipe}: the same bytes with every write cut short", flush=True)


if __name__ == "__main__":
    main()
