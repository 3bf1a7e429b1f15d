// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the dialect.

#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm::qk;

#include "qllm/Dialect/Kernel/IR/KernelDialect.cpp.inc"
#include "qllm/Dialect/Kernel/IR/KernelEnums.cpp.inc"
#include "qllm/Dialect/Kernel/IR/KernelInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "qllm/Dialect/Kernel/IR/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "qllm/Dialect/Kernel/IR/KernelOps.cpp.inc"
      >();
}
