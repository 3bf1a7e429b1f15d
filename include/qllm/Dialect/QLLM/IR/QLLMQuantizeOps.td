// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Into and out of the quantized form.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMQUANTIZEOPS_TD
#define QLLM_DIALECT_QLLM_IR_QLLMQUANTIZEOPS_TD

include "qllm/Dialect/QLLM/IR/QLLMBase.td"

def QLLM_QuantizeOp : QLLM_Op<"quantize", [AttrSizedOperandSegments]> {
  let summary = "quantize a tensor, with given parameters or with its own range";
  let description = [{
    Every element x becomes a code, rounded to nearest, ties to even, and clamped to the codes of the
    format. With t the tensor scale (1 where there is none), s the scale and z the zero point that the
    granularity gives to the element, and o the rounding offset of its channel (0 without):

    ```
    symmetric integer     q = clamp(round(x / s + o))
    asymmetric integer    q = clamp(round(x / s + o) + z)
    float                 q = nearest value of the format to x / (t s), saturating
    codebook              q = index of the table entry nearest to x / s, the lower one on a tie
    ternary               q = clamp(round(x / s), -1, 1)
    ```

    Without `scales` the parameters come from the tensor itself (dynamic quantization). Over the elements
    that share a parameter, b being the bits of the format:

    ```
    symmetric integer     s = max(|x|) / (2^(b-1) - 1)
    asymmetric integer    s = (max(x) - min(x)) / (2^b - 1), z = round(-min(x) / s)
    float, e4m3 scale     t = max over the tensor (|x|) / (448 M), s = e4m3(max(|x|) / (M t))
    float, ue8m0 scale    s = 2^(floor(log2 max(|x|)) - floor(log2 M))
    float, other scales   s = max(|x|) / M
    codebook              s = max(|x|)
    ternary               s = mean(|x|)
    ```

    M is the largest finite value of the format. The e4m3 rule without a tensor scale has t = 1. A scale
    below 1e-8 becomes 1e-8 (below the smallest value of its encoding, that value). A scale is rounded to
    its encoding before it is used. `include_zero` extends the range of an asymmetric integer to contain
    zero first; otherwise z may lie outside the codes. With `clip` c, every max, min and mean above is
    multiplied by c before it is used: below 1 the largest elements saturate and all others get finer
    steps. When the operation runs, a NaN element is an error, and
    so is an infinite one where the range is dynamic; given parameters saturate it.

    Constraints:
    - (C1) shape(`input`) = shape(`result`).
    - (C2) type(`scales`) is the scales type of the result.
    - (C3) `zero_points` are given exactly when `scales` are given and the format has zero points.
    - (C4) type(`zero_points`) is the zero points type of the result.
    - (C5) `tensor_scale` is given exactly when `scales` are given and the type has a tensor scale.
    - (C6) `rounding_offsets` need an integer format and have one element for each index of the last axis.
    - (C7) `include_zero` needs a format with zero points and no given `scales`.
    - (C8) `clip` is positive and finite, and there are no given `scales`.

    ```mlir
    func.func @quantize(%x: tensor<?x576xf32>, %s: tensor<576xf32>, %z: tensor<576xi32>) {
      %dynamic = qllm.quantize %x : tensor<?x576xf32>
          -> !qllm.quantized<?x576, #qllm.int<8, asymmetric>, per_token>
      %clipped = qllm.quantize %x clip 0.9 : tensor<?x576xf32> -> !qllm.quantized<?x576, #qllm.int<4>, per_token>
      %static = qllm.quantize %x scales(%s : tensor<576xf32>) zero_points(%z : tensor<576xi32>)
          : tensor<?x576xf32> -> !qllm.quantized<?x576, #qllm.int<4, asymmetric>, per_channel<1>>
      return
    }
    ```
  }];
  let arguments = (ins QLLM_FloatTensor:$input, Optional<QLLM_ScaleTensor>:$scales,
      Optional<QLLM_ZeroPointTensor>:$zero_points, Optional<QLLM_TensorScale>:$tensor_scale,
      Optional<QLLM_FloatVector>:$rounding_offsets, UnitAttr:$include_zero,
      OptionalAttr<F32Attr>:$clip);
  let results = (outs QLLM_QuantizedType:$result);
  let assemblyFormat = [{
    $input (`scales` `(` $scales^ `:` type($scales) `)`)?
    (`zero_points` `(` $zero_points^ `:` type($zero_points) `)`)?
    (`tensor_scale` `(` $tensor_scale^ `:` type($tensor_scale) `)`)?
    (`rounding_offsets` `(` $rounding_offsets^ `:` type($rounding_offsets) `)`)?
    (`include_zero` $include_zero^)? (`clip` $clip^)? attr-dict `:` type($input) `->`
    qualified(type($result))
  }];
  let hasVerifier = 1;
  let builders = [
    /// Dynamic: the parameters come from the tensor.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input)>,
    /// The same; `roundingOffsets` may be null, and a clip of 1 is none.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input, "::mlir::Value":$roundingOffsets,
                   "float":$clip)>
  ];
  let extraClassDeclaration = [{
    /// Whether the parameters come from the tensor itself.
    bool isDynamic() { return !getScales(); }
    /// What the dynamic range is multiplied by; 1 where nothing is said.
    float getRangeClip() { return getClip() ? getClip()->convertToFloat() : 1.0f; }
  }];
}

