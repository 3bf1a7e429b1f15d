#!/usr/bin/env python3
"""Fills the code and the rows of tables that pages of the documentation quote with what the files say today.

usage: doc-snippets.py ROOT [--check]

A page quotes code by a comment in front of a fenced block:

    <!-- code: lib/Recipes/RTN.cpp: void qllm::buildRTNPipeline -->

takes the first line that contains the text behind the second colon, and everything to the line that closes it (a `}` in the
column where that line begins), or that line alone where it opens nothing. `+3 ` in front of the text takes three more lines
instead. Rows of a table of another page are quoted by

    <!-- rows: docs/results.md: first cell of the header: first cell of a row, of another row -->

in front of a table. With --check nothing is written; what differs is an error.
"""

import argparse
import pathlib
import re
import sys

QUOTE = re.compile(r"^<!-- code: (?P<file>[^:]+): (?:\+(?P<more>\d+) )?(?P<text>.+?) -->\n```(?P<language>\w*)\n(?P<body>.*?)^```$",
                   re.MULTILINE | re.DOTALL)
ROWS = re.compile(r"^<!-- rows: (?P<file>[^:]+): (?P<header>[^:]+): (?P<names>.+?) -->\n(?P<body>(?:\|.*\n)*)", re.MULTILINE)


def indentation(line):
    return len(line) - len(line.lstrip())


def excerpt(lines, text, more):
    """The lines that a quote stands for, without the indentation of the first."""
    first = next((i for i, line in enumerate(lines) if text in line), None)
    if first is None:
        raise ValueError(f"no line contains '{text}'")
    indent, last = indentation(lines[first]), first
    if more is not None:
        last = first + more
    elif not lines[first].rstrip().endswith((";", ")")):
        last = next((i for i, line in enumerate(lines) if i > first and line.strip().startswith("}") and indentation(line) == indent), None)
        if last is None:
            raise ValueError(f"nothing closes '{text}'")
    return "".join(line[indent:] or "\n" for line in lines[first:last + 1])


def first_cell(line):
    return line.split("|")[1].strip() if line.startswith("|") else None


def rows(lines, header, names):
    """Header, rule and the named rows of the table whose header begins with that cell."""
    first = next((i for i, line in enumerate(lines) if first_cell(line) == header), None)
    if first is None:
        raise ValueError(f"no table begins with '{header}'")
    table = {}
    for line in lines[first + 2:]:
        if first_cell(line) is None:
            break
        table[first_cell(line)] = line
    missing = [name for name in names if name not in table]
    if missing:
        raise ValueError(f"the table that begins with '{header}' has no row '{missing[0]}'")
    return "".join([*lines[first:first + 2], *(table[name] for name in names)])


def fill(root, page, complaints):
    """The page with every quote as it should be."""
    def replace(match):
        path = root / match["file"]
        try:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            if match.re is ROWS:
                body = rows(lines, match["header"], match["names"].split(", "))
            else:
                body = excerpt(lines, match["text"], int(match["more"]) if match["more"] else None)
        except (OSError, ValueError) as error:
            complaints.append(f"{page.relative_to(root)}: '{match['file']}': {error}")
            return match[0]
        return match[0][:match.start("body") - match.start()] + body + match[0][match.end("body") - match.start():]

    return ROWS.sub(replace, QUOTE.sub(replace, page.read_text(encoding="utf-8")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    root, complaints, quotes = arguments.root.resolve(), [], 0
    for page in [*sorted(root.glob("*.md")), *sorted(root.glob("docs/**/*.md"))]:
        before = page.read_text(encoding="utf-8")
        quotes += len(QUOTE.findall(before)) + len(ROWS.findall(before))
        if before.count("<!-- code:") != len(QUOTE.findall(before)):
            complaints.append(f"{page.relative_to(root)}: a '<!-- code: ... -->' without a fenced block of code behind it")
        after = fill(root, page, complaints)
        if after == before:
            continue
        if arguments.check:
            complaints.append(f"{page.relative_to(root)} quotes what has changed; run utils/doc-snippets.py .")
        else:
            page.write_text(after, encoding="utf-8")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{quotes} quotes")
    # Finding none means that the search is broken, not that all is well.
    sys.exit(1 if complaints or not quotes else 0)


main()
