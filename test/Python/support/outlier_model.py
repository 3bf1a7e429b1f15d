# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small decoder of demo/gguf_to_onnx.py with random weights and channel outliers, made where the test runs.

Outliers are put in by scaling channels and undoing it in the next weight, so that the function of the model stays what it was:
gains of norms against columns of q, k, v, gate and up; rows of up against columns of down.
"""
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "demo"))

from gguf_to_onnx import Config, LlamaGraph  # noqa: E402
from onnx_writer import GraphWriter  # noqa: E402

HIDDEN, INNER, HEADS, KV_HEADS, HEAD, VOCABULARY = 128, 192, 2, 1, 64, 96


class RandomWeights(dict):
    """Answers as gguf_to_onnx.Weights does."""

    def load(self, name: str) -> np.ndarray:
        return self[name]

    def load_rotary(self, name: str, heads: int) -> np.ndarray:
        return self[name]


def random_weights(layers: int, outliers: bool, seed: int) -> RandomWeights:
    random = np.random.default_rng(seed)
    draw = lambda *shape: random.normal(0, shape[-1] ** -0.5, shape).astype(np.float32)
    weights = RandomWeights({"token_embd.weight": random.normal(0, 1, (VOCABULARY, HIDDEN)).astype(np.float32)})
    for index in range(layers):
        at = f"blk.{index}."
        shapes = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (KV_HEADS * HEAD, HIDDEN), "attn_v": (KV_HEADS * HEAD, HIDDEN),
                  "attn_output": (HIDDEN, HIDDEN), "ffn_gate": (INNER, HIDDEN), "ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER)}
        weights |= {f"{at}{name}.weight": draw(*shape) for name, shape in shapes.items()}
        for name in ("attn_norm", "ffn_norm"):
            weights[f"{at}{name}.weight"] = random.uniform(0.5, 1.5, HIDDEN).astype(np.float32)
        if outliers:
            inject(weights, at, random)
    weights["output_norm.weight"] = np.ones(HIDDEN, np.float32)
    return weights


def inject(weights: RandomWeights, at: str, random: np.random.Generator) -> None:
    for norm, readers in (("attn_norm", ("attn_q", "attn_k", "attn_v")), ("ffn_norm", ("ffn_gate", "ffn_up"))):
        factors = outlier_factors(HIDDEN, random)
        weights[f"{at}{norm}.weight"] *= factors
        for reader in readers:
            weights[f"{at}{reader}.weight"] /= factors
    factors = outlier_factors(INNER, random)
    weights[f"{at}ffn_up.weight"] *= factors[:, None]
    weights[f"{at}ffn_down.weight"] /= factors


def outlier_factors(channels: int, random: np.random.Generator) -> np.ndarray:
    factors = np.ones(channels, np.float32)
    chosen = random.choice(channels, 6, replace=False)
    factors[chosen] = random.uniform(3, 16, 6)
    return factors


def write_model(path: Path, layers: int, outliers: bool = True, seed: int = 3) -> Path:
    config = Config(layers, HIDDEN, HEADS, KV_HEADS, HEAD, VOCABULARY, 1e-5, 100000.0)
    graph = GraphWriter(path)
    LlamaGraph(config, random_weights(layers, outliers, seed), graph).build()
    tokens = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "seq", VOCABULARY])
    graph.finish([tokens], [logits], 18, {})
    return path


def write_tokens(path: Path, count: int = 4096, seed: int = 5) -> Path:
    np.save(path, np.random.default_rng(seed).integers(0, VOCABULARY, count))
    return path
