// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The factors of a branch in the formats that kernels read.

#include "LowRankBranches.h"

#include "LowerQuantize.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Kernels/WeightOnlyKernel.h"
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

int64_t columnsOf(Value value) {
  auto type = dyn_cast<QuantizedType>(value.getType());
  return type ? type.getShape().back() : cast<RankedTensorType>(value.getType()).getShape().back();
}

int64_t rowsOf(Value weight) { return cast<QuantizedType>(weight.getType()).getShape()[0]; }

/// Elements of a row of an input with a scale of their own.
int64_t groupOf(Value input) {
  auto type = dyn_cast<QuantizedType>(input.getType());
  return type ? scaledLength(type) : columnsOf(input);
}

/// Whether a kernel's weight may not have more than four bits beside such an input.
bool isFourBit(Value input) {
  auto type = dyn_cast<QuantizedType>(input.getType());
  return type && type.getFormat().getBitWidth() <= 4;
}

/// Rows of integers, each group of a row with a scale: of eight bits, or codes 16 h + l as rows of
/// h and behind them rows of l, both of four bits, of which the largest is 7 * 16 + 7.
Value packRows(OpBuilder &builder, Location loc, const MatrixF &values, int64_t group,
               bool twoDigits, const Twine &name) {
  const float largest = twoDigits ? 119 : 127;
  int64_t rows = values.rows(), columns = values.columns(), groups = columns / group;
  int64_t digits = twoDigits ? 2 : 1;
  QuantizedParts parts;
  parts.codes.resize(size_t(digits * rows * columns));
  parts.scales.resize(size_t(digits * rows * groups));
  for (int64_t i = 0; i < rows * groups; ++i) {
    ArrayRef<float> elements(values.data() + i * group, size_t(group));
    float most = 0;
    for (float value : elements)
      most = std::max(most, std::abs(value));
    float scale = most > 0 ? most / largest : 1;
    parts.scales[size_t(i)] = twoDigits ? 16 * scale : scale;
    if (twoDigits)
      parts.scales[size_t(rows * groups + i)] = scale;
    for (auto [j, value] : llvm::enumerate(elements)) {
      float code = std::min(std::max(std::nearbyint(value / scale), -largest), largest);
      float high = twoDigits ? std::floor((code + 8) / 16) : 0, low = code - 16 * high;
      size_t at = size_t(i * group) + j;
      if (twoDigits)
        parts.codes[size_t(rows * columns) + at] = uint8_t(int8_t(low)) & 15;
      parts.codes[at] = twoDigits ? uint8_t(int8_t(high)) & 15 : uint8_t(int8_t(low));
    }
  }
  MLIRContext *context = builder.getContext();
  auto type = QuantizedType::get(
      {digits * rows, columns}, IntFormatAttr::get(context, twoDigits ? 4 : 8, Symmetry::Symmetric),
      group == columns ? GranularityAttr::perChannel(context, 0)
                       : GranularityAttr::group(context, 1, group));
  return createPacked(builder, loc, type, parts, name);
}

/// A factor as the weight of a kernel whose inputs have such groups; null where it is no constant,
/// or not finite.
Value factor(OpBuilder &builder, Location loc, Value values, int64_t group, bool twoDigits,
             ConstantValues &constants) {
  if (!twoDigits && group == columnsOf(values) && isByteWeight(values))
    return values;
  std::optional<MatrixF> real = constants.matrix(values);
  if (!real || llvm::any_of(real->values(), [](float v) { return !std::isfinite(v); }))
    return Value();
  Value source = values;
  if (auto pack = values.getDefiningOp<PackOp>())
    source = pack.getCodes();
  return packRows(builder, loc, *real, group, twoDigits,
                  weightName(source) + (twoDigits ? "_digits" : "_bytes"));
}

/// Takes `made` away, unless it is the branch's `own` or `by` itself, and returns `by`.
Value replaceFactor(Value made, Value own, Value by) {
  if (made && made != own && made != by)
    eraseDeadConstants({made});
  return by;
}

