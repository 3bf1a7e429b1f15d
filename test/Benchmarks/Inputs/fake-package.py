"""Makes a package for the fake driver out of one with emulator code: its first kernel, which FakeKernel.cpp computes as well.

usage: fake-package.py FROM TO KERNEL.so [KEY=VALUE ..]

KEY=VALUE: fields of the kernel's geometry, target, or ptx, a file. twice=1: the same again behind it, without the changes. drop=FIELD: the
problem is without it.
"""
import copy
import json
import pathlib
import shutil
import sys

source, folder, kernel = map(pathlib.Path, sys.argv[1:4])
manifest = json.loads((source / "manifest.json").read_text())
first = manifest["entries"][0]["kernels"][0]
first["files"] = {"cubin": "kernel.so"}
entry = manifest["entries"][0]
manifest["entries"] = [entry]
for key, value in (each.split("=") for each in sys.argv[4:]):
    if key == "target":
        manifest[key] = value
    elif key == "ptx":
        first["files"][key] = value
    elif key == "drop":
        del entry["problem"][value]
    elif key == "twice":
        manifest["entries"].append(copy.deepcopy(entry))
    else:
        first["geometry"][key] = json.loads(value)
folder.mkdir(parents=True, exist_ok=True)
shutil.copy(kernel, folder / "kernel.so")
(folder / "manifest.json").write_text(json.dumps(manifest))
