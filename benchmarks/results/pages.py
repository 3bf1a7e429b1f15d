# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables and the page, made from finished rows alone."""
from measured import SUBSETS, WINDOWS, perplexity
from provenance import machine

INTRODUCTION = """# Results of the recipes

Written by `./run results --write`; do not edit. {measured}
`./run results --rows ROW` runs a row again, `./run results --list` names them; its command stands under its table.

Model, texts and windows are those of [the demo's table](results.md): SmolLM2-135M-Instruct, whose linear weights were rounded to 4 bits in
groups of 32 before, Wikipedia articles, 24 windows of 512 tokens. "8 windows" are those with index mod 3 = 0: goals are compared
on them, and methods were developed while looking at them, so "other 16" is the clean figure. {floating}
Calibration: 16 windows of 256 tokens of the calibration articles, which are others. Embedding, norms, softmax and `lm_head` stay in floating point. Where activations are quantized, so are q, k and v, per
token and head.

Bits per weight: stored bits of the quantized layers with scales, zero points, branches, tables and maps, over the weights
these layers had. CPU seconds: those of `qllm quantize` with one thread, beside as many other rows as there are cores. Peak: its largest
resident set; the mapped weights are part of it.
"""


def value_on(result: dict, subset: str) -> str:
    """Empty where the windows were not evaluated."""
    if not all(str(index) in result["losses"] for index in range(WINDOWS) if SUBSETS[subset](index)):
        return ""
    return f"{perplexity(result['losses'], subset):.2f}"


def missed(row, result) -> bool:
    """Whether a finished row is behind its goal."""
    if not result or "error" in result or row.must is None:
        return False
    return perplexity(result["losses"], "8") > row.must


def state(result) -> str:
    """What stands where a figure cannot."""
    return "not run" if result is None else "failed"


def is_measured(result) -> bool:
    return result is not None and "error" not in result


def table(header: list, lines: list) -> str:
    """Markdown with aligned columns, readable as it is on a terminal."""
    lines = [header] + lines
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def costs(result) -> list:
    if "quantize" not in result:
        return ["", "", ""]
    bits = result["coverage"]["bits_per_weight"]
    return [f"{bits:.2f}" if bits else "", f"{result['quantize']['cpu']:.0f}", f"{result['quantize']['peak'] / 2**20:.0f}"]


def figure(value) -> str:
    return "" if value is None else f"{value:g}"


def goal_line(row, result) -> list:
    start = [row.name, figure(row.reference), figure(row.must), figure(row.aim)]
    if not is_measured(result):
        return [*start, state(result), "", "", "", "", ""]
    reached = value_on(result, "8") + (" MISSED" if missed(row, result) else "")
    return [*start, reached, value_on(result, "16"), value_on(result, "24"), *costs(result)]


def goals(rows: list, results: dict) -> str:
    header = ["goal", "reference", "must", "aim", "reached, 8 windows", "other 16", "24", "bits per weight", "CPU s", "peak MiB"]
    return table(header, [goal_line(row, results[row.identity]) for row in rows])


def plain_line(row, result) -> list:
    if not is_measured(result):
        return [row.name, row.setting, state(result), "", "", "", "", ""]
    return [row.name, row.setting, *(value_on(result, name) for name in SUBSETS), *costs(result)]


def plain(rows: list, results: dict) -> str:
    header = ["what", "setting", "8 windows", "other 16", "24", "bits per weight", "CPU s", "peak MiB"]
    return table(header, [plain_line(row, results[row.identity]) for row in rows])


def matrix(rows: list, results: dict) -> str:
    """Perplexity of every recipe at every setting, on the 8 windows / on all 24."""
    names, columns = list(dict.fromkeys(row.name for row in rows)), list(dict.fromkeys(row.setting for row in rows))
    cells = {}
    for row in rows:
        result = results[row.identity]
        cells[row.name, row.setting] = f"{value_on(result, '8')} / {value_on(result, '24')}" if is_measured(result) else state(result)
    return table(["8 / 24 windows", *columns], [[name, *(cells.get((name, column), "") for column in columns)] for name in names])


