// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantized models as checkpoints of other stacks: safetensors beside a config.json.

#ifndef QLLM_TARGET_CHECKPOINT_EXPORT_H
#define QLLM_TARGET_CHECKPOINT_EXPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace qllm {

enum class CheckpointLayout {
  CompressedTensors, ///< `pack-quantized` of the compressed-tensors library
  GPTQ,              ///< as GPTQ tools wrote it first: zero points less one
};

/// Writes `directory`/model.safetensors and `directory`/config.json. Tensors have the names of the
/// model's parameters (`model.layers.0.mlp.up_proj.weight`), which layers must still know; other
/// constants of the graph are left out. `baseConfig` is the config.json of the original model, to
/// which `quantization_config` is added, or empty. Layouts are described in
/// docs/formats/checkpoints.md. Fails, with nothing written, with the layer and the reason where a
/// model does not fit the layout: channel operations or branches that are left, formats it has no
/// words for.
llvm::Error exportCheckpoint(mlir::ModuleOp module, llvm::StringRef directory,
                             CheckpointLayout layout, llvm::StringRef baseConfig);

} // namespace qllm

#endif // QLLM_TARGET_CHECKPOINT_EXPORT_H
