// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Typed operators of ai.onnx, family NN. Written by utils/gen-onnx-ops.py; a test compares.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXNNOPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXNNOPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

def ONNX_AttentionOp : ONNX_Op<"Attention", [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "ONNX Attention, as of opset 25";
  let arguments = (ins
    ONNX_FloatTensor:$q,
    ONNX_FloatTensor:$k,
    ONNX_FloatTensor:$v,
    Optional<ONNX_NumericTensor>:$attn_mask,
    Optional<ONNX_FloatTensor>:$past_key,
    Optional<ONNX_FloatTensor>:$past_value,
    Optional<ONNX_Int64Tensor>:$nonpad_kv_seqlen,
    OptionalAttr<I64Attr>:$is_causal,
    OptionalAttr<I64Attr>:$kv_num_heads,
    OptionalAttr<I64Attr>:$left_window_size,
    OptionalAttr<I64Attr>:$q_num_heads,
    OptionalAttr<I64Attr>:$qk_matmul_output_mode,
    OptionalAttr<I64Attr>:$right_window_size,
    OptionalAttr<F32Attr>:$scale,
    OptionalAttr<F32Attr>:$softcap,
    OptionalAttr<I64Attr>:$softmax_precision);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_FloatTensor>:$present_key,
    Optional<ONNX_FloatTensor>:$present_value,
    Optional<ONNX_FloatTensor>:$qk_matmul_output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_AveragePoolOp : ONNX_Op<"AveragePool", [Pure]> {
  let summary = "ONNX AveragePool, as of opset 22";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    OptionalAttr<StrAttr>:$auto_pad,
    OptionalAttr<I64Attr>:$ceil_mode,
    OptionalAttr<I64Attr>:$count_include_pad,
    OptionalAttr<DenseI64ArrayAttr>:$dilations,
    DenseI64ArrayAttr:$kernel_shape,
    OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_BatchNormalizationOp : ONNX_Op<"BatchNormalization", [Pure, AttrSizedResultSegments]> {
  let summary = "ONNX BatchNormalization, as of opset 15";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$scale,
    ONNX_FloatTensor:$b,
    ONNX_FloatTensor:$input_mean,
    ONNX_FloatTensor:$input_var,
    OptionalAttr<F32Attr>:$epsilon,
    OptionalAttr<F32Attr>:$momentum,
    OptionalAttr<I64Attr>:$training_mode);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_FloatTensor>:$running_mean,
    Optional<ONNX_FloatTensor>:$running_var);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ConvOp : ONNX_Op<"Conv", [Pure]> {
  let summary = "ONNX Conv, as of opset 22";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$w,
    Optional<ONNX_FloatTensor>:$b,
    OptionalAttr<StrAttr>:$auto_pad,
    OptionalAttr<DenseI64ArrayAttr>:$dilations,
    OptionalAttr<I64Attr>:$group,
    OptionalAttr<DenseI64ArrayAttr>:$kernel_shape,
    OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_DropoutOp : ONNX_Op<"Dropout", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Dropout, as of opset 22";
  let arguments = (ins
    ONNX_FloatTensor:$data,
    Optional<ONNX_FloatTensor>:$ratio,
    Optional<ONNX_BoolTensor>:$training_mode,
    OptionalAttr<I64Attr>:$seed);
  let results = (outs ONNX_FloatTensor:$output, Optional<ONNX_BoolTensor>:$mask);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_EluOp : ONNX_Op<"Elu", [Pure]> {
  let summary = "ONNX Elu, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$x, OptionalAttr<F32Attr>:$alpha);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GeluOp : ONNX_Op<"Gelu", [Pure]> {
  let summary = "ONNX Gelu, as of opset 20";
  let arguments = (ins ONNX_FloatTensor:$x, OptionalAttr<StrAttr>:$approximate);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GlobalAveragePoolOp : ONNX_Op<"GlobalAveragePool", [Pure]> {
  let summary = "ONNX GlobalAveragePool, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_GroupNormalizationOp : ONNX_Op<"GroupNormalization", [Pure]> {
  let summary = "ONNX GroupNormalization, as of opset 21";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$scale,
    ONNX_FloatTensor:$bias,
    OptionalAttr<F32Attr>:$epsilon,
    I64Attr:$num_groups,
    OptionalAttr<I64Attr>:$stash_type);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_HardSigmoidOp : ONNX_Op<"HardSigmoid", [Pure]> {
  let summary = "ONNX HardSigmoid, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$x, OptionalAttr<F32Attr>:$alpha, OptionalAttr<F32Attr>:$beta);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_HardSwishOp : ONNX_Op<"HardSwish", [Pure]> {
  let summary = "ONNX HardSwish, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_InstanceNormalizationOp : ONNX_Op<"InstanceNormalization", [Pure]> {
  let summary = "ONNX InstanceNormalization, as of opset 22";
  let arguments = (ins
    ONNX_FloatTensor:$input,
    ONNX_FloatTensor:$scale,
    ONNX_FloatTensor:$b,
    OptionalAttr<F32Attr>:$epsilon);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_LayerNormalizationOp : ONNX_Op<"LayerNormalization", [Pure, AttrSizedResultSegments]> {
  let summary = "ONNX LayerNormalization, as of opset 17";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$scale,
    Optional<ONNX_FloatTensor>:$b,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<F32Attr>:$epsilon,
    OptionalAttr<I64Attr>:$stash_type);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_FloatTensor>:$mean,
    Optional<ONNX_FloatTensor>:$invStdDev);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_LeakyReluOp : ONNX_Op<"LeakyRelu", [Pure]> {
  let summary = "ONNX LeakyRelu, as of opset 16";
  let arguments = (ins ONNX_FloatTensor:$x, OptionalAttr<F32Attr>:$alpha);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_LogSoftmaxOp : ONNX_Op<"LogSoftmax", [Pure]> {
  let summary = "ONNX LogSoftmax, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$input, OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MaxPoolOp : ONNX_Op<"MaxPool", [Pure]> {
  let summary = "ONNX MaxPool, as of opset 22";
  let arguments = (ins
    ONNX_NumericTensor:$x,
    OptionalAttr<StrAttr>:$auto_pad,
    OptionalAttr<I64Attr>:$ceil_mode,
    OptionalAttr<DenseI64ArrayAttr>:$dilations,
    DenseI64ArrayAttr:$kernel_shape,
    OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<I64Attr>:$storage_order,
    OptionalAttr<DenseI64ArrayAttr>:$strides);
  let results = (outs ONNX_NumericTensor:$y, Optional<ONNX_Int64Tensor>:$indices);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_PReluOp : ONNX_Op<"PRelu", [Pure]> {
  let summary = "ONNX PRelu, as of opset 16";
  let arguments = (ins ONNX_NumericTensor:$x, ONNX_NumericTensor:$slope);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_RMSNormalizationOp : ONNX_Op<"RMSNormalization", [Pure]> {
  let summary = "ONNX RMSNormalization, as of opset 23";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$scale,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<F32Attr>:$epsilon,
    OptionalAttr<I64Attr>:$stash_type);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReluOp : ONNX_Op<"Relu", [Pure]> {
  let summary = "ONNX Relu, as of opset 14";
  let arguments = (ins ONNX_NumericTensor:$x);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_RotaryEmbeddingOp : ONNX_Op<"RotaryEmbedding", [Pure]> {
  let summary = "ONNX RotaryEmbedding, as of opset 23";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$cos_cache,
    ONNX_FloatTensor:$sin_cache,
    Optional<ONNX_Int64Tensor>:$position_ids,
    OptionalAttr<I64Attr>:$interleaved,
    OptionalAttr<I64Attr>:$num_heads,
    OptionalAttr<I64Attr>:$rotary_embedding_dim);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SigmoidOp : ONNX_Op<"Sigmoid", [Pure]> {
  let summary = "ONNX Sigmoid, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SoftmaxOp : ONNX_Op<"Softmax", [Pure]> {
  let summary = "ONNX Softmax, as of opset 13";
  let arguments = (ins ONNX_FloatTensor:$input, OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SoftplusOp : ONNX_Op<"Softplus", [Pure]> {
  let summary = "ONNX Softplus, as of opset 22";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_SwishOp : ONNX_Op<"Swish", [Pure]> {
  let summary = "ONNX Swish, as of opset 24";
  let arguments = (ins ONNX_FloatTensor:$x, OptionalAttr<F32Attr>:$alpha);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXNNOPS_TD
