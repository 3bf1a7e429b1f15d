// A product of int8 matrices with what real kernels use: copies into two stages by cp.async, a swizzle, ldmatrix and
// mma.sync. It is run as it is, then once for each mistake that can be made in it, and each time the check that is meant
// for the mistake must speak.

// RUN: rm -rf %t && split-file %s %t && %python %S/Inputs/matrices.py %t 64 48 128
// DEFINE: %{lower} = qllm-opt --pass-pipeline="builtin.module(gpu.module(convert-scf-to-cf,convert-gpu-to-nvvm,reconcile-unrealized-casts,canonicalize,cse))"
// DEFINE: %{emulate} = qllm-emu - --launch=%t/launch.json

// RUN: %{lower} %t/gemm.mlir | %{emulate} | FileCheck %s --check-prefix=CLEAN
// RUN: %{lower} %t/gemm.mlir | %{emulate} --async=eager --seed=1 | FileCheck %s --check-prefix=CLEAN
// RUN: %{lower} %t/gemm.mlir | %{emulate} --async=random --seed=2 | FileCheck %s --check-prefix=CLEAN
// RUN: %{lower} %t/gemm.mlir | %{emulate} --check=none | FileCheck %s --check-prefix=UNCHECKED
// CLEAN-NOT: race
// CLEAN: shared ldmatrix{{.*}} (x1.00)
// CLEAN: gemm: 768 threads, 288 collectives, 393216 multiply-adds
// CLEAN-NEXT: {{^}}clean
// UNCHECKED-NOT: requests
// UNCHECKED: {{^}}clean

// The barrier behind the products is missing: the next copy overwrites what the other warp still reads.
// RUN: sed '/done with the stage/d' %t/gemm.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=BARRIER
// BARRIER: race in cp.async (write): block (0,0,0) thread {{.*}} writes shared+{{.*}}, read by

// RUN: sed '/wait.group/d' %t/gemm.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=WAIT
// WAIT: copy-never-waited-for
// WAIT: copy-not-waited-for in ldmatrix

// Without the swizzle the result is the same, at twice the passes.
// RUN: sed 's/arith.xori %%chunk, %%flip/arith.ori %%chunk, %%zero/' %t/gemm.mlir | %{lower} - | %{emulate} | FileCheck %s --check-prefix=BANKS
// BANKS: shared ldmatrix{{.*}}x4{{.*}} (x2.00)
// BANKS: {{^}}clean

// The last rows of both matrices are read too far to the right.
// RUN: sed 's/%%chunk_bytes = arith.shli %%chunk, %%four/%%chunk_bytes = arith.addi %%offset, %%sixteen/' %t/gemm.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=BOUNDS
// BOUNDS: out-of-bounds-read in cp.async (read): block {{.*}} reads 16 bytes at B+6144 of 6144 bytes
// BOUNDS: result 'C':

// RUN: sed 's/%%chunk_bytes = arith.shli %%chunk, %%four/%%chunk_bytes = arith.shli %%chunk, %%three/' %t/gemm.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=ALIGNMENT
// ALIGNMENT: misaligned in cp.async (read): {{.*}} accesses 16 bytes at A+8 of 8192 bytes, which is not a multiple of 16

//--- launch.json
{
  "kernel": "gemm",
  "grid": [3, 4],
  "block": [64],
  "arguments": [
    {"name": "A", "input": "a.npy"},
    {"name": "B", "input": "b.npy"},
    {"name": "C", "type": "i32", "shape": [64, 48], "expect": "c.npy"},
    {"name": "n", "value": 48},
    {"name": "k", "value": 128}
  ]
}

