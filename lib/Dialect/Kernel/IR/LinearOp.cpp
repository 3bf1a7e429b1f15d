// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.linear, and its description apart from tensors.

#include "BranchTypes.h"
#include "OperandTypes.h"
#include "RowCodes.h"
#include "Schedules.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// Zero points, of which only the size is fixed.
LogicalResult verifyVector(Operation *op, StringRef name, Value value, int64_t size) {
  return verifyType(op, name, value, {size},
                    cast<RankedTensorType>(value.getType()).getElementType());
}

LogicalResult verifyPresence(Operation *op, IntFormatAttr format, StringRef what, bool present) {
  if (present == format.isAsymmetric())
    return success();
  return op->emitOpError() << "expected " << (present ? "no " : "") << what << " beside codes of "
                           << format << (present ? "" : ", but got none");
}

kernels::CodeFormat describe(IntFormatAttr format) {
  return {format.getBits(), !format.isAsymmetric()};
}

/// Codes of 4 bits in bytes are codes of 8 bits to a kernel.
kernels::CodeFormat describeInput(LinearOp op) {
  IntFormatAttr format = op.getInputFormat();
  return {areInBytes(format, op.getInput()) ? 8u : format.getBits(), !format.isAsymmetric()};
}

/// All values of a tensor's element type; [0, 0] for an absent tensor.
kernels::Interval valuesOf(Value tensor) {
  if (!tensor)
    return {};
  Type type = cast<RankedTensorType>(tensor.getType()).getElementType();
  return kernels::codeInterval(type.getIntOrFloatBitWidth(), !type.isUnsignedInteger());
}

LogicalResult verifyWeight(LinearOp op, int64_t columns, int64_t depth) {
  kernels::LinearKernel kernel;
  kernel.input = describeInput(op);
  kernel.weight = describe(op.getWeightFormat());
  // linear_c3
  kernels::WeightLayout fragments = kernels::WeightLayout::int4Fragments();
  LayoutAttr wanted = LayoutAttr::get(op.getContext(), fragments);
  LayoutAttr found = op.getLayoutAttr();
  if (kernel.isWeightShuffled() && found != wanted) {
    InFlightDiagnostic diagnostic =
        op.emitOpError() << "expected " << wanted << " for weights of " << op.getWeightFormatAttr()
                         << " beside inputs of " << op.getInputFormatAttr() << ", but got ";
    return found ? diagnostic << found : diagnostic << "none";
  }
  if (!kernel.isWeightShuffled() && found)
    return op.emitOpError() << "expected row-major weights of " << op.getWeightFormatAttr()
                            << " beside inputs of " << op.getInputFormatAttr() << ", but got "
                            << found;
  // linear_c2
  if (!found)
    return verifyType(op, "a weight", op.getWeight(), {columns, depth},
                      op.getWeightFormat().getStorageType());
  return verifyType(
      op, "a weight", op.getWeight(),
      {fragments.rowTiles(columns), fragments.columnTiles(depth), fragments.tileSize() / 2},
      IntegerType::get(op.getContext(), 8));
}

/// Whether inputs have scales of groups, which are those of the weights.
bool hasInputGroups(LinearOp op) { return shapeOf(op.getInputScales()).size() == 2; }

