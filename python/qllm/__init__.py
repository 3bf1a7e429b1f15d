# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python side of qllm. What compiles and evaluates models is the tool `qllm`; this package holds what needs Python."""
