// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Typed operators of ai.onnx, family Quant. Written by utils/gen-onnx-ops.py; a test compares.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXQUANTOPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXQUANTOPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

def ONNX_DequantizeLinearOp : ONNX_Op<"DequantizeLinear", [Pure]> {
  let summary = "ONNX DequantizeLinear, as of opset 28";
  let arguments = (ins
    ONNX_NumericTensor:$x,
    ONNX_FloatTensor:$x_scale,
    Optional<ONNX_NumericTensor>:$x_zero_point,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<I64Attr>:$block_size,
    OptionalAttr<I64Attr>:$output_dtype);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_DynamicQuantizeLinearOp : ONNX_Op<"DynamicQuantizeLinear", [Pure]> {
  let summary = "ONNX DynamicQuantizeLinear, as of opset 11";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_NumericTensor:$y, ONNX_FloatTensor:$y_scale, ONNX_NumericTensor:$y_zero_point);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MatMulIntegerOp : ONNX_Op<"MatMulInteger", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX MatMulInteger, as of opset 10";
  let arguments = (ins
    ONNX_NumericTensor:$a,
    ONNX_NumericTensor:$b,
    Optional<ONNX_NumericTensor>:$a_zero_point,
    Optional<ONNX_NumericTensor>:$b_zero_point);
  let results = (outs ONNX_IndexTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_QuantizeLinearOp : ONNX_Op<"QuantizeLinear", [Pure]> {
  let summary = "ONNX QuantizeLinear, as of opset 28";
  let arguments = (ins
    ONNX_NumericTensor:$x,
    ONNX_NumericTensor:$y_scale,
    Optional<ONNX_NumericTensor>:$y_zero_point,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<I64Attr>:$block_size,
    OptionalAttr<I64Attr>:$output_dtype,
    OptionalAttr<I64Attr>:$precision,
    OptionalAttr<I64Attr>:$saturate);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXQUANTOPS_TD
