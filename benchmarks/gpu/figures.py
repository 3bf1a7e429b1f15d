# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The figures of a run as JSON, in a file that is whole at every moment, so that a run that is ended loses nothing."""
import json
import os
from pathlib import Path

from manifest import BadInput


class Figures:
    """A file that is replaced by each `write`; without a path nothing is stored. One that cannot be written is found at once."""

    def __init__(self, path):
        self.path = path
        self.write({})

    def write(self, content: dict) -> None:
        if self.path is None:
            return
        part = Path(f"{self.path}.part")
        try:
            part.write_text(json.dumps(content, indent=1) + "\n")
            os.replace(part, self.path)
        except OSError as error:
            raise BadInput(f"cannot write '{self.path}': {error.strerror}") from error
