# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The quantized model under training: rounded weights, quantized inputs, low-rank branches, gains of norms."""
import math

import torch

from qllm.tune import operators
from qllm.tune.model import Model
from qllm.tune.network import Network
from qllm.tune.quantizers import fake_quantize
from qllm.tune.structure import Layer, Linear, Structure


class Branch:
    """W + scale * B A of one linear; A [rank, in] starts random, B [out, rank] at zero, so that training starts from W."""

    def __init__(self, linear: Linear, weight: torch.Tensor, bits: int, rank: int, scale: float):
        self.linear, self.weight, self.bits, self.scale = linear, weight, bits, scale  # weight [out, in]
        self.rounded = fake_quantize(weight, bits)
        self.down = torch.empty(rank, weight.shape[1])
        torch.nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.up = torch.zeros(weight.shape[0], rank)
        for factor in (self.down, self.up):
            factor.requires_grad_()
        self.fused = False

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        y = x @ self.rounded.T
        return y if self.fused else y + (x @ self.down.T) @ (self.up.T * self.scale)

    def corrected(self) -> torch.Tensor:
        return self.weight + self.scale * (self.up @ self.down)

    def fuse(self) -> None:
        """Rounds the sum. The result is another function than the one that was trained."""
        self.rounded, self.fused = fake_quantize(self.corrected(), self.bits), True

    def freeze(self) -> None:
        self.down, self.up = self.down.detach(), self.up.detach()


class Student(Network):
    def __init__(self, model: Model, structure: Structure, window: torch.Tensor, activation_bits: int, kv_bits: int):
        super().__init__(model, structure, window)
        self.activation_bits, self.kv_bits = activation_bits, kv_bits
        self.branches: dict[int, Branch] = {}
        self.gains: dict[int, torch.Tensor] = {}

    def add_branches(self, layer: Layer, bits: int, rank: int, scale: float) -> None:
        for linear in layer.linears:
            weight = self.operand(linear.node.input[1], {}).T.contiguous()
            self.branches[id(linear.node)] = Branch(linear, weight, bits, rank, scale)
            self.constants.pop(linear.node.input[1], None)
        for node in layer.norms:
            self.gains[id(node)] = self.operand(node.input[1], {}).clone().requires_grad_()

    def layer_branches(self, layer: Layer) -> list[Branch]:
        return [self.branches[id(linear.node)] for linear in layer.linears]

    def drop(self, layer: Layer) -> None:
        """Lets go of what only training needed."""
        for linear in layer.linears:
            del self.branches[id(linear.node)]

    def evaluate(self, node, values: dict) -> tuple:
        branch = self.branches.get(id(node))
        if branch is not None:
            # q, k and v, like gate and up, read one quantized value.
            name = node.input[0]
            key = name + " quantized"
            if key not in values:
                values[key] = fake_quantize(self.operand(name, values), self.activation_bits)
            return (branch(values[key]),)
        operands = [self.operand(name, values) for name in node.input]
        if id(node) in self.gains:
            operands[1] = self.gains[id(node)]
        if node.op_type == "Attention":
            operands[:3] = [fake_quantize(operand, self.kv_bits) for operand in operands[:3]]
        return operators.apply(node, operands)
