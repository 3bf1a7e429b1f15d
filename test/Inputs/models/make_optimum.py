# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two-layer LLaMA through Optimum (text generation, with and without past). Needs its own older transformers."""

import os
import sys
import tempfile

import numpy as np
import onnx
import torch
from optimum.exporters.onnx import main_export
from transformers import LlamaConfig, LlamaForCausalLM

from common import LLAMA, finish, seeded


def make(name, task):
    config = LlamaConfig(**LLAMA, tie_word_embeddings=True, architectures=["LlamaForCausalLM"])
    model = seeded(LlamaForCausalLM(config))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder + "/hf")
        main_export(folder + "/hf", output=folder + "/out", task=task, opset=18, do_validation=False, no_post_process=True)
        exported = onnx.load(os.path.join(folder, "out", "model.onnx"))
    generator = torch.Generator().manual_seed(2)
    words = torch.randint(3, LLAMA["vocab_size"], (2, 7), generator=generator)
    past = 0 if task == "text-generation" else 5
    shape = (2, LLAMA["num_key_value_heads"], past, LLAMA["head_dim"])
    sample = {"input_ids": words.numpy(), "attention_mask": np.ones((2, past + 7), np.int64)}
    sample["position_ids"] = np.arange(past, past + 7, dtype=np.int64)[None].repeat(2, 0)
    for i in range(2):
        for kind in ("key", "value"):
            sample[f"past_key_values.{i}.{kind}"] = torch.randn(shape, generator=generator).numpy()
    want = None
    if past == 0:
        with torch.no_grad():
            want = [model(words).logits]
    finish(name, exported, sample, want)


MODELS = {
    "llama-optimum-18": lambda n: make(n, "text-generation"),
    "llama-optimum-18-cache": lambda n: make(n, "text-generation-with-past"),
}

if __name__ == "__main__":
    for model_name in sys.argv[1:] or MODELS:
        MODELS[model_name](model_name)
