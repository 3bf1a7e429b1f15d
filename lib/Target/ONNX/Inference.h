// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The onnx library's checker, version converter and shape inference, guarded: none may fail on, or blow up over, a model from nowhere.

#ifndef QLLM_LIB_TARGET_ONNX_INFERENCE_H
#define QLLM_LIB_TARGET_ONNX_INFERENCE_H

#include "Proto.h"
#include <string>

namespace qllm::onnx {

/// Runs the ONNX checker on `model`, whose large tensors it takes as empty. Returns what is wrong, or "".
std::string checkModel(const proto::ModelProto &model);

/// Converts `model` to `opset` of the default domain by the onnx library. Returns why that is not possible, or "".
std::string convertOpset(proto::ModelProto &model, int64_t opset);

/// Infers types and shapes, adding them to `model`. What cannot be inferred stays unknown. Returns why inference as a whole
/// was given up, or "".
std::string inferShapes(proto::ModelProto &model);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_INFERENCE_H
