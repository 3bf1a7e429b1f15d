# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Executes parts of an ONNX graph in PyTorch."""
import torch

from qllm.tune import operators
from qllm.tune.errors import TuneError
from qllm.tune.model import Model
from qllm.tune.structure import Structure


class Network:
    """The float model. Values beside the stream are computed once, for windows of one length."""

    def __init__(self, model: Model, structure: Structure, window: torch.Tensor):
        self.model, self.structure = model, structure
        self.constants: dict[str, torch.Tensor] = {}
        self.side: dict[str, torch.Tensor] = {}
        self._compute_side(window)

    def operand(self, name: str, values: dict):
        if not name:
            return None
        for known in (values, self.side, self.constants):
            if name in known:
                return known[name]
        if not self.model.is_initializer(name):
            raise TuneError(f"expected a value that is computed before, but '{name}' is not")
        self.constants[name] = operators.to_tensor(self.model.array(name))
        return self.constants[name]

    def evaluate(self, node, values: dict) -> tuple:
        """One node of the stream; the student does some of them its own way."""
        return operators.apply(node, [self.operand(name, values) for name in node.input])

    def run(self, nodes: list, values: dict, result: str) -> torch.Tensor:
        """Runs `nodes` in order from `values` and gives the value called `result`."""
        last = {name: place for place, node in enumerate(nodes) for name in node.input}
        values = dict(values)
        for place, node in enumerate(nodes):
            values |= zip(node.output, self.evaluate(node, values))
            for name in set(node.input):
                if last[name] == place and name != result:
                    values.pop(name, None)
        return values[result]

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        start = self.structure.layers[0].start
        return self.run(self.structure.prefix, {self.structure.tokens: tokens}, start)

    def layer(self, index: int, stream: torch.Tensor) -> torch.Tensor:
        layer = self.structure.layers[index]
        return self.run(layer.nodes, {layer.start: stream}, layer.end)

    def _compute_side(self, window: torch.Tensor) -> None:
        """One float run in the order of the graph; what is on the stream is dropped as soon as it may be."""
        wanted = self._wanted()
        beside = {name for node in self.structure.side for name in node.output}
        last = {name: place for place, node in enumerate(wanted) for name in node.input}
        stream = {self.structure.tokens: window}
        with torch.no_grad():
            for place, node in enumerate(wanted):
                outputs = operators.apply(node, [self.operand(name, stream) for name in node.input])
                (self.side if node.output[0] in beside else stream).update(zip(node.output, outputs))
                for name in set(node.input):
                    if last[name] == place:
                        stream.pop(name, None)

    def _wanted(self) -> list:
        """Nodes that layers need: all behind the last layer (the scores of the vocabulary) are left out."""
        structure = self.structure
        needed, nodes = {structure.layers[-1].end}, []
        if structure.final_norm is not None:
            needed.add(structure.final_norm.output[0])
        for node in reversed(self.model.graph.node):
            if needed & set(node.output):
                needed |= set(node.input)
                nodes.append(node)
        return nodes[::-1]
