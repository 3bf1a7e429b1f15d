# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the reassembly plan out of the text of a module, and counts how many sites agree with a reference's decisions.

`qllm-plan-reassembly` writes on the linears of a site, beside their names:
    qllm.name = "layers.0.q_proj", … qllm.reassembly = {…, parts = array<i64: …>, targets = array<i64: …>, threshold = 2.5 : f64}
parts: copies of each channel; targets: for each channel behind the split, the channel of the result whose mean it is part of.
"""
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reassembly_reference import Decision

NAME = re.compile(r'qllm\.name = "([^"]+)"')
PLAN = re.compile(r"qllm\.reassembly = \{([^}]*)\}")
NUMBERS = re.compile(r"(\w+) = array<i64(?:: ([-0-9, ]*))?>")
THRESHOLD = re.compile(r"threshold = ([-+.0-9eE]+|0x[0-9A-F]+) : f64")


@dataclass
class PlannedSite:
    threshold: float
    counts: np.ndarray
    pairs: np.ndarray


def pairs_of(targets: np.ndarray) -> np.ndarray:
    """(merged, kept) split channels: of those that share a target, the odd one is kept, as the published matching has it."""
    pairs = []
    for target in np.flatnonzero(np.bincount(targets) > 1) if len(targets) else ():
        members = np.flatnonzero(targets == target)
        kept = next((each for each in members if each % 2), members[0])
        pairs += [(each, kept) for each in members if each != kept]
    return np.array(pairs, np.int64).reshape(-1, 2)


def number(text: str) -> float:
    """A float as MLIR prints it: decimal, or the bits where no short decimal is exact."""
    return struct.unpack(">d", bytes.fromhex(text[2:]))[0] if text.startswith("0x") else float(text)


def read_plan(path: Path) -> dict[str, PlannedSite]:
    """The plan of each linear by its name; `path` is a module's text or a result directory."""
    text = (path / "plan.mlir" if path.is_dir() else path).read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        name, plan = NAME.search(line), PLAN.search(line)
        if name and plan:
            arrays = {key: np.array([int(each) for each in numbers.split(",")] if numbers else [], np.int64)
                      for key, numbers in NUMBERS.findall(plan[1])}
            found[name[1]] = PlannedSite(number(THRESHOLD.search(plan[1])[1]), arrays["parts"],
                                         pairs_of(arrays.get("targets", np.empty(0, np.int64))))
    if not found:
        raise SystemExit(f"expected linears with qllm.reassembly in '{path}', but found none")
    return found


@dataclass
class Agreement:
    sites: int = 0
    thresholds: int = 0
    counts: int = 0
    pairs: int = 0
    all: int = 0

    def add(self, decision: Decision, planned: PlannedSite | None) -> str:
        """Compares one site; says what differs."""
        if planned is None:
            same = {"plan": False}
        else:
            same = {"threshold": abs(planned.threshold - decision.threshold) < decision.step / 4,
                    "counts": np.array_equal(planned.counts, decision.counts),
                    "pairs": sorted(planned.pairs.tolist()) == sorted(decision.pairs.tolist())}
        self.sites += 1
        self.thresholds += same.get("threshold", False)
        self.counts += same.get("counts", False)
        self.pairs += same.get("pairs", False)
        self.all += all(same.values())
        return "yes" if all(same.values()) else "differs: " + ", ".join(what for what, equal in same.items() if not equal)

    def summary(self) -> str:
        return (f"of {self.sites} sites, {self.thresholds} agree in the threshold, {self.counts} in the counts, {self.pairs} in the pairs, "
                f"{self.all} in all")
