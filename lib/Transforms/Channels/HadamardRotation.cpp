// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// H = H_dense x H_doubled: the dense factor mixes channels that are H_doubled apart.

#include "HadamardRotation.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"

using namespace mlir;
using namespace qllm;

llvm::Expected<HadamardRotation> HadamardRotation::create(int64_t channels, int64_t block,
                                                          std::optional<uint64_t> seed,
                                                          bool sameSigns) {
  std::vector<int64_t> blocks = hadamardBlocks(channels);
  if (blocks.empty())
    return llvm::createStringError("expected at least one channel, but got " + Twine(channels));
  if (block == 0)
    block = blocks.front();
  if (!llvm::is_contained(blocks, block)) {
    std::string list;
    for (int64_t possible : blocks)
      list += (list.empty() ? "" : ", ") + std::to_string(possible);
    return llvm::createStringError("expected blocks that divide the " + Twine(channels) +
                                   " channels and have a Hadamard matrix (" + list +
                                   "), but got blocks of " + Twine(block));
  }
  HadamardRotation rotation;
  rotation.width = channels;
  rotation.size = *findHadamard(block);
  if (seed) {
    rotation.signs = randomSigns(sameSigns ? block : channels, *seed);
    for (int64_t i = rotation.signs.size(); i < channels; ++i)
      rotation.signs.push_back(rotation.signs[i - block]);
  }
  return rotation;
}

std::string HadamardRotation::describe() const {
  std::string dense = "H" + std::to_string(size.dense),
              doubled = "H" + std::to_string(size.doubled);
  return size.dense == 1 ? doubled : size.doubled == 1 ? dense : dense + " x " + doubled;
}

/// A place that comes before everything else in the block of `x`.
static OpBuilder entryOf(Value x) { return OpBuilder::atBlockBegin(x.getParentBlock()); }

Value HadamardRotation::signsFor(Location loc, Value x) {
  if (signVector && signVector.getParentBlock() == x.getParentBlock())
    return signVector;
  OpBuilder entry = entryOf(x);
  auto type = RankedTensorType::get({width}, entry.getF32Type());
  return signVector = onnx::InitializerOp::create(entry, loc, type, entry.getStringAttr("signs"),
                                                  DenseElementsAttr::get(type, ArrayRef(signs)));
}

Value HadamardRotation::denseFor(Location loc, Value x) {
  if (denseMatrix && denseMatrix.getParentBlock() == x.getParentBlock())
    return denseMatrix;
  OpBuilder entry = entryOf(x);
  MatrixF matrix = llvm::cantFail(hadamardMatrix(size.dense));
  auto type = RankedTensorType::get({size.dense, size.dense}, entry.getF32Type());
  return denseMatrix = onnx::InitializerOp::create(
             entry, loc, type, entry.getStringAttr("hadamard_" + Twine(size.dense)),
             DenseElementsAttr::get(type, matrix.values()));
}

Value HadamardRotation::apply(OpBuilder &builder, Location loc, Value x, bool inverse) {
  auto scale = [&] {
    if (!signs.empty())
      x = ScaleChannelsOp::create(builder, loc, x, signsFor(loc, x), /*inverse=*/false);
  };
  auto dense = [&] {
    if (size.dense != 1)
      x = RotateChannelsOp::create(builder, loc, x, denseFor(loc, x), size.doubled, inverse);
  };
  auto doubled = [&] {
    if (size.doubled != 1)
      x = RotateChannelsOp::create(builder, loc, x, /*hadamard=*/size.doubled);
  };
  if (inverse) {
    doubled(), dense(), scale();
    return x;
  }
  scale(), dense(), doubled();
  return x;
}

OpBuilder HadamardRotation::builderAfter(Value x) {
  OpBuilder builder(x.getContext());
  builder.setInsertionPointAfterValue(x);
  if (!isa<BlockArgument>(x))
    return builder;
  // Constants stand where values that are arguments begin.
  Operation *last = nullptr;
  auto consider = [&](Value constant) {
    Operation *op = constant.getDefiningOp();
    last = !last || last->isBeforeInBlock(op) ? op : last;
  };
  if (!signs.empty())
    consider(signsFor(x.getLoc(), x));
  if (size.dense != 1)
    consider(denseFor(x.getLoc(), x));
  if (last)
    builder.setInsertionPointAfter(last);
  return builder;
}

Value HadamardRotation::applyToRows(OpBuilder &builder, Location loc, Value matrix) {
  Value columns = transposeMatrix(builder, loc, matrix);
  return transposeMatrix(builder, loc, apply(builder, loc, columns));
}

void qllm::rotateReaders(HadamardRotation &rotation, Value rotated, ArrayRef<LinearOp> layers) {
  for (LinearOp linear : layers) {
    OpBuilder builder(linear);
    // (x Q)(W Q)^T = x W^T
    Value weight = rotation.apply(builder, linear.getLoc(), linear.getWeight());
    linear.getInputMutable().assign(rotated);
    linear.getWeightMutable().assign(weight);
  }
}

bool qllm::hasFloatWeight(LinearOp linear) {
  auto type = dyn_cast<RankedTensorType>(linear.getWeight().getType());
  return type && type.hasStaticShape() && isConstantExpression(linear.getWeight());
}
