// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A built model and its weights as files.

#ifndef QLLM_LIB_TARGET_ONNX_MODELWRITER_H
#define QLLM_LIB_TARGET_ONNX_MODELWRITER_H

#include "TensorStore.h"
#include "qllm/Target/ONNX/Export.h"

namespace qllm::onnx {

/// Writes `model`, whose large tensors `tensors` remembers, to `path`. Takes the model apart.
llvm::Error writeModel(proto::ModelProto &model, TensorStore &tensors, llvm::StringRef path, const ExportOptions &options);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_MODELWRITER_H
