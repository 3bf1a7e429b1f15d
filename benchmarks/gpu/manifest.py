# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A package: a folder with compiled kernels and manifest.json, which says how each is launched and on which problem."""
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kernel_text import Geometry, TensorMap, TensorType

FORMAT = 1


class BadInput(Exception):
    """What was given cannot be used; the text says what was wanted and what was found."""


@dataclass(frozen=True)
class Kernel:
    """One kernel: its files by kind of code, its arguments, and the numbers of rows it is meant for. `written` are operands that it
    changes; the results are those that have memory of their own."""
    name: str
    files: dict  # "cubin", "ptx" or "emulator" to a file of the package
    operands: tuple
    results: tuple
    sizes: tuple
    geometry: Geometry
    schedule: str
    rows: tuple
    written: tuple = ()

    @staticmethod
    def parse(fields: dict) -> "Kernel":
        geometry = dict(fields["geometry"], maps=tuple(TensorMap(**each) for each in fields["geometry"]["maps"]))
        tensors = {key: tuple(TensorType(each["element"], tuple(each["shape"]), each["rows_each"]) for each in fields[key]) for key in ("operands", "results")}
        return Kernel(**{**fields, **tensors, "geometry": Geometry(**geometry), "sizes": tuple(map(tuple, fields["sizes"])),
                         "rows": tuple(fields["rows"]), "written": tuple(fields["written"])})


@dataclass(frozen=True)
class Entry:
    """A problem of a family, and the kernels that solve it."""
    title: str
    family: str
    problem: dict
    kernels: tuple


@dataclass(frozen=True)
class Package:
    """Entries in the order of their importance, and kernels of single instructions."""
    folder: Path
    target: str
    revision: str
    entries: tuple
    instructions: tuple

    def write(self) -> None:
        content = {"format": FORMAT, "target": self.target, "revision": self.revision, "entries": [asdict(each) for each in self.entries],
                   "instructions": [asdict(each) for each in self.instructions]}
        (self.folder / "manifest.json").write_text(json.dumps(content, indent=1) + "\n")

    def read_code(self, kernel: Kernel, kind: str) -> bytes:
        if kind not in kernel.files:
            raise BadInput(f"expected kernels as {kind} in '{self.folder}', but '{kernel.name}' is there as {', '.join(kernel.files)}")
        return read_file(self.folder / kernel.files[kind])


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error


def read_package(folder: Path) -> Package:
    path = folder / "manifest.json"
    try:
        content = json.loads(read_file(path))
    except ValueError as error:
        raise BadInput(f"'{path}': expected JSON, but {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise BadInput(f"'{path}': expected a manifest of format {FORMAT}, but got {found}")
    try:
        entries = [Entry(each["title"], each["family"], each["problem"], tuple(map(Kernel.parse, each["kernels"]))) for each in content["entries"]]
        return Package(folder, content["target"], content["revision"], tuple(entries), tuple(map(Kernel.parse, content["instructions"])))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"'{path}': a field is missing or has no place: {error}") from error
