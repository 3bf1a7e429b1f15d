# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What calls raise."""
from __future__ import annotations


class QllmError(RuntimeError):
    """A file, a model or an argument cannot be processed; nothing was written.

    The text has every diagnostic of the compiler, a line each: where, what was wanted, what was found.
    """

    @property
    def diagnostics(self) -> list[str]:
        """The lines of the message."""
        return str(self).splitlines()
