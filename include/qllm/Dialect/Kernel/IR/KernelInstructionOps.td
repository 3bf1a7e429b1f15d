// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions of GPUs that the nvvm dialect cannot say. They stand inside of emitted kernels.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELINSTRUCTIONOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELINSTRUCTIONOPS_TD

include "mlir/IR/OpBase.td"
include "qllm/Dialect/Kernel/IR/KernelDialect.td"

def Kernel_WgmmaRegisterAOp
    : Op<Kernel_Dialect, "wgmma_register_a", [AllTypesMatch<["sums", "result"]>]> {
  let summary = "product of a warpgroup whose left operand lies in registers";
  let description = [{
    `wgmma.mma_async` of shape m64nNk32 on bytes: `result = A B + sums`, started by a warpgroup and waited for by
    `nvvm.wgmma.wait.group.sync.aligned`. `nvvm.wgmma.mma_async` takes A from shared memory only; this operation takes four
    words of each lane, as `mma.sync.m16n8k32` does: lane 4 g + t of warp w holds bytes 4 t + 16 (r / 2) and up of row
    16 w + g + 8 (r % 2) in word r. B comes from shared memory by a descriptor; register r of the sums is row
    16 w + g + 8 (r / 2 % 2), column 8 (r / 4) + 2 t + r % 2. Codes are signed unless an attribute says otherwise. Sums
    wrap.

    It stands between fences, commits and waits of the nvvm dialect like the operation there, and becomes inline PTX just
    before code is generated.

    Constraints:
    - (C1) `a` has four words.
    - (C2) `sums` is a struct of N / 2 words i32, where N is 8, 24, or a multiple of 16 up to 256.

    ```mlir
    func.func @register_a(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32)>) -> !llvm.struct<(i32, i32, i32, i32)> {
      %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums {unsigned_b} : !llvm.struct<(i32, i32, i32, i32)>
      return %0 : !llvm.struct<(i32, i32, i32, i32)>
    }
    ```
  }];
  let arguments = (ins Variadic<I32>:$a, I64:$descriptor, AnyType:$sums, UnitAttr:$unsigned_a,
      UnitAttr:$unsigned_b);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$a `by` $descriptor `to` $sums attr-dict `:` type($sums)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// N, the columns of the product. The operation must be verified.
    int64_t getColumns();
    /// As PTX writes it: `wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.u8`.
    std::string getMnemonic();
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELINSTRUCTIONOPS_TD
