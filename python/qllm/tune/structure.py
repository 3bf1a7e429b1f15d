# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers, linears and norms of a decoder, found by the shape of its graph and not by names.

The stream is what is computed from the looked-up embedding. Where only one of its values is alive, the graph can be cut; a piece
between two cuts that ends by adding to the cut before it is a residual block (attention or feed-forward). A layer is an attention
block and the blocks behind it, up to the next attention. Whatever is not the stream (masks, positions) is the same for all windows.
"""
from dataclasses import dataclass, field

from onnx import TensorProto

from qllm.tune.errors import TuneError
from qllm.tune.model import Model

SIZES = ("Shape", "Size")
NORMS = ("RMSNormalization", "LayerNormalization")


@dataclass
class Linear:
    """y = x W of a MatMul with a constant [in, out]."""
    node: object
    inputs: int
    outputs: int

    @property
    def name(self) -> str:
        return self.node.name or self.node.output[0]


@dataclass
class Layer:
    """Nodes that take the stream from `start` to `end`."""
    start: str
    end: str
    nodes: list
    linears: list[Linear] = field(default_factory=list)
    attentions: list = field(default_factory=list)
    norms: list = field(default_factory=list)


@dataclass
class Structure:
    tokens: str  # the input of the model
    prefix: list  # stream nodes up to the first layer's start
    layers: list[Layer]
    final_norm: object
    side: list  # nodes beside the stream


def analyze(model: Model) -> Structure:
    tokens = _only_input(model)
    stream, side = _split_stream(model, tokens)
    cuts = _cuts(model, stream)
    blocks = _residual_blocks(stream, cuts)
    if not blocks:
        raise TuneError(f"expected a decoder of residual blocks in '{model.path}', but found none")
    layers = [_describe(model, layer, stream) for layer in _group(blocks)]
    starts = [node.output[0] for node in stream].index(layers[0].start)
    return Structure(tokens, stream[: starts + 1], layers, _final_norm(model, stream, layers[-1].end), side)


def _only_input(model: Model) -> str:
    inputs = [value.name for value in model.graph.input if not model.is_initializer(value.name)]
    if len(inputs) != 1:
        raise TuneError(f"expected one input, token ids, in '{model.path}', but got {len(inputs)}: {', '.join(inputs)}")
    return inputs[0]


def _split_stream(model: Model, tokens: str) -> tuple[list, list]:
    """Nodes of the stream, and the others, each in the order of the file."""
    nodes, stream, values = list(model.graph.node), [], set()
    for node in nodes:
        table = node.op_type == "Gather" and len(node.input) == 2 and node.input[1] == tokens
        if node.op_type not in SIZES and (table or values & set(node.input)):
            stream.append(node)
            values |= set(node.output)
        elif tokens in node.input and node.op_type not in SIZES:
            raise TuneError(f"expected tokens to be read by a look-up in a table or for their number only, but the {node.op_type} "
                            f"'{node.name}' reads them")
    if not stream:
        raise TuneError(f"expected a look-up of tokens in a table in '{model.path}', but found none")
    chosen = {id(node) for node in stream}
    return stream, [node for node in nodes if id(node) not in chosen]


def _cuts(model: Model, stream: list) -> list[int]:
    """Positions in the stream behind which one value is alive."""
    last = {}
    for place, node in enumerate(stream):
        last |= {name: place for name in node.input}
    last |= {value.name: len(stream) for value in model.graph.output}
    alive, cuts = set(), []
    for place, node in enumerate(stream):
        alive = {name for name in alive if last[name] > place} | {name for name in node.output if last.get(name, -1) > place}
        if len(alive) == 1 and node.output[0] in alive:
            cuts.append(place)
    return cuts


def _residual_blocks(stream: list, cuts: list[int]) -> list[Layer]:
    blocks, values = [], {name for node in stream for name in node.output}
    for before, at in zip(cuts, cuts[1:]):
        start, node = stream[before].output[0], stream[at]
        # Both summands are of the stream: a bias behind a norm is no block.
        if node.op_type == "Add" and start in node.input and values >= set(node.input):
            blocks.append(Layer(start, node.output[0], stream[before + 1 : at + 1]))
    for one, two in zip(blocks, blocks[1:]):
        if one.end != two.start:
            raise TuneError(f"expected residual blocks that follow each other, but between '{one.end}' and '{two.start}' is "
                            "something else")
    return blocks


def _mixes_tokens(block: Layer) -> bool:
    return any(node.op_type in ("Attention", "Softmax") for node in block.nodes)


def _group(blocks: list[Layer]) -> list[Layer]:
    layers = []
    for block in blocks:
        if layers and not _mixes_tokens(block):
            layers[-1].nodes += block.nodes
            layers[-1].end = block.end
        else:
            layers.append(Layer(block.start, block.end, list(block.nodes)))
    return layers


def _describe(model: Model, layer: Layer, stream: list) -> Layer:
    produced = {name for node in stream for name in node.output}
    for node in layer.nodes:
        if node.op_type in ("MatMul", "Gemm") and node.input[1] not in produced:
            layer.linears.append(_linear(model, node))
        elif node.op_type == "Attention":
            layer.attentions.append(node)
        elif node.op_type in NORMS and model.is_initializer(node.input[1]):
            layer.norms.append(node)
    return layer


def _linear(model: Model, node) -> Linear:
    if node.op_type != "MatMul":
        raise TuneError(f"expected linear layers as MatMul, but '{node.name}' is a {node.op_type}")
    shape = model.shape(node.input[1]) if model.is_initializer(node.input[1]) else (0, 0)
    kind = model.tensors[node.input[1]].data_type if node.input[1] in model.tensors else TensorProto.FLOAT
    if kind != TensorProto.FLOAT:
        raise TuneError(f"expected a weight of float32 for the MatMul '{node.name}', but got {TensorProto.DataType.Name(kind).lower()}")
    if len(shape) != 2:
        raise TuneError(f"expected a weight of 2 dimensions for the MatMul '{node.name}', but got {len(shape)}")
    return Linear(node, *shape)


def _final_norm(model: Model, stream: list, end: str):
    readers = [node for node in stream if end in node.input]
    found = len(readers) == 1 and readers[0].op_type in NORMS and model.is_initializer(readers[0].input[1])
    return readers[0] if found else None
