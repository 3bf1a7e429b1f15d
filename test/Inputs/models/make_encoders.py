# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Two-layer BERT and ViT encoders out of PyTorch's two exporters. See README.md for the versions."""

import sys
import tempfile

import onnx
import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTForImageClassification

from common import finish, seeded

torch.set_num_threads(1)
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)


class Bert(torch.nn.Module):
    """input_ids, attention_mask, token_type_ids -> last hidden state."""

    def __init__(self, activation):
        super().__init__()
        config = BertConfig(**SIZES, vocab_size=96, max_position_embeddings=64, hidden_act=activation)
        config._attn_implementation = "sdpa"
        self.model = BertModel(config, add_pooling_layer=False)

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids, attention_mask, token_type_ids).last_hidden_state


class Vit(torch.nn.Module):
    """Pixels -> class scores: a convolution makes the patches."""

    def __init__(self):
        super().__init__()
        config = ViTConfig(**SIZES, image_size=16, patch_size=8, num_channels=3, num_labels=10)
        config._attn_implementation = "sdpa"
        self.model = ViTForImageClassification(config)

    def forward(self, pixel_values):
        return self.model(pixel_values).logits


def bert_sample(batch, length):
    generator = torch.Generator().manual_seed(3)
    words = torch.randint(3, 96, (batch, length), generator=generator)
    mask = torch.ones(batch, length, dtype=torch.long)
    mask[-1, length - 2 :] = 0
    return words, mask, torch.zeros(batch, length, dtype=torch.long)


def vit_sample(batch):
    return (torch.randn(batch, 3, 16, 16, generator=torch.Generator().manual_seed(4)),)


def export(wrapped, arguments, inputs, output, opset, dynamo, axes):
    named = dict(zip(inputs, [axes] * len(inputs)))
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/m.onnx"
        common = dict(opset_version=opset, input_names=inputs, output_names=[output])
        if dynamo:
            dims = {i: torch.export.Dim(n, min=1, max=64) for i, n in axes.items()}
            shapes = tuple(dims for _ in inputs)
            program = torch.onnx.export(wrapped, arguments, dynamo=True, dynamic_shapes=shapes, verbose=False, **common)
            program.save(path)
        else:
            torch.onnx.export(wrapped, arguments, path, dynamo=False, dynamic_axes=named, **common)
        return onnx.load(path)


def make(name, wrapped, traced, sample, inputs, output, opset, dynamo, axes):
    wrapped = seeded(wrapped)
    model = export(wrapped, traced, inputs, output, opset, dynamo, axes)
    with torch.no_grad():
        want = wrapped(*sample)
    finish(name, model, dict(zip(inputs, [t.numpy() for t in sample])), [want])


def bert(name, opset, dynamo=True, activation="gelu"):
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {0: "batch", 1: "seq"}
    make(name, Bert(activation), bert_sample(2, 12), bert_sample(3, 7), inputs, "hidden", opset, dynamo, axes)


def vit(name, opset, dynamo=True):
    make(name, Vit(), vit_sample(2), vit_sample(3), ["pixel_values"], "logits", opset, dynamo, {0: "batch"})


MODELS = {
    "bert-dynamo-18": lambda n: bert(n, 18),
    "bert-dynamo-23": lambda n: bert(n, 23),
    "bert-dynamo-18-tanh": lambda n: bert(n, 18, activation="gelu_new"),
    "bert-torchscript-14": lambda n: bert(n, 14, dynamo=False),
    "vit-dynamo-18": lambda n: vit(n, 18),
    "vit-dynamo-23": lambda n: vit(n, 23),
    "vit-torchscript-17": lambda n: vit(n, 17, dynamo=False),
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
