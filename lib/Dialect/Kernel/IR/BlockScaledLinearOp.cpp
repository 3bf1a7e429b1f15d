// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.block_scaled_linear, and its description apart from tensors.

#include "BlockScaleTypes.h"
#include "OperandTypes.h"
#include "Schedules.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult BlockScaledLinearOp::verify() {
  // block_scaled_linear_c1
  ArrayRef<int64_t> input = shapeOf(getInput()), result = shapeOf(getResult());
  int64_t rows = input[0], depth = input[1], columns = result[1];
  if (ShapedType::isDynamic(depth) || ShapedType::isDynamic(columns))
    return emitOpError() << "expected static columns of input and result, but got "
                         << getInput().getType() << " and " << getResult().getType();
  Type f32 = Float32Type::get(getContext());
  if (failed(verifyType(*this, "a weight", getWeight(), {columns, depth},
                        getInput().getType().getElementType())) ||
      failed(verifyType(*this, "a result", getResult(), {rows, columns},
                        getResult().getType().getElementType())))
    return failure();
  // block_scaled_linear_c2
  if (failed(verifyBlockScales(*this, "scales of inputs", getInputScales(), rows, depth)) ||
      failed(verifyBlockScales(*this, "scales of weights", getWeightScales(), columns, depth,
                               getInputScales().getType().getElementType())))
    return failure();
  // block_scaled_linear_c3
  if (getTensorScales().size() > 2)
    return emitOpError() << "expected at most two scales of tensors, but got "
                         << getTensorScales().size();
  for (Value scale : getTensorScales())
    if (failed(verifyType(*this, "a scale of tensors", scale, {1}, f32)))
      return failure();
  if (getBias() && failed(verifyType(*this, "a bias", getBias(), {columns}, f32)))
    return failure();
  // block_scaled_linear_c4
  return verifySchedules(*this, getSchedule(), [&](ScheduleAttr schedule) -> LogicalResult {
    if (FormatStatus status = getKernel(schedule).verify(); !status)
      return emitOpError() << status.message();
    return success();
  });
}

kernels::BlockScaledKernel BlockScaledLinearOp::getKernel(ScheduleAttr schedule) {
  kernels::BlockScaledKernel kernel;
  kernel.codes.input = kernel.codes.weight = {/*bits=*/4, /*isSigned=*/true};
  kernel.codes.columns = shapeOf(getResult())[1];
  kernel.codes.depth = kernel.codes.groupLength = shapeOf(getInput())[1];
  kernel.codes.schedule = schedule.getSchedule();
  kernel.blockLength = blockLength(getInputScales());
  return kernel;
}

kernels::BlockScaledKernel BlockScaledLinearOp::getKernelOn(const kernels::Target &target) {
  return getKernel(scheduleOn(getSchedule(), target.name));
}

std::string BlockScaledLinearOp::describeKernel() {
  return std::string("linear_") + (blockLength(getInputScales()) == 16 ? "nvfp4" : "mxfp4") + "_n" +
         std::to_string(shapeOf(getResult())[1]) + "_k" + std::to_string(shapeOf(getInput())[1]);
}

SmallVector<Type> BlockScaledLinearOp::getKernelTypes() {
  SmallVector<Type> types;
  for (Value value : {Value(getInput()), Value(getInputScales()), Value(getResult())})
    types.push_back(withoutRows(value.getType()));
  llvm::append_range(types, getTensorScales().getTypes());
  for (Value value : {Value(getWeight()), Value(getWeightScales()), Value(getBias())})
    types.push_back(value ? value.getType() : NoneType::get(getContext()));
  return types;
}

GeometryAttr BlockScaledLinearOp::getGeometryOn(const kernels::Target &target) {
  kernels::BlockScaledKernel kernel = getKernelOn(target);
  const kernels::Schedule &schedule = kernel.codes.schedule;
  SmallVector<TensorMapAttr> maps;
  if (kernel.isInTensorMemory())
    for (const kernels::TensorBox &box : kernel.codes.boxes())
      maps.push_back(
          TensorMapAttr::get(getContext(), box.operand, box.rows, box.rowBytes, box.swizzle));
  return GeometryAttr::get(getContext(), schedule.columnTiles(kernel.codes.columns),
                           schedule.tileRows,
                           /*layers=*/1, schedule.threads(), kernel.sharedBytes(), /*cluster=*/1,
                           /*column_cluster=*/1, maps);
}
