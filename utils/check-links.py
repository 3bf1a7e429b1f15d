#!/usr/bin/env python3
"""Checks that links and images of the documentation lead somewhere inside the repository.

usage: check-links.py ROOT

Links to files must name one that exists, with the heading that a `#fragment` names. Addresses of other sites are left alone:
the tests have no network. A page under docs/ that no page links to is an error as well.
"""

import pathlib
import re
import sys
import unicodedata

FENCE = re.compile(r"^[ \t]*```.*?^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|<(?:img|a)\b[^>]*?(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)


def anchor(heading):
    """The fragment that viewers of Markdown give a heading: lower case, letters, digits, hyphens and underscores."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    kept = (c for c in text if c in "-_ " or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


def anchors(text):
    """Every fragment of a page; headings of one name are numbered."""
    seen, result = {}, set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        name = anchor(heading)
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.add(f"{name}-{count}" if count else name)
    return result | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1]).resolve()
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("test/**/README.md")]
    texts = {page: page.read_text(encoding="utf-8") for page in sorted(pages)}
    complaints, linked, count = [], set(), 0
    for page, text in texts.items():
        # Blanked, not cut, so that line numbers stay.
        blank = lambda match: re.sub(r"[^\n]", " ", match[0])
        visible = CODE.sub(blank, FENCE.sub(blank, text))
        for match in LINK.finditer(visible):
            target = match[1] or match[2]
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            where = f"{page.relative_to(root)}:{visible.count(chr(10), 0, match.start()) + 1}"
            name, _, fragment = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            linked.add(path)
            if not path.exists():
                complaints.append(f"{where}: no file '{target}'")
            elif root not in path.parents:
                complaints.append(f"{where}: '{target}' leaves the repository")
            elif fragment and path.suffix == ".md" and fragment not in anchors(path.read_text(encoding="utf-8")):
                complaints.append(f"{where}: no heading '#{fragment}' in {path.relative_to(root)}")
    for page in texts:
        if root / "docs" in page.parents and page not in linked:
            complaints.append(f"{page.relative_to(root)}: no page links here")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{count} links")
    # Finding none means that the search is broken, not that all is well.
    sys.exit(1 if complaints or not count else 0)


main()
