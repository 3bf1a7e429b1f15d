# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What calls raise."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence


@dataclass(frozen=True)
class Diagnostic:
    """One message of the compiler.

    `severity` is `error` or `note`, which belongs to the error before it; `place` is `FILE:LINE:COLUMN`, `FILE` for formats without
    lines, or empty; `node` names the node of the model, or is empty.
    """

    severity: str
    place: str
    node: str
    message: str


class QllmError(RuntimeError):
    """A file, a model or an argument cannot be processed; nothing was written.

    The text has every diagnostic of the compiler, a line each: where, what was wanted, what was found. `diagnostics` has the same in
    parts.
    """

    def __init__(self, text: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(text)
        self.diagnostics = list(diagnostics) or [Diagnostic("error", "", "", text)]
