# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command and reads from the kernel what it cost: the figures do not depend on what the command says of itself.

As a script, `measure.py REPORT COMMAND…` is the small process in between that `measure` starts. It is needed because Linux counts the peak memory
of the process that forks into that of the program it then executes, so a large parent would be measured instead of a small command.
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass


class CommandFailed(Exception):
    """A command that did not end with exit code 0; the text names it and holds the end of its log."""


@dataclass(frozen=True)
class Cost:
    output: str
    wall: float  # seconds
    cpu: float  # seconds, user and system, all threads
    peak: int  # bytes resident


def measure(command: list, **options) -> Cost:
    """Runs `command`; its stdout becomes `output`. `options` go to subprocess.run (cwd, env)."""
    command = [os.fspath(word) for word in command]
    with tempfile.NamedTemporaryFile("r") as report:
        watcher = [sys.executable, "-I", "-S", __file__, report.name, *command]
        finished = subprocess.run(watcher, capture_output=True, text=True, errors="replace", check=False, **options)
        if finished.returncode != 0:
            tail = finished.stderr[-2000:].rstrip()
            raise CommandFailed(f"'{shlex.join(command)}' ended with exit code {finished.returncode}\n{tail}")
        return Cost(finished.stdout, **json.load(report))


def exit_with(main) -> None:
    """Ends the process with what `main` returns; a measured command that failed becomes one error and exit code 1."""
    try:
        sys.exit(main())
    except CommandFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)


def watch(report: str, command: list) -> int:
    """Runs `command` with this process's own streams, writes its cost to `report`, and returns its exit code."""
    start = time.monotonic()
    try:
        process = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        print(f"cannot start '{command[0]}': {error.strerror}", file=sys.stderr)
        return 127
    while True:
        try:
            _, status, usage = os.wait4(process, 0)
            break
        except KeyboardInterrupt:
            pass  # the command got it too and decides
    cost = {"wall": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}
    with open(report, "w", encoding="utf-8") as stream:
        json.dump(cost, stream)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1], sys.argv[2:]))
