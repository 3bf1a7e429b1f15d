// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes about the operations of the qllm dialect.

#ifndef QLLM_DIALECT_QLLM_TRANSFORMS_PASSES_TD
#define QLLM_DIALECT_QLLM_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldChannelTransforms : Pass<"qllm-fold-channel-transforms"> {
  let summary = "fold channel transforms into the layers behind or in front of them";
  let description = [{
    With `into=consumers`, a channel transform whose every use is the input of a `qllm.linear` or `qllm.low_rank` with float weights
    disappears: each weight (and, for a shift, each bias) is rewritten so that the layer computes the transform
    itself. Transforms that remain are composed with the one in front of them where a single operation can do
    both. Everything goes through the ChannelTransform interface; the pass knows no transform by name.

    Assumes nothing. Guarantees the same function in real arithmetic; in floating point the results round
    differently. A transform is folded into all of its consumers or into none, as it would otherwise still be
    computed. The rewritten weights are operations on the weights, evaluated once by whoever runs or writes
    the module.

    With `into=producers`, a transform moves into what computes its input, if only it reads that:

    | producer | scale | shift | permute | rotate | split | merge |
    |---|---|---|---|---|---|---|
    | gain (and bias) of a norm | yes | layer norm | | | | |
    | rows of a linear layer, biases behind it | yes | yes | yes | yes | yes | yes |
    | product of a gate and a linear layer, such as silu(g) * u | rows of u | | rows of u and g | | rows of u, rows of g repeated | |
    | other element-wise functions of linear layers | | | yes | | | |
    | values of attention, through it | equal for heads that share values | same | heads alike | inside heads | | |

    Never through rotary embedding, nor into a table that others read too (tied embeddings), nor where values go into
    a cache, which is part of the model's interface. What cannot fold stays where it is, to be computed for every token,
    and `qllm.kept` on it says why. A folded transform rounds differently; nothing else changes.

    Every transform is accounted for. With `report`, each one that is kept gets a remark with the reason, and
    the operation that the pass runs on one with the counts: seen = folded + composed + kept. (Not pass
    statistics, which LLVM's release builds compile out.)

    Cost: linear in the number of operations; no weight is read.

    ```mlir
    // RUN: qllm-opt -qllm-fold-channel-transforms
    func.func @example(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %f: tensor<4xf32>) -> tensor<?x8xf32> {
      %0 = qllm.scale_channels %x by %f : tensor<?x4xf32>, tensor<4xf32>
      %1 = qllm.linear %0, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
      return %1 : tensor<?x8xf32>
    }
    ```

    becomes

    ```mlir
    func.func @example(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %f: tensor<4xf32>) -> tensor<?x8xf32> {
      %0 = qllm.scale_channels %w by %f : tensor<8x4xf32>, tensor<4xf32>
      %1 = qllm.linear %x, %0 : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
      return %1 : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let options = [
    Option<"into", "into", "std::string", "\"consumers\"", "consumers or producers">,
    Option<"report", "report", "bool", "false", "remark on each transform that is kept, and on the counts">
  ];
}

#endif // QLLM_DIALECT_QLLM_TRANSFORMS_PASSES_TD
