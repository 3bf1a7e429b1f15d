# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX operators in PyTorch: those that models exported by qllm, and plain exports of decoders, are made of.

An entry takes the operands (None where one is left out) and the attributes, and gives the outputs as a tuple.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

from qllm.tune.errors import TuneError

KINDS = {TensorProto.FLOAT: torch.float32, TensorProto.INT64: torch.int64, TensorProto.INT32: torch.int32, TensorProto.BOOL: torch.bool}


def to_tensor(array: np.ndarray) -> torch.Tensor:
    if array.dtype not in (np.float32, np.float64, np.int64, np.int32, np.bool_, np.uint8, np.int8):
        raise TuneError(f"expected constants of float32, float64, integers or booleans, but got {array.dtype}")
    return torch.from_numpy(np.array(array))  # a copy: mapped files are read-only


def constant(attributes):
    if "value" in attributes:
        return to_tensor(numpy_helper.to_array(attributes["value"]))
    for name, kind in (("value_int", torch.int64), ("value_ints", torch.int64), ("value_float", torch.float32),
                       ("value_floats", torch.float32)):
        if name in attributes:
            return torch.tensor(attributes[name], dtype=kind)
    raise TuneError(f"expected a constant of numbers, but got {', '.join(attributes)}")


def constant_of_shape(sizes, attributes):
    value = to_tensor(numpy_helper.to_array(attributes["value"])) if "value" in attributes else torch.zeros(1)
    return value.reshape([]).expand(sizes.tolist())


def triangle(x, offset, attributes):
    keep = torch.triu if attributes.get("upper", 1) else torch.tril
    return keep(x, int(offset) if offset is not None else 0)


