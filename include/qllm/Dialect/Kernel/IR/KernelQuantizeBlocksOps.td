// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that quantize activations to 4-bit floats with scales of blocks.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELQUANTIZEBLOCKSOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELQUANTIZEBLOCKSOPS_TD

include "qllm/Dialect/Kernel/IR/KernelBlockScaledOps.td"
include "qllm/Dialect/Kernel/IR/KernelQuantizeOps.td"

/// What is read of rows, and what is done to them first; see `qllm::qk::RowSource`.
defvar Kernel_RowSourceOperands = (ins Kernel_FloatRows:$input, Optional<Kernel_FloatRows>:$residual,
    Optional<Kernel_FloatVector>:$norm_weight, Optional<Kernel_FloatVector>:$norm_bias,
    Optional<Kernel_FloatRows>:$gate, Optional<RankedTensorOf<[I32]>>:$index,
    Optional<Kernel_Table>:$multiply, Optional<Kernel_Table>:$add);
defvar Kernel_RowSourceAttributes = (ins OptionalAttr<Kernel_NormKind>:$norm, OptionalAttr<F32Attr>:$epsilon,
    OptionalAttr<I64Attr>:$hadamard);
defvar Kernel_RowSourceFormat = [{
    $input (`residual` `(` $residual^ `)`)?
    (`norm` $norm^ `(` $norm_weight (`,` $norm_bias^)? `)` `epsilon` $epsilon)?
    (`gate` `(` $gate^ `)`)? (`gather` `(` $index^ `)`)? (`multiply` `(` $multiply^ `)`)? (`add` `(` $add^ `)`)?
    (`hadamard` $hadamard^)?
  }];

def Kernel_QuantizeBlocksOp : Kernel_Op<"quantize_blocks", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes", "getRowsOfResults"]>]> {
  let summary = "activations as 4-bit floats with scales of blocks, with what comes before it";
  let description = [{
    Rows are read, and changed by `residual`, `norm`, `gate`, `gather`, `multiply`, `add` and `hadamard`, as `qk.quantize`
    does it, with its order and error. Then each block of B neighbours becomes a scale and B codes of e2m1, exactly as
    `qllm.quantize` does: to the bit, `clip` included.

    - Scales of e4m3, B = 16 (NVFP4). `tensor_scale(t)` is the scale of the whole tensor, which `qk.tensor_scale`
      finds; any other positive one gives codes as well, of which too large ones saturate. Without it t is 1.
    - Scales that are powers of two, e8m0, B = 32 (MXFP4): the largest one under which no exponent of the block is
      beyond that of 6.

    The results are what `qk.block_scaled_linear` takes: codes two to a byte, the first in the low half, and scales in the
    order `#qk.layout<128x4, n 32:1, n 4:32, k 4:1>` of rows by blocks, filled up with zeros.

    A division is rounded once; the result of a row with a NaN or an infinity is not defined, and no other row is touched by it.

    **Binary interface.** The kernel takes a pointer to global memory for each operand that is there, in their order, and
    each result, and the number of rows m as an i32. Pointers are aligned to 16 bytes. Blocks are those of `qk.quantize`.

    Constraints:
    - (C1) `residual`, `gate` and `stream` have the type of `input`, which has a static number of columns k.
    - (C2) `codes` are [m, k'] with a static k', which is k unless there is an index of k' columns and at most 16 rows;
      `multiply` and `add` have k' elements.
    - (C3) `norm`, its weight of k elements and `epsilon` >= 0 come together; a bias of k elements needs `norm layer`.
    - (C4) a gate excludes a residual and a norm; `stream` needs a residual.
    - (C5) `scales` have the shape that m rows and k'/B blocks take.
    - (C6) `tensor_scale` is f32 of size 1, and beside scales of e4m3 only.
    - (C7) `clip` is positive and finite.
    - (C8) the row fits: k and k' are multiples of 8 and at most 32768 (28672 beside a gate, 20480 beside a residual or norm), k' is one of B; `hadamard` is a power of two that
      divides k' and is at most 16384.

    ```mlir
    func.func @nvfp4(%x: tensor<?x576xf32>, %w: tensor<576xf32>, %t: tensor<1xf32>)
        -> (tensor<?x576xf4E2M1FN>, tensor<?x9x512xf8E4M3FN>) {
      %codes, %scales = qk.quantize_blocks %x norm rms(%w) epsilon 1.0e-5 tensor_scale(%t)
          : (tensor<?x576xf32>, tensor<576xf32>, tensor<1xf32>) -> tensor<?x576xf4E2M1FN>, tensor<?x9x512xf8E4M3FN>
      return %codes, %scales : tensor<?x576xf4E2M1FN>, tensor<?x9x512xf8E4M3FN>
    }

    func.func @mxfp4(%x: tensor<?x1536xf16>, %g: tensor<?x1536xf16>)
        -> (tensor<?x1536xf4E2M1FN>, tensor<?x12x512xf8E8M0FNU>) {
      %codes, %scales = qk.quantize_blocks %x gate(%g) hadamard 512
          : (tensor<?x1536xf16>, tensor<?x1536xf16>) -> tensor<?x1536xf4E2M1FN>, tensor<?x12x512xf8E8M0FNU>
      return %codes, %scales : tensor<?x1536xf4E2M1FN>, tensor<?x12x512xf8E8M0FNU>
    }
    ```
  }];
  let arguments = !con(Kernel_RowSourceOperands, (ins Optional<1DTensorOf<[F32]>>:$tensor_scale),
      Kernel_RowSourceAttributes, (ins OptionalAttr<F32Attr>:$clip));
  let results = (outs 2DTensorOf<[F4E2M1FN]>:$codes, Kernel_BlockScales:$scales, Optional<Kernel_FloatRows>:$stream);
  let assemblyFormat = Kernel_RowSourceFormat # [{
    (`tensor_scale` `(` $tensor_scale^ `)`)? (`clip` $clip^)? attr-dict
    `:` `(` type(operands) `)` `->` type($codes) `,` type($scales) (`stream` type($stream)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors. The operation must be verified.
    ::qllm::kernels::QuantizeKernel getKernel();
    /// What ranges are multiplied by.
    float getRangeClip() { return getClip() ? getClip()->convertToFloat() : 1.0f; }
  }];
}

