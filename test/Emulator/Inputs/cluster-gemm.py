"""Writes an int8 product for clusters of blocks by tensor maps and wgmma, its launch, and what it must give.

usage: cluster-gemm.py FOLDER BLOCKS

Blocks along x have 64 rows of A each and the same 32 rows of B, the weight: each block fetches its part of that tile and multicasts it
to all. Thread 128 of a block copies, two tiles ahead; the first 128 multiply. Comments name the lines that tests leave out.
"""

import json
import pathlib
import sys

import numpy as np

ROWS, COLUMNS, STEP, STAGES, STEPS = 64, 32, 32, 2, 5
folder, blocks = pathlib.Path(sys.argv[1]), int(sys.argv[2])
A_BYTES, B_BYTES = ROWS * STEP, COLUMNS * STEP
STAGE = A_BYTES + B_BYTES
PART = B_BYTES // blocks
SUMS = "!llvm.struct<(" + ", ".join(["i32"] * 16) + ")>"


def stores():
    """Register r of lane 4 g + t of warp w is row 16 w + g + 8 (r / 2 % 2), column 8 (r / 4) + 2 t + r % 2."""
    for r in range(16):
        offset = "%below" if r // 2 % 2 else "%zero"
        yield f"""
    %column_{r} = arith.constant {8 * (r // 4) + r % 2} : i32
    %place_{r} = arith.addi %first, %column_{r} : i32
    %at_{r} = arith.addi %place_{r}, {offset} : i32
    %sum_{r} = llvm.extractvalue %sums[{r}] : {SUMS}
    %to_{r} = llvm.getelementptr %c[%at_{r}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %sum_{r}, %to_{r} : i32, !llvm.ptr<1>"""


def stage(name):
    return f"""
      %{name}_stage = arith.andi %step, %one : i32
      %{name}_use = arith.shrui %step, %one : i32
      %{name}_parity = arith.andi %{name}_use, %one : i32
      %{name}_offset = arith.muli %{name}_stage, %stage_bytes : i32
      %{name}_full = llvm.getelementptr %full[%{name}_stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
      %{name}_empty = llvm.getelementptr %empty[%{name}_stage] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64"""


