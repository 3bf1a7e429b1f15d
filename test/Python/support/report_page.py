# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a report page the way a strict reader does, and opens it in a browser where there is one."""
import html.parser
import json
import re
import shutil
import subprocess

VOID = {"meta", "link", "br", "img", "hr", "input"}
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(html.parser.HTMLParser):
    """Tags must be balanced; keeps what the page refers to, and the text of its elements by tag."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.references, self.texts, self.counts = [], [], {}, {}
        self.feed(text)
        self.close()
        assert not self.open, f"expected every element to end, but these do not: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attributes:
            if name in ("src", "href", "action", "data", "srcset", "poster") or name.startswith("on"):
                self.references.append((tag, name, value))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"expected the end of {self.open[-1:]}, but got that of {tag}"
        self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def data(self):
        """The runs that the page carries."""
        return json.loads(next(text for text in self.texts["script"] if text.startswith("[")))


def check_self_contained(text):
    page = Page(text)
    outside = [reference for reference in page.references if not (reference[2] or "").startswith("data:")]
    assert not outside, outside
    assert not re.search(r"@import|url\(", "".join(page.texts["style"]))
    assert "default-src 'none'" in text  # and a browser holds the page to it
    return page


def render(path, scratch, *flags):
    """Opens a page: the document as it is once scripts have run, and what they said on the console."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr", f"--user-data-dir={scratch}", "--virtual-time-budget=4000",
               *flags, path.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout, [line for line in result.stderr.splitlines() if "CONSOLE" in line]
