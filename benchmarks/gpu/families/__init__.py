# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the benchmark knows of each kind of kernel: its operands, its reference, what it has to move and compute."""
from families.attention import Attention
from families.block_scaled import BlockScaled
from families.linear import Linear
from families.quantize import Quantize
from families.quantize_blocks import QuantizeBlocks
from families.weight_only import WeightOnly

FAMILIES = {family.name: family for family in (Linear, Attention, Quantize, QuantizeBlocks, WeightOnly, BlockScaled)}
