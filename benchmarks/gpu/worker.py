# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks and times entries of a package in a process of its own, as a kernel that fails takes the driver's state with it.

What happens is told in lines of JSON, each with a key that says what it is: about, begin, row, note, left_out, failure.
"""
import json
import time
from dataclasses import asdict

from cards import find_card
from driver import LaunchFailed
from manifest import BadInput
from peers import Peers
from timing import clocks, measure
from trial import Trial

FEW_ROWS = 19  # odd, and more than a tile of the smallest schedules


def tell(key: str, value) -> None:
    print(json.dumps({key: value}), flush=True)


class Worker:
    """Works on entries until the budget is spent."""

    def __init__(self, options, package, driver):
        self.options, self.package, self.driver = options, package, driver
        self.end = time.monotonic() + options.budget
        self.card = find_card(driver.card, options.memory, options.int8, options.bf16)
        self.peers = Peers(options, driver, lambda text: tell("note", text)) if driver.can_time else None

    def run(self, entries: list) -> int:
        """Works on (number, entry); the exit code."""
        tell("about", {"card": self.driver.card, "driver": self.driver.version, "multiprocessors": self.driver.multiprocessors,
                       "cache": self.driver.cache_bytes, "peer": self.peers.version if self.peers else "", "known": bool(self.card.memory),
                       "can_time": self.driver.can_time, "target": self.package.target, "revision": self.package.revision})
        for number, entry in entries:
            if time.monotonic() > self.end:
                tell("left_out", entry.title)
                continue
            tell("begin", number)
            try:
                self.work(entry)
            except (BadInput, LaunchFailed) as error:
                tell("failure", f"{entry.title}: {error}")
                return 3
        return 0

    def work(self, entry) -> None:
        title = entry.title
        trial = Trial(self.driver, self.package, entry)
        handles = [self.driver.load(self.package, kernel) for kernel in entry.kernels]
        for text in self.driver.take_notes():
            tell("note", f"{title}: {text}; its PTX is used")
        for kernel, handle in zip(entry.kernels, handles):
            call = trial.call(kernel, handle, FEW_ROWS)
            self.driver.launch(self.driver.prepare(call))
            self.driver.synchronise()
            self.report(trial, kernel, FEW_ROWS, trial.check(call, all_of_it=True))
            self.driver.free(*call.results)
        for kernel, handle in zip(entry.kernels, handles) if self.driver.can_time else ():
            for rows in kernel.rows:
                if time.monotonic() > self.end:
                    tell("left_out", f"{title}, {rows} rows")
                else:
                    self.time(trial, kernel, handle, rows)
        trial.release()

    def time(self, trial: Trial, kernel, handle, rows: int) -> None:
        call = trial.call(kernel, handle, rows)
        launches = [self.driver.prepare(each) for each in trial.rotate(call, 3 * self.driver.cache_bytes)]
        timing = measure(lambda count: self.driver.graph([launches[turn % len(launches)] for turn in range(count)]), len(launches),
                         self.options.seconds)
        state = clocks()
        check = trial.check(call, all_of_it=False)
        self.driver.free(*call.results)
        peers = {name: self.peers.time(name, arguments) for name, arguments in trial.family.peers(rows)}
        floor = self.card.floor(trial.family.cost(rows, native_int4=bool(self.card.int4)))
        self.report(trial, kernel, rows, check, timing, floor, peers, state)

    def report(self, trial: Trial, kernel, rows, check, timing=None, floor=0.0, peers=None, state=None) -> None:
        tell("row", {"kernel": trial.title, "base": trial.base, "w8a8": trial.w8a8, "weight_bytes": trial.family.weight_bytes,
                     "memory": self.card.memory, "schedule": kernel.schedule, "rows": rows, "check": asdict(check),
                     "result": str(check), "timing": asdict(timing) if timing else None, "floor": floor, "clocks": state or {},
                     "peers": {name: asdict(peer) for name, peer in (peers or {}).items() if peer}})
