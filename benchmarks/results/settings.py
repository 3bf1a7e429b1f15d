# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rows of the results pages, read from rows.toml: which recipe, with which options, and what it has to reach."""
import fnmatch
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("rows.toml")
GROUPS = {"goals": "goal", "recipes": "recipe", "pieces": "piece"}


class RowsError(Exception):
    """rows.toml, or a request for rows, is not usable; the text says what was wanted."""


@dataclass(frozen=True)
class Row:
    """One measured line. `recipe` (a name) or `passes` (the text of a pipeline) says what is run; with neither, it is the float model.
    `tuned` are options of the tuner (docs/recipes/qllm-tuning.md), which then trains on what the recipe `qllm` has reassembled."""

    group: str
    name: str
    setting: str
    recipe: str = ""
    passes: str = ""
    options: dict = field(default_factory=dict)
    calibrated: bool = True
    tuned: dict = field(default_factory=dict)
    reference: float = None
    must: float = None
    aim: float = None
    note: str = ""

    @property
    def is_float(self) -> bool:
        return not self.recipe and not self.passes

    @property
    def identity(self) -> str:
        """What --rows matches: group/name@setting, or group/name where the name tells the setting."""
        words = f"{self.group}/{self.name}" + (f"@{self.setting}" if self.group in ("recipes", "pieces") else "")
        return "".join(c if c.isalnum() or c in "/@-_." else "-" for c in words.lower())

    @property
    def option_words(self) -> list:
        return words(self.options)


def words(options: dict) -> list:
    return [f"--{name}={text(value)}" for name, value in options.items()]


def text(value) -> str:
    """An option's value as tools take it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(text, value)) if isinstance(value, list) else str(value)


def take(table: dict, allowed: set, where: str) -> dict:
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise RowsError(f"expected {', '.join(sorted(allowed))} in {where}, but got '{unknown[0]}'")
    return table


def make(group: str, entry: dict, settings: dict, steps: str, where: str) -> Row:
    """A row from its entry; options of the setting come first, those of the entry replace and follow them."""
    entry = dict(entry)
    setting = entry.setdefault("setting", "")
    if setting and setting not in settings:
        raise RowsError(f"expected one of the settings {', '.join(settings)} in {where}, but got '{setting}'")
    options = {**settings.get(setting, {}), **entry.get("options", {})}
    if "steps" in entry:
        plan = " ".join(f"{name}={text(value)}" for name, value in options.items())
        entry["passes"] = steps.format(plan=plan, steps=entry.pop("steps"), calibration="{calibration}")
        options = {}
    if bool(entry.get("recipe")) == bool(entry.get("passes")):
        raise RowsError(f"expected one of recipe, passes and steps in {where}")
    return Row(group=group, **{**entry, "options": options})


def load(path: Path = FILE) -> list:
    """All rows in the order of the pages: the float model, goals, every recipe at every setting, pieces."""
    data = take(tomllib.loads(path.read_text(encoding="utf-8")), {"settings", "steps", *GROUPS.values()}, path.name)
    settings, steps, rows = data["settings"], data.get("steps", ""), [Row("float", "model", "")]
    common = {"name", "setting", "recipe", "passes", "steps", "options", "calibrated", "note"}
    for entry in data.get("goal", []):
        take(entry, common | {"tuned", "reference", "must", "aim"}, f"goal '{entry.get('name')}'")
        rows.append(make("goals", entry, settings, steps, f"goal '{entry['name']}'"))
    for entry in data.get("recipe", []):
        take(entry, {"name", "options", "settings", "calibrated", "note"}, f"recipe '{entry.get('name')}'")
        for setting in settings:
            own = {"name": entry["name"], "recipe": entry["name"], "setting": setting, "note": entry.get("note", ""),
                   "calibrated": entry.get("calibrated", True),
                   "options": {**entry.get("options", {}), **entry.get("settings", {}).get(setting, {})}}
            rows.append(make("recipes", own, settings, steps, f"recipe '{entry['name']}'"))
    for entry in data.get("piece", []):
        take(entry, common, f"piece '{entry.get('name')}'")
        rows.append(make("pieces", entry, settings, steps, f"piece '{entry['name']}'"))
    twice = [row.identity for i, row in enumerate(rows) if row.identity in {other.identity for other in rows[:i]}]
    if twice:
        raise RowsError(f"expected every row once, but got '{twice[0]}' again")
    return rows


def choose(rows: list, patterns: str) -> list:
    """The rows that one of the comma-separated globs matches, by identity or group; each glob must match something."""
    if not patterns:
        return rows
    chosen = set()
    for pattern in patterns.lower().split(","):
        found = {row.identity for row in rows if fnmatch.fnmatch(row.identity, pattern) or row.group == pattern}
        if not found:
            raise RowsError(f"expected rows such as '{rows[0].identity}' or a glob that matches some, but got '{pattern}'")
        chosen |= found
    return [row for row in rows if row.identity in chosen]
