# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What cards can do at most: bytes and operations a second, as their makers say, without sparsity."""
import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Card:
    """Terabytes a second of memory; tera-operations a second of tensor cores. 0 is unknown."""
    memory: float = 0.0
    int8: float = 0.0
    bf16: float = 0.0
    int4: float = 0.0  # 0 as well where there is no such unit, as for fp4
    fp4: float = 0.0

    def floor(self, cost) -> float:
        """Seconds that a launch takes at least; 0 if that is unknown."""
        rate = getattr(self, cost.kind)
        if not self.memory or not rate:
            return 0.0
        return max(cost.memory / (self.memory * 1e12), cost.operations / (rate * 1e12))


# The first whose words are all in the name of the card.
CARDS = [({"H200"}, Card(4.8, 1979, 989)), ({"H100", "PCIe"}, Card(2.0, 1513, 756)), ({"H100", "NVL"}, Card(3.9, 1671, 835)),
         ({"H100"}, Card(3.35, 1979, 989)), ({"A100", "80GB"}, Card(2.039, 624, 312, 1248)), ({"A100"}, Card(1.555, 624, 312, 1248)),
         ({"L40S"}, Card(0.864, 733, 362, 733)), ({"RTX", "4090"}, Card(1.008, 661, 165, 1321)),
         ({"RTX", "5090"}, Card(1.792, 838, 210, 0, 1676)), ({"B200"}, Card(8.0, 4500, 2250, 0, 9000))]


def find_card(name: str, memory=None, int8=None, bf16=None) -> Card:
    """The card of this name; what is given instead of the table's numbers goes before it."""
    card = next((card for words, card in CARDS if words <= set(re.split(r"[\s-]", name))), Card())
    given = {key: value for key, value in (("memory", memory), ("int8", int8), ("bf16", bf16)) if value}
    return replace(card, **given)
