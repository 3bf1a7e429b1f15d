// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What operands must be, and the cheaper of two ways to store codes.

#include "LinearChoice.h"

#include "LowerQuantize.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

kernels::CodeFormat describe(IntFormatAttr format) {
  return {format.getBits(), !format.isAsymmetric()};
}

/// To a kernel, codes of fewer bits in bytes are codes of 8.
kernels::CodeFormat describeInput(LinearOp op, bool inBytes) {
  kernels::CodeFormat format = describe(integersOf(op.getInput()));
  return {inBytes ? 8u : format.bits, format.isSigned};
}

std::string print(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

/// The codes of a row that kernels read for `depth` of them: whole pieces of 16 bytes.
int64_t wholePieces(int64_t depth, const kernels::CodeFormat &format) {
  return llvm::alignTo(depth, 128 / format.storageBits());
}

/// Whether a row of the input has several scales.
bool hasInputGroups(LinearOp op) {
  auto type = cast<QuantizedType>(op.getInput().getType());
  return scaledLength(type) != type.getShape().back();
}

/// What products of codes in bytes take at most of the cycles of others to be worth it: whoever
/// quantizes writes twice the bytes, which is not counted.
constexpr double mostOfPairs = 0.95;

/// What the products of a tensor cost if its codes are stored in one way.
struct Tally {
  void add(const ChosenSchedules &chosen) {
    if (!chosen.schedules) {
      if (refusal.empty())
        refusal = chosen.explanation;
      return;
    }
    ++kernels;
    cycles.resize(std::max(cycles.size(), chosen.cycles.size()));
    for (auto [sum, more] : llvm::zip(cycles, chosen.cycles))
      sum += more;
  }

  unsigned kernels = 0;
  std::string refusal;
  SmallVector<double> cycles; ///< as those of ChosenSchedules
};

} // namespace

IntFormatAttr qllm::integersOf(Value value) {
  auto type = dyn_cast<QuantizedType>(value.getType());
  return type ? dyn_cast<IntFormatAttr>(type.getFormat()) : IntFormatAttr();
}

bool qllm::hasGroups(QuantizedType weight) {
  GranularityAttr granularity = weight.getGranularity();
  return granularity.isGroup() && granularity.getGroupSize() != weight.getShape()[1];
}

/// Those of the type, in whole bytes; or constants of groups as codes of four bits, if they are.
kernels::Interval LinearChoice::zeroPointValues(PackOp weight) {
  Value zeroPoints = weight.getZeroPoints();
  if (!zeroPoints)
    return {};
  if (hasGroups(cast<QuantizedType>(weight.getType()))) {
    auto [entry, isNew] = haveHalfByteZeros.try_emplace(weight);
    if (isNew) {
      std::optional<std::vector<float>> values = constants.get(zeroPoints);
      entry->second = values && llvm::all_of(*values, [](float z) { return z >= 0 && z <= 15; });
    }
    if (entry->second)
      return kernels::codeInterval(4, /*isSigned=*/false);
  }
  Type type = cast<RankedTensorType>(zeroPoints.getType()).getElementType();
  return kernels::codeInterval(std::max(8u, type.getIntOrFloatBitWidth()),
                               !type.isUnsignedInteger());
}

kernels::LinearKernel LinearChoice::describe(LinearOp op, bool inBytes) {
  kernels::LinearKernel kernel;
  auto weight = cast<QuantizedType>(op.getWeight().getType());
  kernel.input = describeInput(op, inBytes);
  kernel.weight = ::describe(integersOf(op.getWeight()));
  kernel.hasInputGroups = hasInputGroups(op);
  if (!kernel.input.isSigned)
    kernel.inputZero = kernels::codeInterval(32, /*isSigned=*/true);
  kernel.weightZero = zeroPointValues(op.getWeight().getDefiningOp<PackOp>());
  kernel.columns = weight.getShape()[0];
  kernel.depth = weight.getShape()[1];
  if (hasGroups(weight)) {
    kernel.groupLength = weight.getGranularity().getGroupSize();
    return kernel;
  }
  kernel.depth = wholePieces(kernel.depth, kernel.input);
  kernel.groupLength = kernel.depth;
  return kernel;
}