def Kernel_TensorScaleOp : Kernel_Op<"tensor_scale", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes", "getInPlaceResults"]>]> {
  let summary = "the scale of a whole tensor, for scales of blocks below it";
  let description = [{
    Rows are read and changed as `qk.quantize_blocks` does it. `scale` is the second scale of NVFP4, exactly as
    `qllm.quantize` computes it from the same tensor:

    ```
    t = max(c * max(abs(y)) / 2688, 2^-100)           clip c, 1 where nothing is said; 2688 is 6 * 448
    ```

    It is a pass over memory of its own, since no block can be quantized before all of them were seen. With a `residual` it
    stores the `stream`, which is then what `qk.quantize_blocks` reads.

    `row_maxima` are the largest magnitudes of rows. The last block to finish makes one number of them. It is known by a
    count in `arrivals`, which is zero before the kernel runs and again after it: `free_arrivals` is the same memory, for the next
    kernel that counts.

    **Binary interface.** The kernel takes a pointer to global memory for each operand that is there, in their order, and
    each result but `free_arrivals`, and the number of rows m as an i32. Pointers are aligned to 16 bytes. Blocks are those of `qk.quantize`. Without rows nothing is
    stored.

    Constraints:
    - (C1) `residual`, `gate` and `stream` have the type of `input`, which has a static number of columns k.
    - (C2) `multiply` and `add` have k' elements; k' is k unless there is an index of k' columns and at most 16 rows.
    - (C3) `norm`, its weight of k elements and `epsilon` >= 0 come together; a bias of k elements needs `norm layer`.
    - (C4) a gate excludes a residual and a norm; `stream` needs a residual.
    - (C5) `scale` is of size 1, `row_maxima` of size m; `arrivals` has at least one element, and `free_arrivals` its type.
    - (C6) `clip` is positive and finite.
    - (C7) the row fits: k and k' are multiples of 8 and at most 32768 (28672 beside a gate, 20480 beside a residual or norm); `hadamard` is a power of two that divides k' and is at
      most 16384.

    ```mlir
    func.func @scale(%x: tensor<?x576xf32>, %r: tensor<?x576xf32>, %w: tensor<576xf32>, %a: tensor<1xi32>)
        -> (tensor<1xf32>, tensor<?x576xf32>) {
      %t, %maxima, %free, %stream = qk.tensor_scale %x residual(%r) norm rms(%w) epsilon 1.0e-5 arrivals(%a)
          : (tensor<?x576xf32>, tensor<?x576xf32>, tensor<576xf32>, tensor<1xi32>)
         -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32> stream tensor<?x576xf32>
      return %t, %stream : tensor<1xf32>, tensor<?x576xf32>
    }
    ```
  }];
  let arguments = !con(Kernel_RowSourceOperands, (ins 1DTensorOf<[I32]>:$arrivals), Kernel_RowSourceAttributes,
      (ins OptionalAttr<F32Attr>:$clip));
  let results = (outs 1DTensorOf<[F32]>:$scale, 1DTensorOf<[F32]>:$row_maxima, 1DTensorOf<[I32]>:$free_arrivals,
      Optional<Kernel_FloatRows>:$stream);
  let assemblyFormat = Kernel_RowSourceFormat # [{
    `arrivals` `(` $arrivals `)` (`clip` $clip^)? attr-dict
    `:` `(` type(operands) `)` `->` type($scale) `,` type($row_maxima) `,` type($free_arrivals)
    (`stream` type($stream)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors. The operation must be verified.
    ::qllm::kernels::QuantizeKernel getKernel();
    /// What the range is multiplied by.
    float getRangeClip() { return getClip() ? getClip()->convertToFloat() : 1.0f; }
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELQUANTIZEBLOCKSOPS_TD
