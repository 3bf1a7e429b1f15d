// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.weight_only_linear, and its description apart from tensors.

#include "BranchTypes.h"
#include "OperandTypes.h"
#include "Schedules.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

Type elementTypeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

LogicalResult verifyWeight(WeightOnlyLinearOp op, int64_t columns, int64_t depth) {
  // weight_only_linear_c2
  unsigned bits = op.getFormat().getBits() <= 4 ? 4 : 8;
  kernels::WeightLayout layout = kernels::WeightLayout::halfFragments(bits);
  LayoutAttr wanted = LayoutAttr::get(op.getContext(), layout);
  if (op.getLayout() != wanted)
    return op.emitOpError() << "expected " << wanted << " for weights of " << op.getFormat()
                            << ", but got " << op.getLayout();
  return verifyType(
      op, "a weight", op.getWeight(),
      {layout.rowTiles(columns), layout.columnTiles(depth), layout.tileSize() * bits / 8},
      IntegerType::get(op.getContext(), 8));
}

LogicalResult verifyScales(WeightOnlyLinearOp op, int64_t columns, int64_t depth) {
  // weight_only_linear_c3
  ArrayRef<int64_t> scales = shapeOf(op.getScales());
  bool isGrouped = scales.size() == 2 && scales[0] >= 2 && depth % scales[0] == 0;
  if (scales.size() != 1 && !isGrouped)
    return op.emitOpError() << "expected scales of shape [n] or [groups, n] with at least 2 "
                               "groups that divide "
                            << depth << ", but got " << op.getScales().getType();
  SmallVector<int64_t> shape(scales);
  shape.back() = columns;
  if (failed(verifyType(op, "scales", op.getScales(), shape, elementTypeOf(op.getScales()))))
    return failure();
  // weight_only_linear_c4
  Value zeroPoints = op.getZeroPoints();
  if (bool(zeroPoints) != op.getFormat().isAsymmetric())
    return op.emitOpError() << "expected " << (zeroPoints ? "no " : "")
                            << "zero points beside codes of " << op.getFormat()
                            << (zeroPoints ? "" : ", but got none");
  if (!zeroPoints)
    return success();
  // A code's magic number plus such a zero point has nine bits, which bf16 has not.
  bool isWide =
      elementTypeOf(zeroPoints).isUnsignedInteger() && elementTypeOf(op.getInput()).isF16();
  return verifyType(op, "zero points", zeroPoints, shape,
                    isWide ? elementTypeOf(zeroPoints) : IntegerType::get(op.getContext(), 8));
}

LogicalResult verifyBranch(WeightOnlyLinearOp op, int64_t rows, int64_t columns) {
  // weight_only_linear_c8
  bool given = bool(op.getBranchInput());
  if (bool(op.getBranchWeight()) != given || bool(op.getBranchWeightScales()) != given)
    return op.emitOpError() << "expected inputs, weights and scales of a branch together";
  if (!given)
    return success();
  return verifyBranchTypes(op, rows, columns, elementTypeOf(op.getInput()));
}

LogicalResult verifyStream(WeightOnlyLinearOp op, int64_t rows) {
  // weight_only_linear_c6
  int64_t words = 0, tiles = 0;
  bool hasAnyRows = false;
  op.getSchedule().walk([&](ScheduleAttr schedule) {
    if (!schedule.isStreamed())
      return;
    kernels::WeightOnlyKernel kernel = op.getKernel(schedule);
    int64_t known = ShapedType::isDynamic(rows) ? schedule.getMaxRows() : rows;
    words = std::max(words, kernel.wordsOfParts());
    hasAnyRows |= ShapedType::isDynamic(rows) && known == 0;
    tiles = std::max(tiles, kernel.arrivals(std::max<int64_t>(known, 1)));
  });
  bool streams = words != 0;
  if (bool(op.getArrivals()) != streams)
    return op.emitOpError() << "expected " << (streams ? "" : "no ") << "arrivals beside "
                            << op.getSchedule() << (streams ? ", but got none" : "");
  if (op.getScratch().size() != (streams ? 2 : 0))
    return op.emitOpError() << "expected " << (streams ? 3 : 1) << " results of a kernel with"
                            << (streams ? "" : "out") << " stream_k, but got "
                            << op->getNumResults();
  if (!streams)
    return success();
  if (op.getArrivals().getType() != op.getFreeArrivals().getType())
    return op.emitOpError() << "expected a result of arrivals of type "
                            << op.getArrivals().getType() << ", but got "
                            << op.getFreeArrivals().getType();
  int64_t counts = shapeOf(op.getArrivals())[0];
  if (hasAnyRows && !ShapedType::isDynamic(counts))
    return op.emitOpError() << "expected max_rows of a schedule with stream_k, or arrivals of a "
                               "dynamic number, since no fixed one is enough for any number of "
                               "rows, but got "
                            << counts << " arrivals beside " << op.getSchedule();
  if (!ShapedType::isDynamic(counts) && counts < tiles)
    return op.emitOpError() << "expected arrivals for " << tiles << " tiles, but got " << counts;
  return verifyType(op, "sums of parts", op.getPartialSums(), {rows, words},
                    Float32Type::get(op.getContext()));
}

} // namespace

