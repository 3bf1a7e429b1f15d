#!/usr/bin/env python3
"""Runs every test of a build tree and closes with `N passed, N failed`.

usage: check.py BUILD_DIRECTORY (to narrow down, run lit, a GoogleTest binary or pytest itself)

lit runs test/ (each file one test); each GoogleTest case and each pytest case counts as one.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

import sanitizers

SOURCE = pathlib.Path(__file__).resolve().parent.parent
# What lit calls success; an unsupported test ran nothing and counts as neither.
LIT_PASSED, LIT_SKIPPED = {"PASS", "XFAIL", "FLAKYPASS"}, {"UNSUPPORTED", "EXCLUDED", "SKIPPED"}


def run_lit(build, scratch):
    report = scratch / "lit.json"
    subprocess.run([str(pathlib.Path(sys.executable).with_name("lit")), "-sv", "-j2", "-o", str(report), str(build / "test")], check=False)
    if not report.exists():
        return 0, 1, 0
    codes = [test["code"] for test in json.loads(report.read_text())["tests"]]
    passed, skipped = sum(c in LIT_PASSED for c in codes), sum(c in LIT_SKIPPED for c in codes)
    return passed, len(codes) - passed - skipped, skipped


def junit_counts(report):
    """Counts of a JUnit file; a report that is missing means that the runner itself failed."""
    if not report.exists():
        return 0, 1, 0
    cases = list(xml.parse(report).getroot().iter("testcase"))
    failed = sum(any(child.tag in ("failure", "error") for child in case) for case in cases)
    skipped = sum(any(child.tag == "skipped" for child in case) for case in cases)
    return len(cases) - failed - skipped, failed, skipped


def run_gtest(binary, scratch):
    report = scratch / (binary.name + ".xml")
    result = subprocess.run([str(binary), f"--gtest_output=xml:{report}", "--gtest_brief=1"], check=False)
    passed, failed, skipped = junit_counts(report)
    return passed, max(failed, int(result.returncode != 0)), skipped


def run_pytest(build, scratch):
    report = scratch / "pytest.xml"
    tests = SOURCE / "test" / "Python"
    if not any(tests.glob("*.py")):
        return 0, 0, 0
    environment = dict(os.environ, QLLM_BUILD=str(build))
    result = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", str(tests)],
                            check=False, env=environment)
    passed, failed, skipped = junit_counts(report)
    return passed, max(failed, int(result.returncode not in (0, 1))), skipped


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    for name, options in sanitizers.ENVIRONMENT.items():  # of no effect in a build without
        os.environ.setdefault(name, options)
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        results = [run_lit(build, scratch)]
        results += [run_gtest(binary, scratch) for binary in sorted((build / "unittests").glob("*")) if os.access(binary, os.X_OK)
                    and binary.is_file()]
        results.append(run_pytest(build, scratch))
    passed, failed, skipped = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed or not passed else 0)


main()
