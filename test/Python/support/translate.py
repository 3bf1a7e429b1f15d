# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running qllm-translate from tests."""

import os
import pathlib
import resource
import subprocess

BUILD = pathlib.Path(os.environ.get("QLLM_BUILD", pathlib.Path(__file__).parent.parent.parent.parent / "build/release"))


def translate(*arguments, timeout=60, megabytes=None):
    def limit():
        # Anonymous memory only: mapped weights are not counted. The address sanitizer reserves far more than any limit.
        if megabytes and BUILD.name != "asan":
            resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))

    return subprocess.run([BUILD / "bin/qllm-translate", *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=timeout, preexec_fn=limit, check=False)


def import_model(path, output, **limits):
    return translate("--import-onnx", path, "-o", output, **limits)


def export_model(path, output, *options, **limits):
    return translate("--export-onnx", path, *options, "-o", output, **limits)