MAP = '!llvm.ptr {llvm.byval = !llvm.struct<"tensor_map", (array<128 x i8>)>, llvm.align = 64 : i64, nvvm.grid_constant}'
kernel = f"""
gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {{
  llvm.mlir.global internal @tiles() {{addr_space = 3 : i32, alignment = 1024 : i64}} : !llvm.array<{STAGES * STAGE} x i8>
  llvm.mlir.global internal @full() {{addr_space = 3 : i32, alignment = 8 : i64}} : !llvm.array<{STAGES} x i64>
  llvm.mlir.global internal @empty() {{addr_space = 3 : i32, alignment = 8 : i64}} : !llvm.array<{STAGES} x i64>

  llvm.func @gemm(%a: {MAP}, %b: {MAP}, %c: !llvm.ptr<1>, %n: i32) attributes {{gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: 256, 1, 1>, nvvm.cluster_dim = array<i32: {blocks}, 1, 1>}} {{
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %three = arith.constant 3 : i32
    %four = arith.constant 4 : i32
    %five = arith.constant 5 : i32
    %six = arith.constant 6 : i32
    %producer = arith.constant 128 : i32
    %ticks = arith.constant 1000000 : i32
    %steps = arith.constant {STEPS} : i32
    %stage_bytes = arith.constant {STAGE} : i32
    %a_bytes = arith.constant {A_BYTES} : i32
    %part_bytes = arith.constant {PART} : i32
    %part_rows = arith.constant {COLUMNS // blocks} : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %lane = arith.andi %thread, %c31 : i32
    %warp = arith.shrui %thread, %five : i32
    %block_row = nvvm.read.ptx.sreg.ctaid.x : i32
    %block_column = nvvm.read.ptx.sreg.ctaid.y : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %blocks = nvvm.read.ptx.sreg.cluster.nctarank : i32
    %tile_row = arith.shli %block_row, %six : i32
    %tile_column = arith.shli %block_column, %five : i32
    %tiles = llvm.mlir.addressof @tiles : !llvm.ptr<3>
    %full = llvm.mlir.addressof @full : !llvm.ptr<3>
    %empty = llvm.mlir.addressof @empty : !llvm.ptr<3>
    %is_first = arith.cmpi eq, %thread, %zero : i32
    scf.if %is_first {{
      %releases = arith.shli %blocks, %two : i32
      scf.for %index = %zero to %two step %one : i32 {{
        %one_full = llvm.getelementptr %full[%index] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
        %one_empty = llvm.getelementptr %empty[%index] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i64
        nvvm.mbarrier.init %one_full, %one : !llvm.ptr<3>, i32
        nvvm.mbarrier.init %one_empty, %releases : !llvm.ptr<3>, i32
      }}
      nvvm.fence.mbarrier.init // other blocks know of mbarriers
    }}
    nvvm.cluster.arrive.relaxed {{aligned}} // all have begun
    nvvm.cluster.wait {{aligned}} // all have begun
    %copies = arith.cmpi eq, %thread, %producer : i32
    scf.if %copies {{
      %mask_end = arith.shli %one, %blocks : i32
      %mask = arith.subi %mask_end, %one : i32 // all blocks
      %mask16 = arith.trunci %mask : i32 to i16
      %part_start = arith.muli %rank, %part_bytes : i32
      %part_row = arith.muli %rank, %part_rows : i32
      %b_row = arith.addi %tile_column, %part_row : i32
      scf.for %step = %zero to %steps step %one : i32 {{{stage("copy")}
        %again = arith.cmpi ne, %copy_use, %zero : i32
        scf.if %again {{
          %before = arith.xori %copy_parity, %one : i32
          nvvm.mbarrier.try_wait.parity %copy_empty, %before, %ticks : !llvm.ptr<3>, i32, i32 // wait for readers of all blocks
        }}
        nvvm.mbarrier.arrive.expect_tx %copy_full, %stage_bytes : !llvm.ptr<3>, i32
        %depth = arith.shli %step, %five : i32
        %a_tile = llvm.getelementptr %tiles[%copy_offset] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
        %b_tile = llvm.getelementptr %a_tile[{A_BYTES}] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
        %b_part = llvm.getelementptr %b_tile[%part_start] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
        %a_place = llvm.addrspacecast %a_tile : !llvm.ptr<3> to !llvm.ptr<7>
        %b_place = llvm.addrspacecast %b_part : !llvm.ptr<3> to !llvm.ptr<7>
        nvvm.cp.async.bulk.tensor.shared.cluster.global %a_place, %a, %copy_full, box[%depth, %tile_row] : !llvm.ptr<7>, !llvm.ptr
        nvvm.cp.async.bulk.tensor.shared.cluster.global %b_place, %b, %copy_full, box[%depth, %b_row] multicast_mask = %mask16 : !llvm.ptr<7>, !llvm.ptr
      }}
    }}
    %multiplies = arith.cmpi ult, %thread, %producer : i32
    scf.if %multiplies {{
    %shared = llvm.ptrtoint %tiles : !llvm.ptr<3> to i32
    %none = llvm.mlir.zero : {SUMS}
    %releases_one = arith.cmpi ult, %lane, %blocks : i32
    // Start and stride of eight rows in units of 16 bytes, and the kind of swizzle, 3 for 32 bytes.
    %fixed = arith.constant {(3 << 62 | 16 << 32) - (1 << 64)} : i64
    %sums = scf.for %step = %zero to %steps step %one iter_args(%partial = %none) -> ({SUMS}) : i32 {{{stage("use")}
      nvvm.mbarrier.try_wait.parity %use_full, %use_parity, %ticks : !llvm.ptr<3>, i32, i32 // wait for the tile
      %a_start = arith.addi %shared, %use_offset : i32
      %b_start = arith.addi %a_start, %a_bytes : i32
      %a_units = arith.shrui %a_start, %four : i32
      %b_units = arith.shrui %b_start, %four : i32
      %a_field = arith.andi %a_units, %c16383 : i32
      %b_field = arith.andi %b_units, %c16383 : i32
      %a_wide = arith.extui %a_field : i32 to i64
      %b_wide = arith.extui %b_field : i32 to i64
      %a_descriptor = arith.ori %a_wide, %fixed : i64
      %b_descriptor = arith.ori %b_wide, %fixed : i64
      nvvm.wgmma.fence.aligned
      %next = nvvm.wgmma.mma_async %a_descriptor, %b_descriptor, %partial, #nvvm.shape<m = 64, n = 32, k = 32>,
          D [#nvvm.wgmma_type<s32>, #nvvm.wgmma_scale_out<one>], A [#nvvm.wgmma_type<s8>, #nvvm.wgmma_scale_in<one>, #nvvm.mma_layout<row>],
          B [#nvvm.wgmma_type<s8>, #nvvm.wgmma_scale_in<one>, #nvvm.mma_layout<col>] : {SUMS} -> {SUMS}
      nvvm.wgmma.commit.group.sync.aligned
      nvvm.wgmma.wait.group.sync.aligned 0
      scf.if %releases_one {{
        %theirs = nvvm.mapa %use_empty, %lane : !llvm.ptr<3> -> !llvm.ptr<7>
        nvvm.mbarrier.arrive %theirs {{scope = #nvvm.mem_scope<cluster>}} : !llvm.ptr<7>
      }}
      scf.yield %next : {SUMS}
    }}
    %g = arith.shrui %lane, %two : i32
    %t = arith.andi %lane, %three : i32
    %warp_row = arith.shli %warp, %four : i32
    %row_in_tile = arith.addi %warp_row, %g : i32
    %row = arith.addi %tile_row, %row_in_tile : i32
    %pair = arith.shli %t, %one : i32
    %column = arith.addi %tile_column, %pair : i32
    %row_start = arith.muli %row, %n : i32
    %first = arith.addi %row_start, %column : i32
    %below = arith.shli %n, %three : i32{"".join(stores())}
    }}
    nvvm.cluster.arrive // none ends before all are done
    nvvm.cluster.wait // none ends before all are done
    llvm.return
  }}
}}
"""
constants = "".join(f"    %c{value} = arith.constant {value} : i32\n" for value in (31, 16383))
kernel = kernel.replace("    %zero = arith.constant 0 : i32\n", "    %zero = arith.constant 0 : i32\n" + constants, 1)
(folder / "gemm.mlir").write_text(kernel)

grid = (2 * blocks, 3)
random = np.random.default_rng(0)
a = random.integers(-128, 128, (ROWS * grid[0], STEP * STEPS), np.int8)
b = random.integers(-128, 128, (COLUMNS * grid[1], STEP * STEPS), np.int8)
c = a.astype(np.int32) @ b.astype(np.int32).T
for name, matrix in (("a", a), ("b", b), ("c", c)):
    np.save(folder / f"{name}.npy", matrix)
(folder / "gemm.json").write_text(json.dumps({
    "kernel": "gemm", "grid": grid, "block": [256], "arguments": [
        {"name": "A", "input": "a.npy", "type": "i8", "shape": list(a.shape), "tensor_map": {"box": [STEP, ROWS], "swizzle": 32}},
        {"name": "B", "input": "b.npy", "type": "i8", "shape": list(b.shape), "tensor_map": {"box": [STEP, COLUMNS // blocks], "swizzle": 32}},
        {"name": "C", "type": "i32", "shape": list(c.shape), "expect": "c.npy"},
        {"name": "n", "value": c.shape[1]}]}))
