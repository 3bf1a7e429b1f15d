// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The quantized tensor type.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMTYPES_TD
#define QLLM_DIALECT_QLLM_IR_QLLMTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "qllm/Dialect/QLLM/IR/QLLMAttrs.td"
include "qllm/Dialect/QLLM/IR/QLLMDialect.td"

def QLLM_QuantizedType : TypeDef<QLLM_Dialect, "Quantized"> {
  let mnemonic = "quantized";
  let summary = "A quantized tensor";
  let description = [{
    ```
    !qllm.quantized<SHAPE, FORMAT, GRANULARITY [, scale = ENCODING] [, tensor_scale]>
    ```

    SHAPE is the shape of the tensor it stands for, FORMAT an element format, GRANULARITY one of
    `per_tensor`, `per_channel<axis>`, `per_token`, `group<axis, size>`. Scales are `f32` unless `scale`
    says `f16`, `bf16`, `ue8m0` (a power of two) or `e4m3`. With `tensor_scale`, one f32 for the whole
    tensor multiplies every scale.

    A value of this type is codes, scales, and where the format has them zero points (i32); what an element
    means is `tensor_scale * scale * value(code)`, or `scale * (code - zero_point)` for asymmetric integers.

    Constraints:
    - (C1) the rank is at least 1.
    - (C2) the axis of the granularity is below the rank.
    - (C3) the group size divides the size of its axis where that is static.
    - (C4) scales in `ue8m0` or `e4m3` need a format without zero points.
    - (C5) `tensor_scale` needs a granularity finer than `per_tensor` and a format without zero points.

    ```mlir
    func.func private @types(
        !qllm.quantized<?x576, #qllm.int<4, asymmetric>, per_token>,
        !qllm.quantized<1536x576, #qllm.int<4>, group<1, 64>, scale = f16>,
        !qllm.quantized<1536x576, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>,
        !qllm.quantized<1536x576, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>,
        !qllm.quantized<49152x576, #qllm.codebook<nf4>, group<1, 64>>,
        !qllm.quantized<1536x576, #qllm.ternary, per_tensor>)
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
      "::qllm::ElementFormatAttrInterface":$format, "::qllm::GranularityAttr":$granularity,
      "::qllm::ScaleEncoding":$scaleEncoding, "bool":$tensorScale);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let builders = [
    TypeBuilderWithInferredContext<(ins "::llvm::ArrayRef<int64_t>":$shape,
        "::qllm::ElementFormatAttrInterface":$format, "::qllm::GranularityAttr":$granularity,
        CArg<"::qllm::ScaleEncoding", "::qllm::ScaleEncoding::F32">:$scaleEncoding,
        CArg<"bool", "false">:$tensorScale), [{
      return $_get(format.getContext(), shape, format, granularity, scaleEncoding, tensorScale);
    }]>
  ];
  let extraClassDeclaration = [{
    int64_t getRank() const { return getShape().size(); }
    int64_t getDimSize(int64_t axis) const { return getShape()[axis]; }
    bool hasZeroPoint() const { return getFormat().hasZeroPoint(); }
    bool hasTensorScale() const { return getTensorScale(); }

    /// The shape of the scales and zero points: what the granularity leaves of the shape.
    ::llvm::SmallVector<int64_t> getScaleShape() const;
    /// The builtin type of one scale: `f32`, `f16`, `bf16`, `f8E8M0FNU` or `f8E4M3FN`.
    ::mlir::Type getScaleElementType() const;

    /// The tensors a value of this type consists of. Zero points are i32.
    ::mlir::RankedTensorType getCodesType() const;
    ::mlir::RankedTensorType getScalesType() const;
    ::mlir::RankedTensorType getZeroPointsType() const;
    ::mlir::RankedTensorType getTensorScaleType() const;
    /// The tensor it stands for, with the given element type.
    ::mlir::RankedTensorType getDequantizedType(::mlir::Type elementType) const;

    /// The same encoding for another shape. Null, without a diagnostic, when it does not fit.
    QuantizedType cloneWithShape(::llvm::ArrayRef<int64_t> shape) const;
  }];
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMTYPES_TD
