"""Runs a decoder layer as compiled host code on the emulator, beside the interpreter.

usage: run-layer.py FOLDER RUNTIME LIBRARIES OPTION=VALUE ..

rows: tokens of the prompt. target: an architecture. static: 1 for a function of that number of rows only. A prompt fills the cache, and one
token more reads it. Wants every bit of the hidden states and of the cache to be the interpreter's.
"""

import pathlib
import re
import subprocess
import sys

import ml_dtypes
import numpy as np
from host_code import run_host_code

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_emulator import parse_options  # noqa: E402

random = np.random.default_rng(0)
LAYER = pathlib.Path(__file__).parent / "layer.mlir"


def weights(text: str) -> dict:
    """Random ones for the arguments of fixed size, by name."""
    found = {}
    for shape, element, name in re.findall(r'tensor<([\dx]+)x(\w+)> \{onnx\.name = "(\w+)"\}', text.partition(") {")[0]):
        shape = [int(size) for size in shape.split("x")]
        if element == "f32":
            found[name] = random.uniform(0.5, 1.5, shape).astype(np.float32) / (1 if "norm" in name else 100)
        else:
            low = 8 if element == "i4" else 128
            found[name] = random.integers(-low, low, shape, np.int8)
    angles = np.arange(128)[:, None] * 10000.0 ** -(np.arange(32) / 32)
    return {**found, "cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32)}


def interpret(folder: pathlib.Path, inputs: dict, target: str) -> list:
    np.savez(folder / "in.npz", **{name: value.astype(ml_dtypes.int4) if name == "wd" else value for name, value in inputs.items()})
    subprocess.run(["qllm-translate", "--run", "kernels.mlir", "--input=in.npz", "--output=out.npz", f"--run-device={target}"],
                   check=True, cwd=folder)
    results = np.load(folder / "out.npz")
    return [results["hidden"], results["cache.out"]]


def on_device(value: np.ndarray, name: str) -> np.ndarray:
    """Codes of four bits are two to a byte."""
    if name != "wd":
        return value
    halves = (value & 15).astype(np.uint8).reshape(-1, 2)
    return (halves[:, 0] | halves[:, 1] << 4).reshape(len(value), -1)


def compile_layer(folder: pathlib.Path, text: str, target: str) -> str:
    """The host code; beside it `kernels.mlir`, with a main for the interpreter."""
    (folder / "layer.mlir").write_text(text)
    kernels = subprocess.run(["qllm-opt", "layer.mlir", f"--qllm-lower-to-nvvm=targets={target} format=emulator"], check=True, cwd=folder,
                             stdout=subprocess.PIPE, text=True).stdout
    (folder / "kernels.mlir").write_text(kernels.replace("@layer", "@main"))
    return subprocess.run(["qllm-opt", f"--convert-kernel-to-gpu=target={target}", "--canonicalize", "--cse", "--qllm-embed-for-emulator"],
                          check=True, input=kernels, stdout=subprocess.PIPE, text=True).stdout


def compare(found: np.ndarray, wanted: list) -> str:
    bits = np.concatenate([each.view(f"i{each.dtype.itemsize}").reshape(-1) for each in wanted])
    hidden = wanted[0]
    assert np.isfinite(hidden).all() and hidden.std() > 0.1, "the interpreter's hidden states are no example"
    assert found.shape == bits.shape, f"expected {len(bits)} numbers, but got {len(found)}"
    return f"{int((found != bits).sum())} of {len(bits)} numbers are not the interpreter's"


def main():
    runtime, libraries = sys.argv[2:4]
    folder, o, _ = parse_options([sys.argv[1], *sys.argv[4:]], dict(rows="5", target="sm_80", static="0"))
    rows, text = int(o["rows"]), LAYER.read_text()
    steps = {f"prompt of {rows}": (0, rows), "one token": (rows, rows + 1)}
    fixed, names = weights(text), re.findall(r'onnx\.name = "(\w+)"', text.partition(") {")[0])
    if int(o["static"]):
        text = re.sub(r"\?(?=x\d+xf32|xf32|x128xi8|x256xi4)", o["rows"], text)
        steps.pop("one token")
    host, cache = compile_layer(folder, text, o["target"]), np.zeros((2, 1, 5120), np.int8)
    for step, (first, last) in steps.items():
        given = {**fixed, "x": random.normal(0, 1, (last - first, 128)).astype(np.float32), "cache": cache,
                 "positions": np.arange(first, last, dtype=np.int32), "pages": np.array([1, 0], np.int32)}
        inputs = {name: given[name] for name in names if name in given}
        wanted = interpret(folder, inputs, o["target"])
        found = run_host_code(folder, host, "layer", [on_device(value, name) for name, value in inputs.items()], runtime, libraries)
        print(f"{step}: {compare(found, wanted)}")
        cache = wanted[1]


if __name__ == "__main__":
    main()
