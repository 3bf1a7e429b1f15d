// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of linear layers.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELLINEAROPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELLINEAROPS_TD

include "qllm/Dialect/Kernel/IR/KernelBase.td"
include "qllm/Dialect/QLLM/IR/QLLMAttrs.td"

/// Zero points; their type is part of what is proven about accumulators.
def Kernel_ZeroPoints : RankedTensorOf<[I8, UI8, I16, UI16, I32]>;
/// Those of weights, also as codes of four bits, two to a byte.
def Kernel_WeightZeroPoints : RankedTensorOf<[UI<4>, I8, UI8, I16, UI16, I32]>;
def Kernel_Result : 2DTensorOf<[F16, BF16, F32]>;

def Kernel_LinearOp : Kernel_Op<"linear", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes"]>]> {
  let summary = "product of quantized activations and a quantized weight";
  let description = [{
    ```
    y[m, n] = sx[m] * sw[n] * sum over k of (x[m, k] - zx[m]) * (w[n, k] - zw[n]) + b[n]
    ```

    The sum is the exact integer, computed as
    `sum x w - zx[m] * W[n] - zw[n] * (X[m] - K * zx[m])` with the sums of codes `W[n] = sum over k of w[n, k]` and
    `X[m] = sum over k of x[m, k]`; it is rounded to f32 once and multiplied by `sx[m] * sw[n]`. The bias is added in
    f32, and the result is rounded to its element type. Where zero points may be so far outside of the codes that the sum
    needs 64 bits, it is computed in 64 bits; the accumulator holds the sum of the codes' products alone.

    `weight_scales` of shape [G, n] belong to G groups of K/G neighbours along k. Then

    ```
    y[m, n] = sx[m] * (sum over g of sw[g, n] * P[g, m, n] - zx[m] * W[n]) + b[n]
    ```

    with exact integers P, f32 sums over g in ascending order (fused multiply-add) and `weight_sums` in f32: the
    sums `W[n] = sum over g of sw[g, n] * (sum over the group of w)`.

    Zero points of weights are [G, n] then, and each P has `zw[g, n] * (X[g, m] - K/G * zx[m])` taken off in f32, by two fused multiply-adds,
    exact below 2^24. The kernel computes the sums `X[g, m] = sum over the group of x` itself, as products with ones; or, where weights of up to
    four bits come from registers, multiplies differences `w - zw`, which zero points of type ui4 prove to be bytes.

    `input_scales` of shape [m, G] belong to the same groups. Then zero points are [m, G] too, `weight_sums` are the integers
    [G, n], and

    ```
    y[m, n] = sum over g of (sx[m, g] * sw[g, n]) * (P[g, m, n] - zx[m, g] * W[g, n]) + b[n]
    ```

    where the product of the scales is rounded, the difference is a fused multiply-add in f32, exact below 2^24,
    and sums over g are as before.

    The clauses: `scales(sx, sw)`; `zero_points(zx, W)` for asymmetric inputs; `weight_zero_points(zw, X)` for
    asymmetric weights, without X beside groups; `bias(b)`; `low_rank(z, sz, B, sB)` for a low-rank branch; `gate(g)` and `residual(r)`
    for what follows.

    With a gate y becomes `y * (g / (1 + exp(-g)))`, behind that with a residual `y + r`, element by element, in f32 before the result is
    rounded. The sum is rounded as an addition behind the product is; a gate is that of `qk.quantize`, within (3 + abs(g)) 2^-22 of itself.

    A low-rank branch adds `L[m, n] = sz[m] * sB[n] * sum over r of z[m, r] * B[n, r]`, with codes of eight bits: `z` is what
    a thin product of the inputs was quantized to, and `B` the wide factor of the branch. The sum is an exact integer, and
    its product with `sz[m] * sB[n]` is rounded to f32 and added before the bias. Ranks that are no multiple of 32 are
    filled up with zeros.

    Codes of up to 4 bits are two to a byte, the first in the low half. Weights are row-major (n, k), or in the
    order of `layout` as bytes of shape [tiles of n, tiles of k, bytes of a tile].

    **Binary interface.** The kernel takes one pointer to global memory for each operand that is there, in the order
    of the operands; one to the result; and the number of rows m as an i32. Pointers are aligned to 16 bytes.
    A block has `32 * warps` threads along x, the grid is `ceil(m / tile rows)` by `ceil(n / tile columns)`, and
    `stages * (bytes of both operands' tiles)` of dynamic shared memory are wanted; `qk.launch` says the numbers.
    With producers in the schedule the first two arguments are tensor maps, a block has 128 threads more for each of them,
    and there are 16 bytes more of shared memory for each stage; beside scales of groups of inputs also 4 for each of them in a tile,
    and 4 for each zero point.

    `schedule` may be a dictionary with one schedule for each target: `schedule({sm_80 = #qk.schedule<..>, ..})`.

    Constraints:
    - (C1) `input` is of rank 2 with a static second dimension K; its element type is the storage type of
      `input_format`, or beside formats of up to 4 bits bytes of its sign.
    - (C2) `weight` is [n, K] of the storage type of `weight_format`, or with a layout i8 as above.
    - (C3) there is a layout, that of fragments of four bits, if and only if inputs have a byte for a code and
      weights do not.
    - (C4) `input_scales` has the rows of `input`, `weight_scales` is [n] or [G, n] with G >= 2 that divides K, and
      beside those `input_scales` may be [m, G]; both are f32.
    - (C5) `input_zero_points` and `weight_sums` are there if and only if `input_format` is asymmetric;
      `weight_zero_points` if and only if `weight_format` is, with `input_sums` where weights have no groups. They fit the rows and n, zero points of groups
      are [G, n]. Zero points of weights may be ui4, two to a byte in the order of all elements. Sums are i32; `weight_sums` beside groups of weights alone are f32, and beside groups of both [G, n] of i32.
    - (C6) `bias` is f32 of size n, `result` has the rows of `input` and n columns, and `gate` and `residual` have its type.
    - (C7) `z` is i8 of shape [m, r] and `B` i8 of shape [n, r]; `sz` has the rows of `input` and `sB` is [n], both f32. The
      rank r is a multiple of 32 and at most 1024.
    - (C8) the schedule works: tiles, stages, threads, registers, shared memory and the alignment of rows are
      within the limits of any target.
    - (C9) the accumulator is proven to hold every sum of products of codes, and 64 bits every sum without zero points.

    ```mlir
    func.func @w4a8(%x: tensor<?x576xi8>, %w: tensor<96x9x512xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
        -> tensor<?x1536xf16> {
      %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
          schedule(#qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>)
          layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
          : (tensor<?x576xi8>, tensor<96x9x512xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
      return %0 : tensor<?x1536xf16>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[AnyInteger]>:$input, RankedTensorOf<[AnyInteger]>:$weight,
      RankedTensorOf<[F32]>:$input_scales, RankedTensorOf<[F32]>:$weight_scales,
      Optional<Kernel_ZeroPoints>:$input_zero_points, Optional<RankedTensorOf<[I32, F32]>>:$weight_sums,
      Optional<Kernel_WeightZeroPoints>:$weight_zero_points, Optional<1DTensorOf<[I32]>>:$input_sums,
      Optional<1DTensorOf<[F32]>>:$bias,
      Optional<2DTensorOf<[I8]>>:$branch_input, Optional<1DTensorOf<[F32]>>:$branch_input_scales,
      Optional<2DTensorOf<[I8]>>:$branch_weight, Optional<1DTensorOf<[F32]>>:$branch_weight_scales,
      Optional<Kernel_Result>:$gate, Optional<Kernel_Result>:$residual,
      QLLM_IntFormatAttr:$input_format, QLLM_IntFormatAttr:$weight_format,
      Kernel_Schedules:$schedule, OptionalAttr<Kernel_LayoutAttr>:$layout);
  let results = (outs Kernel_Result:$result);
  let assemblyFormat = [{
    $input `,` $weight `scales` `(` $input_scales `,` $weight_scales `)`
    (`zero_points` `(` $input_zero_points^ `,` $weight_sums `)`)?
    (`weight_zero_points` `(` $weight_zero_points^ (`,` $input_sums^)? `)`)?
    (`bias` `(` $bias^ `)`)?
    (`low_rank` `(` $branch_input^ `,` $branch_input_scales `,` $branch_weight `,` $branch_weight_scales `)`)?
    (`gate` `(` $gate^ `)`)? (`residual` `(` $residual^ `)`)?
    `formats` `(` $input_format `,` $weight_format `)` `schedule` `(` $schedule `)`
    (`layout` `(` $layout^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors, run by `schedule`. The operation must be verified.
    ::qllm::kernels::LinearKernel getKernel(::qllm::qk::ScheduleAttr schedule);
    /// The same on a target that the operation has a schedule for.
    ::qllm::kernels::LinearKernel getKernelOn(const ::qllm::kernels::Target &target);
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELLINEAROPS_TD
