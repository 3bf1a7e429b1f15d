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

    ```mlir
    // RUN: qllm-opt --onnx-simplify
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
      %0 = onnx.Identity(%x) : (tensor<?x4xf32>) -> tensor<?x4xf32>
      %1 = onnx.Mul(%0, %one) : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
      %2 = onnx.Neg(%1) : (tensor<?x4xf32>) -> tensor<?x4xf32>
      onnx.Return %2 : tensor<?x4xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %0 = onnx.Neg(%arg0) : (tensor<?x4xf32>) -> tensor<?x4xf32>
      onnx.Return %0 : tensor<?x4xf32>
    }
    ```
  }];
}

def OnnxRaiseContrib : RaisePass<"onnx-raise-contrib"> {
  let summary = "replace com.microsoft operators by standard ones";
  let description = [{
    SimplifiedLayerNormalization, SkipSimplifiedLayerNormalization, SkipLayerNormalization, RotaryEmbedding, Gelu, BiasGelu,
    FastGelu, QuickGelu with alpha 1, and GroupQueryAttention. The last becomes split, rotary embedding, a cache written by
    TensorScatter, a mask and Attention; `docs/raising.md` gives the equations. An operator that uses a feature without
    standard equivalent (a local window, sinks, a quantized cache) is left and a remark says which.

    ```mlir
    // RUN: qllm-opt --onnx-raise-contrib
    func.func @main(%x: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
      %0 = onnx.ms.SimplifiedLayerNormalization(%x, %g) {axis = -1 : i64, epsilon = 1.0e-05 : f32}
          : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      onnx.Return %0 : tensor<?x8xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x8xf32>, %arg1: tensor<8xf32>) -> tensor<?x8xf32> {
      %0 = onnx.RMSNormalization(%arg0, %arg1) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32}
          : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      onnx.Return %0 : tensor<?x8xf32>
    }
    ```
  }];
}

def OnnxRaiseNorm : RaisePass<"onnx-raise-norm"> {
  let summary = "recognize RMS and layer normalization";
  let description = [{
    RMSNormalization from `x * (1 / sqrt(mean(x^2) + eps)) * g` in any of its spellings (Reciprocal, Div of one, Div by the
    root, Pow or Mul for the square), LayerNormalization from the same over `x - mean(x)` with an optional bias. Over the last
    axis; the gain must be a vector of its size.

    ```mlir
    // RUN: qllm-opt --onnx-raise-norm
    func.func @main(%x: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
      %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<1xf32>} : () -> tensor<1xf32>
      %axes = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
      %0 = onnx.Mul(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
      %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
      %2 = onnx.Add(%eps, %1) : (tensor<1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
      %4 = onnx.Div(%x, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
      %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      onnx.Return %5 : tensor<?x8xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x8xf32>, %arg1: tensor<8xf32>) -> tensor<?x8xf32> {
      %0 = onnx.RMSNormalization(%arg0, %arg1) {axis = -1 : i64, epsilon = 9.99999997E-7 : f32}
          : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      onnx.Return %0 : tensor<?x8xf32>
    }
    ```
  }];
}

def OnnxRaiseActivation : RaisePass<"onnx-raise-activation"> {
  let summary = "recognize GELU and SiLU";
  let description = [{
    Gelu from its erf form and its tanh form, the factors in any order. SiLU is kept as `Mul(x, Sigmoid(x))` with x first;
    Swish with alpha 1 becomes that.

    ```mlir
    // RUN: qllm-opt --onnx-raise-activation
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %root = onnx.Constant() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
      %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
      %half = onnx.Constant() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
      %0 = onnx.Div(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
      %1 = onnx.Erf(%0) : (tensor<4xf32>) -> tensor<4xf32>
      %2 = onnx.Add(%1, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
      %3 = onnx.Mul(%x, %2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %4 = onnx.Mul(%3, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
      onnx.Return %4 : tensor<4xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {
      %0 = onnx.Gelu(%arg0) {approximate = "none"} : (tensor<4xf32>) -> tensor<4xf32>
      onnx.Return %0 : tensor<4xf32>
    }
    ```
  }];
}

