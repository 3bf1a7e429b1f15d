#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the node tests of the onnx package's backend suite on the interpreter and compares results as the suite does.

usage: interpreter_suite.py [--translate PATH] [--filter TEXT] [--all]

This is for builds with sanitizers, which Python cannot load; otherwise test_backend.py runs more of the suite, by the package.
Counts the tests whose nodes all are operators of the typed subset (utils/onnx-ops.txt), prints those that fail with the reason, and
then the count for the other operators, which the interpreter need not have. Exit status 1 if a test of the subset fails that is
not in KNOWN.
"""

import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnx.numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.runner import Runner

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Tests that the suite's own reference passes only by its order of rounding.
KNOWN = {"test_attention_4d_causal_fp16_expanded": "two of 192 elements are one step of f16 off; they are in ONNX Runtime, too"}
FAMILIES = ("Math:", "NN:", "Tensor:", "Quant:")


def typed_operators():
    names = set()
    for line in (ROOT / "utils" / "onnx-ops.txt").read_text().splitlines():
        if line.startswith(FAMILIES):
            names.update(line.split(":", 1)[1].split())
    return names


def operators(graph):
    for node in graph.node:
        yield node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from operators(attribute.g)


def as_array(value):
    """Types that NumPy lacks come as messages of ONNX."""
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def flatten(name, value, arrays):
    """A sequence becomes NAME/0, NAME/1, ...; an absent optional nothing."""
    if value is None:
        return
    if isinstance(value, (list, tuple)):
        for i, element in enumerate(value):
            flatten(f"{name}/{i}", element, arrays)
        return
    array = as_array(value)
    arrays[name] = array.astype(str) if array.dtype == object else array


def read_back(name, reference, arrays):
    """The output `name`, with the type that .npz files cannot tell taken from the reference."""
    if isinstance(reference, (list, tuple)):
        count = sum(1 for key in arrays if key.startswith(name + "/") and "/" not in key[len(name) + 1:])
        return [read_back(f"{name}/{i}", reference[min(i, len(reference) - 1)], arrays) for i in range(count)]
    if reference is None:
        return arrays.get(name)
    if name not in arrays:
        raise AssertionError(f"no output '{name}'")
    array, reference = arrays[name], as_array(reference)
    if reference.dtype == object:
        return array.astype(object)
    same_size = array.dtype.itemsize == reference.dtype.itemsize
    if array.dtype.kind == "V" and same_size or reference.dtype.name in ("int4", "uint4", "int2", "uint2"):
        return array.view(reference.dtype) if array.dtype.kind == "V" else array.astype(reference.dtype)
    return array


def comparable(value):
    """Types that NumPy's comparison does not take, in f32, which holds them exactly."""
    if isinstance(value, (list, tuple)):
        return [comparable(element) for element in value]
    exact = value is not None and value.dtype.kind == "V" and value.dtype.name != "bfloat16"
    return value.astype(np.float32) if exact else value


def compare(case, outputs, folder, index):
    arrays = dict(np.load(folder / f"{index}.out.npz", allow_pickle=False))
    found = [read_back(value.name, reference, arrays) for value, reference in zip(case.model.graph.output, outputs)]
    for value, reference in zip(found, outputs):
        if not isinstance(reference, (list, tuple)) and reference is not None:
            wanted = as_array(reference).dtype
            if wanted != object and value.dtype != wanted:
                raise AssertionError(f"type {value.dtype}, expected {wanted}")
    references = [as_array(r) if not isinstance(r, (list, tuple)) else r for r in outputs]
    Runner.assert_similar_outputs(comparable(references), comparable(found), case.rtol, case.atol)


def write_case(case, inputs, folder, index):
    model = folder / f"{index}.onnx"
    model.write_bytes(case.model.SerializeToString())
    arrays = {}
    for value, data in zip(case.model.graph.input, inputs):
        flatten(value.name, data, arrays)
    np.savez(folder / f"{index}.in.npz", **arrays)
    return f"{model} {folder / f'{index}.in.npz'} {folder / f'{index}.out.npz'}"


def run_list(translate, lines, folder):
    """The line of output for each model; a crash is the fault of the model it happened on, and the rest runs again."""
    results = []
    while len(results) < len(lines):
        (folder / "list").write_text("\n".join(lines[len(results):]) + "\n")
        ran = subprocess.run([str(translate), "--run", "--run-list", str(folder / "list"), "--run-threads", "2"],
                             capture_output=True, text=True)
        results += ran.stdout.splitlines()
        if len(results) < len(lines):
            results.append(f"crashed with status {ran.returncode}: {ran.stderr.strip()[-300:]}")
    return results


def shorten(text):
    return " ".join(text.split())[:300]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--translate", default=ROOT / "build" / "release" / "bin" / "qllm-translate")
    parser.add_argument("--filter", default="", help="only tests whose name contains this")
    parser.add_argument("--all", action="store_true", help="list failures outside the typed subset too")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    typed = typed_operators()
    cases = [case for case in collect_testcases(None) if arguments.filter in case.name]
    runs, lines = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for case in cases:
            for inputs, outputs in case.data_sets:
                lines.append(write_case(case, inputs, folder, len(runs)))
                runs.append((case, outputs))
        failures = {}
        for index, ((case, outputs), line) in enumerate(zip(runs, run_list(arguments.translate, lines, folder))):
            if not line.startswith("ok "):
                failures[case.name] = shorten(line.split(" ", 2)[-1])
                continue
            try:
                compare(case, outputs, folder, index)
            except Exception as error:  # whatever NumPy makes of two values that do not agree
                failures[case.name] = shorten(str(error))
    subset = {case.name for case in cases if set(operators(case.model.graph)) <= typed}
    reasons = collections.Counter()
    for name, reason in sorted(failures.items()):
        if name in subset or arguments.all:
            print(f"{name}: {KNOWN.get(name, reason)}")
        reasons[name in subset] += 1
    others = len(cases) - len(subset)
    print(f"operators of the typed subset: {len(subset) - reasons[True]} of {len(subset)} node tests pass")
    print(f"other operators: {others - reasons[False]} of {others} node tests pass")
    return 1 if set(failures) & subset - set(KNOWN) else 0


if __name__ == "__main__":
    sys.exit(main())
