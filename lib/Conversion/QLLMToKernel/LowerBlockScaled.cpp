// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.linear to qk.block_scaled_linear.

#include "LowerBlockScaled.h"

#include "RowMatrix.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;

namespace {

/// 16 for NVFP4 and 32 for MXFP4, in blocks along the last axis; 0 for anything else.
int64_t blockLength(Value value) {
  auto type = dyn_cast<QuantizedType>(value.getType());
  auto format = type ? dyn_cast<FloatFormatAttr>(type.getFormat()) : FloatFormatAttr();
  if (!format || format.getKind() != FloatKind::E2M1)
    return 0;
  GranularityAttr granularity = type.getGranularity();
  if (!granularity.isGroup() || granularity.getAxis() != type.getRank() - 1)
    return 0;
  int64_t length = granularity.getGroupSize();
  ScaleEncoding scales = type.getScaleEncoding();
  bool isNVFP4 = scales == ScaleEncoding::E4M3 && length == 16;
  bool isMXFP4 = scales == ScaleEncoding::UE8M0 && length == 32 && !type.hasTensorScale();
  return isNVFP4 || isMXFP4 ? length : 0;
}

kernels::BlockScaledKernel describeKernel(LinearOp op) {
  auto weight = cast<QuantizedType>(op.getWeight().getType());
  kernels::BlockScaledKernel kernel;
  kernel.codes.input = kernel.codes.weight = {/*bits=*/4, /*isSigned=*/true};
  kernel.codes.columns = weight.getShape()[0];
  kernel.codes.depth = kernel.codes.groupLength = weight.getShape()[1];
  kernel.blockLength = blockLength(op.getWeight());
  return kernel;
}

std::string refusal(LinearOp op) {
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  if (!quantize || !quantize.isDynamic())
    return "expected an input that qllm.quantize makes of its own range";
  if (!op.getWeight().getDefiningOp<PackOp>())
    return "expected a packed weight";
  if (op.getBias() &&
      !isa<Float32Type>(cast<RankedTensorType>(op.getBias().getType()).getElementType()))
    return "expected a bias in f32";
  return "";
}

Value shuffled(OpBuilder &builder, Location loc, Value scales) {
  auto type = cast<RankedTensorType>(scales.getType());
  kernels::WeightLayout layout = kernels::WeightLayout::blockScales();
  int64_t rows = type.getDimSize(0);
  auto result = RankedTensorType::get({ShapedType::isDynamic(rows) ? rows : layout.rowTiles(rows),
                                       layout.columnTiles(type.getDimSize(1)), layout.tileSize()},
                                      type.getElementType());
  return qk::ShuffleScalesOp::create(builder, loc, result, scales);
}

/// The scale of a tensor, if there is one, as a vector.
Value asVector(OpBuilder &builder, Location loc, Value scale) {
  return scale ? onnx::ReshapeOp::create(builder, loc,
                                         RankedTensorType::get({1}, builder.getF32Type()), scale,
                                         integers(builder, loc, {1}), nullptr)
               : Value();
}

} // namespace

bool BlockScaledLowering::matches(LinearOp op) {
  int64_t length = blockLength(op.getWeight());
  return length != 0 && blockLength(op.getInput()) == length;
}

ChosenSchedules BlockScaledLowering::choose(LinearOp op) {
  std::string refused = refusal(op);
  if (!refused.empty())
    return {Attribute(), refused};
  return chooseSchedules(op.getContext(), describeKernel(op), policy);
}

QuantizedBlocks BlockScaledLowering::inputSide(QuantizeOp op) {
  QuantizedBlocks &side = sides[op];
  if (!side && fuse)
    side = lowerQuantizeBlocks(op, constants, policy.targets);
  if (!side)
    side = interpretedSide(op);
  return side;
}

/// By the operation that there is, on a matrix.
QuantizedBlocks BlockScaledLowering::interpretedSide(QuantizeOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Value rows = toRows(builder, loc, op.getInput());
  auto type = cast<QuantizedType>(op.getType());
  auto granularity =
      GranularityAttr::group(op.getContext(), 1, type.getGranularity().getGroupSize());
  auto quantized = cast<QuantizeOp>(builder.clone(*op));
  quantized.getInputMutable().assign(rows);
  quantized.getResult().setType(
      QuantizedType::get(cast<RankedTensorType>(rows.getType()).getShape(), type.getFormat(),
                         granularity, type.getScaleEncoding(), type.hasTensorScale()));
  auto parts = UnpackOp::create(builder, loc, quantized.getResult());
  return {parts.getCodes(), shuffled(builder, loc, parts.getScales()),
          asVector(builder, loc, parts.getTensorScale())};
}

QuantizedBlocks BlockScaledLowering::weightSide(PackOp op) {
  QuantizedBlocks &side = sides[op];
  if (side)
    return side;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  return side = {op.getCodes(), shuffled(builder, op.getLoc(), op.getScales()),
                 asVector(builder, op.getLoc(), op.getTensorScale())};
}

bool BlockScaledLowering::lower(LinearOp op, std::string &explanation) {
  ChosenSchedules chosen = choose(op);
  explanation = chosen.explanation;
  if (!chosen.schedules)
    return false;
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  QuantizedBlocks input = inputSide(quantize),
                  weight = weightSide(op.getWeight().getDefiningOp<PackOp>());
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto result = cast<RankedTensorType>(op.getType());
  auto matrix = RankedTensorType::get(
      {cast<RankedTensorType>(input.codes.getType()).getDimSize(0), result.getShape().back()},
      result.getElementType());
  SmallVector<Value> scales;
  for (Value scale : {input.tensorScale, weight.tensorScale})
    if (scale)
      scales.push_back(scale);
  Value product =
      qk::BlockScaledLinearOp::create(builder, loc, matrix, input.codes, weight.codes, input.scales,
                                      weight.scales, scales, op.getBias(), chosen.schedules);
  op.getResult().replaceAllUsesWith(fromRows(builder, loc, product, quantize.getInput(), result));
  op.erase();
  return true;
}

void BlockScaledLowering::removeUnused() {
  for (auto &entry : sides)
    if (entry.first->use_empty())
      entry.first->erase();
  sides.clear();
}
