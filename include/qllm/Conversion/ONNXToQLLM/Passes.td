// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From matrix products of an ONNX model to the operations that quantization is about.

#ifndef QLLM_CONVERSION_ONNXTOQLLM_PASSES_TD
#define QLLM_CONVERSION_ONNXTOQLLM_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertONNXToQLLM : Pass<"convert-onnx-to-qllm", "::mlir::ModuleOp"> {
  let summary = "products with a weight become qllm.linear, lookups in a table qllm.embedding";
  let description = [{
    `MatMul` and `Gemm` with a constant right operand become `qllm.linear`, whose weight is [out, in]. ONNX stores most
    weights as [in, out]; those get an `onnx.Transpose` in front, which costs nothing: whoever reads the weight reads it
    through the transpose, block by block. A model's own `Transpose` of a constant, as in a tied `lm_head`, is looked
    through, so that the head and the embedding read one and the same table. `Gather` along axis 0 of a constant table
    becomes `qllm.embedding`.

    The rest of the graph stays in the onnx dialect. A product with a weight that cannot be converted keeps its form and
    gets `qllm.plan = {skipped = "reason"}`, which coverage reports read; results do not change.

    ```mlir
    // RUN: qllm-opt --convert-onnx-to-qllm
    func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %y = onnx.MatMul(%x, %w) : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %0 = onnx.Initializer "w" = dense<[[7.000000e+00, 5.000000e-01], [1.000000e+00, -7.000000e+00]]> : tensor<2x2xf32>
      %1 = onnx.Transpose(%0) {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
      %2 = qllm.linear %arg0, %1 : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %2 : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let statistics = [
    Statistic<"numMatched", "num-matched", "products and lookups with a constant">,
    Statistic<"numLinears", "num-linears", "products converted">,
    Statistic<"numEmbeddings", "num-embeddings", "lookups converted">,
    Statistic<"numSkipped", "num-skipped", "products with a weight left as they are">
  ];
}

#endif // QLLM_CONVERSION_ONNXTOQLLM_PASSES_TD
