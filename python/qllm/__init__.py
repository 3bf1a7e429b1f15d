# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qllm: quantizes ONNX language models by rewriting IR, and says with a number what that cost.

    import qllm
    model = qllm.load("model.onnx")
    q = qllm.quantize(model, recipe="qllm", weight_bits=4, activation_bits=4, calibration=ids)
    print(q.perplexity(ids), q.report()["coverage"]["bits_per_weight"])
    q.save_onnx("model-w4a4.onnx")

`qllm.backend` runs ONNX models behind the interface of onnx.backend; `qllm.tune` is the tuner, which needs PyTorch.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qllm.errors import Diagnostic, QllmError

if TYPE_CHECKING:
    from qllm._qllm import Module
    from qllm.model import Kernels, Model, load, parse, quantize, run_pipeline

__all__ = ["Diagnostic", "Kernels", "Model", "Module", "QllmError", "load", "parse", "quantize", "run_pipeline"]


def __getattr__(name: str) -> Any:
    """Loads the compiler when it is first used: `qllm.tune` runs on machines that do not have it."""
    if name not in __all__ and name != "__version__":
        raise AttributeError(f"module 'qllm' has no attribute '{name}'")
    from qllm import _qllm, model

    return getattr(_qllm if name in ("Module", "__version__") else model, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
