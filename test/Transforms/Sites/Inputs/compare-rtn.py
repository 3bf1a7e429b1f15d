# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qllm-quantize-sites with nearest rounding against the recipe rtn: all blobs of the two modules, and perplexities."""

import pathlib
import re
import subprocess
import sys

models, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
NAMES = ["llama-dynamo-18", "llama-torchscript-18-cache", "llama-torchscript-17", "bert-dynamo-18"]
FORMATS = "weight-bits=4 activation-bits=4 kv-bits=4"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def blobs(path):
    return sorted(re.findall(r'\S+: "0x[0-9A-F]*"', path.read_text()))


def quantize(source, passes, result, *flags):
    run("qllm-opt", *flags, f"--pass-pipeline=builtin.module({passes})", source, "-o", result)
    return blobs(result)


def compare(name):
    source = work / f"{name}.mlir"
    run("qllm-translate", "--import-onnx", models / f"{name}.onnx", "-o", source)
    dumped = subprocess.run(["qllm-opt", f"--recipe-rtn={FORMATS}", "--dump-pass-pipeline", source, "-o", work / f"{name}.rtn.mlir"],
                            capture_output=True, text=True, check=True).stderr
    passes = re.search(r"builtin\.module\((.*)\)\s*$", dumped, re.S)[1].split(",\n")
    planning = ",".join(step.strip() for step in passes[:next(i for i, step in enumerate(passes) if "qllm-quantize" in step)])
    sites = (f"{planning},qllm-quantize-activations{{sites=attention}},qllm-quantize-sites{{steps=round{{method=nearest}} "
             f"calibration={work}/tokens.npy calibration-windows=3 calibration-length=16}}")
    wanted = blobs(work / f"{name}.rtn.mlir")
    assert len(wanted) >= 12, len(wanted)
    assert quantize(source, sites, work / f"{name}.sites.mlir") == wanted, name
    assert quantize(source, sites, work / f"{name}.one.mlir", "--mlir-disable-threading") == wanted, name
    assert (work / f"{name}.sites.mlir").read_bytes() == (work / f"{name}.one.mlir").read_bytes(), name
    if name.startswith("llama"):
        results = [run("qllm", "eval", work / f"{name}.{kind}.mlir", "--tokens", work / "tokens.npy", "--windows=2", "--window-length=32", "--quiet")
                   for kind in ("rtn", "sites")]
        assert results[0] == results[1], results
    print(f"{name}: same")


for name in NAMES:
    compare(name)
