// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Results beside what they have to be.

#ifndef QLLM_LIB_TOOLS_EMULATE_DIFFERENCES_H
#define QLLM_LIB_TOOLS_EMULATE_DIFFERENCES_H

#include "qllm/Tensor/Tensor.h"

namespace qllm::tool {

/// How many elements of `found` are others than those of `wanted`, bit for bit, and which is the
/// first; empty if none are. Both have the same type and shape.
std::string describeDifferences(const Tensor &wanted, const Tensor &found);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_DIFFERENCES_H
