// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an operation to the emitter of its family.

#include "KernelEmitters.h"

#include "EmitAttention.h"
#include "EmitBlockScaled.h"
#include "EmitLinear.h"
#include "EmitQuantize.h"
#include "EmitQuantizeBlocks.h"
#include "EmitWeightOnly.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult qllm::verifyKernel(KernelOpInterface op, const kernels::Target &target) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LinearOp op) { return verifyLinear(op, target); })
      .Case<AppendKVOp, AttentionOp, CombineAttentionOp>([](auto) { return success(); })
      .Case([&](QuantizeOp op) { return verifyQuantize(op, target); })
      .Case([&](QuantizeBlocksOp op) { return verifyQuantizeBlocks(op, target); })
      .Case([&](TensorScaleOp op) { return verifyTensorScale(op, target); })
      .Case([&](BlockScaledLinearOp op) { return verifyBlockScaled(op, target); })
      .Case([&](WeightOnlyLinearOp op) { return verifyWeightOnly(op, target); })
      .Default([](Operation *op) { return op->emitOpError() << "has no emitter"; });
}

void qllm::emitKernel(OpBuilder &builder, KernelOpInterface op, const kernels::Target &target,
                      StringRef name, StringRef shared) {
  TypeSwitch<Operation *>(op)
      .Case([&](LinearOp op) { emitLinear(builder, op, target, name, shared); })
      .Case([&](QuantizeOp op) { emitQuantize(builder, op, target, name, shared); })
      .Case([&](QuantizeBlocksOp op) { emitQuantizeBlocks(builder, op, name, shared); })
      .Case([&](TensorScaleOp op) { emitTensorScale(builder, op, name, shared); })
      .Case([&](AppendKVOp op) { emitAppendKV(builder, op, name); })
      .Case([&](AttentionOp op) { emitAttention(builder, op, name, shared); })
      .Case([&](CombineAttentionOp op) { emitCombineAttention(builder, op, name); })
      .Case([&](BlockScaledLinearOp op) { emitBlockScaled(builder, op, target, name, shared); })
      .Case([&](WeightOnlyLinearOp op) { emitWeightOnly(builder, op, target, name, shared); });
}
