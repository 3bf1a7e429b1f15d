#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What hostile files cost: processor time and memory, the best of three runs each, beside the bounds of SECURITY.md and the tests."""

import pathlib
import sys
import tempfile

import onnx

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "test/Python/support"))
import hostile  # noqa: E402


def cases(folder):
    """Name, tool and arguments, exit status, most seconds, most MiB."""

    def file(name, data):
        (folder / name).write_bytes(data)
        return folder / name

    def chain(count):
        path = folder / f"chain{count}.onnx"
        onnx.save(hostile.chain(count), path)
        return path

    imports = ("qllm-translate", "--import-onnx")
    yield "2 MB of empty nodes", (*imports, file("empty.onnx", hostile.empty_nodes(1_000_000))), 1, None, 128
    for count in (25_000, 50_000, 100_000):
        yield f"{count} nodes in a row", (*imports, chain(count), "-o", folder / "chain.mlirbc"), 0, 2 * count / 100_000, None
    yield "64 GiB of external data", (*imports, hostile.sparse_external(folder, 64)), 0, None, 512
    yield "100000 nested regions", ("qllm-opt", file("nested.mlir", hostile.nested_regions(100_000))), 1, 2, 512
    yield "a number of 20000 digits", ("qllm-opt", file("literal.mlir", hostile.long_literal(20_000))), 1, 2, 512
    yield "aliases for 4^40 tokens", ("qllm-opt", file("bomb.mlir", hostile.alias_bomb(40))), 1, 2, 512


def main():
    print(f"{'file':28} {'exit':>4} {'cpu s':>8} {'bound':>6} {'MiB':>6} {'bound':>6}")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, command, code, seconds, megabytes in cases(pathlib.Path(folder)):
            best = min((hostile.measure(*command) for _ in range(3)), key=lambda outcome: outcome.seconds)
            good &= best.code == code and best.seconds <= (seconds or 60) and best.megabytes <= (megabytes or 4096)
            print(f"{name:28} {best.code:4} {best.seconds:8.2f} {seconds or '':>6} {best.megabytes:6.0f} {megabytes or '':>6}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
