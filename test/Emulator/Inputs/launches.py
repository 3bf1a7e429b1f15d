"""Runs kernels with many launches, each of which is a line of a file.

usage: launches.py KERNELS.mlir FILE

A line after "TRY: " is the name of a kernel and the number that it stores; the kernel "map" and a field of its tensor map, or of the argument
that has it; a field of the launch; or arguments. Prints for each the exit status of qllm-emu and, if that is not 0, what it said, else what
was stored.
"""

import json
import pathlib
import re
import subprocess
import sys

kernels, lines = map(pathlib.Path, sys.argv[1:])
folder = kernels.parent
OUT = {"name": "OUT", "type": "ui8", "shape": [8], "output": "out.bin"}


def launch(line: str) -> str:
    """The description, in which numbers stand as in the line."""
    if line.startswith("map "):
        changes = json.loads("{" + line[4:] + "}")
        argument = {"name": "MAP", "tensor_map": {"buffer": "MATRIX", "box": [32, 2]}}
        for key, value in changes.items():
            (argument if key == "input" else argument["tensor_map"])[key] = value
        matrix = {"name": "MATRIX", "type": "ui8", "shape": [8, 64]}
        return json.dumps({"kernel": "map", "arguments": [matrix, argument]})
    if stored := re.fullmatch(r"(\w+) (\S+)", line):
        return f'{{"kernel": "{stored[1]}", "arguments": [{json.dumps(OUT)}, {{"name": "VALUE", "value": {stored[2]}}}]}}'
    if line.startswith("{"):
        line = f'"arguments": [{line}]'
    return f'{{"kernel": "store", {line}}}'


for line in lines.read_text().splitlines():
    if line.startswith("TRY: "):
        (folder / "out.bin").unlink(missing_ok=True)
        (folder / "launch.json").write_text(launch(line[5:]))
        run = subprocess.run(["qllm-emu", kernels, f"--launch={folder}/launch.json"], capture_output=True, text=True, check=False)
        if run.returncode:
            print(run.returncode, (run.stderr or run.stdout).strip())
        else:
            print(0, *(f"{byte:02x}" for out in folder.glob("out.bin") for byte in out.read_bytes()))