def OnnxRaiseRotary : RaisePass<"onnx-raise-rotary"> {
  let summary = "recognize rotary position embedding";
  let description = [{
    RotaryEmbedding from `x * cos + concat(-x[d/2:], x[:d/2]) * sin` on [batch, heads, sequence, d], if cos and sin are
    provably the same in both halves. Tables whose batch is not that of x are expanded, as the operator demands.

    ```mlir
    // RUN: qllm-opt --onnx-raise-rotary
    func.func @main(%x: tensor<1x2x3x4xf32>, %f: tensor<1x3x2xf32>) -> tensor<1x2x3x4xf32> {
      %zero = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
      %one = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
      %two = onnx.Constant() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
      %axis = onnx.Constant() {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
      %end = onnx.Constant() {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
      %c = onnx.Concat(%f, %f) {axis = -1 : i64} : (tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x3x4xf32>
      %0 = onnx.Cos(%c) : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
      %1 = onnx.Sin(%c) : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
      %cos = onnx.Unsqueeze(%0, %one) : (tensor<1x3x4xf32>, tensor<1xi64>) -> tensor<1x1x3x4xf32>
      %sin = onnx.Unsqueeze(%1, %one) : (tensor<1x3x4xf32>, tensor<1xi64>) -> tensor<1x1x3x4xf32>
      %low = onnx.Slice(%x, %zero, %two, %axis, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
          : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
      %high = onnx.Slice(%x, %two, %end, %axis, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>}
          : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
      %neg = onnx.Neg(%high) : (tensor<1x2x3x2xf32>) -> tensor<1x2x3x2xf32>
      %turned = onnx.Concat(%neg, %low) {axis = -1 : i64} : (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) -> tensor<1x2x3x4xf32>
      %a = onnx.Mul(%x, %cos) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
      %b = onnx.Mul(%turned, %sin) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
      %y = onnx.Add(%a, %b) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
      onnx.Return %y : tensor<1x2x3x4xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<1x2x3x4xf32>, %arg1: tensor<1x3x2xf32>) -> tensor<1x2x3x4xf32> {
      %0 = onnx.Cos(%arg1) : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32>
      %1 = onnx.Sin(%arg1) : (tensor<1x3x2xf32>) -> tensor<1x3x2xf32>
      %2 = onnx.RotaryEmbedding(%arg0, %0, %1) : (tensor<1x2x3x4xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x2x3x4xf32>
      onnx.Return %2 : tensor<1x2x3x4xf32>
    }
    ```
  }];
}

def OnnxRaiseAttention : RaisePass<"onnx-raise-attention"> {
  let summary = "recognize attention, and key and value heads shared by groups";
  let description = [{
    Attention from `softmax(scale * q k^T + mask) v` on [batch, heads, sequence, d] with the scale anywhere, and takes the
    repetition of key and value heads (Unsqueeze, Expand, Reshape) into the operator.

    The operator gives zeros for a row in which everything is masked by minus infinity. So does `Where(IsNaN(p), 0, p)`
    around a softmax; a bare softmax gives NaN, and is raised only if the mask is provably finite.

    ```mlir
    // RUN: qllm-opt --onnx-raise-attention
    func.func @main(%q: tensor<2x4x3x8xf32>, %k: tensor<2x4x5x8xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32> {
      %four = onnx.Constant() {value = dense<4.0> : tensor<f32>} : () -> tensor<f32>
      %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x5x8xf32>) -> tensor<2x4x8x5xf32>
      %0 = onnx.MatMul(%q, %t) : (tensor<2x4x3x8xf32>, tensor<2x4x8x5xf32>) -> tensor<2x4x3x5xf32>
      %1 = onnx.Div(%0, %four) : (tensor<2x4x3x5xf32>, tensor<f32>) -> tensor<2x4x3x5xf32>
      %2 = onnx.Softmax(%1) {axis = -1 : i64} : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
      %3 = onnx.MatMul(%2, %v) : (tensor<2x4x3x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32>
      onnx.Return %3 : tensor<2x4x3x8xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<2x4x3x8xf32>, %arg1: tensor<2x4x5x8xf32>, %arg2: tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32> {
      %y = onnx.Attention(%arg0, %arg1, %arg2) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>,
          resultSegmentSizes = array<i32: 1, 0, 0, 0>, scale = 2.500000e-01 : f32}
              : (tensor<2x4x3x8xf32>, tensor<2x4x5x8xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32>
      onnx.Return %y : tensor<2x4x3x8xf32>
    }
    ```
  }];
}

