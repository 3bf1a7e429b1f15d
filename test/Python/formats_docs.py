# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of docs/formats say what the library does."""

import pathlib

import format_probe as probe
import numpy as np
import pytest

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "formats"


def table(page, first_column):
    """The rows, as lists of cells, of the page's table that starts with this column."""
    lines = (DOCS / page).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def number(text):
    return np.float32(2.0 ** int(text[2:])) if text.startswith("2^") else np.float32(text)


def test_every_element_has_a_row():
    assert [row[0] for row in table("elements.md", "name")] == probe.names()


@pytest.mark.parametrize("row", table("elements.md", "name"), ids=lambda row: row[0])
def test_element_limits(row):
    name, bits, storage, lowest, highest, smallest, special = row
    assert probe.bits(name) == (int(bits), int(storage))
    values = probe.decode(name, range(1 << int(bits)))
    finite = values[np.isfinite(values)]
    assert (finite.min(), finite.max(), finite[finite > 0].min()) == (number(lowest), number(highest), number(smallest))
    assert (finite.size == values.size) == (special == "none")


def test_value_tables():
    (row,) = table("elements.md", "code | 0")
    assert np.array_equal(probe.decode("e2m1", range(8)), np.float32(row[1:]))
    for low, low_value, high, high_value in table("elements.md", "code | value"):
        assert np.array_equal(probe.decode("nf4", [int(low), int(high)]), np.float32([low_value, high_value]))


@pytest.mark.parametrize("row", table("packing.md", "format | code bytes"), ids=lambda row: row[0])
def test_packing_examples(row):
    name, codes, packed = row[0], bytes.fromhex(row[1]), bytes.fromhex(row[2])
    assert probe.pack(name, np.frombuffer(codes, np.uint8)).tobytes() == packed
    assert probe.unpack(name, np.frombuffer(packed, np.uint8), len(codes)).tobytes() == codes


@pytest.mark.parametrize("row", table("packing.md", "format | element"), ids=lambda row: row[0])
def test_block_formats(row):
    name, element, size, scale, second, bits = row
    spec, group_size = probe.block_format(name)
    assert (spec.element.decode(), group_size, spec.scale_format) == (element, int(size), probe.SCALE_FORMATS[scale])
    assert bool(spec.has_tensor_scale) == (second != "none")
    assert probe.bits(element)[1] + 8 * probe.SCALE_BYTES[scale] / int(size) == float(bits)
