// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Raising passes. Each finds one family of spellings; the pipeline `qllm-raise` runs them in this order.

#ifndef QLLM_TRANSFORMS_RAISE_PASSES_TD
#define QLLM_TRANSFORMS_RAISE_PASSES_TD

include "mlir/Pass/PassBase.td"

class RaisePass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let statistics = [
    Statistic<"numRaised", "raised", "places rewritten">,
    Statistic<"numSkipped", "skipped", "places that look like the pattern but were left, each with a remark">
  ];
}

def OnnxSimplify : RaisePass<"onnx-simplify"> {
  let summary = "remove what exporters leave around the mathematics";
  let description = [{
    Drops Identity, casts to the same type, products with one, reshapes and expansions that provably change nothing and
    whole slices; folds integer arithmetic on shapes where the sizes are known; makes one Transpose of the
    Reshape-Transpose-Reshape that swaps two axes; and gives operators with an older form (ReduceMean, Squeeze and
    Unsqueeze with `axes` as attribute) the current one. A Transpose of a weight stays: it is a view, and the weight is
    not copied.

    Exact for every input.
  }];
}

def OnnxRaiseContrib : RaisePass<"onnx-raise-contrib"> {
  let summary = "replace com.microsoft operators by standard ones";
  let description = [{
    SimplifiedLayerNormalization, SkipSimplifiedLayerNormalization, SkipLayerNormalization, RotaryEmbedding, Gelu, BiasGelu,
    FastGelu, QuickGelu with alpha 1, and GroupQueryAttention. The last becomes split, rotary embedding, a cache written by
    TensorScatter, a mask and Attention; `docs/raising.md` gives the equations. An operator that uses a feature without
    standard equivalent (a local window, sinks, a quantized cache) is left and a remark says which.
  }];
}

def OnnxRaiseNorm : RaisePass<"onnx-raise-norm"> {
  let summary = "recognize RMS and layer normalization";
  let description = [{
    RMSNormalization from `x * (1 / sqrt(mean(x^2) + eps)) * g` in any of its spellings (Reciprocal, Div of one, Div by the
    root, Pow or Mul for the square), LayerNormalization from the same over `x - mean(x)` with an optional bias. Over the last
    axis; the gain must be a vector of its size.
  }];
}

def OnnxRaiseActivation : RaisePass<"onnx-raise-activation"> {
  let summary = "recognize GELU and SiLU";
  let description = [{
    Gelu from its erf form and its tanh form, the factors in any order. SiLU is kept as `Mul(x, Sigmoid(x))` with x first;
    Swish with alpha 1 becomes that.
  }];
}

def OnnxRaiseRotary : RaisePass<"onnx-raise-rotary"> {
  let summary = "recognize rotary position embedding";
  let description = [{
    RotaryEmbedding from `x * cos + concat(-x[d/2:], x[:d/2]) * sin` on [batch, heads, sequence, d], if cos and sin are
    provably the same in both halves. Tables whose batch is not that of x are expanded, as the operator demands.
  }];
}

def OnnxRaiseAttention : RaisePass<"onnx-raise-attention"> {
  let summary = "recognize attention, and key and value heads shared by groups";
  let description = [{
    Attention from `softmax(scale * q k^T + mask) v` on [batch, heads, sequence, d] with the scale anywhere, and takes the
    repetition of key and value heads (Unsqueeze, Expand, Reshape) into the operator.

    The operator gives zeros for a row in which everything is masked by minus infinity. So does `Where(IsNaN(p), 0, p)`
    around a softmax; a bare softmax gives NaN, and is raised only if the mask is provably finite.
  }];
}

def OnnxShareSizes : RaisePass<"onnx-share-sizes"> {
  let summary = "ask each size of the first value that has it";
  let description = [{
    Exporters ask late values for their sizes: repeated keys, reshaped scores. Once the mathematics is raised these values live
    for their shapes only. A single size that is provably that of an earlier value is asked of the earliest one.
  }];
}

def OnnxNameLayers : RaisePass<"onnx-name-layers"> {
  let summary = "give linear layers readable names";
  let description = [{
    Sets `qllm.name` (`layers.0.q_proj`, ..., `lm_head`) on every product with a weight: from its place around the
    Attention operators, else from the node's or weight's name. Names are unique.
  }];
}

def QllmReportMatmuls : Pass<"qllm-report-matmuls", "::mlir::ModuleOp"> {
  let summary = "list every matrix product: quantizable or not, and why not";
  let options = [
    Option<"json", "json", "bool", "false", "print JSON instead of a table">
  ];
}

#endif // QLLM_TRANSFORMS_RAISE_PASSES_TD
