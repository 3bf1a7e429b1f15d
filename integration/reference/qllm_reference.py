#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Published QLLM's plan of the demo model in plain numpy, and how far a plan of `qllm` agrees with it.

The float model runs once over the calibration windows. At each of the three sites of a layer (input of q, k and v; of gate and up; of
down) the threshold is searched on the first window by the error of the site's block function: attention up to the sum over values,
silu(gate) * up, and the product itself. With --plan the decisions are compared, site by site, with those that

    qllm quantize MODEL --recipe qllm … --stop-after=qllm-plan-reassembly -o DIR

wrote into DIR/plan.mlir: thresholds within a quarter of a step of the search, counts and pairs exactly.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

import rtn_reference
from reassembly_plan import Agreement, read_plan
from reassembly_reference import DISTANCES, Decision, search

SITES = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
# The first linear of a site, as qllm names it.
NAMED = {"qkv": "q_proj", "gate_up": "gate_proj", "down": "down_proj"}


class FloatModel(rtn_reference.Model):
    """The float decoder, one layer at a time over all windows, keeping what the sites read."""

    def __init__(self, path: Path):
        super().__init__(path, 16, 16, 16, lambda site, value: None)

    def mix(self, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
        """softmax(q k^T / sqrt(d) + causal mask) v of one window, each [tokens, heads * d], with rotary embedding."""
        length = len(q)
        q, k, v = (each.reshape(length, -1, self.head).transpose(1, 0, 2) for each in (q, k, v))
        q, k = self.rotary(q), self.rotary(k)
        group = len(q) // len(k)
        scores = q @ np.repeat(k, group, 0).transpose(0, 2, 1) * np.float32(self.head**-0.5)
        scores += np.triu(np.full((length, length), -np.inf, np.float32), 1)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return (weights @ np.repeat(v, group, 0)).transpose(1, 0, 2).reshape(length, -1)

    def layer_sites(self, layer: dict, windows: list[np.ndarray]) -> tuple[dict, list[np.ndarray]]:
        """What each site reads [all tokens, channels], and the stream behind the layer."""
        seen, after = {site: [] for site in SITES}, []
        for x in windows:
            normed = self.norm(x, layer["input_layernorm"])
            seen["qkv"].append(normed)
            x = x + self.mix(*(normed @ layer[name] for name in SITES["qkv"])) @ layer["self_attn.o_proj"]
            normed = self.norm(x, layer["post_attention_layernorm"])
            seen["gate_up"].append(normed)
            product = silu(normed @ layer["mlp.gate_proj"]) * (normed @ layer["mlp.up_proj"])
            seen["down"].append(product)
            after.append(x + product @ layer["mlp.down_proj"])
        return {site: np.concatenate(rows) for site, rows in seen.items()}, after

    def block(self, site: str, layer: dict, windows: int):
        """The function whose output the search compares, of the site's input and stacked weights [outputs, channels]."""
        rows = np.cumsum([layer[name].shape[1] for name in SITES[site]])[:-1]

        def run(x: np.ndarray, w: np.ndarray) -> np.ndarray:
            outputs = np.split(x @ w.T, rows, -1)
            if site == "qkv":
                return np.concatenate([self.mix(*one) for one in zip(*(np.split(each, windows) for each in outputs))])
            return silu(outputs[0]) * outputs[1] if site == "gate_up" else outputs[0]

        return run


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def plan_model(model: FloatModel, windows: np.ndarray, options: argparse.Namespace):
    """Yields (layer, site, decision), on the float stream."""
    stream = [model.table[ids] for ids in windows]
    tokens = options.search_windows * windows.shape[1]
    for index, layer in enumerate(model.layers):
        seen, stream = model.layer_sites(layer, stream)
        for site, names in SITES.items():
            weight = np.ascontiguousarray(np.concatenate([layer[name] for name in names], 1).T)
            yield index, site, search(
                seen[site][:tokens], weight, np.abs(seen[site]).max(0), model.block(site, layer, options.search_windows),
                options.weight_bits, options.activation_bits, options.ratio, options.distance)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=Path, required=True, help="calibration tokens")
    parser.add_argument("--windows", type=int, default=16)
    parser.add_argument("--window-length", type=int, default=256)
    parser.add_argument("--search-windows", type=int, default=1, help="windows that the error of a candidate is measured on")
    parser.add_argument("--weight-bits", type=int, default=4)
    parser.add_argument("--activation-bits", type=int, default=4)
    parser.add_argument("--ratio", type=float, default=0.2, help="largest share of added channels")
    parser.add_argument("--distance", choices=DISTANCES, default="code", help="of channels to merge: as the code or as the paper has it")
    parser.add_argument("--plan", type=Path, help="plan.mlir or a result directory of qllm quantize, to compare with")
    parser.add_argument("--save", type=Path, help="write the decisions as JSON")
    options = parser.parse_args()
    options.keep = "1/1"
    return options


def as_json(layer: int, site: str, decision: Decision) -> dict:
    return {"layer": layer, "site": site, "threshold": decision.threshold, "step": decision.step, "counts": decision.counts.tolist(),
            "pairs": decision.pairs.tolist(), "plain_error": decision.plain_error, "error": decision.error, "tried": decision.tried}


def main() -> int:
    options = parse()
    start = time.monotonic()
    planned = read_plan(options.plan) if options.plan else None
    windows = rtn_reference.choose_windows(np.load(options.tokens).reshape(-1), options)
    agreement, saved = Agreement(), []
    print(f"{'site':20} {'threshold':>10} {'added':>5} {'tried':>5} {'plain error':>12} {'error':>12}" + ("  agrees" if planned else ""))
    for layer, site, decision in plan_model(FloatModel(options.model), windows, options):
        line = (f"layers.{layer}.{site:10} {decision.threshold:10.5g} {decision.added:5} {decision.tried:5} "
                f"{decision.plain_error:12.5g} {decision.error:12.5g}")
        if planned:
            line += "  " + agreement.add(decision, planned.get(f"layers.{layer}.{NAMED[site]}"))
        print(line, flush=True)
        saved.append(as_json(layer, site, decision))
    if options.save:
        options.save.write_text(json.dumps(saved) + "\n")
    if planned:
        print(agreement.summary())
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