def OnnxShareSizes : RaisePass<"onnx-share-sizes"> {
  let summary = "ask each size of the first value that has it";
  let description = [{
    Exporters ask late values for their sizes: repeated keys, reshaped scores. Once the mathematics is raised these values live
    for their shapes only. A single size that is provably that of an earlier value is asked of the earliest one.

    ```mlir
    // RUN: qllm-opt --onnx-share-sizes
    func.func @main(%x: tensor<?x4xf32>) -> tensor<i64> {
      %zero = onnx.Constant() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
      %0 = onnx.Neg(%x) : (tensor<?x4xf32>) -> tensor<?x4xf32>
      %1 = onnx.Shape(%0) : (tensor<?x4xf32>) -> tensor<2xi64>
      %2 = onnx.Gather(%1, %zero) {axis = 0 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
      onnx.Return %2 : tensor<i64>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x4xf32>) -> tensor<i64> {
      %0 = onnx.Shape(%arg0) {end = 1 : i64, start = 0 : i64} : (tensor<?x4xf32>) -> tensor<1xi64>
      %1 = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
      %2 = onnx.Squeeze(%0, %1) : (tensor<1xi64>, tensor<1xi64>) -> tensor<i64>
      onnx.Return %2 : tensor<i64>
    }
    ```
  }];
}

def OnnxNameLayers : RaisePass<"onnx-name-layers"> {
  let summary = "give linear layers readable names";
  let description = [{
    Sets `qllm.name` (`layers.0.q_proj`, ..., `lm_head`) on every product with a weight: from its place around the
    Attention operators, else from the node's or weight's name. Names are unique.

    ```mlir
    // RUN: qllm-opt --onnx-name-layers
    func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %y = onnx.MatMul(%x, %w) {onnx.node_name = "/classifier/MatMul"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %0 = onnx.Initializer "w" = dense<[[7.000000e+00, 5.000000e-01], [1.000000e+00, -7.000000e+00]]> : tensor<2x2xf32>
      %1 = onnx.MatMul(%arg0, %0) {onnx.node_name = "/classifier/MatMul", qllm.name = "head"}
          : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %1 : tensor<?x2xf32>
    }
    ```
  }];
}

def QllmReportMatmuls : Pass<"qllm-report-matmuls", "::mlir::ModuleOp"> {
  let summary = "list every matrix product: quantizable or not, and why not";
  let description = [{
    One line on stderr for each product, in the order of the module: whether a recipe can quantize it, the operator, the layer's name, the
    shape of the weight, the multiplications for one row, and what is in the way.

    ```mlir
    // RUN: qllm-opt --qllm-report-matmuls
    func.func @main(%x: tensor<3x2xf32>, %y: tensor<2x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
      %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
      // yes MatMul - 2x2 4
      %0 = onnx.MatMul(%x, %w) : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
      // no  MatMul - 2x2 0: both operands are activations
      %1 = onnx.MatMul(%x, %y) : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
      onnx.Return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
    }
    ```
  }];
  let options = [
    Option<"json", "json", "bool", "false", "print JSON instead of a table">
  ];
}

#endif // QLLM_TRANSFORMS_RAISE_PASSES_TD
