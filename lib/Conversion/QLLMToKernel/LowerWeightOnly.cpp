// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.linear to qk.weight_only_linear.

#include "LowerWeightOnly.h"

#include "RowMatrix.h"
#include "StreamArrivals.h"
#include "qllm/Analysis/Coverage.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

std::string print(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

/// Empty where there is a kernel for such operands.
std::string refusal(LinearOp op, FloatType half) {
  if (!half)
    return "expected a float-type of f16 or bf16 for products of floats and packed weights, but "
           "got none";
  // What a principal part takes off is rounded to four bits behind it: a rounding of the part to 16
  // bits moves codes to the other side of their boundaries.
  if (op->hasAttr(branchAttr))
    return "expected a principal part in front of one quantizer, with directions and symmetric "
           "codes "
           "of eight bits, as other branches beside floats have no kernel in f32";
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  auto weight = dyn_cast<QuantizedType>(op.getWeight().getType());
  if (!pack || !weight || !isa<IntFormatAttr>(weight.getFormat()))
    return "expected a packed weight of integers beside an input of floats";
  GranularityAttr granularity = weight.getGranularity();
  if (!(granularity.isPerChannel() && granularity.getAxis() == 0) &&
      !(granularity.isGroup() && granularity.getAxis() == 1))
    return "expected a weight with scales for outputs or for groups of inputs, but got " +
           print(granularity);
  if (weight.getScaleEncoding() == ScaleEncoding::UE8M0 ||
      weight.getScaleEncoding() == ScaleEncoding::E4M3 || pack.getTensorScale())
    return "expected scales of the weight in f32, f16 or bf16";
  if (op.getBias() &&
      !isa<Float32Type>(cast<RankedTensorType>(op.getBias().getType()).getElementType()))
    return "expected a bias in f32";
  return "";
}

/// The kernel that the operands ask for, without a schedule.
kernels::WeightOnlyKernel describeKernel(LinearOp op, LinearOp wide, FloatType half) {
  auto weight = cast<QuantizedType>(op.getWeight().getType());
  auto format = cast<IntFormatAttr>(weight.getFormat());
  kernels::WeightOnlyKernel kernel;
  kernel.input = half.isF16() ? kernels::HalfKind::F16 : kernels::HalfKind::BF16;
  kernel.weight = {format.getBits(), !format.isAsymmetric()};
  kernel.hasZeroPoints = format.isAsymmetric();
  kernel.columns = weight.getShape()[0];
  kernel.depth = weight.getShape()[1];
  GranularityAttr granularity = weight.getGranularity();
  kernel.groupLength = granularity.isGroup() ? granularity.getGroupSize() : kernel.depth;
  kernel.rank = wide ? cast<QuantizedType>(wide.getWeight().getType()).getShape()[1] : 0;
  return kernel;
}

/// Whether all zero points are within bounds of bytes.
bool areWithin(ArrayRef<float> zeroPoints, float low, float high) {
  return llvm::all_of(zeroPoints, [&](float z) { return z >= low && z <= high; });
}

/// Whether there are no zero points, or all are constants that fit into i8, or ui8 beside f16.
bool hasByteZeroPoints(PackOp pack, FloatType half, ConstantValues &constants) {
  if (!pack.getZeroPoints())
    return true;
  std::optional<std::vector<float>> values = constants.get(pack.getZeroPoints());
  return values && (areWithin(*values, -128, 127) || (half.isF16() && areWithin(*values, 0, 255)));
}

/// A constant in the order of `groupsFirst`, of i8, or of ui8 where that is not enough.
Value zeroPointBytes(OpBuilder &builder, Location loc, PackOp pack,
                     const kernels::WeightOnlyKernel &kernel, ConstantValues &constants) {
  std::optional<std::vector<float>> values = constants.get(pack.getZeroPoints());
  std::vector<uint8_t> bytes(values->size());
  for (int64_t n = 0; n < kernel.columns; ++n)
    for (int64_t g = 0, groups = kernel.groups(); g < groups; ++g)
      bytes[size_t(g * kernel.columns + n)] = uint8_t(int((*values)[size_t(n * groups + g)]));
  SmallVector<int64_t> shape = {kernel.columns};
  if (kernel.isGrouped())
    shape.insert(shape.begin(), kernel.groups());
  auto signedness = areWithin(*values, -128, 127) ? IntegerType::Signless : IntegerType::Unsigned;
  return initializer(
      builder, loc,
      RankedTensorType::get(shape, IntegerType::get(builder.getContext(), 8, signedness)),
      ArrayRef<uint8_t>(bytes), pack.getZeroPoints(), "_bytes");
}

Value castTo(OpBuilder &builder, Location loc, Value rows, FloatType half) {
  auto type = cast<RankedTensorType>(rows.getType());
  if (type.getElementType() == half)
    return rows;
  constexpr int64_t onnxF16 = 10, onnxBF16 = 16;
  OperationState state(loc, onnx::CastOp::getOperationName());
  state.addOperands(rows);
  state.addTypes(type.clone(half));
  state.addAttribute("to", builder.getI64IntegerAttr(half.isF16() ? onnxF16 : onnxBF16));
  return builder.create(state)->getResult(0);
}

} // namespace

