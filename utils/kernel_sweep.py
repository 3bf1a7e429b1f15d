# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations of every family, from which the compiler makes kernels: those whose schedules it chooses, and those that have none."""
import importlib
import pathlib
import sys

from kernel_choice import product

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "test/Conversion/KernelToNVVM/Inputs"
sys.path.append(str(SCRIPTS))
TARGETS = ("sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a")
# What a schedule is chosen for; and the product it is chosen for, and one whose tiles end outside of it.
ROWS = (1, 16, 64, 512, 2048)
SHAPE = dict(rows="?", columns=4096, depth=4096)
RAGGED = dict(rows="?", columns=4072, depth=4224)


def words(options: dict) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items() if key not in ("rows", "target"))


def products(forms: list):
    """Titles and modules of products with these options, plain ones and those with a branch and a residual."""
    for options in forms:
        for shape in (SHAPE, RAGGED):
            o = shape | options
            o["depth"] = -(-o["depth"] // 256) * 256 if o.get("group") == 256 else o["depth"]
            beside = shape is RAGGED and "input_groups" in o
            yield words(o) + " and branch" * beside, product(o, beside)


def linear(target: str):
    """Codes of three to eight bits are handled as those of four or eight."""
    forms = []
    for input_, weight in [(x, w) for x in ("int8", "uint8") for w in ("int8", "uint8", "int4", "uint4")] + [
            (x, w) for x in ("int4", "uint4") for w in ("int4", "uint4")]:
        for group in (0, 32, 64, 128, 256):
            for both in (0, 1)[:1 + bool(group)]:
                forms.append(dict(input=input_, weight=weight, group=group, input_groups=both))
    yield from products(forms)


def weight_only(target: str):
    yield from products([dict(input="f16", weight=weight, group=group) for weight in ("int4", "uint4", "int8", "uint8") for group in (0, 16, 32, 64, 128)])


def weight_only_bf16(target: str):
    yield from products([dict(input="bf16", weight=weight, group=group) for weight in ("int4", "uint4") for group in (0, 16, 32, 64, 128)])


def block_scaled(target: str):
    if target in ("sm_100a", "sm_120a"):
        yield from products([dict(format=form) for form in ("nvfp4", "mxfp4")])


# What comes in front of rows that are quantized, and what is done to them behind that.
BEFORE = ({}, dict(residual=1, stream=1, norm="rms"), dict(norm="bias"), dict(gate=1))
BEHIND = ({}, dict(gather=1, sources=16), dict(gather=1, sources=2, multiply=1, add=1, hadamard=64))


def module_of(script: str, options: dict, make=lambda problem: problem.module()):
    """The module that a script would run with these options; `make` says which."""
    found = importlib.import_module(script)
    return words(options), make(found.Problem(found.DEFAULTS | {key: str(value) for key, value in options.items()}))


def rows():
    """Options of rows, with as many elements gathered as there are: of one warp up to as long as there may be others beside them."""
    for columns in (768, 4096, 14336, 20480, 28672, 32768):
        for before in BEFORE:
            if columns > (20480 if "norm" in before else 28672 if before else 32768):
                continue
            for behind in BEHIND:
                options = dict(rows=1, columns=columns) | before | behind
                yield options | ({"gather": columns} if "gather" in options else {})


def quantize(target: str):
    for options in rows():
        yield module_of("run-quantize", options | dict(format="uint4", zeros="i32", sums=1, group=128))
        yield module_of("run-quantize", options | dict(format="int8", type="f32", offsets=int(options["columns"] <= 28672)))
        if options["columns"] <= 28672:
            yield module_of("run-quantize", options | dict(format="int4", principal=64))


def quantize_blocks(target: str):
    for options in rows() if target in ("sm_100a", "sm_120a") else ():
        for form in (dict(format="nvfp4", scale=1), dict(format="mxfp4")):
            yield module_of("run-quantize-blocks", options | form)


def tensor_scale(target: str):
    for options in rows() if target in ("sm_100a", "sm_120a") else ():
        yield module_of("run-quantize-blocks", options | dict(format="nvfp4", scale=1), lambda problem: problem.scale_module())


def attention_problem(options: dict):
    script = importlib.import_module("run-attention")
    defaults = script.DEFAULTS | dict(rows="1", length="64")
    return script, script.Problem(defaults | {key: str(value) for key, value in options.items()}, [])


def caches():
    for key, value in (("uint4", "uint4"), ("int4", "int4"), ("uint4", "uint8"), ("uint8", "uint4"), ("uint8", "uint8"), ("int8", "int8")):
        for size in (64, 128):
            for more in (dict(rotary=0), {}, dict(hadamard=1), dict(hadamard=1, center=3)):
                yield dict(key=key, value=value, size=size) | more


def append_kv(target: str):
    for options in caches():
        script, problem = attention_problem(options | dict(heads=3))
        yield words(options), script.append_operation(problem, problem.rows_of(problem.rows, problem.kv), problem.rows_of(problem.rows, problem.kv))[0]


def attention(target: str):
    for options in caches():
        for heads, warps, query in ((1, 4, "int8"), (4, 4, "uint8"), (4, 2, ""), (16, 1, "uint4")):
            if query or "center" not in options:
                o = options | dict(kv=2, heads=2 * heads, warps=warps, query=query, splits=1 + (heads == 4))
                script, problem = attention_problem(o)
                yield words(o), script.attention_operation(problem, problem.rows_of(problem.rows, problem.heads))[0]


def combine(target: str):
    for splits in (2, 4, 32):
        for result in ("f16", "f32"):
            for size in (64, 128):
                o = dict(heads=32, kv=8, size=size, result=result)
                script, problem = attention_problem(o)
                yield words(o | dict(splits=splits)), script.combine_module(problem, 32 * size, splits)


FAMILIES = {each.__name__: each for each in (linear, weight_only, weight_only_bf16, block_scaled, quantize, quantize_blocks, tensor_scale, append_kv, attention, combine)}
# Of convert-qllm-to-kernel, in front of them.
OPTIONS = {"weight_only_bf16": "float-type=bf16"}
