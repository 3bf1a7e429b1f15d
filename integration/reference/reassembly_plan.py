# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the reassembly plan out of the text of a module, and counts how many sites agree with a reference's decisions.

`qllm-plan-reassembly` writes on the linears of a site, beside their names:
    qllm.name = "layers.0.q_proj", … qllm.reassembly = {pairs = array<i64: …>, parts = array<i64: …>, threshold = 2.5 : f64}
parts: copies of each channel; pairs: merged and kept split channels in turn.
"""
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reassembly_reference import Decision

NAME = re.compile(r'qllm\.name = "([^"]+)"')
PLAN = re.compile(r"qllm\.reassembly = \{([^}]*)\}")
NUMBERS = re.compile(r"(\w+) = array<i64(?:: ([-0-9, ]*))?>")
THRESHOLD = re.compile(r"threshold = ([-+.0-9e]+) : f64")


@dataclass
class PlannedSite:
    threshold: float
    counts: np.ndarray
    pairs: np.ndarray


def read_plan(path: Path) -> dict[str, PlannedSite]:
    """The plan of each linear by its name; `path` is a module's text or a result directory."""
    text = (path / "plan.mlir" if path.is_dir() else path).read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        name, plan = NAME.search(line), PLAN.search(line)
        if name and plan:
            arrays = {key: np.array([int(number) for number in numbers.split(",")] if numbers else [], np.int64)
                      for key, numbers in NUMBERS.findall(plan[1])}
            found[name[1]] = PlannedSite(float(THRESHOLD.search(plan[1])[1]), arrays["parts"], arrays["pairs"].reshape(-1, 2))
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