def in_group(rows: list, group: str) -> list:
    return [row for row in rows if row.group == group]


def tables(rows: list, results: dict) -> str:
    """For the terminal: the tables that hold the rows."""
    parts = [(plain, "float"), (goals, "goals"), (plain, "recipes"), (plain, "pieces")]
    return "\n\n".join(make(in_group(rows, group), results) for make, group in parts if in_group(rows, group))


def commands(rows: list, results: dict) -> str:
    def indented(command: str) -> str:
        return "".join(f"\n    {line}" for line in command.splitlines())

    lines = [row.identity + indented(results[row.identity]["command"]) for row in rows if results[row.identity]]
    return "```\n" + "\n".join(lines) + "\n```" if lines else "None of them has been run."


def passes(rows: list) -> str:
    """What rows that are no named recipe consist of."""
    lines = [f"{row.identity}\n    {row.passes}" for row in rows if row.passes]
    return "```\n" + "\n".join(lines) + "\n```" if lines else ""


def incomplete(rows: list, results: dict) -> str:
    """Rows without a figure, with the error, and rows that left layers out, with their names."""
    lines = []
    for row in rows:
        result = results[row.identity]
        if result and "error" in result:
            lines.append(f"- `{row.identity}`: {' '.join(result['error'].split())[:500]}")
        elif result and result.get("coverage", {}).get("skipped"):
            names = ", ".join(result["coverage"]["skipped_layers"][:5])
            lines.append(f"- `{row.identity}`: {result['coverage']['skipped']} skipped ({names})")
    missing = sum(results[row.identity] is None for row in rows)
    if missing:
        lines.append(f"- {missing} of {len(rows)} rows have not been run.")
    return "\n".join(lines) or "Every row has been run and covers all layers."


def notes(rows: list) -> str:
    seen = dict.fromkeys((row.name, row.note) for row in rows if row.note)
    return "\n".join(f"- {name}: {note}" for name, note in seen)


def provenance(rows: list, results: dict) -> str:
    """Which machines and revisions measured the rows."""
    done = [results[row.identity] for row in rows if is_measured(results[row.identity])]
    machines = sorted({result["machine"] for result in done}) or [machine()]
    revisions = {}
    for result in done:
        revisions[result["revision"]] = revisions.get(result["revision"], 0) + 1
    listed = ", ".join(f"{name} ({count} rows)" for name, count in sorted(revisions.items(), key=lambda item: -item[1]))
    return f"Measured on {'; '.join(machines)}; revisions: {listed or 'none yet'}."


def floating(rows: list, results: dict) -> str:
    row = next(row for row in rows if row.is_float)
    result = results[row.identity]
    if not is_measured(result):
        return "The float model has not been measured here."
    return "In floating point: " + ", ".join(f"{value_on(result, name)} on {name}" for name in SUBSETS) + " windows."


def page(rows: list, results: dict) -> str:
    texts = [INTRODUCTION.format(measured=provenance(rows, results), floating=floating(rows, results))]
    goal_rows, recipe_rows, piece_rows = (in_group(rows, group) for group in ("goals", "recipes", "pieces"))
    texts += ["## Goals\n", goals(goal_rows, results), notes(goal_rows), commands(goal_rows, results)]
    texts += ["## Every recipe at every setting\n", matrix(recipe_rows, results), notes(recipe_rows), plain(recipe_rows, results),
              commands(recipe_rows, results)]
    texts += ["## The pieces, each alone\n", plain(piece_rows, results), notes(piece_rows), passes(piece_rows)]
    texts += ["## What is missing\n", incomplete(rows, results)]
    return "\n\n".join(text.strip("\n") for text in texts if text) + "\n"
