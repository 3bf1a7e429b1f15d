// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.linear to qk.linear, and to which other operation where its input is of floats.

#include "LowerLinear.h"

#include "LowerWeightOnly.h"
#include "RowMatrix.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

IntFormatAttr formatOf(Value value) {
  auto type = dyn_cast<QuantizedType>(value.getType());
  return type ? dyn_cast<IntFormatAttr>(type.getFormat()) : IntFormatAttr();
}

kernels::CodeFormat describe(IntFormatAttr format) {
  return {format.getBits(), !format.isAsymmetric()};
}

std::string print(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

RankedTensorType tensorOf(ArrayRef<int64_t> shape, Type elementType) {
  return RankedTensorType::get(shape, elementType);
}

kernels::Interval zeroPointValues(Value zeroPoints) {
  if (!zeroPoints)
    return {};
  Type type = cast<RankedTensorType>(zeroPoints.getType()).getElementType();
  return kernels::codeInterval(type.getIntOrFloatBitWidth(), !type.isUnsignedInteger());
}

/// The codes of a row that kernels read for `depth` of them: whole pieces of 16 bytes.
int64_t wholePieces(int64_t depth, IntFormatAttr format) {
  int64_t codes = 128 / describe(format).storageBits();
  return llvm::divideCeil(depth, codes) * codes;
}

/// What the rank of a branch is filled up to.
int64_t rankOf(LinearOp wide) {
  return llvm::alignTo(cast<QuantizedType>(wide.getWeight().getType()).getShape()[1], 32);
}

/// Whether a row of the weight has several scales.
bool hasGroups(QuantizedType weight) {
  GranularityAttr granularity = weight.getGranularity();
  return granularity.isGroup() && granularity.getGroupSize() != weight.getShape()[1];
}

/// Whether a row of the input has several scales.
bool hasInputGroups(LinearOp op) {
  auto type = cast<QuantizedType>(op.getInput().getType());
  return scaledLength(type) != type.getShape().back();
}

/// The kernel that the operands ask for, without a schedule.
kernels::LinearKernel describeKernel(LinearOp op, PackOp pack) {
  kernels::LinearKernel kernel;
  auto weight = cast<QuantizedType>(op.getWeight().getType());
  kernel.input = describe(formatOf(op.getInput()));
  kernel.weight = describe(formatOf(op.getWeight()));
  kernel.hasInputGroups = hasInputGroups(op);
  if (!kernel.input.isSigned)
    kernel.inputZero = kernels::codeInterval(32, /*isSigned=*/true);
  kernel.weightZero = zeroPointValues(pack.getZeroPoints());
  kernel.columns = weight.getShape()[0];
  kernel.depth = weight.getShape()[1];
  if (hasGroups(weight)) {
    kernel.groupLength = weight.getGranularity().getGroupSize();
    return kernel;
  }
  kernel.depth = wholePieces(kernel.depth, formatOf(op.getInput()));
  kernel.groupLength = kernel.depth;
  return kernel;
}

} // namespace

/// Empty where there is a kernel for such operands.
std::string LinearLowering::refusal(LinearOp op) {
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  IntFormatAttr input = formatOf(op.getInput()), weight = formatOf(op.getWeight());
  if (!quantize || !input || !quantize.isDynamic())
    return "expected an input that qllm.quantize makes of its own range, to integers";
  auto inputType = cast<QuantizedType>(op.getInput().getType());
  GranularityAttr ofInput = inputType.getGranularity();
  if (!ofInput.isPerToken() && !(ofInput.isGroup() && ofInput.getAxis() == inputType.getRank() - 1))
    return "expected an input with scales for tokens or for groups of a token, but got " +
           print(ofInput);
  if (!pack || !weight)
    return "expected a packed weight of integers";
  auto type = cast<QuantizedType>(op.getWeight().getType());
  GranularityAttr granularity = type.getGranularity();
  if (type.getScaleEncoding() != ScaleEncoding::F32)
    return "expected scales of the weight in f32";
  bool perChannel = granularity.isPerChannel() && granularity.getAxis() == 0;
  bool grouped = granularity.isGroup() && granularity.getAxis() == 1;
  if (!perChannel && !grouped)
    return "expected a weight with scales for outputs or for groups of inputs, but got " +
           print(granularity);
  if (hasGroups(type) && weight.isAsymmetric())
    return "expected symmetric codes in the groups of a weight, but got " + print(weight);
  if (hasInputGroups(op) && scaledLength(inputType) != scaledLength(type))
    return "expected groups of an input as long as those of the weight, " +
           std::to_string(scaledLength(type)) + ", but got " +
           std::to_string(scaledLength(inputType));
  if (op.getBias() &&
      !isa<Float32Type>(cast<RankedTensorType>(op.getBias().getType()).getElementType()))
    return "expected a bias in f32";
  return "";
}

