# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradient-based error correction of quantized ONNX models: `python -m qllm.tune --help`.

`model`, `structure` and `command` read and check models with numpy alone; `operators`, `network`, `quantizers`, `student` and
`rounds` import PyTorch.
"""
