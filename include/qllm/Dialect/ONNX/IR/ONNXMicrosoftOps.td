// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators of the com.microsoft domain that exporters write. The onnx library has no schemas for them, so these are
// written by hand after ONNX Runtime's operator documentation.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXMICROSOFTOPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXMICROSOFTOPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

class ONNX_MicrosoftOp<string operator, list<Trait> traits = []> : ONNX_Op<"ms." # operator, traits # [Pure]> {
  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";
}

def ONNX_MicrosoftSimplifiedLayerNormalizationOp : ONNX_MicrosoftOp<"SimplifiedLayerNormalization"> {
  let summary = "RMS normalization with a gain";
  let arguments = (ins
    ONNX_FloatTensor:$x,
    ONNX_FloatTensor:$scale,
    OptionalAttr<I64Attr>:$axis,
    OptionalAttr<F32Attr>:$epsilon,
    OptionalAttr<I64Attr>:$stash_type);
  let results = (outs ONNX_FloatTensor:$y, Optional<ONNX_FloatTensor>:$inv_std_var);
}

def ONNX_MicrosoftSkipSimplifiedLayerNormalizationOp : ONNX_MicrosoftOp<"SkipSimplifiedLayerNormalization", [AttrSizedResultSegments]> {
  let summary = "RMS normalization of input + skip (+ bias); the sum is the fourth result";
  let arguments = (ins
    ONNX_FloatTensor:$input,
    ONNX_FloatTensor:$skip,
    ONNX_FloatTensor:$gamma,
    Optional<ONNX_FloatTensor>:$bias,
    OptionalAttr<F32Attr>:$epsilon);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_FloatTensor>:$mean,
    Optional<ONNX_FloatTensor>:$inv_std_var,
    Optional<ONNX_FloatTensor>:$input_skip_bias_sum);
}

def ONNX_MicrosoftSkipLayerNormalizationOp : ONNX_MicrosoftOp<"SkipLayerNormalization", [AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "layer normalization of input + skip (+ bias)";
  let arguments = (ins
    ONNX_FloatTensor:$input,
    ONNX_FloatTensor:$skip,
    ONNX_FloatTensor:$gamma,
    Optional<ONNX_FloatTensor>:$beta,
    Optional<ONNX_FloatTensor>:$bias,
    OptionalAttr<F32Attr>:$epsilon);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_FloatTensor>:$mean,
    Optional<ONNX_FloatTensor>:$inv_std_var,
    Optional<ONNX_FloatTensor>:$input_skip_bias_sum);
}

def ONNX_MicrosoftRotaryEmbeddingOp : ONNX_MicrosoftOp<"RotaryEmbedding"> {
  let summary = "rotary position embedding from cosine and sine tables";
  let arguments = (ins
    ONNX_FloatTensor:$input,
    ONNX_IndexTensor:$position_ids,
    ONNX_FloatTensor:$cos_cache,
    ONNX_FloatTensor:$sin_cache,
    OptionalAttr<I64Attr>:$interleaved,
    OptionalAttr<I64Attr>:$is_packed_batching,
    OptionalAttr<I64Attr>:$num_heads,
    OptionalAttr<I64Attr>:$rotary_embedding_dim,
    OptionalAttr<F32Attr>:$scale);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftGroupQueryAttentionOp : ONNX_MicrosoftOp<"GroupQueryAttention", [AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "attention whose key and value heads are shared by groups of query heads; packed QKV when key and value are absent";
  let arguments = (ins
    ONNX_FloatTensor:$query,
    Optional<ONNX_FloatTensor>:$key,
    Optional<ONNX_FloatTensor>:$value,
    Optional<ONNX_AnyTensor>:$past_key,
    Optional<ONNX_AnyTensor>:$past_value,
    ONNX_IndexTensor:$seqlens_k,
    ONNX_IndexTensor:$total_sequence_length,
    Optional<ONNX_FloatTensor>:$cos_cache,
    Optional<ONNX_FloatTensor>:$sin_cache,
    Optional<ONNX_IndexTensor>:$position_ids,
    Optional<ONNX_FloatTensor>:$attention_bias,
    Optional<ONNX_FloatTensor>:$head_sink,
    Optional<ONNX_FloatTensor>:$k_scale,
    Optional<ONNX_FloatTensor>:$v_scale,
    OptionalAttr<I64Attr>:$do_rotary,
    OptionalAttr<StrAttr>:$k_quant_type,
    OptionalAttr<I64Attr>:$kv_cache_bit_width,
    I64Attr:$kv_num_heads,
    OptionalAttr<I64Attr>:$local_window_size,
    I64Attr:$num_heads,
    OptionalAttr<I64Attr>:$qk_output,
    OptionalAttr<I64Attr>:$rotary_interleaved,
    OptionalAttr<F32Attr>:$scale,
    OptionalAttr<I64Attr>:$smooth_softmax,
    OptionalAttr<F32Attr>:$softcap,
    OptionalAttr<StrAttr>:$v_quant_type);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_AnyTensor>:$present_key,
    Optional<ONNX_AnyTensor>:$present_value,
    Optional<ONNX_FloatTensor>:$output_qk);
}

