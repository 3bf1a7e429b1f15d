// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms. Channels are the last axis, of an activation and of the weight that consumes it.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMCHANNELOPS_TD
#define QLLM_DIALECT_QLLM_IR_QLLMCHANNELOPS_TD

include "qllm/Dialect/QLLM/IR/QLLMBase.td"

class QLLM_ChannelOp<string mnemonic, list<Trait> traits = []>
    : QLLM_Op<mnemonic, !listconcat([
        DeclareOpInterfaceMethods<QLLM_ChannelTransformInterface>], traits)> {
  let hasVerifier = 1;
}

/// A transform that keeps the type of its input.
class QLLM_ShapeKeepingChannelOp<string mnemonic>
    : QLLM_ChannelOp<mnemonic, [AllTypesMatch<["input", "result"]>]>;

def QLLM_ScaleChannelsOp : QLLM_ShapeKeepingChannelOp<"scale_channels"> {
  let summary = "multiply every channel by its factor";
  let description = [{
    ```
    y[.., j] = x[.., j] * f[j]        with `inverse`: x[.., j] / f[j]
    ```

    A consumer of the input absorbs the transform by dividing its column j by f[j], which needs every factor
    to be other than zero.

    Constraints:
    - (C1) rank(`input`) is at least 1 and `factors` has one element for each channel.

    ```mlir
    func.func @scale_channels(%x: tensor<?x3xf32>, %f: tensor<3xf32>) -> tensor<?x3xf32> {
      %0 = qllm.scale_channels %x by %f : tensor<?x3xf32>, tensor<3xf32>
      return %0 : tensor<?x3xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, QLLM_FloatVector:$factors, UnitAttr:$inverse);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = [{
    $input `by` $factors (`inverse` $inverse^)? attr-dict `:` type($input) `,` type($factors)
  }];
}

def QLLM_ShiftChannelsOp : QLLM_ShapeKeepingChannelOp<"shift_channels"> {
  let summary = "add a constant to every channel";
  let description = [{
    ```
    y[.., j] = x[.., j] + d[j]        with `inverse`: x[.., j] - d[j]
    ```

    A consumer of the input absorbs the transform into its bias, b - W d.

    Constraints:
    - (C1) rank(`input`) is at least 1 and `offsets` has one element for each channel.

    ```mlir
    func.func @shift_channels(%x: tensor<?x3xf32>, %d: tensor<3xf32>) -> tensor<?x3xf32> {
      %0 = qllm.shift_channels %x by %d inverse : tensor<?x3xf32>, tensor<3xf32>
      return %0 : tensor<?x3xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, QLLM_FloatVector:$offsets, UnitAttr:$inverse);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = [{
    $input `by` $offsets (`inverse` $inverse^)? attr-dict `:` type($input) `,` type($offsets)
  }];
}

def QLLM_PermuteChannelsOp : QLLM_ShapeKeepingChannelOp<"permute_channels"> {
  let summary = "reorder the channels";
  let description = [{
    ```
    y[.., j] = x[.., order[j]]
    ```

    A consumer of the input absorbs the transform by reordering its columns the same way.

    Constraints:
    - (C1) rank(`input`) is at least 1 and `order` has one element for each channel.
    - (C2) `order` holds every channel exactly once.

    ```mlir
    func.func @permute_channels(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
      %0 = qllm.permute_channels %x order [2, 0, 1] : tensor<?x3xf32>
      return %0 : tensor<?x3xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, DenseI64ArrayAttr:$order);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = "$input `order` $order attr-dict `:` type($input)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def QLLM_RotateChannelsOp : QLLM_ShapeKeepingChannelOp<"rotate_channels"> {
  let summary = "multiply sets of channels by an orthogonal matrix";
  let description = [{
    Channels that are S = `stride` apart are mixed, as many as the matrix R has rows, B:

    ```
    y[.., (B i + j) S + t] = sum over k of x[.., (B i + k) S + t] * R[k, j]   with 0 <= t < S
                                                       with `inverse`: R[j, k]
    ```

    Without a stride these are blocks of B neighbouring channels. With it, rotations of all channels that
    are Kronecker products need no matrix as wide as the channels: 1536 channels by H12 x H128 is a rotation
    by H12 with stride 128, and one by H128.

    R is either the operand `matrix`, which must be orthogonal (its values are data and are not verified),
    or with `hadamard` the symmetric matrix of B = 2^m rows with R[k, j] = 2^(-m/2) (-1)^popcount(k & j),
    which takes m additions for each channel.
    A consumer of the input absorbs the transform by rotating its columns the same way.

    Constraints:
    - (C1) exactly one of `matrix` and `hadamard` is given.
    - (C2) `matrix` is square, with at least one row.
    - (C3) `hadamard` is a power of two.
    - (C4) rank(`input`) is at least 1 and B S divides the number of channels.
    - (C5) `stride` is at least 1.

    ```mlir
    func.func @rotate_channels(%x: tensor<?x24xf32>, %r: tensor<12x12xf32>) -> tensor<?x24xf32> {
      %0 = qllm.rotate_channels %x hadamard 8 : tensor<?x24xf32>
      %1 = qllm.rotate_channels %0 by(%r : tensor<12x12xf32>) stride 2 inverse : tensor<?x24xf32>
      return %1 : tensor<?x24xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, Optional<2DTensorOf<[QLLM_Float]>>:$matrix,
      OptionalAttr<I64Attr>:$hadamard, DefaultValuedOptionalAttr<I64Attr, "1">:$stride,
      UnitAttr:$inverse);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = [{
    $input (`hadamard` $hadamard^)? (`by` `(` $matrix^ `:` type($matrix) `)`)? (`stride` $stride^)?
    (`inverse` $inverse^)? attr-dict `:` type($input)
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$matrix, CArg<"int64_t", "1">:$stride,
                   CArg<"bool", "false">:$inverse)>,
    OpBuilder<(ins "::mlir::Value":$input, "int64_t":$hadamard, CArg<"int64_t", "1">:$stride)>
  ];
  let hasFolder = 1;
  let extraClassDeclaration = [{
    /// The number of channels that are mixed with each other; dynamic when the matrix is.
    int64_t getBlockSize();
    /// From the first to behind the last of the channels between which something is mixed: the
    /// block size times the stride; dynamic when the matrix is.
    int64_t getSpan();
  }];
}

def QLLM_SplitChannelsOp : QLLM_ChannelOp<"split_channels", [InferTypeOpAdaptor]> {
  let summary = "replace a channel by several copies of a share of it";
  let description = [{
    Channel j becomes `parts[j]` neighbouring channels, each x[.., j] / parts[j]; with `repeat` each is
    x[.., j] itself. A consumer of the input absorbs a split by repeating column j `parts[j]` times, which is
    exact, and a repeat by splitting it.

    `rounding_offsets` asks whoever quantizes the result to give copy t of T the rounding offset
    (2t + 1 - T) / 2T, in steps. Copies rounded alike add up their errors; with these offsets they add up to
    the rounding of the whole channel. The values of the result do not depend on it: an offset takes
    effect in `qllm.quantize`.

    Constraints:
    - (C1) rank(`input`) is at least 1 and `parts` has one element for each channel.
    - (C2) every part is at least 1, and their sum at most 2^31 - 1.
    - (C3) `rounding_offsets` and `repeat` exclude each other.

    ```mlir
    func.func @split_channels(%x: tensor<?x3xf32>) -> tensor<?x5xf32> {
      %0 = qllm.split_channels %x parts [1, 3, 1] rounding_offsets : tensor<?x3xf32>
      return %0 : tensor<?x5xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, DenseI64ArrayAttr:$parts, UnitAttr:$repeat,
      UnitAttr:$rounding_offsets);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = [{
    $input `parts` $parts (`repeat` $repeat^)? (`rounding_offsets` $rounding_offsets^)? attr-dict `:`
    type($input)
  }];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The rounding offset of every channel of the result, in quantization steps.
    ::llvm::SmallVector<float> computeRoundingOffsets();
  }];
}

def QLLM_MergeChannelsOp : QLLM_ChannelOp<"merge_channels", [InferTypeOpAdaptor]> {
  let summary = "replace several channels by their mean";
  let description = [{
    Channel j goes to channel `targets[j]` of the result, which is the mean of the channels that go to it;
    with `sum` it is their sum. A consumer of the input absorbs a mean by summing its columns, and a sum by
    taking their mean; both are approximations unless merged channels carry equal values.

    Constraints:
    - (C1) rank(`input`) is at least 1 and `targets` has one element for each channel.
    - (C2) targets are not negative and every channel of the result, 0 up to the largest target, has a
      member.

    ```mlir
    func.func @merge_channels(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
      %0 = qllm.merge_channels %x targets [0, 1, 0, 2] : tensor<?x4xf32>
      return %0 : tensor<?x3xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, DenseI64ArrayAttr:$targets, UnitAttr:$sum);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = "$input `targets` $targets (`sum` $sum^)? attr-dict `:` type($input)";
  let hasFolder = 1;
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMCHANNELOPS_TD
