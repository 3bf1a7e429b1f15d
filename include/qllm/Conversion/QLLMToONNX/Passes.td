// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantized models in operators that ONNX Runtime executes.

#ifndef QLLM_CONVERSION_QLLMTOONNX_PASSES_TD
#define QLLM_CONVERSION_QLLMTOONNX_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertQLLMToONNX : Pass<"convert-qllm-to-onnx", "::mlir::ModuleOp"> {
  let summary = "express quantized products, lookups and activations in ONNX operators";
  let description = [{
    Afterwards the module holds operations of the onnx dialect only, with the same meaning: every operator computes in
    float what the interpreter computes for the qllm operation.

    A product with float input and a weight of 2, 4 or 8 integer bits becomes `MatMulNBits` of the `com.microsoft` domain
    (`weights=matmul-nbits`), with `accuracy_level` 1 so that activations stay float. With `weights=qdq`, and always where the
    input is quantized too, the weight goes through `DequantizeLinear` of the standard domain. ONNX Runtime may fuse that with
    its product into MatMulNBits with int8 activations; its session option `session.qdq_matmulnbits_accuracy_level`, set
    to 1, keeps floats.

    A table that an embedding and a product share stays one initializer: `GatherBlockQuantized` and `MatMulNBits` read the
    same bytes, or one `DequantizeLinear` feeds both.

    Quantization of activations becomes `ReduceMin`, `ReduceMax`, `Div`, `Round`, `Clip`, `Sub`, `Mul`, one node for
    each step of the formula of `qllm.quantize`: clips, rounding offsets and scales of fewer bits are part of it. e4m3 and
    e5m2 are casts there and back; narrower floats, which runtimes have no type for, are `Round` on a grid that `Where` chooses for each
    binade. Codebooks have no such form and are refused.

    Channel transforms of activations become explicit: `Mul`, `Div`, `Add` or `Sub` with a vector; `Gather` for
    permutations and splits (with `Div` by the counts); one `Gather` for each member of a merge; `MatMul` with a constant
    between two `Reshape`s for rotations. A low-rank branch is two products.

    Weights behind channel transforms or other constant expressions are computed here, one at a time, and stored as what they come
    to: the exported file holds what it reads and nothing else.

    Zero points outside the codes, which ranges that do not contain zero have, fit no integer zero point of ONNX: they become float zero
    points of MatMulNBits, or a constant that is subtracted after DequantizeLinear.

    4-bit and blocked DequantizeLinear need opset 21; the exporter raises the model's opset to it.

    ```mlir
    // RUN: qllm-opt --convert-qllm-to-onnx=weights=qdq
    func.func @main(%x: tensor<?x16xf32>) -> tensor<?x2xf32> {
      %c = onnx.Initializer "c" = dense<3> : tensor<2x16xi4>
      %s = onnx.Initializer "s" = dense<0.5> : tensor<2xf32>
      %w = qllm.pack %c, %s : (tensor<2x16xi4>, tensor<2xf32>) -> !qllm.quantized<2x16, #qllm.int<4>, per_channel<0>>
      %y = qllm.linear %x, %w : (tensor<?x16xf32>, !qllm.quantized<2x16, #qllm.int<4>, per_channel<0>>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect"];
  let options = [
    Option<"weights", "weights", "std::string", "\"matmul-nbits\"",
           "form of weights with float inputs: matmul-nbits or qdq">
  ];
  let statistics = [
    Statistic<"numMatMulNBits", "num-matmul-nbits", "products that became MatMulNBits">,
    Statistic<"numDequantized", "num-dequantized", "weights that became DequantizeLinear">,
    Statistic<"numChannelTransforms", "num-channel-transforms", "channel transforms of activations">,
    Statistic<"numConstants", "num-constants", "constant expressions computed">,
    Statistic<"numActivations", "num-activations", "activations quantized in standard operators">
  ];
}

#endif // QLLM_CONVERSION_QLLMTOONNX_PASSES_TD
