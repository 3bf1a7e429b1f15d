#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs random kernels of every family on the emulator, with all its checks, and exits with 1 if one of them is not right.

    utils/fuzz-kernels.py --seed 1 --count 1000
    utils/fuzz-kernels.py --seed 1 --only 17

The seed and the number of a case make everything of it: its family in turn, and by chance its target, shape, formats, operands, a schedule, which
is drawn or chosen by the compiler, and the order in which threads run and copies arrive (utils/kernel_draws.py). The scripts of
test/Conversion/KernelToNVVM/Inputs run it and compare: to the bit, or within the bound of the operation. What a verifier refuses in
its words is counted and is no failure. Of a failure, the command that runs that case alone is printed; it keeps its files in --folder.
qllm-opt, qllm-emu and qllm-translate are to be on the PATH.
"""
import argparse
import collections
import importlib
import os
import pathlib
import re
import shlex
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass

from kernel_choice import chosen
from kernel_draws import FAMILIES, TURNS, Draw
from kernel_text import CompilerFailed

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "test/Conversion/KernelToNVVM/Inputs"
sys.path.append(str(SCRIPTS))
REFUSED, SECONDS = 10, 300
REFUSAL = re.compile(r"error: 'qk\.\w+' op (.*)")


@dataclass(frozen=True)
class Case:
    seed: int
    index: int
    family: str

    def words(self) -> tuple:
        """The script, and what it is given."""
        name, first, draw_options, has_choice = FAMILIES[self.family]
        script, draw = importlib.import_module(name), Draw(self.seed, self.index)
        options = script.DEFAULTS | {key: str(value) for key, value in draw_options(draw).items()}
        flags = draw.run()
        if has_choice and draw.flag(3):
            options = chosen(options)
        given = {key: value for key, value in options.items() if value != script.DEFAULTS[key] or key == "target"} | flags
        return script, [*first, *(f"{key}={value}" for key, value in given.items())]

    def execute(self, folder: pathlib.Path) -> int:
        """The exit status of the script; REFUSED where a verifier has said why."""
        try:
            script, words = self.words()
            print("python", script.__file__, folder, shlex.join(words), flush=True)
            sys.argv = [script.__file__, str(folder), *words]
            script.main()
        except CompilerFailed as failure:
            print(failure)
            errors = [line for line in str(failure).splitlines() if "error: " in line or "ERROR" in line]
            return REFUSED if errors and all(REFUSAL.search(line) for line in errors) else 1
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code)
            return int(bool(end.code))
        except BaseException:  # noqa: B036 - of a child that has nobody to tell
            traceback.print_exc()
            return 1
        return 0

    def run(self, folder: pathlib.Path) -> tuple:
        """The same in a process group of its own, which ends when it takes too long; and what it printed."""
        log = folder / "log"
        sys.stdout.flush()
        if not (child := os.fork()):
            with log.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            os.setpgid(0, 0)
            signal.signal(signal.SIGALRM, lambda *_: os.killpg(0, signal.SIGKILL))
            signal.alarm(SECONDS)
            code = self.execute(folder)
            sys.stdout.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, log.read_text(errors="replace")


class Tally:
    """What became of cases."""

    def __init__(self):
        self.start, self.total, self.refusals = time.monotonic(), collections.Counter(), collections.Counter()
        self.cells = collections.defaultdict(collections.Counter)

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def add(self, case: Case, code: int, text: str):
        target = (re.findall(r" target=(\w+)", text) or ["none"])[0]
        code = code if code in (0, REFUSED) else 1
        self.cells[case.family, target][code] += 1
        self.total[code] += 1
        if code == REFUSED:
            self.refusals[REFUSAL.search(text)[1]] += 1
        if code == 1:
            lines = text.splitlines()
            print(f"FAILED {case.family} on {target}: {sys.argv[0]} --seed {case.seed} --only {case.index}")
            print("\n".join(lines[:1] + lines[1:][-4:])[:3000], flush=True)

    def report(self, has_refusals: bool):
        """By family and target, cases that were right, and after a plus those that were refused."""
        targets = sorted({target for _, target in self.cells}, key=lambda name: (len(name.rstrip("a")), name))
        print(f"{'family':16}" + "".join(f"{target:>10}" for target in targets))
        for family in FAMILIES:
            cells = [self.cells[family, target] for target in targets]
            texts = [f"{cell[0]}" + (f"+{cell[REFUSED]}" if cell[REFUSED] else "") if cell else "" for cell in cells]
            print(f"{family:16}" + "".join(f"{text:>10}" for text in texts))
        for message, count in self.refusals.most_common() if has_refusals else []:
            print(f"{count:4} {message}")
        print(f"{sum(self.total.values())} cases: {self.total[0]} right, {self.total[REFUSED]} refused, {self.total[1]} wrong; {self.seconds():.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100, help="cases, of all families in turn")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="after which no case is begun")
    parser.add_argument("--only", type=int, help="run this case, and print all that it prints")
    parser.add_argument("--family", choices=FAMILIES, help="of all cases, run those of one family")
    parser.add_argument("--folder", type=pathlib.Path, help="where files of cases go, and stay")
    parser.add_argument("--refusals", action="store_true", help="print how often a verifier said what")
    o = parser.parse_args()
    numbers = [o.only] if o.only is not None else range(o.first, o.first + o.count)
    cases = [Case(o.seed, number, TURNS[number % len(TURNS)]) for number in numbers]
    for script, *_ in FAMILIES.values():
        importlib.import_module(script)  # once, not in the process of each case
    tally = Tally()
    with tempfile.TemporaryDirectory() as temporary:
        folder = o.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for case in cases:
            if tally.seconds() > o.seconds:
                break
            if o.family in (None, case.family):
                code, text = case.run(folder)
                if o.only is not None:
                    print(text, end="")
                tally.add(case, code, text)
    tally.report(o.refusals)
    return int(tally.total[1] != 0)


if __name__ == "__main__":
    sys.exit(main())
