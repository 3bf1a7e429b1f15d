#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The results page: every recipe at every setting, the goals, and every piece alone, on SmolLM2-135M. `./run results` builds the tools and
calls this.

A finished row is kept under build/results and not run again, so the whole list can be run in portions (--rows, --seconds). --write makes
the page of what there is and keeps the figures behind it in benchmarks/results/measured.jsonl, from which another machine goes on. A row that fails is listed with its error and tried again next time. Exit codes: 0 done, 1 a
row failed, 2 a usage error, 3 a goal was missed.
"""
import argparse
import concurrent.futures
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "utils"), str(ROOT / "demo")]

import pages  # noqa: E402
import settings  # noqa: E402
from measure import exit_with  # noqa: E402
from measured import KEPT, SUBSETS, Bench  # noqa: E402
from provenance import revision  # noqa: E402


def prepare(folder: Path) -> dict:
    """The demo's model and texts: paths of `model`, `calib` and `eval`."""
    import run as demo  # needs packages that only the demo needs

    return demo.prepare(folder)


def parse(arguments: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", help="comma-separated globs of rows or groups (goals, recipes, pieces), such as 'recipes/rtn@*'")
    parser.add_argument("--list", action="store_true", help="print the rows and which of them are finished, and stop")
    parser.add_argument("--write", type=Path, metavar="FILE", nargs="?", const=ROOT / "docs" / "recipes-results.md",
                        help="store the page (docs/recipes-results.md unless FILE is given)")
    parser.add_argument("--only-write", action="store_true", help="run nothing; with --write, make the page from finished rows")
    parser.add_argument("--stale", action="store_true", help="also run finished rows that another revision measured")
    parser.add_argument("--again", action="store_true", help="run the chosen rows even if they are finished")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no further row after this time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="rows at a time (default: as many as there are cores)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each tool (default: 1, so that none waits for another)")
    parser.add_argument("--torch-python", default=sys.executable, help="an interpreter with PyTorch, for rows that the tuner trains")
    parser.add_argument("--kept", type=Path, default=KEPT, help="figures behind the stored page, read first and written by --write")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "results", help="finished rows")
    parser.add_argument("--demo-folder", type=Path, default=ROOT / "build" / "demo", help="where the demo keeps model and texts")
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "release" / "bin", help="where the tools are")
    return parser.parse_args(arguments)


def is_finished(result, options, now: str) -> bool:
    if result is None or "error" in result or options.again:
        return False
    return not options.stale or result["revision"] == now


def outcome(row, result: dict) -> str:
    if "error" in result:
        return f"{row.identity}: FAILED: {result['error'].splitlines()[-1][:300]}"
    values = ", ".join(f"{value} on {name}" for name in SUBSETS if (value := pages.value_on(result, name)))
    seconds = " + ".join(f"{result[step]['cpu']:.0f}" for step in ("quantize", "evaluate") if step in result)
    return f"{row.identity}: perplexity {values} windows, {seconds} CPU s"


def run_rows(rows: list, bench: Bench, options) -> None:
    """Runs what is not finished, `options.jobs` rows at a time; of rows that run the same only the first."""
    start, now = time.monotonic(), revision()
    open_rows = {bench.key_or_name(row): row for row in reversed(rows) if not is_finished(bench.stored(row), options, now)}

    def run(row) -> bool:
        if time.monotonic() - start > options.seconds:
            return False
        print(outcome(row, bench.run(row)), file=sys.stderr, flush=True)
        return True

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        left = [done for done in pool.map(run, reversed(open_rows.values())) if not done]
    if left:
        print(f"the time is over: {len(left)} of {len(rows)} rows not run", file=sys.stderr)


def verdict(rows: list, results: dict) -> int:
    if any("error" in (results[row.identity] or {}) for row in rows):
        return 1
    return 3 if any(pages.missed(row, results[row.identity]) for row in rows) else 0


def main(arguments: list = None) -> int:
    options = parse(arguments)
    try:
        every = settings.load()
        rows = settings.choose(every, options.rows)
    except settings.RowsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    paths = prepare(options.demo_folder)
    bench = Bench(options.bin, options.folder, paths["model"], paths["calib"], paths["eval"], options.threads, options.kept,
                  options.torch_python)
    if not options.list and not options.only_write:
        run_rows(rows, bench, options)
    results = {row.identity: bench.stored(row) for row in (every if options.write else rows)}
    if options.list:
        for row in rows:
            print(f"{'finished' if is_finished(results[row.identity], options, revision()) else 'open    '} {row.identity}")
        return 0
    print(pages.tables(rows, results))
    if options.write:
        options.write.write_text(pages.page(every, results), encoding="utf-8")
        bench.keep(list(results.values()), options.kept)
    return verdict(rows, results)


if __name__ == "__main__":
    try:
        exit_with(main)
    except KeyboardInterrupt:
        sys.exit(130)
