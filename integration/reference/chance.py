#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much of a recipe's perplexity is chance: quantizes and evaluates copies of the demo model whose embedding differs in its last bits.

usage: chance.py [--seeds 4] [--noise 1e-6] -- RECIPE [OPTION…]        such as: chance.py -- qllm --weight-bits=4 --activation-bits=4 --kv-bits=4

With few bits a difference in the last bit of a sum becomes a whole step of some activation, and those add up over the layers. Two correct
implementations, or two orders of a sum, are then as far apart as these copies are: figures closer than that say nothing. Prints the perplexity
of the model itself and of every copy, on the 8, the other 16 and all 24 windows, and the mean and standard deviation over all of them.
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "utils"), str(ROOT / "benchmarks" / "results"), str(ROOT / "demo")]

from measure import exit_with, measure  # noqa: E402
from measured import LENGTH, SUBSETS, WINDOWS, perplexity  # noqa: E402

TABLE = "model.embed_tokens.weight"


def perturbed(model: Path, noise: float, seed: int, folder: Path) -> Path:
    """A copy of the model whose embedding is multiplied, element by element, by 1 + noise * N(0, 1)."""
    copy = folder / model.name
    shutil.copyfile(model, copy)
    data = Path(str(copy) + ".data")
    shutil.copyfile(str(model) + ".data", data)
    graph = onnx.load(model, load_external_data=False).graph
    tensor = next((each for each in graph.initializer if each.name == TABLE), None)
    if tensor is None:
        sys.exit(f"error: expected a weight named '{TABLE}' in '{model}', but found none")
    where = {entry.key: entry.value for entry in tensor.external_data}
    table = np.memmap(data, np.float32, "r+", int(where["offset"]), tuple(tensor.dims))
    random = np.random.default_rng(seed)
    for row in table:
        row *= 1 + np.float32(noise) * random.standard_normal(len(row), dtype=np.float32)
    table.flush()
    return copy


def run(options: argparse.Namespace, seed: int) -> dict:
    """Perplexities by subset; seed 0 stands for the model as it is."""
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        folder = Path(folder)
        model = perturbed(options.model, options.noise, seed, folder) if seed else options.model
        qllm, recipe = options.bin / "qllm", options.recipe
        calibration = [] if recipe[0] == "rtn" else ["--calibration", options.demo / "calib.npy"]
        measure([qllm, "quantize", model, "--recipe", *recipe, *calibration, "--threads=1", "-o", folder / "result"])
        evaluation = measure([qllm, "eval", folder / "result", "--tokens", options.demo / "eval.npy", f"--windows={WINDOWS}",
                              f"--window-length={LENGTH}", "--json", "--threads=1"])
    losses = dict(enumerate(json.loads(evaluation.output)["losses"]))
    figures = {subset: perplexity(losses, subset) for subset in SUBSETS}
    print(f"{'model' if seed == 0 else f'copy {seed}'}: " + ", ".join(f"{value:.2f} on {name}" for name, value in figures.items()), flush=True)
    return figures


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="+", help="name of a recipe and its options, behind --")
    parser.add_argument("--seeds", type=int, default=4, help="copies")
    parser.add_argument("--noise", type=float, default=1e-6, help="relative, a few times the precision of a float")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="copies at a time, one thread each")
    parser.add_argument("--demo", type=Path, default=ROOT / "build" / "demo", help="where ./run demo left model and tokens")
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "release" / "bin", help="where the qllm tool is")
    parser.add_argument("--scratch", type=Path, help="for copies of the model, 540 MB each (default: the system's)")
    options = parser.parse_args()
    options.model = options.demo / "smollm2.onnx"
    return options


def main() -> int:
    options = parse()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        figures = list(pool.map(lambda seed: run(options, seed), range(options.seeds + 1)))
    for subset in SUBSETS:
        values = [figure[subset] for figure in figures]
        print(f"{subset} windows: {statistics.fmean(values):.2f} +- {statistics.stdev(values) if len(values) > 1 else 0:.2f}")
    return 0


if __name__ == "__main__":
    exit_with(main)
