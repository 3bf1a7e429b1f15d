# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keeps a worker at work: one that fails or hangs is replaced by another, which goes on behind the entry that did it."""
import json
import queue
import subprocess
import threading
import time

HEADER = f"{'kernel':34} {'rows':>5} {'us':>9} {'floor us':>9} {'of floor':>8} {'bf16 us':>9} {'x':>5} {'int8 us':>9} {'x':>5}  check"
START_PATIENCE = 300  # until a worker has begun: Python, PyTorch and the driver may be slow to load


class WorkerFailed(Exception):
    """A worker has ended before it began with anything, and has said why; its exit code."""


class Supervisor:
    """`command(numbers, budget)` is that of a worker on the entries of these numbers, whose names `titles` has."""

    def __init__(self, command, titles: dict, budget: float, patience: float):
        self.command, self.titles, self.patience = command, titles, patience
        self.start, self.end = time.monotonic(), time.monotonic() + budget
        self.about, self.rows, self.left_out, self.failures = {}, [], [], []

    def run(self) -> None:
        numbers = list(self.titles)
        while numbers:
            last = self.watch(numbers)
            numbers = [] if last is None else numbers[numbers.index(last) + 1:]

    def watch(self, numbers: list):
        """Runs one worker; the number of the entry at which it ended too early, or None."""
        self.begun, failures = None, len(self.failures)
        lines = queue.SimpleQueue()
        with subprocess.Popen(self.command(numbers, max(0.0, self.end - time.monotonic())), stdout=subprocess.PIPE, text=True) as process:
            threading.Thread(target=feed, args=(process.stdout, lines), daemon=True).start()
            try:
                while line := lines.get(timeout=START_PATIENCE if self.begun is None else self.patience):
                    (key, value), = json.loads(line).items()
                    getattr(self, f"take_{key}")(value)
            except queue.Empty:
                process.kill()
                self.take_failure(f"{self.titles.get(self.begun, 'the start')}: nothing happened for {self.patience:.0f} s")
        if process.returncode == 0:
            return None
        if self.begun is None:
            raise WorkerFailed(process.returncode)
        if len(self.failures) == failures:
            self.take_failure(f"{self.titles[self.begun]}: the worker ended with exit code {process.returncode}")
        return self.begun

    def take_about(self, about: dict) -> None:
        if self.about:
            return
        self.about = about
        print(f"{about['card']}, driver for CUDA {about['driver']}; kernels for {about['target']}, revision {about['revision']}")
        if about["can_time"]:
            print(f"{about['multiprocessors']} multiprocessors, {about['cache'] >> 20} MiB of cache; PyTorch {about['torch']}")
            if not about["known"]:
                print("the table of cards does not have this one: --memory, --int8 and --bf16 say what its floor is")
        print(HEADER, flush=True)

    def take_begin(self, number: int) -> None:
        self.begun = number

    def take_row(self, row: dict) -> None:
        row["ratio"] = self.ratio(row)
        self.rows.append(row)
        timing, floor = row["timing"], row["floor"]
        line = f"{row['kernel']:34} {row['rows']:>5} {micro(timing)} {cell(floor * 1e6, floor, '9.2f')} "
        line += cell(floor / timing["median"] if timing else 0, floor and timing, "8.0%")
        for name in ("bf16", "int8"):
            peer = row["peers"].get(name)
            line += f" {micro(peer)} {cell(peer['median'] / timing['median'] if peer and timing else 0, peer and timing, '5.2f')}"
        print(f"{line}  {row['result']}" + (f", {row['ratio']:.2f} of {row['base']}" if row["ratio"] else ""), flush=True)

    def ratio(self, row: dict):
        """The time beside that of the base, with the same schedule and number of rows; None unless both are known."""
        key = row["base"], row["schedule"], row["rows"]
        bases = [each for each in self.rows if (each["kernel"], each["schedule"], each["rows"]) == key and each["timing"]]
        return row["timing"]["median"] / bases[0]["timing"]["median"] if row["timing"] and bases else None

    def take_left_out(self, title: str) -> None:
        self.left_out.append(title)

    def take_note(self, text: str) -> None:
        print(text, flush=True)

    def take_failure(self, text: str) -> None:
        self.failures.append(text)
        print(f"failed: {text}", flush=True)

    def wrong(self) -> int:
        return sum(row["check"]["wrong"] for row in self.rows)


def feed(stream, lines: queue.SimpleQueue) -> None:
    """Every line, and an empty one at the end."""
    for line in stream:
        lines.put(line)
    lines.put("")


def cell(value: float, known, form: str) -> str:
    return format(value, form) if known else format("-", f">{form.split('.')[0]}")


def micro(timing) -> str:
    return cell(timing["median"] * 1e6 if timing else 0, timing, "9.2f")
