# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The one error that users see: a sentence in lower case that says what was expected and what was found."""


class TuneError(Exception):
    pass
