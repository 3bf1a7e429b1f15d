// A product of int8 matrices by a warpgroup, operands in shared memory with a 32-byte swizzle; then the mistakes that only
// such a kernel can have.

// RUN: rm -rf %t && split-file %s %t && %python %S/Inputs/matrices.py %t 128 32 96
// DEFINE: %{lower} = qllm-opt --pass-pipeline="builtin.module(gpu.module(convert-scf-to-cf,convert-gpu-to-nvvm,reconcile-unrealized-casts,canonicalize,cse))"
// DEFINE: %{emulate} = qllm-emu - --launch=%t/launch.json --arch=sm_90a
// RUN: %{lower} %t/kernel.mlir | %{emulate} | FileCheck %s --check-prefix=CLEAN
// RUN: %{lower} %t/kernel.mlir | %{emulate} --seed=4 | FileCheck %s --check-prefix=CLEAN
// CLEAN: gemm: 512 threads, 156 collectives, 393216 multiply-adds
// CLEAN-NEXT: {{^}}clean

// RUN: sed '/fence.proxy/d' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=PROXY
// PROXY: missing-proxy-fence in wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8

// RUN: sed '/wgmma.fence/d' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=FENCE
// FENCE: missing-matrix-fence in wgmma.mma_async{{.*}}: block (0,0,0) thread {{.*}} issues the first product of its warpgroup without wgmma.fence before it

// RUN: sed 's/%%a_descriptor = .*/%%varied = arith.addi %%start, %%thread : i32\n %%a_descriptor = llvm.call @descriptor(%%varied) : (i32) -> i64/' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=MISMATCH
// MISMATCH: descriptor-mismatch in wgmma.mma_async{{.*}}: block (0,0,0) thread {{.*}} and others of its warpgroup give different descriptors

// RUN: sed '/done with the tile/d' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=RACE
// RACE: race in store

// The operands are replaced while the product may still read them.
// RUN: sed '/wait for the product/d' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=WAIT
// WAIT: copy-never-waited-for in wgmma.mma_async{{.*}}: block (0,0,0) thread {{.*}} ends with products under way

// RUN: sed 's/wait.group.sync.aligned 0/wait.group.sync.aligned 1/; s/gpu.return/nvvm.wgmma.wait.group.sync.aligned 0\n gpu.return/' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=OVERWRITE
// OVERWRITE: race in wgmma.mma_async{{.*}} reads shared+{{.*}}, written by thread

// The last warp says that its part is there, and does not wait for the others'.
// RUN: sed 's/nvvm.barrier0 .. the tile is there/%%threads = arith.constant 128 : i32\n %%most = arith.constant 96 : i32\n %%waits = arith.cmpi ult, %%thread, %%most : i32\n scf.if %%waits {\n nvvm.barrier id = %%one number_of_threads = %%threads\n } else {\n nvvm.barrier.arrive id = %%one number_of_threads = %%threads\n }/' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=ONE-WARP
// ONE-WARP: race in wgmma.mma_async{{.*}} thread (96,0,0) reads shared+{{.*}}, written by thread {{.*}}, with no barrier between (384 times)
// ONE-WARP-NOT: race

// Rows of eight that lie twice as far apart as the descriptor should say.
// RUN: sed 's/constant(16 : i64) : i64 \/\/ stride/constant(32 : i64) : i64/' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=STRIDE
// STRIDE: out-of-bounds-read in wgmma.mma_async{{.*}} of 2560 bytes

//--- launch.json
{
  "kernel": "gemm",
  "grid": [2, 2],
  "block": [128],
  "arguments": [
    {"name": "A", "input": "a.npy"},
    {"name": "B", "input": "b.npy"},
    {"name": "C", "type": "i32", "shape": [128, 32], "expect": "c.npy"},
    {"name": "n", "value": 32},
    {"name": "k", "value": 96}
  ]
}