ChosenSchedules qllm::chooseWeightOnly(LinearOp op, LinearOp wide, const SchedulePolicy &policy,
                                       FloatType half, ConstantValues &constants) {
  std::string refused = refusal(op, half);
  if (refused.empty() &&
      !hasByteZeroPoints(op.getWeight().getDefiningOp<PackOp>(), half, constants))
    refused = std::string("expected constant zero points from -128 to 127 ") +
              (half.isF16() ? "or from 0 to 255 " : "") + "beside an input of floats";
  if (!refused.empty())
    return {Attribute(), refused};
  return chooseSchedules(op.getContext(), describeKernel(op, wide, half), policy);
}

void qllm::lowerWeightOnly(LinearOp op, LinearOp wide, Attribute schedules, FloatType half,
                           ConstantValues &constants) {
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  kernels::WeightOnlyKernel kernel = describeKernel(op, wide, half);
  // With a branch, what both are added up to.
  Operation *replaced = wide ? *op->user_begin() : op;
  OpBuilder builder(replaced);
  Location loc = op.getLoc();
  Value zeroPoints;
  if (kernel.hasZeroPoints)
    zeroPoints = zeroPointBytes(builder, loc, pack, kernel, constants);
  kernels::WeightLayout order = kernel.layout();
  auto layout = qk::LayoutAttr::get(op.getContext(), order);
  auto format = cast<IntFormatAttr>(cast<QuantizedType>(op.getWeight().getType()).getFormat());
  auto codesType = RankedTensorType::get(
      {order.rowTiles(kernel.columns), order.columnTiles(kernel.depth), kernel.layoutBytes()},
      builder.getI8Type());
  Value codes = qk::ShuffleWeightOp::create(builder, loc, codesType, pack.getCodes(), layout);
  Value scales = groupsFirst(builder, loc, pack.getScales());
  Value input = castTo(builder, loc, toRows(builder, loc, op.getInput()), half);
  auto result = cast<RankedTensorType>(op.getType());
  auto matrixType =
      RankedTensorType::get({cast<RankedTensorType>(input.getType()).getDimSize(0), kernel.columns},
                            result.getElementType());
  Value branchInput, branchWeight, branchScales;
  if (wide) {
    auto packWide = wide.getWeight().getDefiningOp<PackOp>();
    branchInput = castTo(builder, loc, toRows(builder, loc, wide.getInput()), half);
    branchWeight = packWide.getCodes();
    branchScales = packWide.getScales();
  }
  StreamSizes stream = streamSizes(schedules, kernel);
  Value arrivals;
  SmallVector<Type> scratch;
  if (stream.tiles != 0) {
    arrivals = makeArrivals(builder, loc, stream.tiles);
    scratch = {
        RankedTensorType::get({matrixType.getDimSize(0), stream.words}, builder.getF32Type()),
        arrivals.getType()};
  }
  auto product = qk::WeightOnlyLinearOp::create(
      builder, loc, matrixType, scratch, input, codes, scales, zeroPoints, op.getBias(),
      branchInput, branchWeight, branchScales, arrivals, format, schedules, layout);
  replaced->getResult(0).replaceAllUsesWith(
      fromRows(builder, loc, product.getResult(), op.getInput(), result));
  if (wide) {
    replaced->erase();
    wide.erase();
  }
  op.erase();
}
