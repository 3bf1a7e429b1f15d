// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// linear, embedding and low_rank: builders, constraints and canonical forms.

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

namespace {

ArrayRef<int64_t> shapeOf(Value value) { return *getTensorShape(value.getType()); }

LogicalResult verifyRank(Operation *op, StringRef name, Value value, bool fits, StringRef wanted) {
  if (fits)
    return success();
  return op->emitOpError() << "expected " << name << " of rank " << wanted << ", but got "
                           << value.getType();
}

/// Dimensions that are both static are equal.
LogicalResult verifyDims(Operation *op, int64_t found, StringRef foundName, int64_t wanted,
                         StringRef wantedName) {
  if (succeeded(verifyCompatibleDims({found, wanted})))
    return success();
  return op->emitOpError() << "expected " << foundName << " to be " << wanted << ", as "
                           << wantedName << ", but got " << found;
}

/// shape(`input`) with the last dimension replaced.
SmallVector<int64_t> replaceLastDim(ArrayRef<int64_t> input, int64_t last) {
  SmallVector<int64_t> shape(input);
  shape.back() = last;
  return shape;
}

LogicalResult verifyResultShape(Operation *op, ArrayRef<int64_t> wanted) {
  auto found = cast<RankedTensorType>(op->getResult(0).getType());
  if (succeeded(verifyCompatibleShape(found.getShape(), wanted)))
    return success();
  return op->emitOpError() << "expected a result of type "
                           << RankedTensorType::get(wanted, found.getElementType()) << ", but got "
                           << found;
}

/// Replace an operand that is only a dequantized form by the quantized tensor itself: these
/// operations read a quantized operand as its f32 value, so the result is the same to the bit.
template <typename OpT> struct ReadQuantizedOperand : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    bool changed = false;
    for (OpOperand &operand : op->getOpOperands()) {
      auto dequantize = operand.get().template getDefiningOp<DequantizeOp>();
      if (!dequantize || !dequantize.getResult().getType().getElementType().isF32() ||
          dequantize.getResult().getType().getShape() != dequantize.getInput().getType().getShape())
        continue;
      if (!canRead(op, operand))
        continue;
      rewriter.modifyOpInPlace(op, [&] { operand.set(dequantize.getInput()); });
      changed = true;
    }
    if (!changed)
      return rewriter.notifyMatchFailure(op, "no operand is a dequantized f32 tensor");
    return success();
  }

  /// A bias is float only; everything else may be quantized.
  static bool canRead(LinearOp, OpOperand &operand) { return operand.getOperandNumber() < 2; }
  static bool canRead(EmbeddingOp, OpOperand &) { return true; }
  static bool canRead(LowRankOp, OpOperand &) { return true; }
};

} // namespace

//===------------------------------------------------------------------------------------------===//
// linear
//===------------------------------------------------------------------------------------------===//

void LinearOp::build(OpBuilder &builder, OperationState &state, Value input, Value weight,
                     Value bias, Type elementType) {
  SmallVector<int64_t> shape = replaceLastDim(shapeOf(input), shapeOf(weight)[0]);
  build(builder, state, RankedTensorType::get(shape, elementType), input, weight, bias);
}

LogicalResult LinearOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput()), weight = shapeOf(getWeight());
  // linear_c1
  if (failed(verifyRank(*this, "an input", getInput(), !input.empty(), "at least 1")) ||
      failed(verifyRank(*this, "a weight", getWeight(), weight.size() == 2, "2")))
    return failure();
  // linear_c2
  if (failed(verifyDims(*this, weight[1], "dimension 1 of the weight", input.back(),
                        "the last dimension of the input")))
    return failure();
  // linear_c3
  if (getBias() && failed(verifyDims(*this, shapeOf(getBias())[0], "the size of the bias",
                                     weight[0], "dimension 0 of the weight")))
    return failure();
  // linear_c4
  return verifyResultShape(*this, replaceLastDim(input, weight[0]));
}

void LinearOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ReadQuantizedOperand<LinearOp>>(context);
}

//===------------------------------------------------------------------------------------------===//
// embedding
//===------------------------------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verify() {
  ArrayRef<int64_t> table = shapeOf(getTable());
  // embedding_c1
  if (failed(verifyRank(*this, "a table", getTable(), table.size() == 2, "2")))
    return failure();
  // embedding_c2
  SmallVector<int64_t> shape(shapeOf(getIndices()));
  shape.push_back(table[1]);
  if (failed(verifyResultShape(*this, shape)))
    return failure();
  // embedding_c3
  auto floats = dyn_cast<RankedTensorType>(getTable().getType());
  Type found = getResult().getType().getElementType();
  if (floats && floats.getElementType() != found)
    return emitOpError() << "expected a result with the element type of the table, "
                         << floats.getElementType() << ", but got " << found;
  return success();
}

void EmbeddingOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ReadQuantizedOperand<EmbeddingOp>>(context);
}

//===------------------------------------------------------------------------------------------===//
// low_rank
//===------------------------------------------------------------------------------------------===//

LogicalResult LowRankOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput()), down = shapeOf(getDown()), up = shapeOf(getUp());
  // low_rank_c1
  if (failed(verifyRank(*this, "an input", getInput(), !input.empty(), "at least 1")) ||
      failed(verifyRank(*this, "a factor down", getDown(), down.size() == 2, "2")) ||
      failed(verifyRank(*this, "a factor up", getUp(), up.size() == 2, "2")))
    return failure();
  // low_rank_c2
  if (failed(verifyDims(*this, down[1], "dimension 1 of down", input.back(),
                        "the last dimension of the input")))
    return failure();
  // low_rank_c3
  if (failed(verifyDims(*this, up[1], "dimension 1 of up", down[0], "dimension 0 of down")))
    return failure();
  // low_rank_c4
  return verifyResultShape(*this, replaceLastDim(input, up[0]));
}

void LowRankOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ReadQuantizedOperand<LowRankOp>>(context);
}