def ONNX_MicrosoftMultiHeadAttentionOp : ONNX_MicrosoftOp<"MultiHeadAttention", [AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "attention over separate or packed query, key and value";
  let arguments = (ins
    ONNX_FloatTensor:$query,
    Optional<ONNX_FloatTensor>:$key,
    Optional<ONNX_FloatTensor>:$value,
    Optional<ONNX_FloatTensor>:$bias,
    Optional<ONNX_IndexTensor>:$key_padding_mask,
    Optional<ONNX_FloatTensor>:$attention_bias,
    Optional<ONNX_FloatTensor>:$past_key,
    Optional<ONNX_FloatTensor>:$past_value,
    Optional<ONNX_IndexTensor>:$past_sequence_length,
    Optional<ONNX_IndexTensor>:$cache_indirection,
    OptionalAttr<F32Attr>:$mask_filter_value,
    I64Attr:$num_heads,
    OptionalAttr<F32Attr>:$scale,
    OptionalAttr<I64Attr>:$unidirectional);
  let results = (outs
    ONNX_FloatTensor:$y,
    Optional<ONNX_FloatTensor>:$present_key,
    Optional<ONNX_FloatTensor>:$present_value,
    Optional<ONNX_FloatTensor>:$qk);
}

def ONNX_MicrosoftMatMulNBitsOp : ONNX_MicrosoftOp<"MatMulNBits", [AttrSizedOperandSegments]> {
  let summary = "product with a weight of 2 to 8 bits in blocks along K";
  let arguments = (ins
    ONNX_FloatTensor:$a,
    ONNX_AnyTensor:$b,
    ONNX_AnyTensor:$scales,
    Optional<ONNX_AnyTensor>:$zero_points,
    Optional<ONNX_IndexTensor>:$g_idx,
    Optional<ONNX_FloatTensor>:$bias,
    I64Attr:$K,
    I64Attr:$N,
    OptionalAttr<I64Attr>:$accuracy_level,
    OptionalAttr<I64Attr>:$bits,
    I64Attr:$block_size);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftGatherBlockQuantizedOp : ONNX_MicrosoftOp<"GatherBlockQuantized"> {
  let summary = "rows of a table quantized in blocks";
  let arguments = (ins
    ONNX_AnyTensor:$data,
    ONNX_IndexTensor:$indices,
    ONNX_AnyTensor:$scales,
    Optional<ONNX_AnyTensor>:$zero_points,
    OptionalAttr<I64Attr>:$bits,
    OptionalAttr<I64Attr>:$block_size,
    OptionalAttr<I64Attr>:$gather_axis,
    OptionalAttr<I64Attr>:$quantize_axis);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftGeluOp : ONNX_MicrosoftOp<"Gelu"> {
  let summary = "exact GELU";
  let arguments = (ins ONNX_FloatTensor:$x);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftFastGeluOp : ONNX_MicrosoftOp<"FastGelu"> {
  let summary = "GELU by tanh, of x (+ bias)";
  let arguments = (ins ONNX_FloatTensor:$x, Optional<ONNX_FloatTensor>:$bias);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftQuickGeluOp : ONNX_MicrosoftOp<"QuickGelu"> {
  let summary = "x * sigmoid(alpha * x)";
  let arguments = (ins ONNX_FloatTensor:$x, OptionalAttr<F32Attr>:$alpha);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftBiasGeluOp : ONNX_MicrosoftOp<"BiasGelu"> {
  let summary = "exact GELU of a + b";
  let arguments = (ins ONNX_FloatTensor:$a, ONNX_FloatTensor:$b);
  let results = (outs ONNX_FloatTensor:$y);
}

def ONNX_MicrosoftFusedMatMulOp : ONNX_MicrosoftOp<"FusedMatMul"> {
  let summary = "alpha times the product of two tensors, each perhaps transposed";
  let arguments = (ins
    ONNX_FloatTensor:$a,
    ONNX_FloatTensor:$b,
    OptionalAttr<F32Attr>:$alpha,
    OptionalAttr<I64Attr>:$transA,
    OptionalAttr<I64Attr>:$transB,
    OptionalAttr<I64Attr>:$transBatchA,
    OptionalAttr<I64Attr>:$transBatchB);
  let results = (outs ONNX_FloatTensor:$y);
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXMICROSOFTOPS_TD
