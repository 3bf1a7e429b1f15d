// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one launch takes: memory for its operands and results, tensor maps, sizes.

#ifndef QLLM_LIB_EMULATOR_LAUNCHMEMORY_H
#define QLLM_LIB_EMULATOR_LAUNCHMEMORY_H

#include "DeviceBuffer.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Emulator/Runtime/Launch.h"
#include "qllm/Emulator/Runtime/TensorMap.h"
#include "qllm/Interpreter/Kernel.h"
#include <deque>

namespace qllm::emu {

class LaunchMemory {
public:
  /// Copies the operands and makes room for the results, or records why that is not possible.
  llvm::LogicalResult prepare(qk::LaunchOp launch, qk::GeometryAttr geometry,
                              interp::KernelContext &ctx);
  /// Sets the results.
  llvm::LogicalResult finish(interp::KernelContext &ctx);

  int64_t rows() const { return sizes.front(); }
  const std::vector<const void *> &arguments() const { return addresses; }
  std::vector<Buffer> buffers();

private:
  llvm::LogicalResult addResults(qk::LaunchOp launch, interp::KernelContext &ctx);
  llvm::LogicalResult addMap(qk::TensorMapAttr map, const Tensor &operand,
                             interp::KernelContext &ctx);

  struct Result {
    size_t buffer; ///< its own, or the operand's whose place it takes
    Shape shape;
  };
  /// Operands, then results that have memory of their own. Addresses of elements are stable.
  std::deque<DeviceBuffer> memory;
  size_t operands = 0;
  std::vector<bool> isWritten;
  std::vector<Result> results;
  std::deque<TensorMap> maps;
  std::deque<int32_t> sizes;
  std::vector<const void *> addresses;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_LAUNCHMEMORY_H