/// Empty where rows need not be filled up, or can be.
std::string LinearLowering::paddingRefusal(LinearOp op, PackOp pack) {
  auto type = cast<QuantizedType>(op.getWeight().getType());
  if (type.getShape()[1] == wholePieces(type.getShape()[1], formatOf(op.getInput())))
    return "";
  if (hasGroups(type))
    return "expected rows of a multiple of 16 bytes beside groups, but got " +
           std::to_string(type.getShape()[1]) + " codes";
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  if (quantize.getRoundingOffsets() && !constants.get(quantize.getRoundingOffsets()))
    return "expected constant rounding offsets of rows that are filled up";
  if (!pack.getZeroPoints())
    return "";
  kernels::Interval codes = ::describe(formatOf(op.getWeight())).codes();
  std::optional<std::vector<float>> zeros = constants.get(pack.getZeroPoints());
  if (!zeros || llvm::any_of(*zeros, [&](float z) { return z < codes.low || z > codes.high; }))
    return "expected constant zero points that are codes of the weight, whose rows are filled up";
  return "";
}

/// Whether a product with an asymmetric weight reads the tensor.
static bool wantsSums(QuantizeOp op) {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    auto linear = dyn_cast<LinearOp>(user);
    IntFormatAttr weight = linear ? formatOf(linear.getWeight()) : IntFormatAttr();
    return weight && weight.isAsymmetric();
  });
}

QuantizedRows LinearLowering::inputRows(QuantizeOp op, int64_t depth) {
  QuantizedRows &parts = inputs[op];
  if (!parts && fuse)
    parts = lowerQuantize(op, depth, wantsSums(op), constants);
  if (parts)
    return parts;
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Value rows = toRows(builder, loc, op.getInput());
  auto type = cast<QuantizedType>(op.getType());
  Value offsets = op.getRoundingOffsets();
  if (int64_t columns = cast<RankedTensorType>(rows.getType()).getDimSize(1); columns != depth) {
    SmallVector<int64_t> copies(size_t(columns), 1);
    copies.back() += depth - columns;
    rows = SplitChannelsOp::create(builder, loc, rows, builder.getDenseI64ArrayAttr(copies),
                                   /*repeat=*/true, /*rounding_offsets=*/false);
    if (offsets) {
      std::vector<float> values = *constants.get(offsets);
      repeatLast(values, 1, depth);
      offsets = initializer(builder, loc, tensorOf({depth}, builder.getF32Type()),
                            ArrayRef<float>(values), offsets, "_padded");
    }
  }
  // One group is a token.
  bool grouped = scaledLength(type) != type.getShape().back();
  auto rowType =
      QuantizedType::get(cast<RankedTensorType>(rows.getType()).getShape(), type.getFormat(),
                         grouped ? GranularityAttr::group(op.getContext(), 1, scaledLength(type))
                                 : GranularityAttr::perToken(op.getContext()));
  auto quantized = cast<QuantizeOp>(builder.clone(*op));
  quantized.getInputMutable().assign(rows);
  if (offsets)
    quantized.getRoundingOffsetsMutable().assign(offsets);
  quantized.getResult().setType(rowType);
  auto unpacked = UnpackOp::create(builder, loc, quantized.getResult());
  parts = {unpacked.getCodes(), unpacked.getScales(), unpacked.getZeroPoints(), Value()};
  if (wantsSums(op))
    parts.sums = qk::CodeSumsOp::create(
        builder, loc, tensorOf({rowType.getShape()[0]}, builder.getI32Type()), parts.codes,
        /*scales=*/Value());
  return parts;
}

void LinearLowering::removeUnused() {
  for (auto &entry : inputs)
    if (entry.first->use_empty())
      entry.first->erase();
  inputs.clear();
  weights.removeUnused();
  blockScaled.removeUnused();
}

bool LinearLowering::hasKernel(LinearOp op, std::string &explanation) {
  ChosenSchedules chosen = BlockScaledLowering::matches(op) ? blockScaled.choose(op)
                           : isa<QuantizedType>(op.getInput().getType())
                               ? chooseIntegers(op, /*rank=*/0)
                               : chooseWeightOnly(op, policy, half, constants);
  explanation = chosen.explanation;
  return bool(chosen.schedules);
}

