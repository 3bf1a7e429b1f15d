// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arguments by their names.

#include "LinearFunction.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LinearArguments qllm::makeLinearFunction(OpBuilder &builder, LinearOp op,
                                         const kernels::LinearKernel &kernel, StringRef name) {
  SmallVector<int64_t> mapped;
  if (kernel.isWarpSpecialized())
    for (const kernels::TensorBox &box : kernel.boxes())
      mapped.push_back(box.operand);
  KernelFunction function(builder, op, name, kernel.schedule.threads(), mapped);
  Operation *body = builder.getInsertionBlock()->getParentOp();
  // One block has all registers that its threads can use.
  giveAllRegisters(builder);
  if (kernel.schedule.cluster != 1)
    body->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                  builder.getDenseI32ArrayAttr(
                      {int32_t(kernel.rowCluster()), int32_t(kernel.columnCluster()), 1}));
  LinearArguments arguments;
  arguments.input = function[op.getInput()];
  arguments.weight = function[op.getWeight()];
  arguments.inputScales = function[op.getInputScales()];
  arguments.weightScales = function[op.getWeightScales()];
  arguments.inputZeroPoints = function[op.getInputZeroPoints()];
  arguments.weightSums = function[op.getWeightSums()];
  arguments.weightZeroPoints = function[op.getWeightZeroPoints()];
  arguments.inputSums = function[op.getInputSums()];
  arguments.bias = function[op.getBias()];
  arguments.branchInput = function[op.getBranchInput()];
  arguments.branchInputScales = function[op.getBranchInputScales()];
  arguments.branchWeight = function[op.getBranchWeight()];
  arguments.branchWeightScales = function[op.getBranchWeightScales()];
  arguments.gate = function[op.getGate()];
  arguments.residual = function[op.getResidual()];
  arguments.result = function[op.getResult()];
  arguments.rows = function.size(0);
  return arguments;
}
