# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which kernels are packed: the shapes of 7B and 70B models, most important first, and schedules for each range of rows."""
# Outputs and inputs of a linear layer.
SHAPES = {"7b-gate-up": (22016, 4096), "square": (4096, 4096), "70b-gate-up": (57344, 8192), "7b-qkv": (12288, 4096),
          "7b-down": (4096, 11008), "70b-o": (8192, 8192), "70b-down": (8192, 28672)}


def linear(inputs: str, weights: str, group: int = 0, **more) -> dict:
    """A problem of families.linear without its shape."""
    return {"input": inputs, "weight": weights, "group": group, **more}


LINEARS = {"w8a8": linear("int8", "int8"), "w4a8": linear("int8", "int4"), "w4a4-g128": linear("int4", "int4", 128), "w4a4": linear("int4", "int4"),
           "w4a8-zero": linear("uint8", "uint4")}
# How four bits on both sides run by warpgroups.
IN_BYTES = {f"{kind}-bytes": {**LINEARS[kind], "bytes": True} for kind in ("w4a4", "w4a4-g128")}
# Of one shape: these beside the same without a branch; zero points of groups, and groups of eight bits and on both sides.
BRANCHES = {f"{kind}-rank32": {**problem, "rank": 32} for kind, problem in (LINEARS | IN_BYTES).items() if kind in ("w4a8", "w4a4", "w4a4-bytes")}
GROUPS = {"w4a4-g128-zero": linear("int4", "uint4", 128), "w4a8-g128-zero": linear("int8", "uint4", 128), "w8a8-g128": linear("int8", "int8", 128),
          "w4a4-g128-both": linear("int4", "int4", 128, input_groups=True),
          "w4a4-g128-both-bytes": linear("int4", "int4", 128, input_groups=True, bytes=True)}
# Rows that a kernel is timed with: prompts, single sequences, batches.
PREFILL, SINGLE, BATCH = (2048, 4096, 8192), (1, 16), (32, 64)
# Multiprocessors of the largest product of a target.
PROCESSORS = {"sm_80": 108, "sm_86": 84, "sm_89": 142, "sm_90a": 132, "sm_100a": 148, "sm_120a": 170}


def schedule(tile, warps, stages, producers=0, cluster=1):
    sizes = f"tile = [{', '.join(map(str, tile))}], warps = [{', '.join(map(str, warps))}], stages = {stages}"
    return f"#qk.schedule<{sizes}{f', cluster = {cluster}' if cluster != 1 else ''}{', producers = 1' if producers else ''}>"


def warpgroup_schedules(problem: dict):
    """Those of sm_90a; weights of four bits or with groups are the left operand, so their tiles have the columns on the side of warps.
    Prompts with and without clusters of two."""
    if problem["weight"].endswith("8") and not problem["group"]:
        for cluster in (2, 1):
            yield schedule((128, 256, 128), (8, 1), 4, 1, cluster), PREFILL
        yield schedule((64, 32, 128), (4, 1), 8, 1), SINGLE
        yield schedule((64, 64, 128), (4, 1), 8, 1), BATCH
    else:
        for cluster in (2, 1):
            yield schedule((128 if problem["group"] else 256, 128, 128), (1, 8), 4, 1, cluster), PREFILL
        yield schedule((16, 64, 128), (1, 4), 8, 1), SINGLE
        yield schedule((64, 64, 128), (1, 4), 8, 1), BATCH


