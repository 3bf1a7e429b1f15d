// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of 4-bit floats with scales of blocks on both sides.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERBLOCKSCALED_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERBLOCKSCALED_H

#include "KernelSchedules.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// Replaces such products by kernels; what several of them read is made once.
class BlockScaledLowering {
public:
  explicit BlockScaledLowering(const SchedulePolicy &policy) : policy(policy) {}

  /// Whether the product is of NVFP4 or MXFP4 on both sides: of this kind, with a kernel or not.
  static bool matches(LinearOp op);
  /// The schedules of its kernel, or why there is none. Changes nothing.
  ChosenSchedules choose(LinearOp op);
  bool lower(LinearOp op, std::string &explanation);
  /// Removes quantized tensors that nobody reads any more.
  void removeUnused();

private:
  /// What kernels read of one side; `tensorScale` is null where it has none.
  struct Side {
    mlir::Value codes, scales, tensorScale;
  };

  Side inputSide(QuantizeOp op);
  Side weightSide(PackOp op);

  const SchedulePolicy &policy;
  llvm::DenseMap<mlir::Operation *, Side> sides;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERBLOCKSCALED_H
