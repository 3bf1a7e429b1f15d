// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Typed operators of ai.onnx, family Math. Written by utils/gen-onnx-ops.py; a test compares.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXMATHOPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXMATHOPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

def ONNX_AbsOp : ONNX_Op<"Abs", [Pure]> {
  let summary = "ONNX Abs, as of opset 13";
  let arguments = (ins ONNX_NumericTensor:$x);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_AddOp : ONNX_Op<"Add", [Pure]> {
  let summary = "ONNX Add, as of opset 14";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_NumericTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_AndOp : ONNX_Op<"And", [Pure]> {
  let summary = "ONNX And, as of opset 7";
  let arguments = (ins ONNX_BoolTensor:$a, ONNX_BoolTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_CeilOp : ONNX_Op<"Ceil", [Pure]> {
  let summary = "ONNX Ceil, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ClipOp : ONNX_Op<"Clip", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Clip, as of opset 13";
  let arguments = (ins
    ONNX_NumericTensor:$input,
    Optional<ONNX_NumericTensor>:$min,
    Optional<ONNX_NumericTensor>:$max);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_CosOp : ONNX_Op<"Cos", [Pure]> {
  let summary = "ONNX Cos, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$input);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_CumSumOp : ONNX_Op<"CumSum", [Pure]> {
  let summary = "ONNX CumSum, as of opset 14";
  let arguments = (ins
    ONNX_NumericTensor:$x,
    ONNX_IndexTensor:$axis,
    OptionalAttr<I64Attr>:$exclusive,
    OptionalAttr<I64Attr>:$reverse);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_DivOp : ONNX_Op<"Div", [Pure]> {
  let summary = "ONNX Div, as of opset 14";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_NumericTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_EinsumOp : ONNX_Op<"Einsum", [Pure]> {
  let summary = "ONNX Einsum, as of opset 28";
  let arguments = (ins Variadic<ONNX_NumericTensor>:$inputs, StrAttr:$equation);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_EqualOp : ONNX_Op<"Equal", [Pure]> {
  let summary = "ONNX Equal, as of opset 19";
  let arguments = (ins ONNX_AnyTensor:$a, ONNX_AnyTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ErfOp : ONNX_Op<"Erf", [Pure]> {
  let summary = "ONNX Erf, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$input);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ExpOp : ONNX_Op<"Exp", [Pure]> {
  let summary = "ONNX Exp, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$input);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_FloorOp : ONNX_Op<"Floor", [Pure]> {
  let summary = "ONNX Floor, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GemmOp : ONNX_Op<"Gemm", [Pure]> {
  let summary = "ONNX Gemm, as of opset 13";
  let arguments = (ins
    ONNX_NumericTensor:$a,
    ONNX_NumericTensor:$b,
    Optional<ONNX_NumericTensor>:$c,
    OptionalAttr<F32Attr>:$alpha,
    OptionalAttr<F32Attr>:$beta,
    OptionalAttr<I64Attr>:$transA,
    OptionalAttr<I64Attr>:$transB);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GreaterOp : ONNX_Op<"Greater", [Pure]> {
  let summary = "ONNX Greater, as of opset 13";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GreaterOrEqualOp : ONNX_Op<"GreaterOrEqual", [Pure]> {
  let summary = "ONNX GreaterOrEqual, as of opset 16";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_IsInfOp : ONNX_Op<"IsInf", [Pure]> {
  let summary = "ONNX IsInf, as of opset 20";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    OptionalAttr<I64Attr>:$detect_negative,
    OptionalAttr<I64Attr>:$detect_positive);
  let results = (outs ONNX_BoolTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_IsNaNOp : ONNX_Op<"IsNaN", [Pure]> {
  let summary = "ONNX IsNaN, as of opset 20";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_BoolTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_LessOp : ONNX_Op<"Less", [Pure]> {
  let summary = "ONNX Less, as of opset 13";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_LessOrEqualOp : ONNX_Op<"LessOrEqual", [Pure]> {
  let summary = "ONNX LessOrEqual, as of opset 16";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_LogOp : ONNX_Op<"Log", [Pure]> {
  let summary = "ONNX Log, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$input);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MatMulOp : ONNX_Op<"MatMul", [Pure]> {
  let summary = "ONNX MatMul, as of opset 13";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MaxOp : ONNX_Op<"Max", [Pure]> {
  let summary = "ONNX Max, as of opset 13";
  let arguments = (ins Variadic<ONNX_NumericTensor>:$data_0);
  let results = (outs ONNX_NumericTensor:$max);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MinOp : ONNX_Op<"Min", [Pure]> {
  let summary = "ONNX Min, as of opset 13";
  let arguments = (ins Variadic<ONNX_NumericTensor>:$data_0);
  let results = (outs ONNX_NumericTensor:$min);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ModOp : ONNX_Op<"Mod", [Pure]> {
  let summary = "ONNX Mod, as of opset 28";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b, OptionalAttr<I64Attr>:$fmod);
  let results = (outs ONNX_NumericTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MulOp : ONNX_Op<"Mul", [Pure]> {
  let summary = "ONNX Mul, as of opset 14";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_NumericTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_NegOp : ONNX_Op<"Neg", [Pure]> {
  let summary = "ONNX Neg, as of opset 13";
  let arguments = (ins ONNX_NumericTensor:$x);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_NotOp : ONNX_Op<"Not", [Pure]> {
  let summary = "ONNX Not, as of opset 1";
  let arguments = (ins ONNX_BoolTensor:$x);
  let results = (outs ONNX_BoolTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_OrOp : ONNX_Op<"Or", [Pure]> {
  let summary = "ONNX Or, as of opset 7";
  let arguments = (ins ONNX_BoolTensor:$a, ONNX_BoolTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_PowOp : ONNX_Op<"Pow", [Pure]> {
  let summary = "ONNX Pow, as of opset 15";
  let arguments = (ins ONNX_NumericTensor:$x, ONNX_NumericTensor:$y);
  let results = (outs ONNX_NumericTensor:$z);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_RangeOp : ONNX_Op<"Range", [Pure]> {
  let summary = "ONNX Range, as of opset 27";
  let arguments = (ins
    ONNX_NumericTensor:$start,
    ONNX_NumericTensor:$limit,
    ONNX_NumericTensor:$delta,
    OptionalAttr<I64Attr>:$stash_type);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReciprocalOp : ONNX_Op<"Reciprocal", [Pure]> {
  let summary = "ONNX Reciprocal, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceL2Op : ONNX_Op<"ReduceL2", [Pure]> {
  let summary = "ONNX ReduceL2, as of opset 18";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceMaxOp : ONNX_Op<"ReduceMax", [Pure]> {
  let summary = "ONNX ReduceMax, as of opset 20";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceMeanOp : ONNX_Op<"ReduceMean", [Pure]> {
  let summary = "ONNX ReduceMean, as of opset 18";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceMinOp : ONNX_Op<"ReduceMin", [Pure]> {
  let summary = "ONNX ReduceMin, as of opset 20";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceProdOp : ONNX_Op<"ReduceProd", [Pure]> {
  let summary = "ONNX ReduceProd, as of opset 18";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceSumOp : ONNX_Op<"ReduceSum", [Pure]> {
  let summary = "ONNX ReduceSum, as of opset 13";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceSumSquareOp : ONNX_Op<"ReduceSumSquare", [Pure]> {
  let summary = "ONNX ReduceSumSquare, as of opset 18";
  let arguments = (ins
    ONNX_NumericTensor:$data,
    Optional<ONNX_Int64Tensor>:$axes,
    OptionalAttr<I64Attr>:$keepdims,
    OptionalAttr<I64Attr>:$noop_with_empty_axes);
  let results = (outs ONNX_NumericTensor:$reduced);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_RoundOp : ONNX_Op<"Round", [Pure]> {
  let summary = "ONNX Round, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SignOp : ONNX_Op<"Sign", [Pure]> {
  let summary = "ONNX Sign, as of opset 13";
  let arguments = (ins ONNX_NumericTensor:$input);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SinOp : ONNX_Op<"Sin", [Pure]> {
  let summary = "ONNX Sin, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$input);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SqrtOp : ONNX_Op<"Sqrt", [Pure]> {
  let summary = "ONNX Sqrt, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SubOp : ONNX_Op<"Sub", [Pure]> {
  let summary = "ONNX Sub, as of opset 14";
  let arguments = (ins ONNX_NumericTensor:$a, ONNX_NumericTensor:$b);
  let results = (outs ONNX_NumericTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_TanhOp : ONNX_Op<"Tanh", [Pure]> {
  let summary = "ONNX Tanh, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$input);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_WhereOp : ONNX_Op<"Where", [Pure]> {
  let summary = "ONNX Where, as of opset 16";
  let arguments = (ins ONNX_BoolTensor:$condition, ONNX_AnyTensor:$x, ONNX_AnyTensor:$y);
  let results = (outs ONNX_AnyTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_XorOp : ONNX_Op<"Xor", [Pure]> {
  let summary = "ONNX Xor, as of opset 7";
  let arguments = (ins ONNX_BoolTensor:$a, ONNX_BoolTensor:$b);
  let results = (outs ONNX_BoolTensor:$c);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXMATHOPS_TD