BranchProducts LinearLowering::lowerBranch(LowRankOp op, std::string &explanation) {
  BranchProducts products = expandBranch(op, constants, explanation);
  if (!products)
    return {};
  if (!hasKernel(products.thin, explanation) || !hasKernel(products.wide, explanation)) {
    products.erase();
    return {};
  }
  wides.insert(products.wide);
  SmallVector<Value> factors = {op.getDown(), op.getUp()};
  op.getResult().replaceAllUsesWith(products.wide.getResult());
  op.erase();
  eraseDeadConstants(factors);
  return products;
}

bool LinearLowering::lower(LinearOp op, std::string &explanation) {
  wides.remove(op);
  if (BlockScaledLowering::matches(op))
    return blockScaled.lower(op, explanation);
  if (isa<QuantizedType>(op.getInput().getType()))
    return lowerIntegers(op, explanation);
  return lowerWeightOnly(op, policy, half, constants, explanation);
}

/// For the product alone, or with a branch of a rank.
ChosenSchedules LinearLowering::chooseIntegers(LinearOp op, int64_t rank) {
  std::string refused = refusal(op);
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  if (refused.empty())
    refused = paddingRefusal(op, pack);
  if (!refused.empty())
    return {Attribute(), refused};
  kernels::LinearKernel kernel = describeKernel(op, pack);
  kernel.rank = rank;
  return chooseSchedules(op.getContext(), kernel, policy);
}

LinearLowering::BranchParts LinearLowering::branchParts(LinearOp wide, int64_t rank) {
  auto pack = wide.getWeight().getDefiningOp<PackOp>();
  QuantizedRows input = inputRows(wide.getInput().getDefiningOp<QuantizeOp>(), rank);
  OpBuilder builder(wide);
  Value codes = pack.getCodes();
  if (auto type = cast<RankedTensorType>(codes.getType()); type.getDimSize(1) != rank)
    codes = qk::PadWeightOp::create(builder, wide.getLoc(),
                                    tensorOf({type.getDimSize(0), rank}, type.getElementType()),
                                    codes, /*zero_points=*/Value());
  return {input.codes, input.scales, codes, pack.getScales()};
}

bool LinearLowering::lowerIntegers(LinearOp op, std::string &explanation) {
  LinearOp wide = branchBeside(op);
  if (wide && !wides.contains(wide))
    wide = {};
  int64_t rank = wide ? rankOf(wide) : 0;
  ChosenSchedules chosen = chooseIntegers(op, rank);
  if (wide && !chosen.schedules) {
    wide = {};
    chosen = chooseIntegers(op, /*rank=*/0);
  }
  explanation = chosen.explanation;
  if (!chosen.schedules)
    return false;
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  kernels::LinearKernel kernel = describeKernel(op, pack);
  QuantizedRows input = inputRows(quantize, kernel.depth);
  WeightParts weight = weights.get(pack, kernel);
  // With a branch, what both are added up to.
  Operation *replaced = op;
  BranchParts branch;
  if (wide) {
    branch = branchParts(wide, rank);
    replaced = *op->user_begin();
    explanation = "with a low-rank branch of " + std::to_string(rank) + "; " + explanation;
  }
  OpBuilder builder(replaced);
  auto result = cast<RankedTensorType>(op.getType());
  int64_t rows = cast<RankedTensorType>(input.codes.getType()).getDimSize(0);
  qk::LayoutAttr layout;
  if (kernel.isWeightShuffled())
    layout = qk::LayoutAttr::get(op.getContext(), kernels::WeightLayout::int4Fragments());
  Value matrix = qk::LinearOp::create(
      builder, op.getLoc(), tensorOf({rows, kernel.columns}, result.getElementType()), input.codes,
      weight.codes, input.scales, weight.scales, input.zeroPoints,
      input.zeroPoints ? weight.sums : Value(), weight.zeroPoints,
      weight.zeroPoints ? input.sums : Value(), op.getBias(), branch.input, branch.inputScales,
      branch.weight, branch.weightScales, formatOf(op.getInput()), formatOf(op.getWeight()),
      chosen.schedules, layout);
  replaced->getResult(0).replaceAllUsesWith(
      fromRows(builder, op.getLoc(), matrix, quantize.getInput(), result));
  if (wide) {
    replaced->erase();
    wides.remove(wide);
    weights.mayBeUnused(wide.getWeight().getDefiningOp<PackOp>());
    wide.erase();
  }
  op.erase();
  return true;
}
