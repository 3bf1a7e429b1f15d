#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Round-to-nearest quantization of the demo model in plain numpy: an oracle that shares no code with the compiler.

Weights are asymmetric per output channel, activations asymmetric and dynamic per token at the input of each of the seven
linears of a layer, and q, k (after rotary embedding) and v per token and head. Embedding, norms, softmax and lm_head stay in fp32.
`--perturb 1e-7` shows how much of a difference is chance: rounding turns a change in the last bit of a sum into a whole step.
`--trace` prints one line for each site of one window, and `--dump` keeps the values, to find the first site where two
implementations part.

Reads the weights out of the ONNX file that demo/gguf_to_onnx.py writes, by name.
"""
import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import onnx

EPSILON, THETA = np.float32(1e-5), np.float32(100000.0)
SCALE_FLOOR = np.float32(1e-8)
LINEARS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
           "mlp.down_proj")


def fake_quantize(x: np.ndarray, bits: int) -> np.ndarray:
    """Asymmetric min/max over the last axis, rounding half to even; the range is not stretched to hold zero."""
    if bits >= 16:
        return x
    low, high = x.min(-1, keepdims=True), x.max(-1, keepdims=True)
    top = np.float32(2**bits - 1)
    scale = np.maximum((high - low) / top, SCALE_FLOOR)
    zero = np.rint(-low / scale)
    return (np.clip(np.rint(x / scale) + zero, 0, top) - zero) * scale


class Checkpoint:
    """Maps the weights of an ONNX file with external data."""

    def __init__(self, path: Path):
        self.path = path
        graph = onnx.load(path, load_external_data=False).graph
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}

    def __getitem__(self, name: str) -> np.ndarray:
        tensor = self.tensors[name]
        where = {entry.key: entry.value for entry in tensor.external_data}
        return np.memmap(self.path.parent / where["location"], np.float32, "r", int(where["offset"]), tuple(tensor.dims))


class Model:
    def __init__(self, path: Path, weight_bits: int, activation_bits: int, kv_bits: int, trace):
        weights = Checkpoint(path)
        self.activation_bits, self.kv_bits, self.trace = activation_bits, kv_bits, trace
        self.table = np.array(weights["model.embed_tokens.weight"])
        self.last_gain = np.array(weights["model.norm.weight"])
        self.layers = []
        while f"model.layers.{len(self.layers)}.input_layernorm.weight" in weights.tensors:
            at = f"model.layers.{len(self.layers)}."
            layer = {name: np.array(weights[at + name + ".weight"]) for name in ("input_layernorm", "post_attention_layernorm")}
            for name in LINEARS:
                by_output = np.ascontiguousarray(weights[at + name + ".weight"].T)
                layer[name] = np.ascontiguousarray(fake_quantize(by_output, weight_bits).T)
            self.layers.append(layer)
        if not self.layers:
            raise SystemExit(f"expected weights named 'model.layers.N.…' in '{path}', but found none")
        head = 64
        self.head = head
        inverse = THETA ** (-np.arange(0, head, 2, dtype=np.float32) / np.float32(head))
        angle = np.arange(8192, dtype=np.float32)[:, None] * inverse.astype(np.float32)
        angle = np.concatenate([angle, angle], -1)
        self.cos, self.sin = np.cos(angle), np.sin(angle)

    def rotary(self, x: np.ndarray) -> np.ndarray:
        half, length = self.head // 2, x.shape[-2]
        turned = np.concatenate([-x[..., half:], x[..., :half]], -1)
        return x * self.cos[:length] + turned * self.sin[:length]

    @staticmethod
    def norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
        return x * (1 / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)) * gain

    def quantized(self, site: str, x: np.ndarray, bits: int) -> np.ndarray:
        x = fake_quantize(x, bits)
        self.trace(site, x)
        return x

    def attention(self, at: str, layer: dict, x: np.ndarray) -> np.ndarray:
        length = len(x)
        split = lambda y: y.reshape(length, -1, self.head).transpose(1, 0, 2)
        q, k, v = (split(x @ layer[name]) for name in LINEARS[:3])
        q = self.quantized(at + "q", self.rotary(q), self.kv_bits)
        k = self.quantized(at + "k", self.rotary(k), self.kv_bits)
        v = self.quantized(at + "v", v, self.kv_bits)
        group = len(q) // len(k)
        scores = q @ np.repeat(k, group, 0).transpose(0, 2, 1) * np.float32(self.head**-0.5)
        scores += np.triu(np.full((length, length), -np.inf, np.float32), 1)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return (weights @ np.repeat(v, group, 0)).transpose(1, 0, 2).reshape(length, -1)

    def logits(self, ids: np.ndarray) -> np.ndarray:
        x = self.table[ids]
        for index, layer in enumerate(self.layers):
            at = f"layers.{index}."
            normed = self.quantized(at + "qkv", self.norm(x, layer["input_layernorm"]), self.activation_bits)
            mixed = self.quantized(at + "o", self.attention(at, layer, normed), self.activation_bits)
            x = x + mixed @ layer["self_attn.o_proj"]
            normed = self.quantized(at + "gate_up", self.norm(x, layer["post_attention_layernorm"]), self.activation_bits)
            gate = normed @ layer["mlp.gate_proj"]
            product = gate / (1 + np.exp(-gate)) * (normed @ layer["mlp.up_proj"])
            x = x + self.quantized(at + "down", product, self.activation_bits) @ layer["mlp.down_proj"]
            self.trace(at + "residual", x)
        return self.norm(x, self.last_gain) @ self.table.T


def loss(logits: np.ndarray, ids: np.ndarray) -> float:
    """Mean negative log-likelihood of positions 1..length-1."""
    rows = logits[:-1].astype(np.float64)
    top = rows.max(-1, keepdims=True)
    total = np.log(np.exp(rows - top).sum(-1)) + top[:, 0]
    return float((total - rows[np.arange(len(rows)), ids[1:]]).mean())


def choose_windows(tokens: np.ndarray, options) -> np.ndarray:
    step = (len(tokens) - options.window_length) // max(options.windows - 1, 1)
    keep, of = (int(part) for part in options.keep.split("/"))
    places = [index * step for index in range(options.windows) if index % of < keep]
    return np.stack([tokens[place : place + options.window_length] for place in places])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--weight-bits", type=int, default=16)
    parser.add_argument("--activation-bits", type=int, default=16)
    parser.add_argument("--kv-bits", type=int, help="bits of q, k and v; the activation bits unless given")
    parser.add_argument("--windows", type=int, default=24)
    parser.add_argument("--window-length", type=int, default=512)
    parser.add_argument("--keep", default="1/1", help="A/B keeps the first A of every B windows (2/3: the 16-window figures)")
    parser.add_argument("--perturb", type=float, default=0, help="relative noise on the embedding table")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--trace", action="store_true", help="print a checksum of each site of the first window, to stderr")
    parser.add_argument("--dump", type=Path, help="write each site of the first window to this .npz file")
    return parser.parse_args()


def main() -> None:
    options = parse()
    kv_bits = options.activation_bits if options.kv_bits is None else options.kv_bits
    sites = {}

    def trace(site, value):
        if tracing and options.trace:
            print(f"{site:24} shape {value.shape} mean |x| {np.abs(value).mean():.6g} max |x| {np.abs(value).max():.6g} "
                  f"sum {value.sum(dtype=np.float64):.6g}", file=sys.stderr)
        if tracing and options.dump:
            sites[site] = value

    start = time.monotonic()
    model = Model(options.model, options.weight_bits, options.activation_bits, kv_bits, trace)
    if options.perturb:
        noise = np.random.default_rng(options.seed).standard_normal(model.table.shape, np.float32)
        model.table *= 1 + np.float32(options.perturb) * noise
    losses = []
    for number, ids in enumerate(choose_windows(np.load(options.tokens), options)):
        tracing = number == 0 and (options.trace or options.dump)
        losses.append(loss(model.logits(ids), ids))
    if options.dump:
        np.savez(options.dump, **sites)
    print(json.dumps({
        "weight_bits": options.weight_bits, "activation_bits": options.activation_bits, "kv_bits": kv_bits,
        "windows": len(losses), "perplexity": math.exp(np.mean(losses)), "losses": [round(each, 6) for each in losses],
        "seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
