# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keeps a worker at work: one that fails or hangs is replaced by another, which goes on behind the entry that did it. At the deadline it
is ended, whatever it does."""
import json
import queue
import subprocess
import threading
import time

HEADER = f"{'kernel':34} {'rows':>5} {'us':>9} {'floor us':>9} {'of floor':>8} {'bf16 us':>9} {'x':>5} {'int8 us':>9} {'x':>5}  check"
START_PATIENCE = 300  # until a worker has begun: Python, PyTorch and the driver may be slow to load
END_PATIENCE = 5  # until a worker that is killed is gone, which takes long where the driver waits for a card


class WorkerFailed(Exception):
    """A worker has ended before it began with anything, and has said why; its exit code."""


class Supervisor:
    """`command(numbers, budget)` is that of a worker on the entries of these numbers, whose names `titles` has; `changed` is called after
    everything that is worth storing. Seconds are those since the start."""

    def __init__(self, command, titles: dict, budget: float, patience: float, deadline: float, changed=lambda: None):
        self.command, self.titles, self.patience, self.changed = command, titles, patience, changed
        self.start = time.monotonic()
        self.end, self.deadline = self.start + budget, self.start + deadline
        self.about, self.rows, self.left_out, self.failures = {}, [], [], []
        self.is_late = False

    def run(self) -> None:
        numbers = list(self.titles)
        while numbers:
            last = self.watch(numbers)
            numbers = [] if last is None else numbers[numbers.index(last) + 1:]
            if self.is_late:
                for number in numbers:
                    self.take_left_out(self.titles[number])
                return

    def watch(self, numbers: list):
        """Runs one worker; the number of the entry at which it ended too early, or None."""
        self.begun, failures = None, len(self.failures)
        lines = queue.SimpleQueue()
        process = subprocess.Popen(self.command(numbers, max(0.0, self.end - time.monotonic())), stdout=subprocess.PIPE, text=True)
        threading.Thread(target=feed, args=(process.stdout, lines), daemon=True).start()
        try:
            while line := self.next_line(lines):
                (key, value), = json.loads(line).items()
                getattr(self, f"take_{key}")(value)
        except queue.Empty:
            process.kill()
            self.take_silence(numbers)
        except BaseException:
            process.kill()
            raise
        self.wait_for(process)
        if process.returncode == 0:
            return None
        if self.begun is None and not self.is_late:
            raise WorkerFailed(process.returncode)
        if len(self.failures) == failures and not self.is_late:
            self.take_failure(f"{self.titles[self.begun]}: the worker ended with exit code {process.returncode}")
        return self.begun

    def next_line(self, lines: queue.SimpleQueue) -> str:
        """What the worker says next; queue.Empty when it has been silent for too long."""
        patience = START_PATIENCE if self.begun is None else self.patience
        return lines.get(timeout=max(0.0, min(patience, self.deadline - time.monotonic())))

    def wait_for(self, process) -> None:
        """Until a worker that says no more has ended; not for ever, as one that waits for a card cannot be ended either."""
        try:
            process.wait(max(END_PATIENCE, min(self.patience, self.deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            process.kill()
            self.take_note(f"process {process.pid} does not end")

    def take_silence(self, numbers: list) -> None:
        """The worker had to be ended: for the deadline, which is no fault of what it was at, or for having said nothing."""
        if time.monotonic() < self.deadline:
            self.take_failure(f"{self.titles.get(self.begun, 'the start')}: nothing happened for {self.patience:.0f} s")
            return
        self.is_late = True
        if self.begun is None:
            self.begun = numbers[0]
            self.take_left_out(self.titles[self.begun])
        else:
            self.take_left_out(f"{self.titles[self.begun]}, what was not done of it")

    def take_about(self, about: dict) -> None:
        if self.about:
            return
        self.about = about
        print(f"{about['card']}, driver for CUDA {about['driver']}; kernels for {about['target']}, revision {about['revision']}")
        if about["can_time"]:
            print(f"{about['multiprocessors']} multiprocessors, {about['cache'] >> 20} MiB of cache; peer: {about['peer']}")
            if not about["known"]:
                print("the table of cards does not have this one: --memory, --int8 and --bf16 say what its floor is")
        print(HEADER, flush=True)

    def take_begin(self, number: int) -> None:
        self.begun = number

    def take_row(self, row: dict) -> None:
        row["ratio"], of_w8a8 = self.ratio(row, row["base"], row["schedule"]), self.ratio(row, row["w8a8"], None)
        row["of_w8a8"] = 1 / of_w8a8 if of_w8a8 else None
        self.rows.append(row)
        timing, floor = row["timing"], row["floor"]
        line = f"{row['kernel']:34} {row['rows']:>5} {micro(timing)} {cell(floor * 1e6, floor, '9.2f')} "
        line += cell(floor / timing["median"] if timing else 0, floor and timing, "8.0%")
        for name in ("bf16", "int8"):
            peer = row["peers"].get(name)
            line += f" {micro(peer)} {cell(peer['median'] / timing['median'] if peer and timing else 0, peer and timing, '5.2f')}"
        print(f"{line}  {row['result']}" + (f", {row['ratio']:.2f} of {row['base']}" if row["ratio"] else "")
              + (f", {row['of_w8a8']:.2f}x {row['w8a8'].split(' ', 1)[1]}" if row["of_w8a8"] else ""), flush=True)
        self.changed()

    def ratio(self, row: dict, kernel: str, schedule):
        """The time beside that of a kernel with the same number of rows and this schedule, or any; None unless both are known."""
        found = [each["timing"]["median"] for each in self.rows if each["timing"] and (each["kernel"], each["rows"]) == (kernel, row["rows"])
                 and schedule in (None, each["schedule"])]
        return row["timing"]["median"] / min(found) if row["timing"] and found else None

    def take_left_out(self, title: str) -> None:
        self.left_out.append(title)
        self.changed()

    def take_note(self, text: str) -> None:
        print(text, flush=True)

    def take_failure(self, text: str) -> None:
        self.failures.append(text)
        print(f"failed: {text}", flush=True)
        self.changed()

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