LogicalResult verifyZeroPoints(LinearOp op, int64_t rows, int64_t columns, bool grouped) {
  // linear_c5
  if (failed(verifyPresence(op, op.getInputFormat(), "zero points of inputs",
                            bool(op.getInputZeroPoints()))) ||
      failed(verifyPresence(op, op.getWeightFormat(), "zero points of weights",
                            bool(op.getWeightZeroPoints()))))
    return failure();
  Type i32 = IntegerType::get(op.getContext(), 32), f32 = Float32Type::get(op.getContext());
  if (op.getInputZeroPoints() && hasInputGroups(op)) {
    int64_t groups = shapeOf(op.getWeightScales())[0];
    Type element = cast<RankedTensorType>(op.getInputZeroPoints().getType()).getElementType();
    if (failed(verifyType(op, "zero points of inputs", op.getInputZeroPoints(), {rows, groups},
                          element)) ||
        failed(verifyType(op, "sums of weights", op.getWeightSums(), {groups, columns}, i32)))
      return failure();
  } else if (op.getInputZeroPoints() &&
             (failed(verifyVector(op, "zero points of inputs", op.getInputZeroPoints(), rows)) ||
              failed(verifyType(op, "sums of weights", op.getWeightSums(), {columns},
                                grouped ? f32 : i32))))
    return failure();
  if (!op.getWeightZeroPoints())
    return success();
  if (bool(op.getInputSums()) == grouped)
    return op.emitOpError() << "expected " << (grouped ? "no " : "")
                            << "sums of inputs beside zero points of weights "
                            << (grouped ? "in groups" : "for outputs, but got none");
  if (grouped) {
    int64_t groups = shapeOf(op.getWeightScales())[0];
    Type element = cast<RankedTensorType>(op.getWeightZeroPoints().getType()).getElementType();
    return verifyType(op, "zero points of weights", op.getWeightZeroPoints(), {groups, columns},
                      element);
  }
  if (failed(verifyVector(op, "zero points of weights", op.getWeightZeroPoints(), columns)))
    return failure();
  return verifyType(op, "sums of inputs", op.getInputSums(), {rows}, i32);
}

LogicalResult verifyScales(LinearOp op, int64_t rows, int64_t columns, int64_t depth) {
  // linear_c4
  Type f32 = Float32Type::get(op.getContext());
  ArrayRef<int64_t> scales = shapeOf(op.getWeightScales());
  SmallVector<int64_t> inputScales = {rows};
  if (hasInputGroups(op) && scales.size() == 2)
    inputScales.push_back(scales[0]);
  if (failed(verifyType(op, "scales of inputs", op.getInputScales(), inputScales, f32)))
    return failure();
  if (scales.size() == 1)
    return verifyType(op, "scales of weights", op.getWeightScales(), {columns}, f32);
  if (scales.size() != 2 || scales[0] < 2 || depth % scales[0] != 0)
    return op.emitOpError() << "expected scales of weights of shape [n] or [groups, n] with at "
                               "least 2 groups that divide "
                            << depth << ", but got " << op.getWeightScales().getType();
  return verifyType(op, "scales of weights", op.getWeightScales(), {scales[0], columns}, f32);
}

LogicalResult verifyBranch(LinearOp op, int64_t rows, int64_t columns) {
  // linear_c7
  bool given = bool(op.getBranchInput());
  for (Value value : {op.getBranchInputScales(), op.getBranchWeight(), op.getBranchWeightScales()})
    if (bool(value) != given)
      return op.emitOpError()
             << "expected inputs and weights of a branch and scales of both together";
  if (!given)
    return success();
  MLIRContext *context = op.getContext();
  if (failed(verifyBranchTypes(op, rows, columns, IntegerType::get(context, 8))))
    return failure();
  return verifyType(op, "scales of a branch's inputs", op.getBranchInputScales(), {rows},
                    Float32Type::get(context));
}

} // namespace

LogicalResult LinearOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput()), result = shapeOf(getResult());
  int64_t rows = input[0], depth = input[1], columns = result[1];
  // linear_c1
  if (ShapedType::isDynamic(depth) || ShapedType::isDynamic(columns))
    return emitOpError() << "expected static columns of input and result, but got "
                         << getInput().getType() << " and " << getResult().getType();
  Type storage = storageOfRows(getInputFormat(), getInput());
  if (failed(verifyType(*this, "an input", getInput(), {rows, depth}, storage)) ||
      failed(verifyWeight(*this, columns, depth)) ||
      failed(verifyScales(*this, rows, columns, depth)) ||
      failed(verifyZeroPoints(*this, rows, columns, shapeOf(getWeightScales()).size() == 2)))
    return failure();
  // linear_c6
  Type f32 = Float32Type::get(getContext());
  if (getBias() && failed(verifyType(*this, "a bias", getBias(), {columns}, f32)))
    return failure();
  if (failed(verifyType(*this, "a result", getResult(), {rows, columns},
                        getResult().getType().getElementType())) ||
      failed(verifyBranch(*this, rows, columns)))
    return failure();
  for (auto [name, value] :
       {std::pair("a gate", Value(getGate())), std::pair("a residual", Value(getResidual()))})
    if (value &&
        failed(verifyType(*this, name, value, result, getResult().getType().getElementType())))
      return failure();
  // linear_c8, linear_c9
  return verifySchedules(*this, getSchedule(), [&](ScheduleAttr schedule) -> LogicalResult {
    if (FormatStatus status = getKernel(schedule).verify(); !status)
      return emitOpError() << status.message();
    return success();
  });
}

