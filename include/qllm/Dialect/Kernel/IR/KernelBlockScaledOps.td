// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of linear layers on 4-bit floats.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELBLOCKSCALEDOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELBLOCKSCALEDOPS_TD

include "qllm/Dialect/Kernel/IR/KernelBase.td"

def Kernel_BlockScales : 3DTensorOf<[F8E4M3FN, F8E8M0FNU]>;

def Kernel_BlockScaledLinearOp : Kernel_Op<"block_scaled_linear", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes"]>]> {
  let summary = "product of 4-bit floats with scales of blocks on both sides";
  let description = [{
    ```
    y[m, n] = t * sum over k of (sx[m, k / B] * x[m, k]) * (sw[n, k / B] * w[n, k]) + b[n]
    ```

    Codes are e2m1. Scales of blocks of B elements are e4m3, B = 16 (NVFP4; the sign of a scale is ignored), or powers of
    two, B = 32 (MXFP4). t is the product of `tensor_scale(tx, tw)`, the scales of whole tensors, in f32; or the only one, or 1.

    Tensor cores add up the sum in f32: 16 products at a time exactly, then as `docs/emulator.md` says. The sum is
    multiplied by t, the bias is added, both in f32, and the result is rounded to its element type.

    Codes are two to a byte, the first in the low half, row-major. Scales of both sides lie in the order
    `#qk.layout<128x4, n 32:1, n 4:32, k 4:1>` of rows by blocks, as tensors of shape [tiles of rows, tiles of blocks, 512],
    filled up with zeros; it is the order that cuBLAS and tensor memory take too.

    A schedule without producers is one of `mma.sync` with accumulators in registers (sm_120a). With one, sums are in tensor
    memory (sm_100a): tiles are 128x128x256 or 128x256x256, warps 4x1; of the producer's four warps one loads and one
    multiplies. **No kernel of that kind has run on a GPU**: it follows the text of the PTX ISA, and is checked by `ptxas` and on
    the emulator.

    **Binary interface.** The kernel takes a pointer for each operand that is there, in the order of the operands, one to
    the result, and the number of rows m as an i32. Pointers are aligned to 16 bytes.
    With a producer the first two are tensor maps, and a block has 128 threads more.

    Constraints:
    - (C1) `input` is [m, K], `weight` [n, K] and `result` [m, n], with static K and n.
    - (C2) the scales of both sides are of one type, and have the shape that their rows and K/B blocks take.
    - (C3) there are at most two of `tensor_scale`, f32 of size 1; `bias` is f32 of size n.
    - (C4) the schedule works: tiles, stages, threads, registers, shared and tensor memory and the alignment of rows are
      within the limits of any target, and the rows and columns of a warp lie as scales do.

    ```mlir
    func.func @nvfp4(%x: tensor<?x1024xf4E2M1FN>, %w: tensor<1536x1024xf4E2M1FN>, %sx: tensor<?x16x512xf8E4M3FN>,
                     %sw: tensor<12x16x512xf8E4M3FN>, %tx: tensor<1xf32>, %tw: tensor<1xf32>) -> tensor<?x1536xf16> {
      %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) tensor_scale(%tx, %tw)
          schedule(#qk.schedule<tile = [128, 128, 256], warps = [2, 4], stages = 3>)
          : (tensor<?x1024xf4E2M1FN>, tensor<1536x1024xf4E2M1FN>, tensor<?x16x512xf8E4M3FN>,
             tensor<12x16x512xf8E4M3FN>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x1536xf16>
      return %0 : tensor<?x1536xf16>
    }

    func.func @tensor_memory(%x: tensor<?x1024xf4E2M1FN>, %w: tensor<1536x1024xf4E2M1FN>, %sx: tensor<?x8x512xf8E8M0FNU>,
                             %sw: tensor<12x8x512xf8E8M0FNU>) -> tensor<?x1536xf32> {
      %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw)
          schedule({sm_100a = #qk.schedule<tile = [128, 128, 256], warps = [4, 1], stages = 3, producers = 1>,
                    sm_120a = #qk.schedule<tile = [128, 128, 256], warps = [2, 4], stages = 3>})
          : (tensor<?x1024xf4E2M1FN>, tensor<1536x1024xf4E2M1FN>, tensor<?x8x512xf8E8M0FNU>, tensor<12x8x512xf8E8M0FNU>)
          -> tensor<?x1536xf32>
      return %0 : tensor<?x1536xf32>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[F4E2M1FN]>:$input, 2DTensorOf<[F4E2M1FN]>:$weight,
      Kernel_BlockScales:$input_scales, Kernel_BlockScales:$weight_scales,
      Variadic<1DTensorOf<[F32]>>:$tensor_scales, Optional<1DTensorOf<[F32]>>:$bias,
      Kernel_Schedules:$schedule);
  let results = (outs 2DTensorOf<[F16, BF16, F32]>:$result);
  let assemblyFormat = [{
    $input `,` $weight `scales` `(` $input_scales `,` $weight_scales `)`
    (`tensor_scale` `(` $tensor_scales^ `)`)? (`bias` `(` $bias^ `)`)?
    `schedule` `(` $schedule `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors, run by `schedule`. The operation must be verified.
    ::qllm::kernels::BlockScaledKernel getKernel(::qllm::qk::ScheduleAttr schedule);
    /// The same on a target that the operation has a schedule for.
    ::qllm::kernels::BlockScaledKernel getKernelOn(const ::qllm::kernels::Target &target);
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELBLOCKSCALEDOPS_TD
