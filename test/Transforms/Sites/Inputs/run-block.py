# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Executes a block before and after qllm-quantize-sites.

exact: without formats, every list of steps leaves the function as it is.
replay: decisions of one run, given to another one on other data, are taken over.
"""

import pathlib
import re
import subprocess
import sys

import numpy

mode, work = sys.argv[1], pathlib.Path(sys.argv[2])
random = numpy.random.default_rng(0)
# Channels with means and ranges of their own, so that steps have something to do.
data = random.standard_normal((6, 16, 8)) * [1, 1, 30, 1, 1, 5, 1, 1] + [0, 4, 0, 0, -3, 0, 0, 0]
numpy.save(work / "data.npy", data.astype("float32"))
numpy.save(work / "other.npy", data[:, ::-1, ::-1].astype("float32"))
numpy.save(work / "x.npy", data[:1].astype("float32"))


def dense(*shape):
    return "dense<" + str(random.standard_normal(shape).astype("float32").tolist()) + ">"


def write(name, plans):
    text = (pathlib.Path(__file__).parent / "block.mlir").read_text()
    for key, shape in (("WEIGHT_W", (8, 8)), ("WEIGHT_V", (4, 8)), ("WEIGHT_U", (8, 8))):
        text = text.replace(key, dense(*shape))
    for key, rows in (("PLAN_W", 8), ("PLAN_V", 4), ("PLAN_U", 8)):
        plan = (f", qllm.plan = {{operands = [!qllm.quantized<1x?x8, #qllm.int<4, asymmetric>, per_token>], "
                f"weight = !qllm.quantized<{rows}x8, #qllm.int<4>, per_channel<0>>}}")
        # Without formats a layer is asked for by an empty list of them.
        text = text.replace(key, plan if plans else ", qllm.plan = {operands = [unit]}")
    (work / name).write_text(text)


def quantize(source, result, steps, calibration="data.npy"):
    subprocess.run(["qllm-opt", f"--qllm-quantize-sites=steps={steps} calibration={work / calibration}", work / source, "-o", work / result],
                   check=True)


def run(name):
    subprocess.run(["qllm-translate", "--run", "--function=main", f"--input=arg0={work}/x.npy", f"--output={work}/out.npz", work / name], check=True)
    with numpy.load(work / "out.npz") as arrays:
        return [arrays[key] for key in sorted(arrays)]


DECISIONS = r"qllm\.site = (\{(?:[^{}]|\{[^{}]*\})*\})"


def decisions(name):
    return re.findall(DECISIONS, (work / name).read_text())


if mode == "exact":
    write("float.mlir", plans=False)
    wanted = run("float.mlir")
    for steps in sys.argv[3:]:
        quantize("float.mlir", "sites.mlir", steps)
        assert (work / "sites.mlir").read_text() != (work / "float.mlir").read_text()
        error = max(abs(a - b).max() / abs(b).max() for a, b in zip(run("sites.mlir"), wanted))
        print(f"{steps}: {'exact' if error < 2e-6 else error}")
else:
    steps = sys.argv[3]
    write("float.mlir", plans=True)
    quantize("float.mlir", "first.mlir", steps)
    quantize("float.mlir", "other.mlir", steps, "other.npy")
    found = decisions("first.mlir")
    assert found and found != decisions("other.mlir"), "the data do not matter"
    # The decisions go onto the float module, as in a plan.mlir.
    text = (work / "float.mlir").read_text()
    names = re.findall(r'qllm\.name = "([\w.]*)"[^\n]*?' + DECISIONS, (work / "first.mlir").read_text())
    for name, decision in names:
        text = text.replace(f'qllm.name = "{name}"', f'qllm.name = "{name}", qllm.site = {decision}')
    (work / "planned.mlir").write_text(text)
    quantize("planned.mlir", "again.mlir", steps, "other.npy")
    assert decisions("again.mlir") == found, "decisions were taken again"
    quantize("planned.mlir", "same.mlir", steps)
    assert (work / "same.mlir").read_text() == (work / "first.mlir").read_text()
    print("replayed", len(found))
