#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs of one command with any number of threads, in any working directory, under any locale: one digest of all that they write.

    determinism.py [--runs 20] [--threads 1,2,4,8] [--recipe NAME ...]
"""
import itertools
import os
import shutil
import subprocess
import sys

import runs


def locales(most=4):
    """C and what else is installed; a locale with another decimal point first."""
    installed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    others = [name for name in installed if name not in ("C", "POSIX", "C.utf8")]
    # Setting one that is not there is what users do, too.
    return (["C", *sorted(others, key=lambda name: not name.startswith(("de", "fr")))] + ["C.utf8", "de_DE.UTF-8"])[:most]


def main():
    parser = runs.arguments(__doc__)
    parser.add_argument("--runs", type=int, default=20, help="for each number of threads")
    parser.add_argument("--threads", default="1,2,4,8")
    options = parser.parse_args()
    with runs.scratch() as name:
        folder = runs.Path(name)
        runs.prepare(options, folder)
        options.model, options.calibration = options.model.resolve(), options.calibration.resolve()
        places = [folder, folder / "a", folder / "a" / "b c"]
        for place in places:
            place.mkdir(exist_ok=True)
        for recipe in options.recipe or runs.RECIPES:
            digests, count = set(), 0
            settings = itertools.cycle(itertools.product(places, locales()))
            for threads in options.threads.split(","):
                for _ in range(options.runs):
                    place, locale = next(settings)
                    output = place / "out"
                    shutil.rmtree(output, ignore_errors=True)
                    # As users name files: relative to where they are.
                    relative = runs.argparse.Namespace(model=os.path.relpath(options.model, place),
                                                       calibration=os.path.relpath(options.calibration, place))
                    words = runs.command(relative, recipe, output, f"--threads={threads}")
                    runs.Run(words, cwd=place, env=dict(os.environ, LC_ALL=locale, LANG=locale)).check()
                    digests.add(runs.digest(output))
                    count += 1
            print(f"{recipe}: {len(digests)} digest of {count} runs", flush=True)
            if len(digests) != 1:
                sys.exit(f"{recipe}: expected one digest, but got {len(digests)}")


if __name__ == "__main__":
    main()