def QLLM_DequantizeOp : QLLM_Op<"dequantize"> {
  let summary = "the real values of a quantized tensor";
  let description = [{
    Every code becomes the value that its type gives to it, computed in f32 and then rounded to the element
    type of the result.

    Constraints:
    - (C1) shape(`result`) = shape(`input`).

    ```mlir
    func.func @dequantize(%q: !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>>) -> tensor<8x64xf32> {
      %0 = qllm.dequantize %q : !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>> -> tensor<8x64xf32>
      return %0 : tensor<8x64xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_QuantizedType:$input);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input)) `->` type($result)";
  let hasVerifier = 1;
}

def QLLM_PackOp : QLLM_Op<"pack", [AttrSizedOperandSegments]> {
  let summary = "a quantized tensor from its parts";
  let description = [{
    The codes are taken as they are; nothing is rounded. Constant codes lie in memory as in an ONNX `raw_data`
    field: elements of 2 bits four to a byte and of 4 bits two to a byte, the first in the low bits, 6-bit
    floats bit by bit from the low end. A code narrower than its element (int3 in `i4`, int6 in `i8`) is
    extended to it; what one outside the format's range means is not defined.

    Zero points may be stored narrower than i32 where they fit; unpacking widens them.

    Constraints:
    - (C1) type(`codes`) is the codes type of the result.
    - (C2) type(`scales`) is the scales type of the result.
    - (C3) `zero_points` are given exactly when the format has zero points.
    - (C4) `zero_points` have the shape of the scales and integers of at most 32 bits.
    - (C5) `tensor_scale` is given exactly when the type has a tensor scale.

    ```mlir
    func.func @pack(%c: tensor<8x64xui4>, %s: tensor<8x2xf32>, %z: tensor<8x2xi32>)
        -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>> {
      %0 = qllm.pack %c, %s, %z : (tensor<8x64xui4>, tensor<8x2xf32>, tensor<8x2xi32>)
          -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>>
      return %0 : !qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>>
    }
    ```
  }];
  let arguments = (ins AnyRankedTensor:$codes, QLLM_ScaleTensor:$scales,
      Optional<QLLM_ZeroPointTensor>:$zero_points, Optional<QLLM_TensorScale>:$tensor_scale);
  let results = (outs QLLM_QuantizedType:$result);
  let assemblyFormat = [{
    $codes `,` $scales (`,` $zero_points^)? (`tensor_scale` `(` $tensor_scale^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def QLLM_UnpackOp : QLLM_Op<"unpack", [InferTypeOpAdaptor]> {
  let summary = "the parts of a quantized tensor";
  let description = [{
    Results are the codes, the scales, the zero points (i32) where the format has them, and the tensor
    scale where the type has one, in that order.

    ```mlir
    func.func @unpack(%q: !qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>>)
        -> tensor<8x2xi32> {
      %codes, %scales, %zero_points = qllm.unpack %q
          : !qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>>
      return %zero_points : tensor<8x2xi32>
    }
    ```
  }];
  let arguments = (ins QLLM_QuantizedType:$input);
  let results = (outs Variadic<AnyRankedTensor>:$parts);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input))";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getCodes() { return getParts()[0]; }
    ::mlir::Value getScales() { return getParts()[1]; }
    /// Null where the type has none.
    ::mlir::Value getZeroPoints();
    ::mlir::Value getTensorScale();
  }];
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMQUANTIZEOPS_TD
