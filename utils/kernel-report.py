#!/usr/bin/env python3
"""Assembles the kernels of a module with ptxas and says what became of them.

usage: kernel-report.py MODULE.mlir [--check]

MODULE.mlir (or - for standard input) is the output of qllm-opt --qllm-lower-to-nvvm="... format=ptx". One line for each
kernel and target: registers, bytes spilled, tensor instructions of the PTX, warnings that they are put in sequence, CPU
seconds of ptxas. Where cuobjdump and nvdisasm are on the path as well, the inner loop of the machine code is counted:
instructions issued for each tensor instruction, conversions from int to float, calls (which is how tensor instructions
that a target lacks appear). With --check, spills, warnings, calls and slow conversions are errors.
"""

import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

from kernel_text import objects

USED = re.compile(r"Compiling entry function '(\w+)' for '\w+'.*?(\d+) bytes spill stores, (\d+) bytes spill loads.*?"
                  r"Used (\d+) registers", re.DOTALL)
INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]{4,5})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.x]*)(.*)", re.MULTILINE)
SERIALIZED = re.compile(r"Potential Performance Loss.*?function '(\w+)'")
TENSOR = re.compile(r"[HIQO]MMA|[HIQ]GMMA|UTC[A-Z]*MMA")


def tensor_instructions(ptx):
    """How many each kernel of the PTX has."""
    parts = re.split(r"\.entry (\w+)\(", ptx)[1:]  # functions are inlined, and braces occur inside of bodies too
    return {name: len(re.findall(r"\b(?:mma\.sync|wgmma\.mma_async|tcgen05\.mma)", body)) for name, body in zip(parts[::2], parts[1::2])}


def is_slow_path(index, instructions):
    """Whether a branch shortly before a call leads shortly behind it: that of a division whose operands are not ordinary."""
    address, name, _ = instructions[index]
    if not name.startswith("CALL"):
        return False
    targets = (re.search(r"0x([0-9a-f]+)", operands) for _, near, operands in instructions[max(index - 8, 0):index] if near.startswith("BRA"))
    return any(address < int(target[1], 16) <= address + 128 for target in targets if target)


def inner_loop(code):
    """The instructions of the smallest loop with tensor instructions in it."""
    instructions = [(int(m[1], 16), m[2], m[3]) for m in INSTRUCTION.finditer(code)]
    instructions = [each for index, each in enumerate(instructions) if not is_slow_path(index, instructions)]
    backwards = [(int(target[1], 16), address) for address, name, operands in instructions
                 if name.startswith("BRA") and (target := re.search(r"0x([0-9a-f]+)", operands)) and int(target[1], 16) < address]
    loops = []
    for start, end in backwards:
        # What comes back into the middle of a loop was moved out of it.
        if any(other < start <= last < end for other, last in backwards):
            continue
        # A call to what follows the loop is how some loops are left.
        body = [name for address, name, operands in instructions
                if start <= address <= end and not (name.startswith("CALL") and f"0x{end + 16:x}" in operands)]
        if any(TENSOR.match(name) for name in body):
            loops.append(body)
    return min(loops, key=len, default=[])


def machine_code(cubin):
    """The machine code of each kernel, or nothing without the tools."""
    if not shutil.which("cuobjdump") or not shutil.which("nvdisasm"):
        return {}
    text = subprocess.run(["cuobjdump", "-sass", cubin], check=True, capture_output=True, text=True).stdout
    parts = re.split(r"Function : (\w+)", text)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def assemble(target, ptx, folder):
    """What ptxas says about each kernel, the machine code, and the CPU seconds it took."""
    source, cubin = folder / "kernels.ptx", folder / "kernels.cubin"
    source.write_text(ptx)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(["ptxas", "-v", f"-arch={target}", source, "-o", cubin], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"ptxas failed for {target}:\n{run.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return run.stderr, machine_code(cubin), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(target, ptx, folder):
    """Prints the lines of one target; returns what is wrong."""
    problems = []
    messages, code, seconds = assemble(target, ptx, folder)
    counts = tensor_instructions(ptx)
    serialized = SERIALIZED.findall(messages)
    used = USED.findall(messages)
    for name, stores, loads, registers in sorted(used):
        spilled = int(stores) + int(loads)
        line = f"{target} {name} registers={registers} spilled={spilled} tensor={counts[name]} warnings={serialized.count(name)}"
        if spilled:
            problems.append(f"{name} spills {spilled} bytes on {target}")
        if name in serialized:
            problems.append(f"{name} has its warpgroup products put in sequence on {target}")
        if name in code:
            loop = inner_loop(code[name])
            tensor = sum(1 for i in loop if TENSOR.match(i))
            slow = sum(1 for i in loop if re.match(r"I2F(\.|$)", i))
            calls = sum(1 for i in loop if i.startswith("CALL"))
            line += f" issue={len(loop)} per-tensor={len(loop) / max(tensor, 1):.2f} i2f={slow} calls={calls}"
            if slow or calls:
                problems.append(f"{name} has {slow} slow conversions and {calls} calls on {target}")
        print(line)
    print(f"{target} ptxas={seconds:.2f}s kernels={len(used)}")
    return problems


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    if not shutil.which("ptxas"):
        sys.exit("expected ptxas on the path; the package nvidia-cuda-nvcc has it")
    text = sys.stdin.read() if arguments[0] == "-" else pathlib.Path(arguments[0]).read_text()
    binaries = objects(text)
    if not any(code.lstrip().startswith(b"//") for _, code in binaries):
        sys.exit("expected a module with PTX, from qllm-opt --qllm-lower-to-nvvm with format=ptx")
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for target, ptx in binaries:
            problems += report(target, ptx.decode().rstrip("\0"), pathlib.Path(folder))
    if problems and "--check" in sys.argv:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
