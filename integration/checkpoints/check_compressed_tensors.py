#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that the compressed-tensors library reads our checkpoints and finds the weights that the suite's own reader finds.

Run with a Python that has `compressed-tensors` (0.20 or later), `safetensors`, `torch` (CPU) and `pytest`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from compressed_tensors.quantization import QuantizationConfig
from compressed_tensors.quantization.lifecycle.forward import dequantize
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
SCHEMES = {
    "int4, groups of 16": ["--weight-bits=4", "--granularity=group", "--group-size=16", "--symmetric"],
    "uint4, groups of 16": ["--weight-bits=4", "--granularity=group", "--group-size=16"],
    "int8": ["--weight-bits=8", "--granularity=channel", "--symmetric"],
    "uint3": ["--weight-bits=3", "--granularity=channel"],
    "uint4 and int8 inputs": ["--weight-bits=4", "--granularity=channel", "--activation-bits=8", "--activation-symmetric"],
}


def by_library(folder: Path, names) -> dict[str, np.ndarray]:
    """Weights as the library decompresses them, by the configuration that lies beside them."""
    config = QuantizationConfig(**json.loads((folder / "config.json").read_text())["quantization_config"])
    scheme = next(iter(config.config_groups.values())).weights
    tensors = load_file(folder / "model.safetensors")
    weights = {}
    for name in names:
        codes = unpack_from_int32(tensors[name + ".weight_packed"], scheme.num_bits, torch.Size(tensors[name + ".weight_shape"].tolist()))
        scale, zero = tensors[name + ".weight_scale"], None
        if not scheme.symmetric:
            zero = unpack_from_int32(tensors[name + ".weight_zero_point"], scheme.num_bits, scale.shape, packed_dim=0)
        weights[name] = dequantize(x_q=codes, scale=scale, zero_point=zero, args=scheme).float().numpy()
    return weights


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    options = parser.parse_args()
    os.environ["QLLM_BUILD"] = str(options.build)
    sys.path.insert(0, str(ROOT / "test/Python"))
    import export_checkpoint as ours  # the reader of the suite and its model; needs the build to be known

    different = 0
    for label, scheme in SCHEMES.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = ours.quantize(Path(scratch), *scheme)
            out = Path(scratch) / "out"
            subprocess.run([options.build / "bin/qllm", "export", folder, "--format", "compressed-tensors", "-o", out], check=True)
            (group,) = json.loads((out / "config.json").read_text())["quantization_config"]["config_groups"].values()
            tensors = ours.read_safetensors(out / "model.safetensors")
            weights = by_library(out, ours.SIZES)
            equal = all(np.array_equal(ours.from_compressed_tensors(tensors, name, group["weights"]), weights[name]) for name in weights)
        different += not equal
        print(f"{label:24} {'equal' if equal else 'DIFFERENT'}", flush=True)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
