# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qllm in one process with other packages that hold LLVM, protobuf or ONNX, imported in any order."""

import importlib.util
import itertools
import os
import subprocess
import sys

import package
import pytest

OTHERS = [name for name in ("onnx", "onnxruntime", "torch", "torch_mlir") if importlib.util.find_spec(name)]
# Where qllm comes is what matters; QLLM_ALL_ORDERS=1 tries the order of the others, too.
PLACES = [(*OTHERS[:i], "qllm", *OTHERS[i:]) for i in range(len(OTHERS) + 1)]
ORDERS = list(itertools.permutations(["qllm", *OTHERS])) if os.environ.get("QLLM_ALL_ORDERS") else PLACES

SCRIPT = """
import sys
import numpy as np
sys.path.insert(0, {path!r})
ids = np.arange(12, dtype=np.int64)[None]
expected = None

def use(name):
    if name == "qllm":
        import qllm
        model = qllm.load({model!r}, threads=2)
        found = model.run({{"input_ids": ids}})["logits"]
        rows = qllm.quantize(model, weight_bits=4).report()["coverage"]["rows"]
        assert any(row["weight_bits"] == 4 for row in rows)
        return found
    if name == "onnx":
        import onnx
        onnx.checker.check_model({model!r})
        onnx.shape_inference.infer_shapes(onnx.load({model!r}))
    if name == "onnxruntime":
        import onnxruntime
        return onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"]).run(["logits"], {{"input_ids": ids}})[0]
    if name == "torch":
        import torch
        assert (torch.ones(64, 64) @ torch.ones(64, 64)).sum() == 64 ** 3
    if name == "torch_mlir":
        from torch_mlir import ir
        with ir.Context():
            assert "module" in str(ir.Module.parse("func.func @f() {{ return }}"))

for turn in range(2):
    for name in {order!r}:
        found = use(name)
        if found is not None:
            assert expected is None or np.allclose(found, expected, atol=1e-4), name
            expected = found
print("same")
"""


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_order_of_imports(order):
    script = SCRIPT.format(path=str(package.PACKAGE), model=str(package.LLAMA), order=order)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert (result.returncode, result.stdout) == (0, "same\n"), result.stderr


def test_the_tuner_needs_no_native_part():
    script = "import sys, qllm, qllm.tune.structure; sys.exit('qllm._qllm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(package.ROOT / "python")}, check=False).returncode == 0
