# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the benchmark knows of each kind of kernel: its operands, its reference, what it has to move and compute."""
from manifest import BadInput

from families.append_kv import AppendKV
from families.attention import Attention
from families.block_scaled import BlockScaled
from families.linear import Linear
from families.quantize import Quantize
from families.quantize_blocks import QuantizeBlocks
from families.weight_only import WeightOnly

FAMILIES = {family.name: family for family in (Linear, Attention, AppendKV, Quantize, QuantizeBlocks, WeightOnly, BlockScaled)}


def find_subject(family: str, problem):
    """The family on a problem, every field of which is there and of its kind; a whole number is 0 or more."""
    if family not in FAMILIES:
        raise BadInput(f"expected a family of {', '.join(FAMILIES)}, but got '{family}'")
    if not isinstance(problem, dict):
        raise BadInput(f"expected a problem of {family} with fields, but got {problem!r}")
    required, optional = FAMILIES[family].fields, FAMILIES[family].optional
    for name in problem:
        if name not in required | optional:
            raise BadInput(f"expected fields of {family} among {', '.join(required | optional)}, but got '{name}'")
    for name, kind in (required | optional).items():
        if name not in problem and name in optional:
            continue
        value = problem.get(name)
        fits = value in kind if isinstance(kind, tuple) else type(value) is kind and (kind is bool or value >= 0)
        if not fits:
            wanted = ", ".join(kind) if isinstance(kind, tuple) else {int: "a whole number", bool: "true or false"}[kind]
            raise BadInput(f"expected the field '{name}' of {family} to be {'one of ' * isinstance(kind, tuple)}{wanted}, but got "
                           f"{repr(value) if name in problem else 'none'}")
    return FAMILIES[family](problem)
