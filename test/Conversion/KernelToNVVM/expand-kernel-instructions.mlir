// What the nvvm dialect cannot say becomes inline PTX.
// RUN: qllm-opt %s -qllm-expand-kernel-instructions | FileCheck %s

gpu.module @sm_90a {
  // CHECK-LABEL: llvm.func @signed
  // CHECK-SAME: (%[[A:.*]]: i32, %[[B:.*]]: i64,
  // CHECK: llvm.inline_asm has_side_effects
  // CHECK-SAME: wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8
  // CHECK-NOT: qk.
  llvm.func @signed(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32)>) -> !llvm.struct<(i32, i32, i32, i32)> {
    %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums : !llvm.struct<(i32, i32, i32, i32)>
    llvm.return %0 : !llvm.struct<(i32, i32, i32, i32)>
  }

  // CHECK-LABEL: llvm.func @unsigned
  // CHECK: wgmma.mma_async.sync.aligned.m64n8k32.s32.u8.u8
  llvm.func @unsigned(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32)>) -> !llvm.struct<(i32, i32, i32, i32)> {
    %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums {unsigned_a, unsigned_b} : !llvm.struct<(i32, i32, i32, i32)>
    llvm.return %0 : !llvm.struct<(i32, i32, i32, i32)>
  }
}

// A permutation that changes nothing hides its result; others stay.
// CHECK-LABEL: llvm.func @permutations
// CHECK-NEXT: llvm.mlir.constant
// CHECK: llvm.inline_asm has_side_effects{{.*}} "mov.b32 $0, $1;", "=r,r" %arg0 : (i32) -> i32
// CHECK: nvvm.prmt
llvm.func @permutations(%a: i32, %b: i32) -> i32 {
  %same = llvm.mlir.constant(0x3210 : i32) : i32
  %swap = llvm.mlir.constant(0x1032 : i32) : i32
  %0 = nvvm.prmt #nvvm.permute_mode<default> %same, %a, %b : i32
  %1 = nvvm.prmt #nvvm.permute_mode<default> %swap, %0, %b : i32
  llvm.return %1 : i32
}
