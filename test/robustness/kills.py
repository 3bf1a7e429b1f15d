#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kills runs at random instants and runs them again with the same command, which must give the bytes of a run that nobody
killed. Prints, for each recipe, how long the run that goes on takes beside a full one, and what a kill costs: the processor
time of both parts beyond that of a full run. Of n kills, one is in each n-th part of the run.

    kills.py [--kills 200] [--chain 1] [--signal 9] [--recipe NAME ...] [--model MODEL.onnx --calibration TOKENS.npy]
"""
import random
import shutil
import statistics
import sys

import runs


def kill_and_resume(options, recipe, folder, full, wanted, share, chance):
    """Kills a run at this share of a full one (a chain: then at any), and returns the first and the last, which nobody kills."""
    output = folder / recipe
    shutil.rmtree(output, ignore_errors=True)
    first = None
    for _ in range(options.chain):
        instant = share * full.processor_seconds
        share = chance.uniform(0, 1)
        killed = runs.Run(runs.command(options, recipe, output), kill_after=instant, signal_number=options.signal)
        first = first or killed
        if killed.code in (0, 3):
            break
        ended = {-options.signal, 128 + options.signal}
        if killed.code not in ended:
            raise SystemExit(f"{recipe}: exit code {killed.code} after a kill, expected one of {ended}:\n{killed.stderr}")
        # The result is there whole, or not at all.
        if output.exists() and runs.digest(output) != wanted:
            raise SystemExit(f"{recipe}: a run killed after {instant:.2f} s left a result with other bytes")
    last = runs.Run(runs.command(options, recipe, output)).check()
    if runs.digest(output) != wanted:
        raise SystemExit(f"{recipe}: killed after {instant:.2f} s, the run that went on gave other bytes")
    if runs.remains(output):
        raise SystemExit(f"{recipe}: a finished run left {runs.remains(output)}")
    return first, last


def main():
    parser = runs.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=200, help="in all, shared among the recipes")
    parser.add_argument("--chain", type=int, default=1, help="kills before a run is let go on to its end")
    parser.add_argument("--signal", type=int, default=9)
    parser.add_argument("--limit", type=float, help="fail where the median of a recipe takes a larger share than this")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    recipes = options.recipe or list(runs.RECIPES)
    failures = []
    with runs.scratch() as name:
        folder = runs.Path(name)
        runs.prepare(options, folder)
        print("| recipe | kills | full run, s | goes on in, of a full run | processor time | cost of a kill |\n|---|---|---|---|---|---|")
        for index, recipe in enumerate(recipes):
            full = runs.Run(runs.command(options, recipe, folder / "full")).check()
            wanted = runs.digest(folder / "full")
            count = options.kills // len(recipes) + (index < options.kills % len(recipes))
            shares = [(part + chance.uniform(0, 1)) / count for part in range(count)]
            chance.shuffle(shares)
            # Processors slow down under other work: where a limit is held, each kill has a full run of its own beside it.
            results = []
            for share in shares:
                first, last = kill_and_resume(options, recipe, folder, full, wanted, share, chance)
                if options.limit:
                    full = runs.Run(runs.command(options, recipe, folder / "again")).check()
                results.append((last.seconds / full.seconds, last.processor_seconds / full.processor_seconds,
                                (first.processor_seconds + last.processor_seconds) / full.processor_seconds - 1))
            wall, used, cost = (statistics.median(column) for column in zip(*results)) if results else (0, 0, 0)
            print(f"| {recipe} | {count} | {full.seconds:.1f} | {wall:.2f} | {used:.2f} | {cost:.2f} |", flush=True)
            if options.limit and used > options.limit:
                failures.append(f"{recipe}: {used:.2f} of a full run")
    if failures:
        sys.exit("expected at most " + f"{options.limit} at the median, but got " + ", ".join(failures))
    print(f"{options.kills} kills, every result the same bytes")


if __name__ == "__main__":
    main()
