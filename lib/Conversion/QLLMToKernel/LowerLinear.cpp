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

RankedTensorType tensorOf(ArrayRef<int64_t> shape, Type elementType) {
  return RankedTensorType::get(shape, elementType);
}

/// What the rank of a branch is filled up to.
int64_t rankOf(LinearOp wide) {
  return llvm::alignTo(cast<QuantizedType>(wide.getWeight().getType()).getShape()[1], 32);
}

} // namespace

/// Whether a product with an asymmetric weight reads the tensor that does not sum groups itself.
static bool wantsSums(QuantizeOp op) {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    auto linear = dyn_cast<LinearOp>(user);
    IntFormatAttr weight = linear ? integersOf(linear.getWeight()) : IntFormatAttr();
    return weight && weight.isAsymmetric() &&
           !hasGroups(cast<QuantizedType>(linear.getWeight().getType()));
  });
}

/// The codes one to a byte.
static Value bytesOf(OpBuilder &builder, Location loc, Value codes) {
  auto type = cast<RankedTensorType>(codes.getType());
  auto element = cast<IntegerType>(type.getElementType());
  auto bytes = IntegerType::get(builder.getContext(), 8, element.getSignedness());
  constexpr int64_t onnxUInt8 = 2, onnxInt8 = 3;
  return onnx::CastOp::create(
      builder, loc, type.clone(bytes), codes, nullptr, nullptr,
      builder.getI64IntegerAttr(element.isUnsigned() ? onnxUInt8 : onnxInt8));
}

QuantizedRows LinearLowering::inputRows(QuantizeOp op, int64_t depth, bool inBytes) {
  if (QuantizedRows made = inputs.lookup(op))
    return made;
  QuantizedInput made;
  if (fuse)
    made = lowerQuantize(op, depth, inBytes, wantsSums(op), constants, policy.targets);
  if (made.part) {
    inputs[made.part.codes] = made.partRows;
    parts.remove(made.part.thin);
    parts.remove(made.part.back);
  }
  if (!made.rows)
    made.rows = interpretedRows(op, depth, inBytes);
  return inputs[op] = made.rows;
}

void LinearLowering::findPrincipalParts(ModuleOp module) {
  if (!fuse)
    return;
  module.walk([&](QuantizeOp op) {
    if (PrincipalPart part = principalPartOf(op, constants)) {
      parts.insert(part.thin);
      parts.insert(part.back);
      wides.insert_range(part.wideProducts());
    }
  });
}

SmallVector<LinearOp> LinearLowering::partProducts() const {
  return llvm::map_to_vector(parts, [](Operation *op) { return cast<LinearOp>(op); });
}

