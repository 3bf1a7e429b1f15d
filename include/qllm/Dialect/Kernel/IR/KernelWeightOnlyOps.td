// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of linear layers whose inputs stay floats.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELWEIGHTONLYOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELWEIGHTONLYOPS_TD

include "qllm/Dialect/Kernel/IR/KernelLinearOps.td"

def Kernel_WeightOnlyLinearOp : Kernel_Op<"weight_only_linear", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes", "getInPlaceResults"]>]> {
  let summary = "product of 16-bit floats and a quantized weight";
  let description = [{
    ```
    y[m, n] = sum over k of x[m, k] * (w[n, k] - z[n]) * s[n] + b[n]
    ```

    `scales` of shape [G, n], and zero points of the same shape, belong to G groups of K/G neighbours along k. The clauses:
    `scales(s)`; `zero_points(z)` for asymmetric weights; `bias(b)`; `low_rank(l, B, sB)` for a low-rank branch; `arrivals(a)` for
    schedules by stream-K.

    A low-rank branch adds `sB[n] * sum over r of l[m, r] * B[n, r]` before the bias: `l` is what a thin product of the inputs was rounded
    to, in their type, and `B` are codes of eight bits, the wide factor of the branch. Ranks that are no multiple of 16 are filled up with zeros.

    **Numbers.** Codes minus zero points are exact in the type of the input, and their products with inputs are exact in f32.
    A tensor instruction adds 16 of them to a sum in f32, in ascending k, with the roundings of the target's. Such a sum goes
    over a run: the whole depth, or with groups the smaller of a group and the depth that a warp takes of a tile. Then

    ```
    t = fma(P[g], s[g, n], t)    over runs in ascending k; with groups
    t = P * s[n]                 without
    t = fma(L, sB[n], t)         with a low-rank branch
    y = t + b[n]                 each rounded to f32, and y to the type of the result
    ```

    Where several parts of the depth are computed apart (by the blocks of `stream_k`, or the warps of tiles of 8 rows), t is the
    sum of their t, or P of their P without groups, added in f32 in ascending k, warps first. Which parts there are is fixed by the
    schedule and the sizes of the weight, so results are the same from run to run. L is a sum in f32 as P is, over all r in ascending order, and is added
    once, behind all parts.

    **Operands.** Codes of up to 4 bits lie two to a byte, others one to a byte, in the order of `layout`, as bytes of shape
    [tiles of n, tiles of k, bytes of a tile]. With `stream_k` parts of a tile meet in memory: the second result, of shape
    [m, w], gets the sums of each part, which nobody needs afterwards. It has room for `blocks` tiles, or twice as many unless `blocks` is a
    multiple of the tiles along n. The last block to arrive at a tile adds its parts. It is known by a count in `arrivals`, which has
    an element for each tile of the product; all of them are zero. The third result is the same memory, zero again, so that one
    kernel after the other can use it. No block waits for another, so the order in which they run does not matter, nor how many of them
    run at a time.

    **Tiles of 8 rows** are for a few tokens: weights go from global memory to registers, with no shared memory between, 16
    bytes a lane. The first of `warps` then divides the depth of a tile, and there is 1 stage.

    **Binary interface.** As for `qk.linear`: pointers to the operands that are there and to the results, and the number of
    rows m.

    `schedule` may be a dictionary with one schedule for each target.

    Constraints:
    - (C1) `input` is f16 or bf16, of rank 2 with a static second dimension K; `result` has its rows and n static columns.
    - (C2) `layout` is that of fragments of 16-bit floats for the bits of `format`, and `weight` fits it.
    - (C3) `scales` is [n] or [G, n] with G >= 2 that divides K.
    - (C4) `zero_points` is there if and only if `format` is asymmetric, with the shape of `scales`, as i8, or ui8 beside f16.
    - (C5) `bias` is f32 of size n.
    - (C6) `arrivals` and two more results are there if and only if a schedule is `stream_k`. The second result is f32, with the
      rows of `input` and as many columns as the schedule that has most parts needs; the third has the type of `arrivals`,
      which has an element at least for each tile of the rows that are known: static ones, or those up to `max_rows`. Where a
      schedule is for any number of rows, the size of `arrivals` is dynamic too, and whoever runs the kernel gives it an element for
      each tile.
    - (C7) the schedule works: tiles, stages, threads, registers, shared memory, groups and the alignment of rows are
      within the limits of any target, and each block of `stream_k` has a step.
    - (C8) `l` has the rows and the element type of `input` and r columns, `B` is i8 of shape [n, r] and `sB` is f32 of size n. The
      rank r is a multiple of 16 and at most 1024.

    ```mlir
    func.func @w4a16(%x: tensor<?x4096xf16>, %w: tensor<256x64x512xi8>, %s: tensor<32x4096xf16>) -> tensor<?x4096xf16> {
      %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
          schedule(#qk.schedule<tile = [64, 256, 128], warps = [1, 8], stages = 3>)
          layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
          : (tensor<?x4096xf16>, tensor<256x64x512xi8>, tensor<32x4096xf16>) -> tensor<?x4096xf16>
      return %0 : tensor<?x4096xf16>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[F16, BF16]>:$input, 3DTensorOf<[I8]>:$weight,
      RankedTensorOf<[F16, BF16, F32]>:$scales, Optional<RankedTensorOf<[I8, UI8]>>:$zero_points,
      Optional<1DTensorOf<[F32]>>:$bias, Optional<2DTensorOf<[F16, BF16]>>:$branch_input,
      Optional<2DTensorOf<[I8]>>:$branch_weight, Optional<1DTensorOf<[F32]>>:$branch_weight_scales,
      Optional<1DTensorOf<[I32]>>:$arrivals,
      QLLM_IntFormatAttr:$format, Kernel_Schedules:$schedule, Kernel_LayoutAttr:$layout);
  let results = (outs Kernel_Result:$result, Variadic<RankedTensorOf<[F32, I32]>>:$scratch);
  let assemblyFormat = [{
    $input `,` $weight `scales` `(` $scales `)` (`zero_points` `(` $zero_points^ `)`)? (`bias` `(` $bias^ `)`)?
    (`low_rank` `(` $branch_input^ `,` $branch_weight `,` $branch_weight_scales `)`)?
    (`arrivals` `(` $arrivals^ `)`)? `format` `(` $format `)` `schedule` `(` $schedule `)` `layout` `(` $layout `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The results that only the kernel itself reads; null without `stream_k`.
    ::mlir::Value getPartialSums() { return getScratch().empty() ? ::mlir::Value() : getScratch()[0]; }
    ::mlir::Value getFreeArrivals() { return getScratch().empty() ? ::mlir::Value() : getScratch()[1]; }
    /// The kernel without its tensors, run by `schedule`. The operation must be verified.
    ::qllm::kernels::WeightOnlyKernel getKernel(::qllm::qk::ScheduleAttr schedule);
    /// The same on a target that the operation has a schedule for.
    ::qllm::kernels::WeightOnlyKernel getKernelOn(const ::qllm::kernels::Target &target);
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELWEIGHTONLYOPS_TD
