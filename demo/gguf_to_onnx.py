#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the LLaMA-architecture model of a GGUF file as fp32 ONNX: input_ids -> logits, no KV cache.

The graph has the shape that PyTorch's and Optimum's exporters give: every operator decomposed down to opset 18, node names that say which
layer they serve, MatMul weights as [in, out], and one embedding table shared by Gather and, through Transpose, by lm_head.
"""
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import gguf
import numpy as np
from onnx import TensorProto, helper

from onnx_writer import GraphWriter

OPSET = 18


@dataclass(frozen=True)
class Config:
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    epsilon: float
    theta: float

    @staticmethod
    def read(reader: gguf.GGUFReader) -> "Config":
        def get(key):
            field = reader.get_field(key)
            if field is None:
                raise SystemExit(f"expected the key '{key}' in the GGUF file, but found none")
            return field.contents()

        if get("general.architecture") != "llama":
            raise SystemExit(f"expected architecture 'llama', but got '{get('general.architecture')}'")
        heads, hidden = get("llama.attention.head_count"), get("llama.embedding_length")
        return Config(
            layers=get("llama.block_count"), hidden=hidden, heads=heads,
            kv_heads=get("llama.attention.head_count_kv"), head=hidden // heads, vocabulary=get("llama.vocab_size"),
            epsilon=float(get("llama.attention.layer_norm_rms_epsilon")), theta=float(get("llama.rope.freq_base")))


class Weights:
    """Dequantizes one tensor at a time out of the mapped GGUF file."""

    def __init__(self, reader: gguf.GGUFReader):
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def load(self, name: str) -> np.ndarray:
        if name not in self.tensors:
            raise SystemExit(f"expected the tensor '{name}' in the GGUF file, but found none")
        tensor = self.tensors[name]
        return gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)

    def load_rotary(self, name: str, heads: int) -> np.ndarray:
        """GGUF keeps the two halves of a head interleaved (rotary pairs next to each other); ONNX graphs rotate halves."""
        weight = self.load(name)
        pairs = weight.reshape(heads, weight.shape[0] // heads // 2, 2, weight.shape[1])
        return pairs.swapaxes(1, 2).reshape(weight.shape)


class LlamaGraph:
    """Builds the decoder; each method returns the name of the value it computed."""

    def __init__(self, config: Config, weights: Weights, graph: GraphWriter):
        self.config, self.weights, self.graph = config, weights, graph

    def build(self) -> None:
        g, config = self.graph, self.config
        table = g.weight("model.embed_tokens.weight", self.weights.load("token_embd.weight"))
        hidden = g.node("Gather", "/model/embed_tokens/Gather", table, "input_ids", axis=0)
        self.positions()
        for index in range(config.layers):
            hidden = self.layer(index, hidden)
        hidden = self.norm("/model/norm", "model.norm.weight", "output_norm.weight", hidden)
        if "output.weight" in self.weights:
            head = g.weight("lm_head.weight", self.weights.load("output.weight").T)
        else:
            head = g.node("Transpose", "/lm_head/Transpose", table, perm=[1, 0])
        g.node("MatMul", "/lm_head/MatMul", hidden, head, output="logits")

    def positions(self) -> None:
        """cos, sin [1, 1, S, head] and the causal mask [1, 1, S, S], used by every layer."""
        g, head = self.graph, self.config.head
        at = "/model/rotary_emb/"
        shape = g.node("Shape", at + "Shape", "input_ids")
        length = g.node("Gather", at + "Gather", shape, g.constant(1), axis=0)
        places = g.node("Range", at + "Range", g.constant(0), length, g.constant(1))
        column = g.node("Unsqueeze", at + "Unsqueeze", places, g.constant([0, 1, 3]))
        frequencies = self.config.theta ** (-np.arange(0, head, 2, dtype=np.float32) / np.float32(head))
        inverse = g.small("model.rotary_emb.inv_freq", frequencies.astype(np.float32))
        angle = g.node("Mul", at + "Mul", g.node("Cast", at + "Cast", column, to=TensorProto.FLOAT), inverse)
        angles = g.node("Concat", at + "Concat", angle, angle, axis=-1)
        self.cos = g.node("Cos", at + "Cos", angles)
        self.sin = g.node("Sin", at + "Sin", angles)
        query = g.node("Unsqueeze", "/model/mask/Unsqueeze", places, g.constant([0, 1, 3]))
        key = g.node("Unsqueeze", "/model/mask/Unsqueeze_1", places, g.constant([0, 1, 2]))
        visible = g.node("LessOrEqual", "/model/mask/LessOrEqual", key, query)
        hide = float(np.finfo(np.float32).min)
        self.mask = g.node(
            "Where", "/model/mask/Where", visible, g.constant(0, np.float32), g.constant(hide, np.float32))

    def norm(self, at: str, name: str, source: str, x: str) -> str:
        g = self.graph
        square = g.node("Pow", at + "/Pow", x, g.constant(2, np.float32))
        mean = g.node("ReduceMean", at + "/ReduceMean", square, g.constant([-1]), keepdims=1)
        shifted = g.node("Add", at + "/Add", mean, g.constant(self.config.epsilon, np.float32))
        inverse = g.node("Reciprocal", at + "/Reciprocal", g.node("Sqrt", at + "/Sqrt", shifted))
        scaled = g.node("Mul", at + "/Mul", x, inverse)
        return g.node("Mul", at + "/Mul_1", g.weight(name, self.weights.load(source)), scaled)

    def linear(self, at: str, name: str, weight: np.ndarray, x: str) -> str:
        return self.graph.node("MatMul", at + "/MatMul", x, self.graph.weight(name, weight.T))

    def heads(self, at: str, suffix: str, x: str, count: int) -> str:
        """[B, S, count * head] -> [B, count, S, head]."""
        g = self.graph
        split = g.node("Reshape", at + "/Reshape" + suffix, x, g.constant([0, 0, count, self.config.head]))
        return g.node("Transpose", at + "/Transpose" + suffix, split, perm=[0, 2, 1, 3])

    def rotate(self, at: str, suffix: str, x: str) -> str:
        """x cos + rotate_half(x) sin."""
        g, half = self.graph, self.config.head // 2
        end = np.iinfo(np.int64).max
        low = g.node("Slice", f"{at}/rotary{suffix}/Slice", x, g.constant([0]), g.constant([half]), g.constant([3]))
        high = g.node("Slice", f"{at}/rotary{suffix}/Slice_1", x, g.constant([half]), g.constant([end]), g.constant([3]))
        turned = g.node(
            "Concat", f"{at}/rotary{suffix}/Concat", g.node("Neg", f"{at}/rotary{suffix}/Neg", high), low, axis=-1)
        straight = g.node("Mul", f"{at}/rotary{suffix}/Mul", x, self.cos)
        return g.node(
            "Add", f"{at}/rotary{suffix}/Add", straight,
            g.node("Mul", f"{at}/rotary{suffix}/Mul_1", turned, self.sin))

    def repeat(self, at: str, suffix: str, x: str) -> str:
        """[B, kv_heads, S, head] -> [B, heads, S, head]: each key/value head serves a group of query heads."""
        g, config = self.graph, self.config
        if config.heads == config.kv_heads:
            return x
        wide = g.node("Unsqueeze", f"{at}/repeat{suffix}/Unsqueeze", x, g.constant([2]))
        shape = g.constant([1, 1, config.heads // config.kv_heads, 1, 1])
        wide = g.node("Expand", f"{at}/repeat{suffix}/Expand", wide, shape)
        return g.node(
            "Reshape", f"{at}/repeat{suffix}/Reshape", wide, g.constant([0, config.heads, -1, config.head]))

    def attention(self, index: int, x: str) -> str:
        g, config, load = self.graph, self.config, self.weights
        at, name, source = f"/model/layers.{index}/self_attn", f"model.layers.{index}.self_attn", f"blk.{index}.attn_"
        q = self.linear(at + "/q_proj", name + ".q_proj.weight", load.load_rotary(source + "q.weight", config.heads), x)
        k = self.linear(
            at + "/k_proj", name + ".k_proj.weight", load.load_rotary(source + "k.weight", config.kv_heads), x)
        v = self.linear(at + "/v_proj", name + ".v_proj.weight", load.load(source + "v.weight"), x)
        q = self.rotate(at, "_q", self.heads(at, "_q", q, config.heads))
        k = self.repeat(at, "_k", self.rotate(at, "_k", self.heads(at, "_k", k, config.kv_heads)))
        v = self.repeat(at, "_v", self.heads(at, "_v", v, config.kv_heads))
        scores = g.node("MatMul", at + "/MatMul", q, g.node("Transpose", at + "/Transpose", k, perm=[0, 1, 3, 2]))
        scaled = g.node("Mul", at + "/Mul", scores, g.constant(config.head**-0.5, np.float32))
        masked = g.node("Add", at + "/Add", scaled, self.mask)
        mixed = g.node("MatMul", at + "/MatMul_1", g.node("Softmax", at + "/Softmax", masked, axis=-1), v)
        merged = g.node("Transpose", at + "/Transpose_1", mixed, perm=[0, 2, 1, 3])
        merged = g.node("Reshape", at + "/Reshape", merged, g.constant([0, 0, config.hidden]))
        return self.linear(at + "/o_proj", name + ".o_proj.weight", load.load(source + "output.weight"), merged)

    def mlp(self, index: int, x: str) -> str:
        g, load = self.graph, self.weights.load
        at, name, source = f"/model/layers.{index}/mlp", f"model.layers.{index}.mlp", f"blk.{index}.ffn_"
        gate = self.linear(at + "/gate_proj", name + ".gate_proj.weight", load(source + "gate.weight"), x)
        gate = g.node("Mul", at + "/act_fn/Mul", gate, g.node("Sigmoid", at + "/act_fn/Sigmoid", gate))
        up = self.linear(at + "/up_proj", name + ".up_proj.weight", load(source + "up.weight"), x)
        product = g.node("Mul", at + "/Mul", gate, up)
        return self.linear(at + "/down_proj", name + ".down_proj.weight", load(source + "down.weight"), product)

    def layer(self, index: int, x: str) -> str:
        g, at, name = self.graph, f"/model/layers.{index}", f"model.layers.{index}"
        normed = self.norm(
            at + "/input_layernorm", name + ".input_layernorm.weight", f"blk.{index}.attn_norm.weight", x)
        x = g.node("Add", at + "/Add", x, self.attention(index, normed))
        normed = self.norm(
            at + "/post_attention_layernorm", name + ".post_attention_layernorm.weight",
            f"blk.{index}.ffn_norm.weight", x)
        return g.node("Add", at + "/Add_1", x, self.mlp(index, normed))


def convert(source: Path, target: Path, layers: int = None) -> Path:
    """Writes `target` and `target`.data beside it; does nothing when an earlier run has finished.

    With `layers`, only the first ones: a model that says nothing sensible, but small enough for close comparisons.
    """
    if target.exists():
        return target
    reader = gguf.GGUFReader(source)
    config = Config.read(reader)
    if layers is not None:
        config = replace(config, layers=min(layers, config.layers))
    graph = GraphWriter(target)
    LlamaGraph(config, Weights(reader), graph).build()
    token_ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "seq", config.vocabulary])
    graph.finish([token_ids], [logits], OPSET, {"source": source.name})
    return target


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: gguf_to_onnx.py MODEL.gguf MODEL.onnx [LAYERS]")
    print(convert(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))
