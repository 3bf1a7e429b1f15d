// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From quantized types of the dialect to what the format library and the solvers work with.

#ifndef QLLM_ANALYSIS_QUANTIZESPECS_H
#define QLLM_ANALYSIS_QUANTIZESPECS_H

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Format/Quantize.h"

namespace qllm {

/// How a group of elements of this type becomes codes.
QuantizeSpec quantizeSpecOf(QuantizedType type);

} // namespace qllm

#endif // QLLM_ANALYSIS_QUANTIZESPECS_H
