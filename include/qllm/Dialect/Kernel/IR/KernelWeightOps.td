// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels want of weights beforehand. None of it is a kernel: constants are folded at compile time.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELWEIGHTOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELWEIGHTOPS_TD

include "qllm/Dialect/Kernel/IR/KernelBase.td"

def Kernel_ShuffleWeightOp : Kernel_Op<"shuffle_weight"> {
  let summary = "codes of a weight in the order of a layout";
  let description = [{
    The row-major codes (n, k), of 4 or 8 bits, in the order that the layout says, as bytes of shape
    [tiles of n, tiles of k, bytes of a tile]. Edges are filled up with zero codes.

    Constraints:
    - (C1) `codes` is static, and `result` the i8 tensor of that shape.

    ```mlir
    func.func @shuffle(%w: tensor<1536x576xui4>) -> tensor<96x9x512xi8> {
      %0 = qk.shuffle_weight %w layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
          : tensor<1536x576xui4> -> tensor<96x9x512xi8>
      return %0 : tensor<96x9x512xi8>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[I<4>, UI<4>, I<8>, UI<8>]>:$codes, Kernel_LayoutAttr:$layout);
  let results = (outs 3DTensorOf<[I8]>:$result);
  let assemblyFormat = "$codes `layout` `(` $layout `)` attr-dict `:` type($codes) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_ShuffleScalesOp : Kernel_Op<"shuffle_scales"> {
  let summary = "scales of blocks in the order that kernels read";
  let description = [{
    Scales of rows by blocks, in the order `#qk.layout<128x4, n 32:1, n 4:32, k 4:1>`, as a tensor of shape [tiles of rows,
    tiles of blocks, 512], filled up with zeros: what `qk.block_scaled_linear` takes of both sides.

    Constraints:
    - (C1) `scales` has a static number of blocks, and `result` that shape and its element type.

    ```mlir
    func.func @scales(%s: tensor<?x36xf8E4M3FN>) -> tensor<?x9x512xf8E4M3FN> {
      %0 = qk.shuffle_scales %s : tensor<?x36xf8E4M3FN> -> tensor<?x9x512xf8E4M3FN>
      return %0 : tensor<?x9x512xf8E4M3FN>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[F8E4M3FN, F8E8M0FNU]>:$scales);
  let results = (outs 3DTensorOf<[F8E4M3FN, F8E8M0FNU]>:$result);
  let assemblyFormat = "$scales attr-dict `:` type($scales) `->` type($result)";
  let hasVerifier = 1;
}

def Kernel_PadWeightOp : Kernel_Op<"pad_weight"> {
  let summary = "columns that stand for zero behind the codes of a weight";
  let description = [{
    The codes (n, k), and behind each row as many more as the result has columns: its zero point, or 0 where there are
    none. So rows get a length that kernels read, beside inputs that are filled up with anything.

    Constraints:
    - (C1) `codes` and `result` are static and have one element type and number of rows; the result has at least as many
      columns.
    - (C2) there is a zero point for each row. It is one of the codes, or padding the weight is an error.

    ```mlir
    func.func @pad(%w: tensor<64x35xui4>, %z: tensor<64xui8>) -> tensor<64x64xui4> {
      %0 = qk.pad_weight %w zero_points(%z : tensor<64xui8>) : tensor<64x35xui4> -> tensor<64x64xui4>
      return %0 : tensor<64x64xui4>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[AnyInteger]>:$codes, Optional<1DTensorOf<[AnyInteger]>>:$zero_points);
  let results = (outs 2DTensorOf<[AnyInteger]>:$result);
  let assemblyFormat = [{
    $codes (`zero_points` `(` $zero_points^ `:` type($zero_points) `)`)? attr-dict `:` type($codes) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Kernel_CodeSumsOp : Kernel_Op<"code_sums"> {
  let summary = "sums of codes over the last axis";
  let description = [{
    `y[m] = sum over k of x[m, k]`, exact in i32: what corrections for zero points are made of.

    With `scales` of shape [G, m], those of G groups of K/G neighbours along k, it is in f32 and
    `y[m] = sum over g of scales[g, m] * (sum of the codes of group g)`, in ascending order, rounded after each operation.

    Constraints:
    - (C1) the rows of `codes` and `result` agree.
    - (C2) `scales` are f32, have as many columns as `codes` has rows, and rows that divide K; the result is f32 with them and
      i32 without.

    ```mlir
    func.func @sums(%x: tensor<?x576xui8>) -> tensor<?xi32> {
      %0 = qk.code_sums %x : tensor<?x576xui8> -> tensor<?xi32>
      return %0 : tensor<?xi32>
    }
    ```
  }];
  let arguments = (ins 2DTensorOf<[AnyInteger]>:$codes, Optional<2DTensorOf<[F32]>>:$scales);
  let results = (outs 1DTensorOf<[I32, F32]>:$result);
  let assemblyFormat = [{
    $codes (`scales` `(` $scales^ `:` type($scales) `)`)? attr-dict `:` type($codes) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELWEIGHTOPS_TD
