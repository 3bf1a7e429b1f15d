// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that quantize activations.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELQUANTIZEOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELQUANTIZEOPS_TD

include "qllm/Dialect/Kernel/IR/KernelBase.td"
include "qllm/Dialect/QLLM/IR/QLLMAttrs.td"

def Kernel_FloatRows : 2DTensorOf<[F16, BF16, F32]>;
def Kernel_FloatVector : 1DTensorOf<[F16, BF16, F32]>;
def Kernel_Table : 1DTensorOf<[F32]>;

def Kernel_QuantizeOp : Kernel_Op<"quantize", [AttrSizedOperandSegments, AttrSizedResultSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes"]>]> {
  let summary = "activations quantized by their own range, with what comes before it";
  let description = [{
    One pass over memory, row by row:

    ```
    x = input                                         or T(input + residual), which `stream` is
    x = x / sqrt(mean(x^2) + e) * w                   norm rms(w) epsilon e
    x = (x - mean(x)) / sqrt(var(x) + e) * w (+ b)    norm layer(w, b) epsilon e
    x = x * g / (1 + exp(-g))                         gate(g)
    y[j] = x[index[j]]                                gather(index), index of shape [k']
    y[j] = sum over i of x[index[i, j]]               gather(index), index of shape [p, k'], from i = 0 on
    y[j] = y[j] * f[j] + d[j]                         multiply(f), add(d): two roundings
    y = y H for blocks of h neighbours                hadamard h
    z[i] = sP[i] * sum over j of y[j] * P[i, j]       principal(P, P^T, sP)
    z -> scale sz, codes c                            symmetric, of eight bits
    y[j] = y[j] - c[i] * sz * sP[i] * P[i, j]         for each row i of P
    y[j] = y[index[j]] * f[j]                         split(index, f)
    y -> scale, zero point, codes
    ```

    What a row has in the directions P, a principal part, is taken off it; its codes c and their scale are results, and a
    product of eight bits (`low_rank` of `qk.linear`) carries them past the main one. `split` is for what is done to
    channels behind it, as `gather` and `multiply` are for what is done in front.

    T rounds to the element type of `input`; the rest is computed in f32. H is the matrix of
    `qllm.rotate_channels`, and its products are the same to the bit. The last line is that of
    `qllm.quantize` to the bit, with a range for each token, or for each group of `group` neighbours; with its
    rounding, saturation, smallest scale, `clip`, `include_zero` and `rounding_offsets`. Zero points saturate at the
    limits of their type before codes are computed from them. `sums` are those of the codes of a row.

    Codes of up to 4 bits are two to a byte, the first in the low half. The results are what `qk.linear` takes.

    **Order and error.** Sums over a row are added in f32 in an order that depends on nothing but the number of
    columns: each thread adds its elements in their order, a butterfly of distances 16, 8, .. 1 adds the threads of a
    warp, and the warps are added in their order. So equal rows give equal codes, wherever they are. With up to n = 64
    elements to a thread and up to 16 warps a sum of squares is within (n + 5 + warps) 2^-24 of itself, and an element
    normalized by it within half of that and 2^-22; under `norm layer` the error of the mean is added to it, at most the
    former bound times mean(abs(x)) / sqrt(var(x) + e). `exp` is ex2.approx, within 2^-22, of a product with log2(e) that
    is rounded to f32, and 1 / (1 + exp(-g)) is rcp.approx, within 2^-23: a gate is within (3 + abs(g)) 2^-22 of
    itself. A code next to the middle between two can then be the other one.

    For a principal part the row is rounded to a multiple of a power of two that is within 2^-22 of its largest magnitude; the sums of these are
    exact integers, in parts that are added in f32. What is taken off is rounded likewise: c[i] * sz * sP[i] to multiples within 2^-22 of the largest of these,
    whose sums are exact. So z is within 2^-22 * max(abs(y)) * sum over j of abs(sP[i] * P[i, j]), and an element of y behind it within 2^-22 * (max(abs(y)) + sum over i of abs(c[i] * sz * sP[i] * P[i, j]) * r), besides
    eight roundings of f32.

    What a row with a NaN or an infinity gives is not defined; other rows are not touched by it.

    **Binary interface.** The kernel takes a pointer to global memory for each operand that is there, in their order,
    and each result, and the number of rows m as an i32. Pointers are aligned to 16 bytes. Indices are columns of the
    input, or k for a zero: split and permuted channels have one source, merged ones several, filled up with zeros.
    There is a block along x for each row, or for four rows where a row has at most 768 elements, and with a principal part
    for as many as fit into shared memory, up to eight. `qk.launch` says the numbers.

    Constraints:
    - (C1) `input` has a static number of columns k; `residual`, `gate` and `stream` have its type. `codes` has its
      rows, k' columns and the storage type of `format`, or for formats of up to 4 bits bytes of its sign.
    - (C2) k' is k unless there is an index of k' columns and at most 16 rows; `multiply`, `add` and
      `rounding_offsets` have k' elements.
    - (C3) `norm`, its weight of k elements and `epsilon` >= 0 come together; a bias of k elements needs `norm layer`.
    - (C4) a gate excludes a residual and a norm; `stream` needs a residual.
    - (C5) `scales` is [m], or [m, k' / group] with a `group`, which divides k'.
    - (C6) `zero_points` are there if and only if `format` is asymmetric, with the shape of `scales`. `include_zero`
      needs them, and ui8 needs `include_zero`.
    - (C7) `sums` is [m] of i32.
    - (C8) `clip` is positive and finite.
    - (C9) the row fits: k and k' are multiples of 8 and at most 32768 (28672 beside a gate, principal part or rounding offsets, 20480 beside a residual or norm), groups are 8, 16, .. or 256 elements;
      `hadamard` is a power of two that divides what it rotates and is at most 16384.
    - (C10) P has r rows, a multiple of 32 and at most 1024, and K columns; K is k, or with an index its columns. P is i8 of shape
      [r / 16, ceil(K / 32), 512]: tiles of 16 rows and 32 columns, where byte 16 l + 4 i + b is that of row l / 4 + 8 (i % 2) and column 8 (l % 4) + 4 (i / 2) + b. P^T is of shape
      [ceil(K / 16), r / 32, 512], tiles of the transpose in the same order; zeros fill up both. `sP` is f32 of size r; `codes` of the
      principal part are [m, r] of i8 and their scales [m] of f32. These five come together. K is k' without a `split`; with
      one, which only comes behind a principal part, its index and factors have k' elements, and C2 and `hadamard` hold for K instead of k', `rounding_offsets`
      apart.

    ```mlir
    func.func @rms(%x: tensor<?x576xf16>, %r: tensor<?x576xf16>, %w: tensor<576xf16>) -> (tensor<?x576xi8>, tensor<?x576xf16>) {
      %codes, %scales, %stream = qk.quantize %x residual(%r) norm rms(%w) epsilon 1.0e-5 format(#qllm.int<8>)
          : (tensor<?x576xf16>, tensor<?x576xf16>, tensor<576xf16>) -> tensor<?x576xi8>, tensor<?xf32> stream tensor<?x576xf16>
      return %codes, %stream : tensor<?x576xi8>, tensor<?x576xf16>
    }
    ```
  }];
  let arguments = (ins Kernel_FloatRows:$input, Optional<Kernel_FloatRows>:$residual,
      Optional<Kernel_FloatVector>:$norm_weight, Optional<Kernel_FloatVector>:$norm_bias,
      Optional<Kernel_FloatRows>:$gate, Optional<RankedTensorOf<[I32]>>:$index,
      Optional<Kernel_Table>:$multiply, Optional<Kernel_Table>:$add,
      Optional<Kernel_Table>:$rounding_offsets,
      Optional<3DTensorOf<[I8]>>:$principal, Optional<3DTensorOf<[I8]>>:$principal_transposed,
      Optional<Kernel_Table>:$principal_scales,
      Optional<1DTensorOf<[I32]>>:$split_index, Optional<Kernel_Table>:$split_factors,
      OptionalAttr<Kernel_NormKind>:$norm, OptionalAttr<F32Attr>:$epsilon,
      OptionalAttr<I64Attr>:$hadamard, QLLM_IntFormatAttr:$format, OptionalAttr<I64Attr>:$group, UnitAttr:$include_zero,
      OptionalAttr<F32Attr>:$clip);
  let results = (outs 2DTensorOf<[AnyInteger]>:$codes, RankedTensorOf<[F32]>:$scales,
      Optional<RankedTensorOf<[UI8, I16, I32]>>:$zero_points, Optional<1DTensorOf<[I32]>>:$sums,
      Optional<Kernel_FloatRows>:$stream,
      Optional<2DTensorOf<[I8]>>:$part_codes, Optional<Kernel_Table>:$part_scales);
  let assemblyFormat = [{
    $input (`residual` `(` $residual^ `)`)?
    (`norm` $norm^ `(` $norm_weight (`,` $norm_bias^)? `)` `epsilon` $epsilon)?
    (`gate` `(` $gate^ `)`)? (`gather` `(` $index^ `)`)? (`multiply` `(` $multiply^ `)`)? (`add` `(` $add^ `)`)?
    (`hadamard` $hadamard^)? (`principal` `(` $principal^ `,` $principal_transposed `,` $principal_scales `)`)?
    (`split` `(` $split_index^ `,` $split_factors `)`)?
    `format` `(` $format `)` (`group` $group^)? (`include_zero` $include_zero^)? (`clip` $clip^)?
    (`rounding_offsets` `(` $rounding_offsets^ `)`)? attr-dict
    `:` `(` type(operands) `)` `->` type($codes) `,` type($scales) (`zero_points` type($zero_points)^)?
    (`sums` type($sums)^)? (`stream` type($stream)^)? (`principal` type($part_codes)^ `,` type($part_scales))?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors. The operation must be verified.
    ::qllm::kernels::QuantizeKernel getKernel();
    /// The same on a target, whose shared memory says how many rows a block has.
    ::qllm::kernels::QuantizeKernel getKernelOn(const ::qllm::kernels::Target &target);
    /// What ranges are multiplied by.
    float getRangeClip() { return getClip() ? getClip()->convertToFloat() : 1.0f; }
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELQUANTIZEOPS_TD
