// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of 4-bit floats with scales of blocks on both sides.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERBLOCKSCALED_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERBLOCKSCALED_H

#include "KernelSchedules.h"
#include "LowerQuantizeBlocks.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// Replaces such products by kernels; what several of them read is made once.
class BlockScaledLowering {
public:
  /// With `fuse`, inputs are quantized by kernels too.
  BlockScaledLowering(const SchedulePolicy &policy, ConstantValues &constants, bool fuse)
      : policy(policy), constants(constants), fuse(fuse) {}

  /// Whether the product is of NVFP4 or MXFP4 on both sides: of this kind, with a kernel or not.
  static bool matches(LinearOp op);
  /// The schedules of its kernel, or why there is none. Changes nothing.
  ChosenSchedules choose(LinearOp op);
  bool lower(LinearOp op, std::string &explanation);
  /// Removes quantized tensors that nobody reads any more.
  void removeUnused();

private:
  QuantizedBlocks inputSide(QuantizeOp op);
  QuantizedBlocks interpretedSide(QuantizeOp op);
  QuantizedBlocks weightSide(PackOp op);

  const SchedulePolicy &policy;
  ConstantValues &constants;
  bool fuse;
  llvm::DenseMap<mlir::Operation *, QuantizedBlocks> sides;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERBLOCKSCALED_H
