#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares what a card recorded of single instructions with the emulator, bit for bit.

usage: benchmarks/gpu/golden.py FOLDER

FOLDER is what bench.py --golden has written: FOLDER/TARGET/INSTRUCTION.npz with the words that went in and came out. Needs qllm-emu on the
path, and no card. Exit code: 0 all are equal, 1 bad input, 3 there are differences.
"""
import argparse
import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "utils"))

from driver import Call, LaunchFailed  # noqa: E402
from emulator_driver import EmulatorDriver  # noqa: E402
from instructions import INSTRUCTIONS  # noqa: E402
from manifest import BadInput, Package  # noqa: E402


@dataclass(frozen=True)
class Record:
    """Words of every lane; `about` has instruction, target, card and driver."""
    words: np.ndarray
    results: np.ndarray
    about: dict

    def write(self, folder: Path) -> None:
        path = folder / self.about["target"] / f"{self.about['instruction']}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, words=self.words, results=self.results, about=json.dumps(self.about))


def read_record(path: Path) -> Record:
    try:
        with np.load(path) as content:
            record = Record(content["words"], content["results"], json.loads(str(content["about"])))
        instruction = INSTRUCTIONS[record.about["instruction"]]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadInput(f"'{path}': expected a record of bench.py --golden, but {error}") from error
    if record.words.shape[1:] != (len(instruction.words),) or record.results.shape[1:] != (instruction.results,):
        raise BadInput(f"'{path}': expected {len(instruction.words)} words in and {instruction.results} out for each lane, but got "
                       f"{record.words.shape} and {record.results.shape}")
    return record


def run(driver, handle, kernel, words: np.ndarray) -> np.ndarray:
    """The words that a kernel of an instruction makes of these."""
    lanes, width = kernel.results[0].shape
    buffer, result = driver.upload(words), driver.allocate(lanes * width * 4)
    driver.launch(driver.prepare(Call(kernel, handle, [buffer], [result], 1)))
    driver.synchronise()
    found = np.frombuffer(driver.download(result, 0, result.size), np.uint32).reshape(lanes, width)
    driver.free(buffer, result)
    return found


def record_all(driver, package: Package, folder: Path) -> int:
    """Records every instruction of a package; how many."""
    for kernel in package.instructions:
        words = INSTRUCTIONS[kernel.name].inputs(np.random.default_rng(0))
        results = run(driver, driver.load(package, kernel), kernel, words)
        about = {"instruction": kernel.name, "target": package.target, "card": driver.card, "driver": driver.version}
        Record(words, results, about).write(folder)
    return len(package.instructions)


def emulate(record: Record) -> np.ndarray:
    driver, instruction = EmulatorDriver(record.about["target"]), INSTRUCTIONS[record.about["instruction"]]
    return run(driver, driver.new_file(instruction.module(driver.target).encode()), instruction.kernel({}), record.words)


def compare(folder: Path) -> int:
    paths = sorted(folder.glob("*/*.npz"))
    if not paths:
        raise BadInput(f"expected records in '{folder}/TARGET', but there are none")
    different = 0
    for path in paths:
        record = read_record(path)
        wrong = np.argwhere(emulate(record) != record.results)
        name = f"{record.about['target']} {record.about['instruction']}"
        if len(wrong):
            different += 1
            lane, word = wrong[0]
            print(f"{name}: {len(wrong)} of {record.results.size} words differ, first word {word} of lane {lane}, "
                  f"{record.results[lane, word]:08x} on {record.about['card']}")
        else:
            print(f"{name}: {record.results.size} words equal")
    print(f"{len(paths)} records, {different} with differences")
    return 3 if different else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    try:
        return compare(parser.parse_args().folder)
    except (BadInput, LaunchFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
