// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The factors of a branch in the formats that kernels read.

#include "LowRankBranches.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

/// Symmetric integers of eight bits, with a scale for each row or token.
bool isBytes(Value value) {
  auto type = dyn_cast<QuantizedType>(value.getType());
  auto format = type ? dyn_cast<IntFormatAttr>(type.getFormat()) : IntFormatAttr();
  return format && format.getBits() == 8 && !format.isAsymmetric() && !type.hasTensorScale() &&
         type.getScaleEncoding() == ScaleEncoding::F32;
}

bool isByteWeight(Value value) {
  if (!isBytes(value) || !value.getDefiningOp<PackOp>())
    return false;
  GranularityAttr granularity = cast<QuantizedType>(value.getType()).getGranularity();
  return granularity.isPerChannel() && granularity.getAxis() == 0;
}

/// Whether a kernel's weight may not have more than four bits beside such an input.
bool isFourBit(Value input) {
  auto type = dyn_cast<QuantizedType>(input.getType());
  return type && type.getFormat().getBitWidth() <= 4;
}

/// Rows of codes 16 h + l, as rows of h and behind them rows of l, both of four bits. The largest
/// code is 7 * 16 + 7.
Value twoDigits(OpBuilder &builder, Location loc, const MatrixF &values, const Twine &name) {
  constexpr float largest = 119;
  int64_t rows = values.rows(), columns = values.columns();
  QuantizedParts parts;
  parts.codes.resize(size_t(2 * rows * columns));
  parts.scales.resize(size_t(2 * rows));
  for (int64_t row = 0; row < rows; ++row) {
    float most = 0;
    for (float value : values.rowValues(row))
      most = std::max(most, std::abs(value));
    float scale = most > 0 ? most / largest : 1;
    parts.scales[size_t(row)] = 16 * scale;
    parts.scales[size_t(rows + row)] = scale;
    for (int64_t column = 0; column < columns; ++column) {
      float code = std::nearbyint(values(row, column) / scale);
      code = std::min(std::max(code, -largest), largest);
      float high = std::floor((code + 8) / 16);
      parts.codes[size_t(row * columns + column)] = uint8_t(int8_t(high)) & 15;
      parts.codes[size_t((rows + row) * columns + column)] = uint8_t(int8_t(code - 16 * high)) & 15;
    }
  }
  MLIRContext *context = builder.getContext();
  auto type =
      QuantizedType::get({2 * rows, columns}, IntFormatAttr::get(context, 4, Symmetry::Symmetric),
                         GranularityAttr::perChannel(context, 0));
  return createPacked(builder, loc, type, parts, name);
}

/// A factor as a kernel's weight; null where it is no constant, or not finite.
Value factor(OpBuilder &builder, Location loc, Value values, bool fourBit,
             ConstantValues &constants) {
  if (!fourBit && isByteWeight(values))
    return values;
  std::optional<MatrixF> real = constants.matrix(values);
  if (!real || llvm::any_of(real->values(), [](float v) { return !std::isfinite(v); }))
    return Value();
  Value parts = values;
  if (auto pack = values.getDefiningOp<PackOp>())
    parts = pack.getCodes();
  std::string name = weightName(parts).str();
  if (fourBit)
    return twoDigits(builder, loc, *real, name + "_digits");
  llvm::Expected<Value> packed = createIntegerRows(builder, loc, *real, 8, name + "_bytes");
  if (packed)
    return *packed;
  llvm::consumeError(packed.takeError());
  return Value();
}

} // namespace

void BranchProducts::erase() {
  Value between = wide.getInput(), thinWeight = thin.getWeight(), wideWeight = wide.getWeight();
  wide.erase();
  while (between.use_empty() && between.getDefiningOp() != thin) {
    Operation *op = between.getDefiningOp();
    between = op->getOperand(0);
    op->erase();
  }
  thin.erase();
  eraseDeadConstants({thinWeight, wideWeight});
}

BranchProducts qllm::expandBranch(LowRankOp branch, ConstantValues &constants,
                                  std::string &explanation) {
  OpBuilder builder(branch);
  Location loc = branch.getLoc();
  MLIRContext *context = builder.getContext();
  Value input = branch.getInput();
  bool fourBit = isFourBit(input);
  Value down = factor(builder, loc, branch.getDown(), fourBit, constants);
  Value up = down ? factor(builder, loc, branch.getUp(), /*fourBit=*/false, constants) : Value();
  if (!up) {
    if (down && down != branch.getDown())
      eraseDeadConstants({down});
    explanation = "expected constant and finite factors of a low-rank branch";
    return {};
  }
  Type element = cast<RankedTensorType>(branch.getType()).getElementType();
  auto thin = LinearOp::create(builder, loc, input, down, Value(), builder.getF32Type());
  Value middle = thin;
  if (fourBit) {
    int64_t rank = cast<QuantizedType>(down.getType()).getShape()[0] / 2;
    SmallVector<int64_t> targets;
    for (int64_t digit = 0; digit != 2; ++digit)
      llvm::append_range(targets, llvm::seq(rank));
    middle = MergeChannelsOp::create(builder, loc, middle, targets, /*sum=*/true);
  }
  if (isa<QuantizedType>(input.getType())) {
    auto type = QuantizedType::get(cast<RankedTensorType>(middle.getType()).getShape(),
                                   IntFormatAttr::get(context, 8, Symmetry::Symmetric),
                                   GranularityAttr::perToken(context));
    middle = QuantizeOp::create(builder, loc, type, middle);
  }
  auto wide = LinearOp::create(builder, loc, middle, up, Value(), element);
  return {thin, wide};
}

LinearOp qllm::branchBeside(LinearOp op) {
  if (!op->hasOneUse())
    return {};
  auto add = dyn_cast<onnx::AddOp>(*op->user_begin());
  if (!add || add.getType() != op.getType())
    return {};
  Value other = add.getA() == op.getResult() ? add.getB() : add.getA();
  auto wide = other.getDefiningOp<LinearOp>();
  if (!wide || wide == op || !wide->hasOneUse() || wide.getType() != op.getType() ||
      wide.getBias() || !isByteWeight(wide.getWeight()))
    return {};
  auto quantize = wide.getInput().getDefiningOp<QuantizeOp>();
  if (!quantize || !quantize.isDynamic() || !isBytes(quantize) ||
      !cast<QuantizedType>(quantize.getType()).getGranularity().isPerToken())
    return {};
  return wide;
}
