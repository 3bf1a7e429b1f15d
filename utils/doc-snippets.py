#!/usr/bin/env python3
"""Fills the code that pages of the documentation quote with what the files say today.

usage: doc-snippets.py ROOT [--check]

A page quotes code by a comment in front of a fenced block:

    <!-- code: lib/Recipes/RTN.cpp: void qllm::buildRTNPipeline -->

takes the first line that contains the text behind the second colon, and everything to the line that closes it (a `}` in the
column where that line begins), or that line alone where it opens nothing. `+3 ` in front of the text takes three more lines
instead. With --check nothing is written; a block that differs is an error.
"""

import argparse
import pathlib
import re
import sys

QUOTE = re.compile(r"^<!-- code: (?P<file>[^:]+): (?:\+(?P<more>\d+) )?(?P<text>.+?) -->\n```(?P<language>\w*)\n(?P<body>.*?)^```$",
                   re.MULTILINE | re.DOTALL)


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


def fill(root, page, complaints):
    """The page with every quote as it should be."""
    def replace(match):
        path = root / match["file"]
        try:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            body = excerpt(lines, match["text"], int(match["more"]) if match["more"] else None)
        except (OSError, ValueError) as error:
            complaints.append(f"{page.relative_to(root)}: '{match['file']}': {error}")
            return match[0]
        return match[0][:match.start("body") - match.start()] + body + "```"

    return QUOTE.sub(replace, page.read_text(encoding="utf-8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    root, complaints, quotes = arguments.root.resolve(), [], 0
    for page in [*sorted(root.glob("*.md")), *sorted(root.glob("docs/**/*.md"))]:
        before = page.read_text(encoding="utf-8")
        quotes += len(QUOTE.findall(before))
        if before.count("<!-- code:") != len(QUOTE.findall(before)):
            complaints.append(f"{page.relative_to(root)}: a '<!-- code: ... -->' without a fenced block of code behind it")
        after = fill(root, page, complaints)
        if after == before:
            continue
        if arguments.check:
            complaints.append(f"{page.relative_to(root)} quotes code that has changed; run utils/doc-snippets.py .")
        else:
            page.write_text(after, encoding="utf-8")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{quotes} quotes")
    # Finding none means that the search is broken, not that all is well.
    sys.exit(1 if complaints or not quotes else 0)


main()
