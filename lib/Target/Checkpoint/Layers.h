// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a checkpoint needs of a model: its quantized layers, by the names of their modules, and its
// other parameters.

#ifndef QLLM_LIB_TARGET_CHECKPOINT_LAYERS_H
#define QLLM_LIB_TARGET_CHECKPOINT_LAYERS_H

#include "Safetensors.h"
#include "mlir/IR/BuiltinOps.h"
#include "qllm/Analysis/PackedWeight.h"

namespace qllm {

struct CheckpointLayer {
  /// The name of the module: `model.layers.0.mlp.up_proj`.
  std::string name;
  PackedWeight weight;
  /// Null where the input stays in floating point.
  QuantizedType input;
};

struct CheckpointModel {
  std::vector<CheckpointLayer> layers;
  /// Modules that stay in floating point.
  std::vector<std::string> floatModules;
  /// Their weights, norm gains, biases, embeddings.
  std::vector<StoredTensor> others;
};

/// Reads them off a module; an error names the first operation that no checkpoint layout can
/// express.
llvm::Expected<CheckpointModel> readCheckpointModel(mlir::ModuleOp module);

} // namespace qllm

#endif // QLLM_LIB_TARGET_CHECKPOINT_LAYERS_H
