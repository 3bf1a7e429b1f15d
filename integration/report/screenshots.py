#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Opens a page of `qllm quantize --report` or `qllm compare --report` in headless Chromium: light, dark and printed.

    python integration/report/screenshots.py page.html -o FOLDER [--height 5200]

Writes light.png, dark.png and print.pdf, and fails if the page says anything on the console. Installs nothing: it needs `chromium` on
the PATH (the package chromium of Debian).
"""
import argparse
import pathlib
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "test/Python/support"))
import report_page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="a folder for the pictures")
    parser.add_argument("--width", type=int, default=1180)
    parser.add_argument("--height", type=int, default=5200, help="of the window, in pixels")
    options = parser.parse_args()
    if not report_page.BROWSER:
        sys.exit("expected chromium on the PATH (Debian has it as the package chromium), but found none")
    report_page.check_self_contained(options.page.read_text())
    options.output.mkdir(parents=True, exist_ok=True)
    folder, window = options.output.resolve(), f"--window-size={options.width},{options.height}"
    media = {"light": [f"--screenshot={folder}/light.png", window, "--hide-scrollbars"],
             "dark": [f"--screenshot={folder}/dark.png", window, "--hide-scrollbars", "--blink-settings=preferredColorScheme=0"],
             "print": [f"--print-to-pdf={folder}/print.pdf", "--no-pdf-header-footer"]}
    for name, flags in media.items():
        with tempfile.TemporaryDirectory() as profile:
            _, said = report_page.render(options.page.resolve(), profile, *flags)
        if said:
            sys.exit(f"{name}: expected nothing on the console, but got:\n" + "\n".join(said))
        print(f"{name}: drawn, nothing on the console")


if __name__ == "__main__":
    main()