LogicalResult WeightOnlyLinearOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput());
  int64_t rows = input[0], depth = input[1], columns = shapeOf(getResult())[1];
  // weight_only_linear_c1
  if (ShapedType::isDynamic(depth) || ShapedType::isDynamic(columns))
    return emitOpError() << "expected static columns of input and result, but got "
                         << getInput().getType() << " and " << getResult().getType();
  if (failed(verifyType(*this, "a result", getResult(), {rows, columns},
                        elementTypeOf(getResult()))) ||
      failed(verifyWeight(*this, columns, depth)) || failed(verifyScales(*this, columns, depth)))
    return failure();
  // weight_only_linear_c5
  if (getBias() &&
      failed(verifyType(*this, "a bias", getBias(), {columns}, Float32Type::get(getContext()))))
    return failure();
  if (failed(verifyBranch(*this, rows, columns)))
    return failure();
  // weight_only_linear_c7
  LogicalResult schedules =
      verifySchedules(*this, getSchedule(), [&](ScheduleAttr schedule) -> LogicalResult {
        if (FormatStatus status = getKernel(schedule).verify(); !status)
          return emitOpError() << status.message();
        return success();
      });
  return succeeded(schedules) ? verifyStream(*this, rows) : failure();
}

kernels::WeightOnlyKernel WeightOnlyLinearOp::getKernel(ScheduleAttr schedule) {
  kernels::WeightOnlyKernel kernel;
  kernel.input =
      elementTypeOf(getInput()).isF16() ? kernels::HalfKind::F16 : kernels::HalfKind::BF16;
  kernel.weight = {getFormat().getBits(), !getFormat().isAsymmetric()};
  kernel.hasZeroPoints = bool(getZeroPoints());
  kernel.columns = shapeOf(getResult())[1];
  kernel.depth = shapeOf(getInput())[1];
  ArrayRef<int64_t> scales = shapeOf(getScales());
  kernel.groupLength = scales.size() == 2 ? kernel.depth / scales[0] : kernel.depth;
  kernel.rank = getBranchWeight() ? shapeOf(getBranchWeight())[1] : 0;
  kernel.schedule = schedule.getSchedule();
  return kernel;
}

kernels::WeightOnlyKernel WeightOnlyLinearOp::getKernelOn(const kernels::Target &target) {
  return getKernel(scheduleOn(getSchedule(), target.name));
}

std::string WeightOnlyLinearOp::describeKernel() {
  std::string input = elementTypeOf(getInput()).isF16() ? "f16" : "bf16";
  kernels::CodeFormat weight{getFormat().getBits(), !getFormat().isAsymmetric()};
  int64_t depth = shapeOf(getInput())[1];
  std::string name = "linear_" + input + "_" + weight.str() + "_n" +
                     std::to_string(shapeOf(getResult())[1]) + "_k" + std::to_string(depth);
  ArrayRef<int64_t> scales = shapeOf(getScales());
  return scales.size() == 1 ? name : name + "_g" + std::to_string(depth / scales[0]);
}

SmallVector<Type> WeightOnlyLinearOp::getKernelTypes() {
  SmallVector<Type> types = {withoutRows(getInput().getType()), withoutRows(getResult().getType())};
  // The type of a branch's inputs follows from these.
  for (Value value :
       {Value(getScales()), Value(getZeroPoints()), Value(getBias()), Value(getBranchWeight())})
    types.push_back(value ? value.getType() : NoneType::get(getContext()));
  return types;
}

SmallVector<int64_t> WeightOnlyLinearOp::getInPlaceResults() {
  if (!getArrivals())
    return {};
  // The last of both.
  return {int64_t((*this)->getNumResults()) - 1, int64_t((*this)->getNumOperands()) - 1};
}

GeometryAttr WeightOnlyLinearOp::getGeometryOn(const kernels::Target &target) {
  kernels::WeightOnlyKernel kernel = getKernelOn(target);
  const kernels::Schedule &schedule = kernel.schedule;
  return GeometryAttr::get(getContext(),
                           schedule.isStreamed() ? schedule.blocks : kernel.columnTiles(),
                           schedule.tileRows, /*layers=*/1, schedule.threads(),
                           kernel.sharedBytes(), /*cluster=*/1, /*column_cluster=*/1, {});
}