kernels::LinearKernel LinearOp::getKernel(ScheduleAttr schedule) {
  kernels::LinearKernel kernel;
  kernel.input = describeInput(*this);
  kernel.weight = describe(getWeightFormat());
  kernel.inputZero = valuesOf(getInputZeroPoints());
  kernel.weightZero = valuesOf(getWeightZeroPoints());
  kernel.columns = shapeOf(getResult())[1];
  kernel.depth = shapeOf(getInput())[1];
  ArrayRef<int64_t> scales = shapeOf(getWeightScales());
  kernel.groupLength = scales.size() == 2 ? kernel.depth / scales[0] : kernel.depth;
  kernel.hasInputGroups = hasInputGroups(*this);
  kernel.rank = getBranchInput() ? shapeOf(getBranchWeight())[1] : 0;
  kernel.schedule = schedule.getSchedule();
  return kernel;
}

kernels::LinearKernel LinearOp::getKernelOn(const kernels::Target &target) {
  return getKernel(scheduleOn(getSchedule(), target.name));
}

std::string LinearOp::describeKernel() {
  std::string name = "linear_" + describe(getInputFormatAttr()).str() +
                     (areInBytes(getInputFormat(), getInput()) ? "_bytes_" : "_") +
                     describe(getWeightFormatAttr()).str() + "_n" +
                     std::to_string(shapeOf(getResult())[1]) + "_k" +
                     std::to_string(shapeOf(getInput())[1]);
  ArrayRef<int64_t> scales = shapeOf(getWeightScales());
  return scales.size() == 1 ? name
                            : name + "_g" + std::to_string(shapeOf(getInput())[1] / scales[0]);
}

SmallVector<Type> LinearOp::getKernelTypes() {
  SmallVector<Type> types;
  for (Value value : {Value(getInput()), Value(getInputScales()), Value(getInputZeroPoints()),
                      Value(getInputSums()), Value(getBranchInput()), Value(getBranchInputScales()),
                      Value(getGate()), Value(getResidual()), Value(getResult())})
    types.push_back(value ? withoutRows(value.getType()) : NoneType::get(getContext()));
  for (Value value : {Value(getWeight()), Value(getWeightScales()), Value(getWeightSums()),
                      Value(getWeightZeroPoints()), Value(getBias()), Value(getBranchWeight()),
                      Value(getBranchWeightScales())})
    types.push_back(value ? value.getType() : NoneType::get(getContext()));
  return types;
}

GeometryAttr LinearOp::getGeometryOn(const kernels::Target &target) {
  kernels::LinearKernel kernel = getKernelOn(target);
  SmallVector<TensorMapAttr> maps;
  if (kernel.isWarpSpecialized())
    for (const kernels::TensorBox &box : kernel.boxes())
      maps.push_back(
          TensorMapAttr::get(getContext(), box.operand, box.rows, box.rowBytes, box.swizzle));
  return GeometryAttr::get(getContext(), kernel.schedule.columnTiles(kernel.columns),
                           kernel.schedule.tileRows, /*layers=*/1, kernel.schedule.threads(),
                           kernel.sharedBytes(), kernel.rowCluster(), kernel.columnCluster(), maps);
}
