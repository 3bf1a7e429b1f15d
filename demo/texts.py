#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds the calibration and evaluation texts from a shortened dump of English Wikipedia.

The long articles of the dump are dealt out in turn: those with an even index calibrate, the others evaluate, so no article is in both.
The text is CC-BY-SA, so it is made under the build tree and never committed. Cleaning is tied to a version of
mwparserfromhell, therefore the sha256 of both texts is checked.
"""
import bz2
import hashlib
import html
import re
import sys
from pathlib import Path

import mwparserfromhell

SHA256_START = {"calib": "ce2eaf7ec0e9a38f", "eval": "1500a7d2dd37d207"}
MIN_SOURCE, MIN_BODY, MIN_LINE = 20000, 4000, 120


def plain_text(wikitext: str) -> str:
    """The sentences of an article: no references, tables, templates, captions or lists."""
    wikitext = re.sub(r"<ref[^>/]*/>", "", wikitext)
    wikitext = re.sub(r"<ref.*?</ref>", "", wikitext, flags=re.S)
    wikitext = re.sub(r"\{\|.*?\n\|\}", "", wikitext, flags=re.S)
    stripped = mwparserfromhell.parse(wikitext).strip_code()
    lines = (re.sub(r"\s+", " ", line).strip() for line in stripped.split("\n"))
    return "\n\n".join(l for l in lines if len(l) >= MIN_LINE and l[-1] in ".!?\"')" and "|" not in l)


def articles(dump: Path):
    """Yields (title, text) of every article long enough to be worth reading, in the order of the dump."""
    xml = bz2.decompress(dump.read_bytes()).decode()
    for page in re.findall(r"<page>(.*?)</page>", xml, re.S):
        title = html.unescape(re.search(r"<title>(.*?)</title>", page).group(1))
        text = re.search(r"<text[^>]*>(.*?)</text>", page, re.S)
        if not text or "List of" in title or "disambiguation" in title:
            continue
        source = html.unescape(text.group(1))
        if source.lower().startswith("#redirect") or len(source) < MIN_SOURCE:
            continue
        body = plain_text(source)
        if len(body) > MIN_BODY:
            yield title, body


def make_texts(dump: Path, folder: Path) -> dict:
    """Writes calib.txt and eval.txt into `folder`; returns their paths by name."""
    paths = {name: folder / f"{name}.txt" for name in SHA256_START}
    if all(path.exists() for path in paths.values()):
        return paths
    chosen = [f"= {title} =\n\n{body}" for title, body in articles(dump)]
    for name, part in (("calib", chosen[0::2]), ("eval", chosen[1::2])):
        data = "\n\n".join(part).encode()
        found = hashlib.sha256(data).hexdigest()[:16]
        if found != SHA256_START[name]:
            raise SystemExit(
                f"expected sha256 {SHA256_START[name]} of the {name} text, but got {found} with mwparserfromhell "
                f"{mwparserfromhell.__version__} (0.7.2 is pinned in utils/requirements.txt)")
        paths[name].write_bytes(data)
    return paths


if __name__ == "__main__":
    for path in make_texts(Path(sys.argv[1]), Path(sys.argv[2])).values():
        print(path)