def flatten(x, attributes):
    axis = attributes.get("axis", 1) % (x.dim() + 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def shape(x, attributes):
    return torch.tensor(x.shape[attributes.get("start", 0) : attributes.get("end", x.dim())], dtype=torch.int64)


def reshape(x, sizes, attributes):
    wanted = [x.shape[axis] if size == 0 and not attributes.get("allowzero") else size for axis, size in enumerate(sizes.tolist())]
    return x.reshape(wanted)


def expand(x, sizes, attributes):
    return x.expand(torch.broadcast_shapes(x.shape, tuple(sizes.tolist())))


def unsqueeze(x, axes, attributes):
    places = axes.tolist() if axes is not None else attributes["axes"]
    rank = x.dim() + len(places)
    for axis in sorted(place % rank for place in places):
        x = x.unsqueeze(axis)
    return x


def squeeze(x, axes, attributes):
    places = axes.tolist() if axes is not None else attributes.get("axes", [i for i, size in enumerate(x.shape) if size == 1])
    for axis in sorted((place % x.dim() for place in places), reverse=True):
        x = x.squeeze(axis)
    return x


def gather(x, indices, attributes):
    axis = attributes.get("axis", 0) % x.dim()
    indices = torch.where(indices < 0, indices + x.shape[axis], indices)
    picked = x.index_select(axis, indices.reshape(-1))
    return picked.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def gather_nd(x, indices, attributes):
    if attributes.get("batch_dims", 0):
        raise TuneError(f"expected GatherND without batch dimensions, but got {attributes['batch_dims']}")
    return x[tuple(indices.unbind(-1))]


def scatter_elements(x, indices, updates, attributes):
    axis, how = attributes.get("axis", 0), attributes.get("reduction", b"none").decode()
    if how == "add":
        return x.scatter_add(axis, indices, updates)
    if how == "none":
        return x.scatter(axis, indices, updates)
    raise TuneError(f"expected reduction 'none' or 'add' of ScatterElements, but got '{how}'")


def slice_(x, starts, ends, axes, steps, attributes):
    places = axes.tolist() if axes is not None else range(len(starts))
    for number, axis in enumerate(places):
        step = int(steps[number]) if steps is not None else 1
        if step < 1:
            raise TuneError(f"expected steps of Slice above 0, but got {step}")
        start, stop, _ = slice(int(starts[number]), int(ends[number])).indices(x.shape[axis])
        x = x.narrow(axis, start, max(stop - start, 0))
        x = x if step == 1 else x.index_select(axis, torch.arange(0, x.shape[axis], step))
    return x


def split(x, sizes, attributes):
    axis = attributes.get("axis", 0)
    if sizes is not None:
        return x.split(sizes.tolist(), axis)
    count = attributes["num_outputs"]
    return x.split(-(-x.shape[axis] // count), axis)


def range_(start, limit, delta, attributes):
    return torch.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def cumsum(x, axis, attributes):
    if attributes.get("exclusive") or attributes.get("reverse"):
        raise TuneError("expected CumSum forwards and inclusive, but got another one")
    return x.cumsum(int(axis))


def reduce(function):
    def run(x, axes, attributes):
        places = axes.tolist() if axes is not None else attributes.get("axes", list(range(x.dim())))
        return function(x, places, bool(attributes.get("keepdims", 1)))
    return run


def softmax(x, attributes):
    return x.softmax(attributes.get("axis", -1))


def rms_norm(x, gain, attributes):
    _last_axis(x, attributes, "RMSNormalization")
    return x * torch.rsqrt(x.pow(2).mean(-1, True) + attributes.get("epsilon", 1e-5)) * gain


def layer_norm(x, gain, bias, attributes):
    _last_axis(x, attributes, "LayerNormalization")
    return F.layer_norm(x, x.shape[-1:], gain, bias, attributes.get("epsilon", 1e-5))


def _last_axis(x, attributes, name):
    axis = attributes.get("axis", -1)
    if axis % x.dim() != x.dim() - 1:
        raise TuneError(f"expected {name} over the last axis, but got axis {axis} of {x.dim()}")


def rotary(x, cos, sin, places, attributes):
    """x [batch, heads, tokens, size]; the tables hold half of a head, with positions or one row a token."""
    if x.dim() != 4 or attributes.get("interleaved") or attributes.get("rotary_embedding_dim", x.shape[-1]) not in (0, x.shape[-1]):
        raise TuneError("expected RotaryEmbedding of halves of whole heads on 4 dimensions, but got another form")
    if places is not None:
        cos, sin = cos[places], sin[places]
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    low, high = x.chunk(2, -1)
    return torch.cat([low * cos - high * sin, high * cos + low * sin], -1)


def attention(q, k, v, mask, past_key, past_value, attributes):
    if q.dim() != 4 or past_key is not None or past_value is not None or attributes.get("softcap"):
        raise TuneError("expected Attention on 4 dimensions without a cache or a soft cap, but got another form")
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=bool(attributes.get("is_causal", 0)),
                                          scale=attributes.get("scale"), enable_gqa=q.shape[1] != k.shape[1])


def gemm(a, b, c, attributes):
    product = (a.mT if attributes.get("transA") else a) @ (b.mT if attributes.get("transB") else b) * attributes.get("alpha", 1.0)
    return product if c is None else product + attributes.get("beta", 1.0) * c


def cast(x, attributes):
    if attributes["to"] not in KINDS:
        raise TuneError(f"expected Cast to float, int32, int64 or bool, but got type {attributes['to']}")
    return x.to(KINDS[attributes["to"]])


def gelu(x, attributes):
    return F.gelu(x, approximate=attributes.get("approximate", b"none").decode())


def transpose(x, attributes):
    return x.permute(attributes.get("perm", list(range(x.dim()))[::-1]))


def divide(x, y):
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


# Operators that are one function of PyTorch -> (number of operands, function).
PLAIN = {
    "Abs": (1, torch.abs), "Add": (2, torch.add), "And": (2, torch.logical_and), "CastLike": (2, lambda x, like: x.to(like.dtype)),
    "Cos": (1, torch.cos), "Div": (2, divide), "Equal": (2, torch.eq), "Erf": (1, torch.erf), "Exp": (1, torch.exp),
    "Greater": (2, torch.gt), "GreaterOrEqual": (2, torch.ge), "Identity": (1, lambda x: x), "IsNaN": (1, torch.isnan),
    "Less": (2, torch.lt), "LessOrEqual": (2, torch.le), "MatMul": (2, torch.matmul), "Max": (2, torch.maximum),
    "Min": (2, torch.minimum), "Mul": (2, torch.mul), "Neg": (1, torch.neg), "Not": (1, torch.logical_not), "Or": (2, torch.logical_or),
    "Pow": (2, torch.pow), "Reciprocal": (1, torch.reciprocal), "Relu": (1, torch.relu), "Sigmoid": (1, torch.sigmoid),
    "Sin": (1, torch.sin), "Sqrt": (1, torch.sqrt), "Sub": (2, torch.sub), "Tanh": (1, torch.tanh), "Where": (3, torch.where),
}
# The others -> (largest number of operands, function of them and the attributes).
TABLE = {
    "Attention": (6, attention), "Cast": (1, cast), "ConstantOfShape": (1, constant_of_shape), "CumSum": (2, cumsum), "Expand": (2, expand),
    "Flatten": (1, flatten), "Gather": (2, gather), "GatherND": (2, gather_nd), "Gelu": (1, gelu), "Gemm": (3, gemm),
    "LayerNormalization": (3, layer_norm), "RMSNormalization": (2, rms_norm), "Range": (3, range_),
    "ReduceMax": (2, reduce(torch.amax)), "ReduceMean": (2, reduce(torch.mean)), "ReduceMin": (2, reduce(torch.amin)),
    "ReduceSum": (2, reduce(torch.sum)), "Reshape": (2, reshape), "RotaryEmbedding": (4, rotary),
    "ScatterElements": (3, scatter_elements), "Shape": (1, shape), "Slice": (5, slice_), "Softmax": (1, softmax), "Split": (2, split),
    "Squeeze": (2, squeeze), "Transpose": (1, transpose), "Trilu": (2, triangle), "Unsqueeze": (2, unsqueeze),
} | {name: (count, lambda *operands, run=function: run(*operands[:-1])) for name, (count, function) in PLAIN.items()}


def apply(node, operands: list) -> tuple:
    """The outputs of one node."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "Constant" and not node.domain:
        return (constant(attributes),)
    if node.op_type == "Concat" and not node.domain:
        return (torch.cat(operands, attributes["axis"]),)
    if node.domain or node.op_type not in TABLE:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        raise TuneError(f"expected operators that the tuner can execute, but '{node.name or node.output[0]}' is a {name}")
    count, function = TABLE[node.op_type]
    if len(operands) > count:
        raise TuneError(f"expected at most {count} operands of the {node.op_type} '{node.name}', but got {len(operands)}")
    try:
        result = function(*operands, *[None] * (count - len(operands)), attributes)
    except (RuntimeError, IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise TuneError(f"expected operands that fit the {node.op_type} '{node.name or node.output[0]}', but got: "
                        f"{str(error).splitlines()[0]}") from error
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)
