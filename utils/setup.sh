#!/bin/sh
# Installs what a bare Debian bookworm lacks and builds the two things the distribution does not package: a Python
# environment (build/venv) and a static ONNX (build/deps). Does nothing when the stamp of an earlier run still matches.
set -eu
cd "$(dirname "$0")/.."

onnx_version=1.23.2
packages='ca-certificates git python3 python3-dev python3-venv ccache ninja-build clang-22 libclang-rt-22-dev lld-22 clang-format-22 llvm-22-dev llvm-22-tools libmlir-22-dev
mlir-22-tools libprotobuf-dev protobuf-compiler libdnnl-dev libopenblas-serial-dev nlohmann-json3-dev libgtest-dev libboost-context-dev node-d3'

say() { echo "setup: $*" >&2; }

missing=
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  say "installing$missing"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
fi

mkdir -p build
wanted=$(cat utils/setup.sh utils/requirements.txt | sha256sum)
[ "$(cat build/setup.stamp 2>/dev/null)" = "$wanted" ] && exit 0

say 'preparing build/venv'
[ -x build/venv/bin/python ] || python3 -m venv build/venv
build/venv/bin/python -m pip install -q --disable-pip-version-check -r utils/requirements.txt

if [ ! -e "build/deps/onnx-$onnx_version" ]; then
  say "building ONNX $onnx_version"
  work=build/deps/work
  rm -rf "$work" && mkdir -p "$work"
  build/venv/bin/python -m pip download -q --disable-pip-version-check --no-deps --no-binary onnx "onnx==$onnx_version" -d "$work"
  tar -xf "$work/onnx-$onnx_version.tar.gz" -C "$work"
  build/venv/bin/cmake -S "$work/onnx-$onnx_version" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DONNX_BUILD_PYTHON=OFF -DONNX_USE_PROTOBUF_SHARED_LIBS=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DCMAKE_INSTALL_PREFIX="$PWD/build/deps" >&2
  build/venv/bin/cmake --build "$work/build" --target onnx onnx_proto >&2
  build/venv/bin/cmake --install "$work/build" >&2
  rm -rf "$work"
  touch "build/deps/onnx-$onnx_version"
fi
echo "$wanted" >build/setup.stamp
