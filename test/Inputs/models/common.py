# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the model scripts share: seeded weights, cleaning of the file, sample inputs and outputs."""

import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
import torch

OUT = os.environ.get("OUT", os.path.dirname(os.path.abspath(__file__)))

LLAMA = dict(
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    vocab_size=96,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    rope_theta=10000.0,
    bos_token_id=1,
    eos_token_id=2,
    attention_bias=False,
    mlp_bias=False,
)


def seeded(model, seed=0):
    """Weights large enough that a wrong rewrite changes the logits; norm gains and biases not trivial."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            elif parameter.dim() < 2:
                parameter.copy_(0.2 * noise)
            else:
                parameter.copy_(noise / parameter.shape[-1] ** 0.5)
    return model.eval()


def clean(model):
    """Drops stack traces (they name files of the machine that exported); keeps names and scopes."""
    graphs = [model.graph] + list(model.functions)
    for graph in graphs:
        if isinstance(graph, onnx.GraphProto):
            graph.doc_string = ""
            for value in list(graph.value_info) + list(graph.input) + list(graph.output):
                value.ClearField("metadata_props")
            for tensor in graph.initializer:
                tensor.ClearField("metadata_props")
            graph.ClearField("metadata_props")
        for node in graph.node:
            node.doc_string = ""
            kept = [p for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
            kept = [(p.key, p.value) for p in kept]
            node.ClearField("metadata_props")
            for key, value in kept:
                node.metadata_props.add(key=key, value=value)
    return model


def finish(name, model, feeds, reference=None, tolerance=2e-5):
    """Cleans and saves `model`, runs it, compares with `reference` and stores one input/output pair."""
    path = os.path.join(OUT, name + ".onnx")
    clean(model)
    onnx.save(model, path)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = {i.name for i in session.get_inputs()}
    feeds = {k: v for k, v in feeds.items() if k in wanted}
    outputs = session.run(None, feeds)
    names = [o.name for o in session.get_outputs()]
    worst = 0.0
    if reference is not None:
        for got, want in zip(outputs, reference):
            worst = max(worst, float(np.abs(got - np.asarray(want)).max()))
        if worst > tolerance:
            sys.exit(f"{name}: differs from the source model by {worst}")
    arrays = {"in." + k: v for k, v in feeds.items()}
    arrays.update({"out." + k: v for k, v in zip(names, outputs)})
    np.savez_compressed(os.path.join(OUT, name + ".npz"), **arrays)
    kinds = {}
    for node in model.graph.node:
        kinds[node.op_type] = kinds.get(node.op_type, 0) + 1
    versions = ",".join(f"{o.domain or 'ai.onnx'}:{o.version}" for o in model.opset_import)
    size = os.path.getsize(path)
    print(f"{name} [{versions}] {len(model.graph.node)} nodes {size} bytes difference {worst:.1e}", kinds, flush=True)
    if size > 300_000:
        sys.exit(f"{name}: {size} bytes, expected at most 300000")