/// A packed weight of bytes with zeros behind its rows and columns. Null where it is no constant.
Value padBytes(OpBuilder &builder, Location loc, Value weight, int64_t rows, int64_t columns,
               ConstantValues &constants) {
  auto pack = weight.getDefiningOp<PackOp>();
  ArrayRef<int64_t> shape = cast<QuantizedType>(weight.getType()).getShape();
  if (shape[0] == rows && shape[1] == columns)
    return weight;
  std::optional<std::vector<float>> codes = constants.get(pack.getCodes());
  std::optional<std::vector<float>> scales = constants.get(pack.getScales());
  if (!codes || !scales)
    return Value();
  QuantizedParts parts;
  parts.codes.resize(size_t(rows * columns));
  for (int64_t row = 0; row != shape[0]; ++row)
    for (int64_t column = 0; column != shape[1]; ++column)
      parts.codes[size_t(row * columns + column)] =
          uint8_t(int8_t((*codes)[size_t(row * shape[1] + column)]));
  parts.scales = *scales;
  parts.scales.resize(size_t(rows), 1);
  auto type = QuantizedType::get({rows, columns}, cast<QuantizedType>(weight.getType()).getFormat(),
                                 GranularityAttr::perChannel(builder.getContext(), 0));
  return createPacked(builder, loc, type, parts, weightName(pack.getCodes()) + "_padded");
}

} // namespace

bool qllm::isByteWeight(Value value) {
  if (!isBytes(value) || !value.getDefiningOp<PackOp>())
    return false;
  GranularityAttr granularity = cast<QuantizedType>(value.getType()).getGranularity();
  return granularity.isPerChannel() && granularity.getAxis() == 0;
}

bool qllm::areBranchCodes(QuantizeOp op) {
  return op.isDynamic() && isBytes(op) && !op.getClip() && !op.getRoundingOffsets() &&
         cast<QuantizedType>(op.getType()).getGranularity().isPerToken();
}

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

BranchProducts qllm::expandBranch(LowRankOp branch, FloatType half, ConstantValues &constants,
                                  std::string &explanation) {
  OpBuilder builder(branch);
  Location loc = branch.getLoc();
  MLIRContext *context = builder.getContext();
  Value input = branch.getInput();
  bool fourBit = isFourBit(input);
  bool hasIntegers = isa<QuantizedType>(input.getType());
  Value down = factor(builder, loc, branch.getDown(), groupOf(input), fourBit, constants);
  int64_t rank = columnsOf(branch.getUp());
  Value up =
      down ? factor(builder, loc, branch.getUp(), rank, /*twoDigits=*/false, constants) : Value();
  if (up && !hasIntegers) {
    int64_t filled = llvm::alignTo(rank, kernels::WeightOnlyKernel::stepDepth);
    down = replaceFactor(down, branch.getDown(),
                         padBytes(builder, loc, down, filled, columnsOf(input), constants));
    up = replaceFactor(up, branch.getUp(),
                       padBytes(builder, loc, up, rowsOf(up), filled, constants));
  }
  if (!down || !up) {
    replaceFactor(down, branch.getDown(), Value());
    replaceFactor(up, branch.getUp(), Value());
    explanation = "expected constant and finite factors of a low-rank branch";
    return {};
  }
  Type element = cast<RankedTensorType>(branch.getType()).getElementType();
  Type between = half && !hasIntegers ? Type(half) : builder.getF32Type();
  auto thin = LinearOp::create(builder, loc, input, down, Value(), between);
  Value middle = thin;
  if (fourBit) {
    SmallVector<int64_t> targets;
    for (int64_t digit = 0; digit != 2; ++digit)
      llvm::append_range(targets, llvm::seq(rank));
    middle = MergeChannelsOp::create(builder, loc, middle, targets, /*sum=*/true);
  }
  if (hasIntegers) {
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
  if (!isa<QuantizedType>(op.getInput().getType()))
    return isa<QuantizedType>(wide.getInput().getType()) ? LinearOp() : wide;
  auto quantize = wide.getInput().getDefiningOp<QuantizeOp>();
  return quantize && areBranchCodes(quantize) ? wide : LinearOp();
}
