#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Seeds faults, one at a time, and counts those that the test suite notices.

usage: mutants.py [--build build/release] [--match TEXT] [--report FILE.jsonl] | mutants.py --check

The faults are in test/Mutants/*.toml: a text of a source file, which is there once, and what takes its place. No mark in
the sources is needed. Each is built (one object and the programs that link it), then the tests near the file run until one
fails: the lit folders that mirror the folder of the file, the unit tests of its library, the pytest files of its
family, and test/Validation. Which tests these are depends on the file alone, never on the fault. A fault that does not
compile is an error of the table. Sources are changed in place and restored; a file with changes of its own is refused.

--check only looks whether every text is still there, once. With --report, faults that are in the file already are left out,
so that a run can be stopped. Exit status 1 if a fault survives.
"""
import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import tomllib

SOURCE = pathlib.Path(__file__).resolve().parent.parent
TIME_LIMIT = 900  # of one program, in seconds
TOOLS = ["qllm-opt", "qllm-translate"]
ALL_TOOLS = [*TOOLS, "qllm", "qllm-reduce"]
# What runs, in this order, and the programs that it needs: a GoogleTest binary, a folder of lit, or a file of pytest.
VALIDATION = ("lit", "Validation/", ALL_TOOLS)
CHANNELS = [("unit", "QLLMDialectTests", ["QLLMDialectTests"]), ("lit", "Dialect/QLLM/", TOOLS), ("lit", "Transforms/Channels/", TOOLS),
            VALIDATION, ("pytest", "channel_models.py", ALL_TOOLS)]
EMULATOR = [("unit", "EmulatorTests", ["EmulatorTests"]), ("unit", "GPURuntimeTests", ["GPURuntimeTests"]),
            ("lit", "Emulator/", ["qllm-opt", "qllm-emu", "QLLMPlugin", "qllm_emu_runtime"])]
# By the beginning of the file's path.
NEAR = {
    "lib/Dialect/QLLM/": CHANNELS,
    "lib/Transforms/Channels/": CHANNELS,
    "lib/Transforms/Raise/": [("lit", "Transforms/Raise/", TOOLS), VALIDATION, ("pytest", "raise_models.py", ALL_TOOLS)],
    "lib/Conversion/QLLMToONNX/": [("lit", "Conversion/QLLMToONNX/", TOOLS), VALIDATION, ("pytest", "export_channels.py", ALL_TOOLS),
                                   ("pytest", "export_quantizers.py", ALL_TOOLS)],
    # Those that look at the code of kernels before those that run it, which take minutes.
    "lib/Conversion/KernelToNVVM/": [("lit", "Conversion/KernelToNVVM/.*mlir$", ["qllm-opt"]),
                                     ("lit", "Conversion/KernelToNVVM/", [*TOOLS, "qllm-emu"]),
                                     ("lit", "Conversion/QLLMToKernel/", ALL_TOOLS)],
    "lib/Conversion/KernelToGPU/": [("lit", "Conversion/KernelToGPU/.*mlir$", ["qllm-opt"]),
                                    ("lit", "Conversion/KernelToGPU/", [*TOOLS, "qllm_emu_runtime"])],
    "lib/Emulator/": EMULATOR,
    "include/qllm/Emulator/": EMULATOR,
    "lib/Interpreter/": [("unit", "InterpreterTests", ["InterpreterTests"]), ("lit", "Interpreter/", TOOLS),
                         ("lit", "Dialect/QLLM/Execution/", TOOLS), ("pytest", "formats_interpreted.py", ALL_TOOLS),
                         ("lit", "Conversion/QLLMToKernel/", ALL_TOOLS)],
}


def read_mutants():
    for path in sorted((SOURCE / "test" / "Mutants").glob("*.toml")):
        for mutant in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            yield {"table": path.stem, **mutant}


def complaints(mutants):
    """What is wrong with the table: each text must be in its file once, and names must differ."""
    names = set()
    for mutant in mutants:
        count = (SOURCE / mutant["file"]).read_text(encoding="utf-8").count(mutant["from"])
        if count != 1:
            yield f"{mutant['name']}: expected its text once in {mutant['file']}, but found it {count} times"
        if mutant["from"] == mutant["to"]:
            yield f"{mutant['name']}: expected a change"
        if mutant["name"] in names:
            yield f"{mutant['name']}: expected a name of its own"
        if not any(mutant["file"].startswith(folder) for folder in NEAR):
            yield f"{mutant['name']}: no tests are near {mutant['file']}"
        names.add(mutant["name"])


@contextlib.contextmanager
def seeded(mutant):
    path = SOURCE / mutant["file"]
    original = path.read_text(encoding="utf-8")
    try:
        path.write_text(original.replace(mutant["from"], mutant["to"]), encoding="utf-8")
        yield
    finally:
        path.write_text(original, encoding="utf-8")


def run(command, **options):
    """Ends everything that the command started when it takes longer than a healthy suite may."""
    command = [str(word) for word in command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
                          **options) as process:
        try:
            output, _ = process.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"stopped after {TIME_LIMIT} seconds\n"
        return subprocess.CompletedProcess(command, process.returncode, output)


def near(mutant):
    return next(tests for folder, tests in NEAR.items() if mutant["file"].startswith(folder))


def build_programs(build, programs):
    """What is wrong with the build, or nothing."""
    result = run(["ninja", "-C", build, "-j2", *programs])
    return result.stdout[-2000:] if result.returncode else None


def failing_test(build, kind, name):
    """A test that fails, and what it said; or nothing."""
    if kind == "unit":
        result = run([build / "unittests" / name, "--gtest_brief=1"])
    elif kind == "pytest":
        result = run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"test/Python/{name}"], cwd=SOURCE,
                     env=dict(os.environ, QLLM_BUILD=str(build)))
    else:
        # The test that this table fits the sources fails for every fault. What failed before runs first.
        result = run([pathlib.Path(sys.executable).with_name("lit"), "-q", "-v", "-j2", "--max-failures=1",
                      "--filter-out=Validation/mutants", f"--filter={name}", build / "test"])
        name = next((line.split("qllm :: ")[1] for line in result.stdout.splitlines() if line.startswith("  qllm :: ")), name)
    return (name, result.stdout) if result.returncode else None


def judge(build, tests):
    for kind, name, programs in tests:
        if trouble := build_programs(build, programs):
            return {"outcome": "error", "by": trouble}
        if failure := failing_test(build, kind, name):
            return {"outcome": "caught", "by": failure[0], "output": failure[1]}
    return {"outcome": "survived"}


def expect_clean(build, mutants):
    """Without a fault all tests pass; otherwise none of them would say anything."""
    for tests in {id(near(mutant)): near(mutant) for mutant in mutants}.values():
        verdict = judge(build, tests)
        if verdict["outcome"] != "survived":
            sys.exit(f"expected every test to pass without a fault, but this fails: {verdict['by']}\n{verdict.get('output', '')}")


def try_mutant(build, mutant):
    start = time.time()
    with seeded(mutant):
        verdict = judge(build, near(mutant))
    verdict.pop("output", None)
    return {**verdict, "seconds": round(time.time() - start)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build" / "release")
    parser.add_argument("--match", default="", help="only faults whose table, name or file has this text")
    parser.add_argument("--report", type=pathlib.Path, help="a line for each fault is appended to this file")
    parser.add_argument("--check", action="store_true", help="only look whether the table fits the sources")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that sources are restored
    mutants = list(read_mutants())
    wrong = list(complaints(mutants))
    if wrong or options.check:
        sys.exit("\n".join(wrong) if wrong else print(f"{len(mutants)} faults fit the sources"))
    done = {}
    if options.report and options.report.exists():
        done = {row["name"]: row for row in map(json.loads, options.report.read_text(encoding="utf-8").splitlines())}
    chosen = [mutant for mutant in mutants if options.match in f"{mutant['table']} {mutant['name']} {mutant['file']}"]
    changed = run(["git", "status", "--porcelain", "--", *{mutant["file"] for mutant in chosen}], cwd=SOURCE).stdout
    if changed:
        sys.exit(f"expected no changes in the files that faults are seeded in, but found\n{changed}")
    if not done:
        expect_clean(options.build.resolve(), chosen)
    for mutant in chosen:
        if mutant["name"] not in done:
            done[mutant["name"]] = {"name": mutant["name"], **try_mutant(options.build.resolve(), mutant)}
            if options.report:
                with options.report.open("a", encoding="utf-8") as report:
                    report.write(json.dumps(done[mutant["name"]]) + "\n")
        row = done[mutant["name"]]
        print(f"{row['outcome']:9} {mutant['table']}: {mutant['name']} ({row.get('by', mutant['file'])})", flush=True)
    rows = [done[mutant["name"]] for mutant in chosen]
    caught = sum(row["outcome"] == "caught" for row in rows)
    print(f"{caught} of {len(rows)} faults caught")
    sys.exit(int(caught != len(rows)))


main()
