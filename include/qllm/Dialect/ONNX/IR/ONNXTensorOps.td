// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Typed operators of ai.onnx, family Tensor. Written by utils/gen-onnx-ops.py; a test compares.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXTENSOROPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXTENSOROPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

def ONNX_ArgMaxOp : ONNX_Op<"ArgMax", [Pure]> {
  let summary = "ONNX ArgMax, as of opset 13";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$select_last_index);
  let results = (outs ONNX_Int64Tensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ArgMinOp : ONNX_Op<"ArgMin", [Pure]> {
  let summary = "ONNX ArgMin, as of opset 13";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$select_last_index);
  let results = (outs ONNX_Int64Tensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_CastOp : ONNX_Op<"Cast", [Pure]> {
  let summary = "ONNX Cast, as of opset 28";
  let arguments = (ins
    ONNX_AnyTensor:$input,
    OptionalAttr<StrAttr>:$round_mode,
    OptionalAttr<I64Attr>:$saturate,
    I64Attr:$to);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_CastLikeOp : ONNX_Op<"CastLike", [Pure]> {
  let summary = "ONNX CastLike, as of opset 25";
  let arguments = (ins
    ONNX_AnyTensor:$input,
    ONNX_AnyTensor:$target_type,
    OptionalAttr<StrAttr>:$round_mode,
    OptionalAttr<I64Attr>:$saturate);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ConcatOp : ONNX_Op<"Concat", [Pure]> {
  let summary = "ONNX Concat, as of opset 13";
  let arguments = (ins Variadic<ONNX_AnyTensor>:$inputs, I64Attr:$axis);
  let results = (outs ONNX_AnyTensor:$concat_result);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ConstantOp : ONNX_Op<"Constant", [Pure]> {
  let summary = "ONNX Constant, as of opset 25";
  let arguments = (ins
    OptionalAttr<AnyAttr>:$sparse_value,
    OptionalAttr<TypedAttrInterface>:$value,
    OptionalAttr<F32Attr>:$value_float,
    OptionalAttr<DenseF32ArrayAttr>:$value_floats,
    OptionalAttr<I64Attr>:$value_int,
    OptionalAttr<DenseI64ArrayAttr>:$value_ints,
    OptionalAttr<StrAttr>:$value_string,
    OptionalAttr<StrArrayAttr>:$value_strings);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ConstantOfShapeOp : ONNX_Op<"ConstantOfShape", [Pure]> {
  let summary = "ONNX ConstantOfShape, as of opset 25";
  let arguments = (ins ONNX_Int64Tensor:$input, OptionalAttr<TypedAttrInterface>:$value);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_DepthToSpaceOp : ONNX_Op<"DepthToSpace", [Pure]> {
  let summary = "ONNX DepthToSpace, as of opset 28";
  let arguments = (ins ONNX_AnyTensor:$input, I64Attr:$blocksize, OptionalAttr<StrAttr>:$mode);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ExpandOp : ONNX_Op<"Expand", [Pure]> {
  let summary = "ONNX Expand, as of opset 13";
  let arguments = (ins ONNX_AnyTensor:$input, ONNX_Int64Tensor:$shape);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_FlattenOp : ONNX_Op<"Flatten", [Pure]> {
  let summary = "ONNX Flatten, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$input, OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GatherOp : ONNX_Op<"Gather", [Pure]> {
  let summary = "ONNX Gather, as of opset 13";
  let arguments = (ins ONNX_AnyTensor:$data, ONNX_IndexTensor:$indices, OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GatherElementsOp : ONNX_Op<"GatherElements", [Pure]> {
  let summary = "ONNX GatherElements, as of opset 13";
  let arguments = (ins ONNX_AnyTensor:$data, ONNX_IndexTensor:$indices, OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GatherNDOp : ONNX_Op<"GatherND", [Pure]> {
  let summary = "ONNX GatherND, as of opset 13";
  let arguments = (ins ONNX_AnyTensor:$data, ONNX_Int64Tensor:$indices, OptionalAttr<I64Attr>:$batch_dims);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_IdentityOp : ONNX_Op<"Identity", [Pure]> {
  let summary = "ONNX Identity, as of opset 25";
  let arguments = (ins AnyType:$input);
  let results = (outs AnyType:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_NonZeroOp : ONNX_Op<"NonZero", [Pure]> {
  let summary = "ONNX NonZero, as of opset 13";
  let arguments = (ins ONNX_AnyTensor:$x);
  let results = (outs ONNX_Int64Tensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_OneHotOp : ONNX_Op<"OneHot", [Pure]> {
  let summary = "ONNX OneHot, as of opset 28";
  let arguments = (ins
    ONNX_NumericTensor:$indices,
    ONNX_NumericTensor:$depth,
    ONNX_AnyTensor:$values,
    OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_PadOp : ONNX_Op<"Pad", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Pad, as of opset 25";
  let arguments = (ins
    ONNX_AnyTensor:$data,
    ONNX_Int64Tensor:$pads,
    Optional<ONNX_AnyTensor>:$constant_value,
    Optional<ONNX_IndexTensor>:$axes,
    OptionalAttr<StrAttr>:$mode);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReshapeOp : ONNX_Op<"Reshape", [Pure]> {
  let summary = "ONNX Reshape, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$data, ONNX_Int64Tensor:$shape, OptionalAttr<I64Attr>:$allowzero);
  let results = (outs ONNX_AnyTensor:$reshaped);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ResizeOp : ONNX_Op<"Resize", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Resize, as of opset 19";
  let arguments = (ins
    ONNX_AnyTensor:$x,
    Optional<ONNX_FloatTensor>:$roi,
    Optional<ONNX_FloatTensor>:$scales,
    Optional<ONNX_Int64Tensor>:$sizes,
    OptionalAttr<I64Attr>:$antialias,
    OptionalAttr<DenseI64ArrayAttr>:$axes,
    OptionalAttr<StrAttr>:$coordinate_transformation_mode,
    OptionalAttr<F32Attr>:$cubic_coeff_a,
    OptionalAttr<I64Attr>:$exclude_outside,
    OptionalAttr<F32Attr>:$extrapolation_value,
    OptionalAttr<StrAttr>:$keep_aspect_ratio_policy,
    OptionalAttr<StrAttr>:$mode,
    OptionalAttr<StrAttr>:$nearest_mode);
  let results = (outs ONNX_AnyTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ScatterElementsOp : ONNX_Op<"ScatterElements", [Pure]> {
  let summary = "ONNX ScatterElements, as of opset 18";
  let arguments = (ins
    ONNX_AnyTensor:$data,
    ONNX_IndexTensor:$indices,
    ONNX_AnyTensor:$updates,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<StrAttr>:$reduction);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ScatterNDOp : ONNX_Op<"ScatterND", [Pure]> {
  let summary = "ONNX ScatterND, as of opset 18";
  let arguments = (ins
    ONNX_AnyTensor:$data,
    ONNX_Int64Tensor:$indices,
    ONNX_AnyTensor:$updates,
    OptionalAttr<StrAttr>:$reduction);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ShapeOp : ONNX_Op<"Shape", [Pure]> {
  let summary = "ONNX Shape, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$data, OptionalAttr<I64Attr>:$end, OptionalAttr<I64Attr>:$start);
  let results = (outs ONNX_Int64Tensor:$shape);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SizeOp : ONNX_Op<"Size", [Pure]> {
  let summary = "ONNX Size, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$data);
  let results = (outs ONNX_Int64Tensor:$size);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SliceOp : ONNX_Op<"Slice", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Slice, as of opset 13";
  let arguments = (ins
    ONNX_AnyTensor:$data,
    ONNX_IndexTensor:$starts,
    ONNX_IndexTensor:$ends,
    Optional<ONNX_IndexTensor>:$axes,
    Optional<ONNX_IndexTensor>:$steps);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SpaceToDepthOp : ONNX_Op<"SpaceToDepth", [Pure]> {
  let summary = "ONNX SpaceToDepth, as of opset 28";
  let arguments = (ins ONNX_AnyTensor:$input, I64Attr:$blocksize, OptionalAttr<StrAttr>:$mode);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SplitOp : ONNX_Op<"Split", [Pure]> {
  let summary = "ONNX Split, as of opset 18";
  let arguments = (ins
    ONNX_AnyTensor:$input,
    Optional<ONNX_Int64Tensor>:$split,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<I64Attr>:$num_outputs);
  let results = (outs Variadic<ONNX_AnyTensor>:$outputs);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SqueezeOp : ONNX_Op<"Squeeze", [Pure]> {
  let summary = "ONNX Squeeze, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$data, Optional<ONNX_Int64Tensor>:$axes);
  let results = (outs ONNX_AnyTensor:$squeezed);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_TileOp : ONNX_Op<"Tile", [Pure]> {
  let summary = "ONNX Tile, as of opset 13";
  let arguments = (ins ONNX_AnyTensor:$input, ONNX_Int64Tensor:$repeats);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_TopKOp : ONNX_Op<"TopK", [Pure]> {
  let summary = "ONNX TopK, as of opset 24";
  let arguments = (ins
    ONNX_NumericTensor:$x,
    ONNX_Int64Tensor:$k,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<I64Attr>:$largest,
    OptionalAttr<I64Attr>:$sorted);
  let results = (outs ONNX_NumericTensor:$values, ONNX_Int64Tensor:$indices);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_TransposeOp : ONNX_Op<"Transpose", [Pure]> {
  let summary = "ONNX Transpose, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$data, OptionalAttr<DenseI64ArrayAttr>:$perm);
  let results = (outs ONNX_AnyTensor:$transposed);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_TriluOp : ONNX_Op<"Trilu", [Pure]> {
  let summary = "ONNX Trilu, as of opset 14";
  let arguments = (ins ONNX_AnyTensor:$input, Optional<ONNX_Int64Tensor>:$k, OptionalAttr<I64Attr>:$upper);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_UnsqueezeOp : ONNX_Op<"Unsqueeze", [Pure]> {
  let summary = "ONNX Unsqueeze, as of opset 25";
  let arguments = (ins ONNX_AnyTensor:$data, ONNX_Int64Tensor:$axes);
  let results = (outs ONNX_AnyTensor:$expanded);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXTENSOROPS_TD
