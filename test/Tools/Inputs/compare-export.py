# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compare-export.py MODEL DIR -- OPTIONS...: quantizes and exports MODEL (which has an .npz of inputs beside it), runs the result directory
in the interpreter and the export in ONNX Runtime, and compares the outputs."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

# Sums in another order, and a rounding step that falls on the other side of a tie here and there: a step of 6 bits in one
# activation moves a logit by about this much.
MOST = 2e-2


def inputs_of(model: Path, session) -> dict:
    arrays = np.load(model.with_suffix(".npz"))
    return {each.name: arrays["in." + each.name] for each in session.get_inputs()}


def make_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check_weights(path: Path) -> None:
    """No initializer may be there for nobody, and none twice."""
    graph = onnx.load(str(path)).graph
    read = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    dead = [each.name for each in graph.initializer if each.name not in read]
    large = [each.raw_data for each in graph.initializer if len(each.raw_data) > 512]
    assert not dead, f"expected no dead weights, but got {dead}"
    assert len(set(large)) == len(large), "expected every weight once"


def main() -> None:
    split = sys.argv.index("--")
    model, folder = Path(sys.argv[1]), Path(sys.argv[2])
    command = ["qllm", "quantize", model, *sys.argv[split + 1 :], "--export", "onnx", "-o", folder, "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    exported = folder / "model.onnx"
    onnx.checker.check_model(str(exported), full_check=True)
    check_weights(exported)
    session = make_session(exported)
    inputs = inputs_of(model, session)
    theirs = session.run(None, inputs)
    np.savez(folder / "inputs.npz", **inputs)
    subprocess.run(["qllm", "run", folder, "--input", folder / "inputs.npz", "-o", folder / "outputs.npz"], check=True)
    ours = np.load(folder / "outputs.npz")
    before = make_session(model).run(None, inputs)
    for value, info, original in zip(theirs, session.get_outputs(), before):
        scale = np.abs(value).max()
        difference = np.abs(ours[info.name] - value).max() / scale
        assert difference < MOST, f"{info.name}: expected the interpreter's values within {MOST}, but got {difference}"
        changed = np.abs(original - value).max() / scale
        assert changed > 1e-5, f"{info.name}: expected quantization to change something, but got {changed}"
        print(f"{info.name}: difference {difference:.1e}, change by quantization {changed:.1e}")


main()
