// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first byte of a task.

#ifndef QLLM_SITE_TASKKIND_H
#define QLLM_SITE_TASKKIND_H

#include <cstdint>

namespace qllm {

enum class TaskKind : uint8_t {
  Steps,    ///< SiteTask.h
  Rounding, ///< ProductRounding.h
};

} // namespace qllm

#endif // QLLM_SITE_TASKKIND_H