//--- gemm.mlir
gpu.module @kernels {
  // Two stages, each 16 rows of 32 bytes of A and as many of B.
  llvm.mlir.global internal @stages() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<2048 x i8>

  // Where the 16-byte chunk `chunk` of row `row` of a tile lies: rows 4 to 7 of eight have their chunks swapped.
  llvm.func @place(%row: i32, %chunk: i32) -> i32 {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %four = arith.constant 4 : i32
    %five = arith.constant 5 : i32
    %quarter = arith.shrui %row, %two : i32
    %flip = arith.andi %quarter, %one : i32
    %swapped = arith.xori %chunk, %flip : i32
    %row_bytes = arith.shli %row, %five : i32
    %chunk_bytes = arith.shli %swapped, %four : i32
    %offset = arith.addi %row_bytes, %chunk_bytes : i32
    llvm.return %offset : i32
  }

  // Each of 64 threads copies one chunk of step `step`: half of them of A, half of B.
  llvm.func @copy(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %k: i32, %step: i32) {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %three = arith.constant 3 : i32
    %four = arith.constant 4 : i32
    %five = arith.constant 5 : i32
    %nine = arith.constant 9 : i32
    %ten = arith.constant 10 : i32
    %sixteen = arith.constant 16 : i32
    %thirty_one = arith.constant 31 : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block_column = nvvm.read.ptx.sreg.ctaid.x : i32
    %block_row = nvvm.read.ptx.sreg.ctaid.y : i32
    %which = arith.shrui %thread, %five : i32
    %of_b = arith.cmpi eq, %which, %one : i32
    %within = arith.andi %thread, %thirty_one : i32
    %row = arith.shrui %within, %one : i32
    %chunk = arith.andi %within, %one : i32
    %tile = arith.select %of_b, %block_column, %block_row : i32
    %first_row = arith.shli %tile, %four : i32
    %global_row = arith.addi %first_row, %row : i32
    %row_start = arith.muli %global_row, %k : i32
    %step_bytes = arith.shli %step, %five : i32
    %offset = arith.shli %chunk, %four : i32
    %chunk_bytes = arith.shli %chunk, %four : i32
    %column = arith.addi %step_bytes, %chunk_bytes : i32
    %source_offset = arith.addi %row_start, %column : i32
    %matrix = llvm.select %of_b, %b, %a : i1, !llvm.ptr<1>
    %source = llvm.getelementptr %matrix[%source_offset] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %stages = llvm.mlir.addressof @stages : !llvm.ptr<3>
    %parity = arith.andi %step, %one : i32
    %stage = arith.shli %parity, %ten : i32
    %half = arith.shli %which, %nine : i32
    %place = llvm.call @place(%row, %chunk) : (i32, i32) -> i32
    %tile_start = arith.addi %stage, %half : i32
    %destination_offset = arith.addi %tile_start, %place : i32
    %destination = llvm.getelementptr %stages[%destination_offset] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    nvvm.cp.async.shared.global %destination, %source, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    llvm.return
  }

  // c = a b^T for a of rows x k, b of n x k. One block computes 16 x 16 elements, each of its two warps 16 x 8.
  gpu.func @gemm(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>, %n: i32, %k: i32) kernel {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %three = arith.constant 3 : i32
    %four = arith.constant 4 : i32
    %five = arith.constant 5 : i32
    %seven = arith.constant 7 : i32
    %eight = arith.constant 8 : i32
    %ten = arith.constant 10 : i32
    %fifteen = arith.constant 15 : i32
    %half = arith.constant 512 : i32
    %stages = llvm.mlir.addressof @stages : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %warp = arith.shrui %thread, %five : i32
    %warp_column = arith.shli %warp, %three : i32
    %a_row = arith.andi %lane, %fifteen : i32
    %a_chunk = arith.shrui %lane, %four : i32
    %a_place = llvm.call @place(%a_row, %a_chunk) : (i32, i32) -> i32
    %b_low = arith.andi %lane, %seven : i32
    %b_row = arith.addi %warp_column, %b_low : i32
    %b_high = arith.shrui %lane, %three : i32
    %b_chunk = arith.andi %b_high, %one : i32
    %b_place = llvm.call @place(%b_row, %b_chunk) : (i32, i32) -> i32
    %steps = arith.shrui %k, %five : i32
    llvm.call @copy(%a, %b, %k, %zero) : (!llvm.ptr<1>, !llvm.ptr<1>, i32, i32) -> ()
    nvvm.cp.async.commit.group
    %sums:4 = scf.for %step = %zero to %steps step %one iter_args(%s0 = %zero, %s1 = %zero, %s2 = %zero, %s3 = %zero) -> (i32, i32, i32, i32) : i32 {
      %next = arith.addi %step, %one : i32
      %more = arith.cmpi slt, %next, %steps : i32
      scf.if %more {
        llvm.call @copy(%a, %b, %k, %next) : (!llvm.ptr<1>, !llvm.ptr<1>, i32, i32) -> ()
      }
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 1
      nvvm.barrier0 // the stage is complete
      %parity = arith.andi %step, %one : i32
      %stage = arith.shli %parity, %ten : i32
      %a_offset = arith.addi %stage, %a_place : i32
      %a_address = llvm.getelementptr %stages[%a_offset] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %a_words = nvvm.ldmatrix %a_address {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
      %b_stage = arith.addi %stage, %half : i32
      %b_offset = arith.addi %b_stage, %b_place : i32
      %b_address = llvm.getelementptr %stages[%b_offset] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
      %b_words = nvvm.ldmatrix %b_address {num = 2 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
      %a0 = llvm.extractvalue %a_words[0] : !llvm.struct<(i32, i32, i32, i32)>
      %a1 = llvm.extractvalue %a_words[1] : !llvm.struct<(i32, i32, i32, i32)>
      %a2 = llvm.extractvalue %a_words[2] : !llvm.struct<(i32, i32, i32, i32)>
      %a3 = llvm.extractvalue %a_words[3] : !llvm.struct<(i32, i32, i32, i32)>
      %b0 = llvm.extractvalue %b_words[0] : !llvm.struct<(i32, i32)>
      %b1 = llvm.extractvalue %b_words[1] : !llvm.struct<(i32, i32)>
      %d = nvvm.mma.sync A[%a0, %a1, %a2, %a3] B[%b0, %b1] C[%s0, %s1, %s2, %s3]
          {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>,
           multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<s8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>}
          : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
      %d0 = llvm.extractvalue %d[0] : !llvm.struct<(i32, i32, i32, i32)>
      %d1 = llvm.extractvalue %d[1] : !llvm.struct<(i32, i32, i32, i32)>
      %d2 = llvm.extractvalue %d[2] : !llvm.struct<(i32, i32, i32, i32)>
      %d3 = llvm.extractvalue %d[3] : !llvm.struct<(i32, i32, i32, i32)>
      nvvm.barrier0 // done with the stage
      scf.yield %d0, %d1, %d2, %d3 : i32, i32, i32, i32
    }
    // Registers 0 and 1 are columns 2 t and 2 t + 1 of row g, registers 2 and 3 of row g + 8.
    %block_column = nvvm.read.ptx.sreg.ctaid.x : i32
    %block_row = nvvm.read.ptx.sreg.ctaid.y : i32
    %g = arith.shrui %lane, %two : i32
    %t = arith.andi %lane, %three : i32
    %tile_row = arith.shli %block_row, %four : i32
    %row = arith.addi %tile_row, %g : i32
    %tile_column = arith.shli %block_column, %four : i32
    %pair = arith.shli %t, %one : i32
    %in_warp = arith.addi %warp_column, %pair : i32
    %column = arith.addi %tile_column, %in_warp : i32
    %row_start = arith.muli %row, %n : i32
    %upper = arith.addi %row_start, %column : i32
    %eight_rows = arith.shli %n, %three : i32
    %lower = arith.addi %upper, %eight_rows : i32
    %upper_address = llvm.getelementptr %c[%upper] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %lower_address = llvm.getelementptr %c[%lower] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %none = llvm.mlir.undef : vector<2xi32>
    %u0 = llvm.insertelement %sums#0, %none[%zero : i32] : vector<2xi32>
    %u1 = llvm.insertelement %sums#1, %u0[%one : i32] : vector<2xi32>
    %l0 = llvm.insertelement %sums#2, %none[%zero : i32] : vector<2xi32>
    %l1 = llvm.insertelement %sums#3, %l0[%one : i32] : vector<2xi32>
    llvm.store %u1, %upper_address : vector<2xi32>, !llvm.ptr<1>
    llvm.store %l1, %lower_address : vector<2xi32>, !llvm.ptr<1>
    gpu.return
  }
}