//--- kernel.mlir
gpu.module @kernels {
  // 64 rows of 32 bytes of A, then 16 of B.
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 256 : i64} : !llvm.array<2560 x i8>

  // Copies the 16-byte chunk of this thread from row `first` + row of a matrix to byte `base` + place of the tile.
  llvm.func @copy(%matrix: !llvm.ptr<1>, %first: i32, %base: i32, %k: i32, %step: i32) {
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %four = arith.constant 4 : i32
    %five = arith.constant 5 : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %row = arith.shrui %thread, %one : i32
    %chunk = arith.andi %thread, %one : i32
    %global_row = arith.addi %first, %row : i32
    %row_start = arith.muli %global_row, %k : i32
    %step_bytes = arith.shli %step, %five : i32
    %chunk_bytes = arith.shli %chunk, %four : i32
    %column = arith.addi %step_bytes, %chunk_bytes : i32
    %from = arith.addi %row_start, %column : i32
    %source = llvm.getelementptr %matrix[%from] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %values = llvm.load %source {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
    %quarter = arith.shrui %row, %two : i32
    %flip = arith.andi %quarter, %one : i32
    %swapped = arith.xori %chunk, %flip : i32
    %row_bytes = arith.shli %row, %five : i32
    %swapped_bytes = arith.shli %swapped, %four : i32
    %place = arith.addi %row_bytes, %swapped_bytes : i32
    %to = arith.addi %base, %place : i32
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %destination = llvm.getelementptr %tile[%to] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    llvm.store %values, %destination {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
    llvm.return
  }

  // Start and stride in units of 16 bytes, and the kind of swizzle, 3 for 32 bytes, in the top bits.
  llvm.func @descriptor(%start: i32) -> i64 {
    %four = llvm.mlir.constant(4 : i32) : i32
    %mask = llvm.mlir.constant(16383 : i32) : i32
    %kind = llvm.mlir.constant(-4611686018427387904 : i64) : i64
    %stride = llvm.mlir.constant(16 : i64) : i64 // stride
    %shift = llvm.mlir.constant(32 : i64) : i64
    %units = llvm.lshr %start, %four : i32
    %low = llvm.and %units, %mask : i32
    %wide = llvm.zext %low : i32 to i64
    %high = llvm.shl %stride, %shift : i64
    %with_stride = llvm.or %wide, %high : i64
    %all = llvm.or %with_stride, %kind : i64
    llvm.return %all : i64
  }

  // c = a b^T; one warpgroup computes 64 x 16 elements.
  gpu.func @gemm(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>, %n: i32, %k: i32) kernel {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %three = arith.constant 3 : i32
    %four = arith.constant 4 : i32
    %five = arith.constant 5 : i32
    %six = arith.constant 6 : i32
    %eight = arith.constant 8 : i32
    %b_base = arith.constant 2048 : i32
    %b_threads = arith.constant 32 : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block_column = nvvm.read.ptx.sreg.ctaid.x : i32
    %block_row = nvvm.read.ptx.sreg.ctaid.y : i32
    %tile_row = arith.shli %block_row, %six : i32
    %tile_column = arith.shli %block_column, %four : i32
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %start = llvm.ptrtoint %tile : !llvm.ptr<3> to i32
    %b_start = arith.addi %start, %b_base : i32
    %a_descriptor = llvm.call @descriptor(%start) : (i32) -> i64
    %b_descriptor = llvm.call @descriptor(%b_start) : (i32) -> i64
    %copies_b = arith.cmpi ult, %thread, %b_threads : i32
    %steps = arith.shrui %k, %five : i32
    %none = llvm.mlir.zero : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %sums = scf.for %step = %zero to %steps step %one iter_args(%partial = %none) -> (!llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>) : i32 {
      llvm.call @copy(%a, %tile_row, %zero, %k, %step) : (!llvm.ptr<1>, i32, i32, i32, i32) -> ()
      scf.if %copies_b {
        llvm.call @copy(%b, %tile_column, %b_base, %k, %step) : (!llvm.ptr<1>, i32, i32, i32, i32) -> ()
      }
      nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
      nvvm.barrier0 // the tile is there
      nvvm.wgmma.fence.aligned
      %next = nvvm.wgmma.mma_async %a_descriptor, %b_descriptor, %partial, #nvvm.shape<m = 64, n = 16, k = 32>,
          D [#nvvm.wgmma_type<s32>, #nvvm.wgmma_scale_out<one>], A [#nvvm.wgmma_type<s8>, #nvvm.wgmma_scale_in<one>, #nvvm.mma_layout<row>],
          B [#nvvm.wgmma_type<s8>, #nvvm.wgmma_scale_in<one>, #nvvm.mma_layout<col>] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)> -> !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
      nvvm.wgmma.commit.group.sync.aligned
      nvvm.wgmma.wait.group.sync.aligned 0 // wait for the product
      nvvm.barrier0 // done with the tile
      scf.yield %next : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    }
    // Warp w has rows 16 w to 16 w + 15; register r of lane 4 g + t is row g + 8 (r / 2 % 2), column 8 (r / 4) + 2 t + r % 2.
    %warp = arith.shrui %thread, %five : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %g = arith.shrui %lane, %two : i32
    %t = arith.andi %lane, %three : i32
    %warp_row = arith.shli %warp, %four : i32
    %row_in_tile = arith.addi %warp_row, %g : i32
    %row = arith.addi %tile_row, %row_in_tile : i32
    %pair = arith.shli %t, %one : i32
    %column = arith.addi %tile_column, %pair : i32
    %row_start = arith.muli %row, %n : i32
    %first = arith.addi %row_start, %column : i32
    %eight_rows = arith.shli %n, %three : i32
    %first_below = arith.addi %first, %eight_rows : i32
    %second = arith.addi %first, %eight : i32
    %second_below = arith.addi %first_below, %eight : i32
    %first_0 = llvm.extractvalue %sums[0] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %first_1 = llvm.extractvalue %sums[1] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %first_address = llvm.getelementptr %c[%first] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %first_next = llvm.getelementptr %first_address[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    llvm.store %first_0, %first_address : i32, !llvm.ptr<1>
    llvm.store %first_1, %first_next : i32, !llvm.ptr<1>
    %first_below_0 = llvm.extractvalue %sums[2] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %first_below_1 = llvm.extractvalue %sums[3] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %first_below_address = llvm.getelementptr %c[%first_below] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %first_below_next = llvm.getelementptr %first_below_address[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    llvm.store %first_below_0, %first_below_address : i32, !llvm.ptr<1>
    llvm.store %first_below_1, %first_below_next : i32, !llvm.ptr<1>
    %second_0 = llvm.extractvalue %sums[4] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %second_1 = llvm.extractvalue %sums[5] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %second_address = llvm.getelementptr %c[%second] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %second_next = llvm.getelementptr %second_address[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    llvm.store %second_0, %second_address : i32, !llvm.ptr<1>
    llvm.store %second_1, %second_next : i32, !llvm.ptr<1>
    %second_below_0 = llvm.extractvalue %sums[6] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %second_below_1 = llvm.extractvalue %sums[7] : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
    %second_below_address = llvm.getelementptr %c[%second_below] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %second_below_next = llvm.getelementptr %second_below_address[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    llvm.store %second_below_0, %second_below_address : i32, !llvm.ptr<1>
    llvm.store %second_below_1, %second_below_next : i32, !llvm.ptr<1>
    gpu.return
  }
}
