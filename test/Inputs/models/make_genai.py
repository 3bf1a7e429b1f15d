# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The same two-layer LLaMA through ONNX Runtime's GenAI model builder: fused operators, packed QKV, KV cache."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from tokenizers import Tokenizer, models

from common import LLAMA, finish, seeded


def source(tied):
    config = LlamaConfig(**LLAMA, tie_word_embeddings=tied, architectures=["LlamaForCausalLM"])
    return seeded(LlamaForCausalLM(config))


def build(model, folder, options):
    model.save_pretrained(folder + "/hf")
    words = {f"w{i}": i for i in range(LLAMA["vocab_size"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="w0").save_pretrained(folder + "/hf")
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", folder + "/hf", "-o", folder + "/out"]
    command += ["-p", "fp32", "-e", "cpu", "-c", folder + "/cache"]
    if options:
        command += ["--extra_options"] + options
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return onnx.load(os.path.join(folder, "out", "model.onnx"))


def feeds(batch, past, step):
    generator = torch.Generator().manual_seed(2)
    words = torch.randint(3, LLAMA["vocab_size"], (batch, step), generator=generator)
    shape = (batch, LLAMA["num_key_value_heads"], past, LLAMA["head_dim"])
    result = {"input_ids": words.numpy(), "attention_mask": np.ones((batch, past + step), np.int64)}
    for i in range(2):
        for kind in ("key", "value"):
            result[f"past_key_values.{i}.{kind}"] = torch.randn(shape, generator=generator).numpy()
    return result


def make(name, tied, options=()):
    model = source(tied)
    sample = feeds(2, 0, 7)
    with tempfile.TemporaryDirectory() as folder:
        exported = build(model, folder, list(options))
    with torch.no_grad():
        want = model(torch.from_numpy(sample["input_ids"])).logits
    finish(name, exported, sample, [want])


MODELS = {
    "llama-genai": lambda n: make(n, True),
    "llama-genai-untied": lambda n: make(n, False),
    "llama-genai-unpacked": lambda n: make(n, True, ["disable_qkv_fusion=true"]),
}

if __name__ == "__main__":
    for model_name in sys.argv[1:] or MODELS:
        MODELS[model_name](model_name)
