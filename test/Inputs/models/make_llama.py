# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two-layer LLaMA decoders out of PyTorch's two exporters. See README.md for the versions."""

import copy
import sys
import tempfile

import onnx
import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from common import LLAMA, finish, seeded

torch.set_num_threads(1)


def llama(attention):
    config = LlamaConfig(**LLAMA, tie_word_embeddings=True)
    config._attn_implementation = attention
    return seeded(LlamaForCausalLM(config))


class Prefill(torch.nn.Module):
    """input_ids -> logits, the whole sequence at once."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        return self.model(input_ids=input_ids, use_cache=False).logits


class Masked(torch.nn.Module):
    """input_ids and attention_mask -> logits; with the mask given, no operator that tracing lacks is used."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits


class Cached(torch.nn.Module):
    """One step with a mask, positions and the keys and values of the past."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, position_ids, past):
        cache = DynamicCache(config=self.model.config)
        for i in range(0, len(past), 2):
            cache.update(past[i], past[i + 1], i // 2)
        out = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        flat = [out.logits]
        for layer in out.past_key_values.layers:
            flat += [layer.keys, layer.values]
        return tuple(flat)


def ids(batch, length, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, LLAMA["vocab_size"], (batch, length), generator=generator)


def load_program(program):
    with tempfile.TemporaryDirectory() as folder:
        program.save(folder + "/m.onnx")
        return onnx.load(folder + "/m.onnx")


def prefill_dynamo(name, attention, opset, optimize=True, sample_batch=2):
    wrapped = Prefill(llama(attention))
    batch = torch.export.Dim("batch", min=1, max=64)
    sequence = torch.export.Dim("seq", min=2, max=64)
    program = torch.onnx.export(
        wrapped,
        (ids(2, 16),),
        dynamo=True,
        opset_version=opset,
        input_names=["input_ids"],
        output_names=["logits"],
        dynamic_shapes=({0: batch, 1: sequence},),
        optimize=optimize,
        verbose=False,
    )
    sample = ids(sample_batch, 9)
    with torch.no_grad():
        want = wrapped(sample)
    finish(name, load_program(program), {"input_ids": sample.numpy()}, [want])


def cache_arguments(batch, past, step):
    generator = torch.Generator().manual_seed(2)
    shape = (batch, LLAMA["num_key_value_heads"], past, LLAMA["head_dim"])
    mask = torch.ones(batch, past + step, dtype=torch.long)
    if batch > 1:
        mask[-1, :2] = 0  # a left-padded prompt
    positions = torch.arange(past, past + step)[None].repeat(batch, 1)
    return ids(batch, step), mask, positions, [torch.randn(shape, generator=generator) for _ in range(4)]


def cache_names():
    past = [f"past_key_values.{i}.{kind}" for i in range(2) for kind in ("key", "value")]
    present = [f"present.{i}.{kind}" for i in range(2) for kind in ("key", "value")]
    return ["input_ids", "attention_mask", "position_ids"] + past, ["logits"] + present


def cached_dynamo(name, attention, opset):
    wrapped = Cached(llama(attention))
    auto = torch.export.Dim.AUTO
    inputs, outputs = cache_names()
    program = torch.onnx.export(
        wrapped,
        cache_arguments(2, 5, 3),
        dynamo=True,
        opset_version=opset,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=({0: auto, 1: auto}, {0: auto, 1: auto}, {0: auto, 1: auto}, [{0: auto, 2: auto}] * 4),
        verbose=False,
    )
    sample = cache_arguments(2, 7, 3)
    with torch.no_grad():
        want = wrapped(*sample)
    feeds = dict(zip(inputs, [t.numpy() for t in sample[:3]] + [t.numpy() for t in sample[3]]))
    finish(name, load_program(program), feeds, want)


class Flat(torch.nn.Module):
    """The tracing exporter wants the cache as separate arguments."""

    def __init__(self, model):
        super().__init__()
        self.cached = Cached(model)

    def forward(self, input_ids, attention_mask, position_ids, *past):
        return self.cached(input_ids, attention_mask, position_ids, list(past))


def load_file(export):
    with tempfile.TemporaryDirectory() as folder:
        export(folder + "/m.onnx")
        return onnx.load(folder + "/m.onnx")


def prefill_torchscript(name, attention, opset):
    wrapped = Masked(llama(attention))
    model = load_file(
        lambda path: torch.onnx.export(
            wrapped,
            (ids(2, 16), torch.ones(2, 16, dtype=torch.long)),
            path,
            dynamo=False,
            opset_version=opset,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={n: {0: "batch", 1: "seq"} for n in ("input_ids", "attention_mask", "logits")},
        )
    )
    sample, mask = ids(2, 9), torch.ones(2, 9, dtype=torch.long)
    mask[1, :3] = 0  # a left-padded prompt
    with torch.no_grad():
        want = wrapped(sample, mask)
    finish(name, model, {"input_ids": sample.numpy(), "attention_mask": mask.numpy()}, [want])


def cached_torchscript(name, attention, opset):
    wrapped = Flat(llama(attention))
    inputs, outputs = cache_names()
    axes = {n: {0: "batch", 1: "seq"} for n in ("input_ids", "position_ids", "logits")}
    axes["attention_mask"] = {0: "batch", 1: "total"}
    axes.update({n: {0: "batch", 2: "past"} for n in inputs[3:]})
    axes.update({n: {0: "batch", 2: "total"} for n in outputs[1:]})
    arguments = cache_arguments(2, 5, 3)
    model = load_file(
        lambda path: torch.onnx.export(
            wrapped,
            arguments[:3] + tuple(arguments[3]),
            path,
            dynamo=False,
            opset_version=opset,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
        )
    )
    sample = cache_arguments(2, 7, 3)
    flat = sample[:3] + tuple(sample[3])
    with torch.no_grad():
        want = wrapped(*flat)
    finish(name, model, dict(zip(inputs, [t.numpy() for t in flat])), want)


MODELS = {
    "llama-dynamo-18": lambda n: prefill_dynamo(n, "sdpa", 18),
    "llama-dynamo-20": lambda n: prefill_dynamo(n, "sdpa", 20),
    "llama-dynamo-23": lambda n: prefill_dynamo(n, "sdpa", 23, sample_batch=1),  # its cosines have batch 1
    "llama-dynamo-24": lambda n: prefill_dynamo(n, "sdpa", 24),
    "llama-dynamo-18-eager": lambda n: prefill_dynamo(n, "eager", 18),
    "llama-dynamo-18-raw": lambda n: prefill_dynamo(n, "sdpa", 18, optimize=False),
    "llama-dynamo-18-cache": lambda n: cached_dynamo(n, "sdpa", 18),
    "llama-dynamo-23-cache": lambda n: cached_dynamo(n, "sdpa", 23),
    "llama-torchscript-17": lambda n: prefill_torchscript(n, "sdpa", 17),
    "llama-torchscript-14-eager": lambda n: prefill_torchscript(n, "eager", 14),
    "llama-torchscript-18-cache": lambda n: cached_torchscript(n, "sdpa", 18),
}

if __name__ == "__main__":
    failed = []
    for model_name in sys.argv[1:] or MODELS:
        try:
            MODELS[model_name](model_name)
        except Exception as error:  # one exporter that fails must not hide the others
            failed.append(model_name)
            print(f"{model_name}: {str(error)[:600]}", file=sys.stderr, flush=True)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