/// By the operation that there is, on a matrix.
QuantizedRows LinearLowering::interpretedRows(QuantizeOp op, int64_t depth, bool inBytes) {
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
  QuantizedRows parts = {unpacked.getCodes(), unpacked.getScales(), unpacked.getZeroPoints(),
                         Value()};
  if (inBytes)
    parts.codes = bytesOf(builder, loc, parts.codes);
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

/// For inputs of any storage: which it is is decided when all of their products are known.
ChosenSchedules LinearLowering::chooseIntegers(LinearOp op) {
  ChosenSchedules chosen = choice.choose(op, /*rank=*/0, /*inBytes=*/false);
  return chosen.schedules ? chosen : choice.choose(op, /*rank=*/0, /*inBytes=*/true);
}

bool LinearLowering::hasKernel(LinearOp op, std::string &explanation) {
  ChosenSchedules chosen = BlockScaledLowering::matches(op) ? blockScaled.choose(op)
                           : isa<QuantizedType>(op.getInput().getType())
                               ? chooseIntegers(op)
                               : chooseWeightOnly(op, /*wide=*/{}, policy, half, constants);
  explanation = chosen.explanation;
  return bool(chosen.schedules);
}

BranchProducts LinearLowering::lowerBranch(LowRankOp op, std::string &explanation) {
  BranchProducts products = expandBranch(op, half, constants, explanation);
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
  bool isBranch = wides.remove(op);
  if (BlockScaledLowering::matches(op))
    return blockScaled.lower(op, explanation);
  if (isa<QuantizedType>(op.getInput().getType()))
    return lowerIntegers(op, explanation);
  bool lowered = lowerFloats(op, explanation);
  if (isBranch)
    explanation = "a low-rank branch by itself, as no product with a kernel for both is added to "
                  "it and to nothing else; " +
                  explanation;
  return lowered;
}

bool LinearLowering::lowerFloats(LinearOp op, std::string &explanation) {
  LinearOp wide = wideBeside(op);
  ChosenSchedules chosen = chooseWeightOnly(op, wide, policy, half, constants);
  explanation = chosen.explanation;
  if (wide && chosen.schedules) {
    explanation = "with a low-rank branch of " +
                  std::to_string(cast<QuantizedType>(wide.getWeight().getType()).getShape()[1]) +
                  "; " + explanation;
  } else if (wide) {
    wide = {};
    chosen = chooseWeightOnly(op, wide, policy, half, constants);
    explanation = chosen.schedules
                      ? "without its low-rank branch: " + explanation + "; " + chosen.explanation
                      : chosen.explanation;
  }
  if (!chosen.schedules)
    return false;
  wides.remove(wide);
  lowerWeightOnly(op, wide, chosen.schedules, half, constants);
  return true;
}

LinearLowering::BranchParts LinearLowering::branchParts(LinearOp wide, int64_t rank) {
  auto pack = wide.getWeight().getDefiningOp<PackOp>();
  QuantizedRows input =
      inputRows(wide.getInput().getDefiningOp<QuantizeOp>(), rank, /*inBytes=*/false);
  OpBuilder builder(wide);
  Value codes = pack.getCodes();
  if (auto type = cast<RankedTensorType>(codes.getType()); type.getDimSize(1) != rank)
    codes = qk::PadWeightOp::create(builder, wide.getLoc(),
                                    tensorOf({type.getDimSize(0), rank}, type.getElementType()),
                                    codes, /*zero_points=*/Value());
  return {input.codes, input.scales, codes, pack.getScales()};
}

/// The wide product of a branch that may become part of this one.
LinearOp LinearLowering::wideBeside(LinearOp op) {
  LinearOp wide = branchBeside(op);
  return wide && wides.contains(wide) ? wide : LinearOp();
}

const CodeStorage &LinearLowering::storageOf(QuantizeOp op) {
  return choice.storageOf(op, [&](LinearOp product) {
    LinearOp wide = wideBeside(product);
    return wide ? rankOf(wide) : 0;
  });
}

/// The addition of a tensor of the same type that is all that becomes of a product, and that
/// tensor; null where there is none.
struct ResidualAdd {
  onnx::AddOp add;
  Value residual;
};

static ResidualAdd residualBehind(Value product) {
  auto add = product.hasOneUse() ? dyn_cast<onnx::AddOp>(*product.user_begin()) : onnx::AddOp();
  if (!add || add.getResult().getType() != product.getType())
    return {};
  Value residual = add.getA() == product ? add.getB() : add.getA();
  return residual.getType() == product.getType() ? ResidualAdd{add, residual} : ResidualAdd();
}

bool LinearLowering::lowerIntegers(LinearOp op, std::string &explanation) {
  LinearOp wide = wideBeside(op);
  int64_t rank = wide ? rankOf(wide) : 0;
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  CodeStorage storage = quantize ? storageOf(quantize) : CodeStorage();
  ChosenSchedules chosen = choice.choose(op, rank, storage.inBytes);
  if (wide && !chosen.schedules) {
    wide = {};
    chosen = choice.choose(op, /*rank=*/0, storage.inBytes);
  }
  explanation = (storage.reason.empty() ? "" : storage.reason + "; ") + chosen.explanation;
  if (!chosen.schedules)
    return false;
  auto pack = op.getWeight().getDefiningOp<PackOp>();
  kernels::LinearKernel kernel = choice.describe(op, storage.inBytes);
  QuantizedRows input = inputRows(quantize, kernel.depth, storage.inBytes);
  WeightParts weight = weights.get(pack, kernel);
  // With a branch, what both are added up to.
  Operation *replaced = op;
  BranchParts branch;
  if (wide) {
    branch = branchParts(wide, rank);
    replaced = *op->user_begin();
    explanation = "with a low-rank branch of " + std::to_string(rank) + "; " + explanation;
  }
  // The sum is rounded as it was, and nothing but the sum is stored.
  ResidualAdd behind = residualBehind(replaced->getResult(0));
  Operation *last = behind.add ? behind.add : replaced;
  OpBuilder builder(last);
  Value residual = behind.add ? toRows(builder, op.getLoc(), behind.residual) : Value();
  auto result = cast<RankedTensorType>(op.getType());
  int64_t rows = cast<RankedTensorType>(input.codes.getType()).getDimSize(0);
  qk::LayoutAttr layout;
  if (kernel.isWeightShuffled())
    layout = qk::LayoutAttr::get(op.getContext(), kernels::WeightLayout::int4Fragments());
  Value matrix = qk::LinearOp::create(
      builder, op.getLoc(), tensorOf({rows, kernel.columns}, result.getElementType()), input.codes,
      weight.codes, input.scales, weight.scales, input.zeroPoints,
      input.zeroPoints ? weight.sums : Value(), weight.zeroPoints,
      weight.zeroPoints && !kernel.isGrouped() ? input.sums : Value(), op.getBias(), branch.input,
      branch.inputScales, branch.weight, branch.weightScales, /*gate=*/Value(), residual,
      integersOf(op.getInput()), integersOf(op.getWeight()), chosen.schedules, layout);
  last->getResult(0).replaceAllUsesWith(
      fromRows(builder, op.getLoc(), matrix, quantize.getInput(), result));
  if (last != replaced)
    last->erase();
  if (wide) {
    replaced->erase();
    wides.remove(wide);
    weights.mayBeUnused(wide.getWeight().getDefiningOp<PackOp>());
    wide.erase();
  }
  op.erase();
  return true;
}