def linear_schedules(problem: dict, target: str):
    """(schedule, rows) for a linear layer: large tiles for prompts; few columns a block for few rows, so that all processors load."""
    in_bytes, group = problem["input"].endswith("8") or problem.get("bytes"), problem["group"]
    if target == "sm_90a" and in_bytes:
        yield from warpgroup_schedules(problem)
    deep = 128 if in_bytes else 256  # rows of 128 bytes
    yield schedule((128, 128 if group else 256, max(deep // 2, group)), (2, 4), 4), PREFILL
    narrow = problem["n"] <= 8192
    yield schedule((16, 32 if narrow else 64, deep), (1, 2 if narrow else 4), 8), SINGLE
    yield schedule((64, 32 if narrow else 64, deep), (2, 1) if narrow else (2, 2), 6), BATCH


def attentions():
    """Tokens of a sequence of an 8B model, split so that every processor has some; and what puts them into the cache."""
    for bits in (4, 8):
        for length, splits in ((32768, 32), (4096, 16)):
            yield "attention", {"heads": 32, "kv": 8, "size": 128, "length": length, "format": f"uint{bits}", "splits": splits, "warps": 4}, [
                ("", (1,))]
        yield "append_kv", {"kv": 8, "size": 128, "length": 4096, "format": f"uint{bits}"}, [("", (1, 64, 4096))]


def quantizers(target: str):
    """What comes before a linear layer, for prompts."""
    for form in ("nvfp4", "mxfp4") if target in ("sm_100a", "sm_120a") else ():
        yield "quantize_blocks", {"columns": 4096, "norm": True, "residual": True, "format": form}, [("", (4096, 16384))]
    for columns in (4096, 8192):
        for norm in (True, False):
            yield "quantize", {"columns": columns, "norm": norm, "residual": norm, "format": "int8"}, [("", (4096, 16384))]
    for rank in (0, 32):
        yield "quantize", {"columns": 4096, "norm": True, "residual": True, "format": "int4", "principal": rank}, [("", (4096, 16384))]


def linears(n: int, k: int, target: str, kinds: dict):
    for kind in kinds.values():
        if target == "sm_90a" or not kind.get("bytes"):
            problem = {"n": n, "k": k, **kind}
            yield "linear", problem, list(linear_schedules(problem, target))


def stream_schedule(tile, warps, stages, blocks):
    return schedule(tile, warps, stages)[:-1] + f", scheduler = stream_k, blocks = {blocks}>"


def weight_only(n: int, k: int, target: str):
    """4-bit weights in groups of 128 beside f16; for few rows also by stream-K, with two blocks for each processor."""
    problem = {"n": n, "k": k, "weight": "int4", "group": 128}
    yield "weight_only_linear", {**problem, "blocks": 0}, [
        (schedule((128, 128, 64), (2, 4), 4), PREFILL), (schedule((8, 32, 512), (4, 1), 1), SINGLE), (schedule((64, 64, 128), (2, 2), 4), BATCH)]
    blocks = 2 * PROCESSORS.get(target, 1)  # the compiler names the targets that there are
    yield "weight_only_linear", {**problem, "blocks": blocks}, [
        (stream_schedule((8, 32, 512), (4, 1), 1, blocks), (1, 2)), (stream_schedule((16, 64, 128), (1, 4), 4, blocks), (2, 16)),
        (stream_schedule((64, 64, 128), (2, 2), 4, blocks), BATCH)]


def block_scaled(n: int, k: int, target: str):
    """Four-bit floats where tensor cores scale blocks: in tensor memory on sm_100a, whose tiles have 128 rows at least."""
    if target == "sm_100a":
        schedules = [(schedule((128, 256, 256), (4, 1), 3, 1), PREFILL), (schedule((128, 128, 256), (4, 1), 4, 1), SINGLE + BATCH)]
    elif target == "sm_120a":
        schedules = [(schedule((128, 128, 256), (2, 4), 3), PREFILL), (schedule((16, 64, 256), (1, 4), 4), SINGLE),
                     (schedule((64, 64, 256), (2, 2), 4), BATCH)]
    else:
        return
    for each in ("nvfp4", "mxfp4"):
        yield "block_scaled_linear", {"n": n, "k": k, "format": each}, schedules


def entries(target: str):
    """(family, problem, [(schedule, rows)]) of everything."""
    shapes, kinds = list(SHAPES.values()), LINEARS | IN_BYTES
    yield from linears(*shapes[0], target, kinds | BRANCHES | GROUPS)
    yield from weight_only(*shapes[0], target)
    yield from block_scaled(*shapes[0], target)
    yield from attentions()
    yield from quantizers(target)
    for shape in shapes[1:]:
        yield from linears(*shape, target, kinds)
        yield from weight_only(*shape, target)
        yield from block_scaled(*shape, target)