/// Empty where there is a kernel for such operands.
std::string LinearChoice::refusal(LinearOp op) {
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  IntFormatAttr input = integersOf(op.getInput()), weight = integersOf(op.getWeight());
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
std::string LinearChoice::paddingRefusal(LinearOp op, bool inBytes) {
  auto type = cast<QuantizedType>(op.getWeight().getType());
  if (type.getShape()[1] == wholePieces(type.getShape()[1], describeInput(op, inBytes)))
    return "";
  if (hasGroups(type))
    return "expected rows of a multiple of 16 bytes beside groups, but got " +
           std::to_string(type.getShape()[1]) + " codes";
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  if (quantize.getRoundingOffsets() && !constants.get(quantize.getRoundingOffsets()))
    return "expected constant rounding offsets of rows that are filled up";
  Value zeroPoints = op.getWeight().getDefiningOp<PackOp>().getZeroPoints();
  if (!zeroPoints)
    return "";
  kernels::Interval codes = ::describe(integersOf(op.getWeight())).codes();
  std::optional<std::vector<float>> zeros = constants.get(zeroPoints);
  if (!zeros || llvm::any_of(*zeros, [&](float z) { return z < codes.low || z > codes.high; }))
    return "expected constant zero points that are codes of the weight, whose rows are filled up";
  return "";
}

ChosenSchedules LinearChoice::choose(LinearOp op, int64_t rank, bool inBytes) {
  std::string refused = refusal(op);
  if (refused.empty())
    refused = paddingRefusal(op, inBytes);
  if (!refused.empty())
    return {Attribute(), refused};
  kernels::LinearKernel kernel = describe(op, inBytes);
  kernel.rank = rank;
  return chooseSchedules(op.getContext(), kernel, policy);
}

/// The geometric mean, over numbers of rows, of what products take of the cycles of others on the
/// target that gains least; and which target that is.
static std::pair<double, size_t> worstRatio(ArrayRef<double> ofThese, ArrayRef<double> ofOthers,
                                            size_t targets) {
  size_t rows = ofThese.size() / targets;
  std::pair<double, size_t> worst = {0, 0};
  for (size_t target = 0; target != targets; ++target) {
    double logs = 0;
    for (size_t i = target * rows; i != (target + 1) * rows; ++i)
      logs += std::log(ofThese[i] / ofOthers[i]);
    worst = std::max(worst, {std::exp(logs / double(rows)), target});
  }
  return worst;
}

CodeStorage LinearChoice::compare(QuantizeOp op, RankOf rankOf) {
  IntFormatAttr format = integersOf(op.getResult());
  if (!format || ::describe(format).storageBits() == 8)
    return {};
  Tally pairs, bytes;
  for (Operation *user : op->getUsers()) {
    auto product = dyn_cast<LinearOp>(user);
    if (!product)
      continue;
    int64_t rank = rankOf(product);
    for (auto [tally, inBytes] : {std::pair(&pairs, false), std::pair(&bytes, true)}) {
      ChosenSchedules chosen = choose(product, rank, inBytes);
      if (!chosen.schedules && rank != 0)
        chosen = choose(product, /*rank=*/0, inBytes);
      tally->add(chosen);
    }
  }
  if (pairs.kernels > bytes.kernels)
    return {false,
            "codes of the input two to a byte, as one to a byte is refused: " + bytes.refusal};
  if (bytes.kernels > pairs.kernels)
    return {true,
            "codes of the input one to a byte, as two to a byte is refused: " + pairs.refusal};
  // A schedule that is forced is not compared.
  if (pairs.cycles.empty())
    return {};
  for (const kernels::Target *target : policy.targets)
    if (target->isNative(kernels::Capability::MmaInt4))
      return policy.targets.size() == 1
                 ? CodeStorage()
                 : CodeStorage{false, "codes of the input two to a byte, as " +
                                          std::string(target->name) + " multiplies them"};
  auto [ratio, target] = worstRatio(bytes.cycles, pairs.cycles, policy.targets.size());
  bool inBytes = ratio < mostOfPairs;
  return {inBytes,
          llvm::formatv("codes of the input {0} to a byte; one instead of two takes {1:f2} "
                        "of the cycles on {2}",
                        inBytes ? "one" : "two", ratio, policy.targets[target]->name)};
}

const CodeStorage &LinearChoice::storageOf(QuantizeOp op, RankOf rankOf) {
  auto [entry, isNew] = storages.try_emplace(op);
  if (isNew)
    entry->second = compare(op, rankOf);
  return entry->second;
}
