// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape inference of com.microsoft operators.

#ifndef QLLM_LIB_TARGET_ONNX_MICROSOFTSCHEMAS_H
#define QLLM_LIB_TARGET_ONNX_MICROSOFTSCHEMAS_H

#include "Proto.h"
#include "onnx/defs/schema.h"

namespace qllm::onnx {

/// A schema with an inference function and nothing else, or null.
const proto::OpSchema *microsoftSchema(const std::string &name);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_MICROSOFTSCHEMAS_H
