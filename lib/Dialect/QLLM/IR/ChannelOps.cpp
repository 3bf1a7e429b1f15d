// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms: constraints, inferred types, folds and canonical forms. What the transforms
// mean is in ScaleShiftRotate.cpp and SplitMergePermute.cpp.

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

/// There is a last axis, and `count` parameters for it.
LogicalResult verifyChannels(Operation *op, StringRef name, int64_t count) {
  auto input = cast<RankedTensorType>(op->getOperand(0).getType());
  if (input.getRank() < 1)
    return op->emitOpError() << "expected an input of rank at least 1, but got " << input;
  int64_t channels = input.getShape().back();
  if (failed(verifyCompatibleDims({channels, count})))
    return op->emitOpError() << "expected " << channels << " " << name
                             << ", one for each channel, but got " << count;
  return success();
}

/// `type` with `channels` in its last axis; fails for a type that is no ranked tensor of rank 1 or
/// more.
LogicalResult inferChannels(std::optional<Location> location, Type type, int64_t channels,
                            SmallVectorImpl<Type> &inferred) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() < 1)
    return emitOptionalError(location, "expected an input of rank at least 1, but got ", type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape.back() = channels;
  inferred.push_back(RankedTensorType::get(shape, tensor.getElementType()));
  return success();
}

/// Two transforms in a row become one where that changes no bit of the result.
template <typename OpT> struct ComposeTransforms : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().template getDefiningOp<ChannelTransform>();
    if (!first || !first->hasOneUse())
      return rewriter.notifyMatchFailure(op, "input is not a transform used only here");
    FailureOr<Value> composed = op.composeAfter(rewriter, first, /*allowRounding=*/false);
    if (failed(composed))
      return rewriter.notifyMatchFailure(op, "the two transforms do not compose exactly");
    rewriter.replaceOp(op, *composed);
    return success();
  }
};

} // namespace

//===------------------------------------------------------------------------------------------===//
// scale and shift
//===------------------------------------------------------------------------------------------===//

LogicalResult ScaleChannelsOp::verify() {
  // scale_channels_c1
  return verifyChannels(*this, "factors", getFactors().getType().getDimSize(0));
}

LogicalResult ShiftChannelsOp::verify() {
  // shift_channels_c1
  return verifyChannels(*this, "offsets", getOffsets().getType().getDimSize(0));
}

//===------------------------------------------------------------------------------------------===//
// permute
//===------------------------------------------------------------------------------------------===//

LogicalResult PermuteChannelsOp::verify() {
  // permute_channels_c1
  int64_t channels = getOrder().size();
  if (failed(verifyChannels(*this, "entries in order", channels)))
    return failure();
  // permute_channels_c2
  llvm::BitVector seen(channels);
  for (auto [position, channel] : llvm::enumerate(getOrder())) {
    if (channel < 0 || channel >= channels)
      return emitOpError() << "expected channels in 0 to " << channels - 1 << ", but got "
                           << channel << " at position " << position << " of order";
    if (seen.test(channel))
      return emitOpError() << "expected every channel once in order, but got channel " << channel
                           << " again at position " << position;
    seen.set(channel);
  }
  return success();
}

OpFoldResult PermuteChannelsOp::fold(FoldAdaptor) { return isIdentity() ? getInput() : Value(); }

void PermuteChannelsOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                    MLIRContext *context) {
  patterns.add<ComposeTransforms<PermuteChannelsOp>>(context);
}

//===------------------------------------------------------------------------------------------===//
// rotate
//===------------------------------------------------------------------------------------------===//

void RotateChannelsOp::build(OpBuilder &builder, OperationState &state, Value input, Value matrix,
                             int64_t stride, bool inverse) {
  build(builder, state, input.getType(), input, matrix, /*hadamard=*/nullptr,
        builder.getI64IntegerAttr(stride), inverse ? builder.getUnitAttr() : UnitAttr());
}

void RotateChannelsOp::build(OpBuilder &builder, OperationState &state, Value input,
                             int64_t hadamard, int64_t stride) {
  build(builder, state, input.getType(), input, /*matrix=*/Value(),
        builder.getI64IntegerAttr(hadamard), builder.getI64IntegerAttr(stride),
        /*inverse=*/UnitAttr());
}

int64_t RotateChannelsOp::getBlockSize() {
  if (getHadamard())
    return *getHadamard();
  return getMatrix().getType().getDimSize(0);
}

int64_t RotateChannelsOp::getSpan() {
  int64_t block = getBlockSize();
  if (ShapedType::isDynamic(block))
    return block;
  // A span that no tensor can have divides no number of channels; nor does the largest number.
  constexpr uint64_t limit = std::numeric_limits<int64_t>::max();
  return std::min(llvm::SaturatingMultiply<uint64_t>(block, getStride()), limit);
}

LogicalResult RotateChannelsOp::verify() {
  // rotate_channels_c1
  if (!getMatrix() == !getHadamard())
    return emitOpError() << "expected either a matrix or hadamard, but got "
                         << (getMatrix() ? "both" : "neither");
  // rotate_channels_c2
  if (getMatrix()) {
    ArrayRef<int64_t> shape = getMatrix().getType().getShape();
    if (failed(verifyCompatibleDims({shape[0], shape[1]})) || shape[0] == 0 || shape[1] == 0)
      return emitOpError() << "expected a square matrix with at least one row, but got "
                           << getMatrix().getType();
  }
  // rotate_channels_c3
  if (getHadamard() && (int64_t(*getHadamard()) < 1 || !llvm::isPowerOf2_64(*getHadamard())))
    return emitOpError() << "expected a power of two for hadamard, but got "
                         << int64_t(*getHadamard());
  // rotate_channels_c5
  int64_t stride = getStride();
  if (stride < 1)
    return emitOpError() << "expected a stride of at least 1, but got " << stride;
  // rotate_channels_c4
  auto input = getInput().getType();
  if (input.getRank() < 1)
    return emitOpError() << "expected an input of rank at least 1, but got " << input;
  int64_t channels = input.getShape().back(), block = getBlockSize();
  if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(block) || channels % getSpan() == 0)
    return success();
  InFlightDiagnostic error = emitOpError() << "expected blocks that divide the " << channels
                                           << " channels, but got blocks of " << block;
  if (stride != 1)
    error << " with a stride of " << stride;
  return error;
}

OpFoldResult RotateChannelsOp::fold(FoldAdaptor) { return isIdentity() ? getInput() : Value(); }

//===------------------------------------------------------------------------------------------===//
// split
//===------------------------------------------------------------------------------------------===//

LogicalResult SplitChannelsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  int64_t channels = 0;
  for (int64_t part : adaptor.getParts()) {
    // split_channels_c2: checked here, as the type cannot be told otherwise.
    if (part < 1)
      return emitOptionalError(location, "expected parts of at least 1, but got ", part);
    // Copies are listed one by one later on, so their number must stay one that can be.
    constexpr int64_t limit = std::numeric_limits<int32_t>::max();
    if (part > limit - channels)
      return emitOptionalError(location, "expected parts whose sum is at most ", limit,
                               ", but got more");
    channels += part;
  }
  return inferChannels(location, adaptor.getInput().getType(), channels, inferred);
}

LogicalResult SplitChannelsOp::verify() {
  // split_channels_c1
  if (failed(verifyChannels(*this, "parts", getParts().size())))
    return failure();
  // split_channels_c3
  if (getRepeat() && getRoundingOffsets())
    return emitOpError() << "expected at most one of repeat and rounding_offsets, but got both";
  return success();
}

OpFoldResult SplitChannelsOp::fold(FoldAdaptor) {
  return isIdentity() && getInput().getType() == getResult().getType() ? getInput() : Value();
}

void SplitChannelsOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                  MLIRContext *context) {
  patterns.add<ComposeTransforms<SplitChannelsOp>>(context);
}

//===------------------------------------------------------------------------------------------===//
// merge
//===------------------------------------------------------------------------------------------===//

LogicalResult MergeChannelsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  // merge_channels_c2: checked here, as the type cannot be told otherwise.
  ArrayRef<int64_t> targets = adaptor.getTargets();
  int64_t limit = targets.size();
  llvm::BitVector seen(limit);
  int64_t channels = 0;
  for (int64_t target : targets) {
    // More targets than channels would leave one without a member.
    if (target < 0 || target >= limit)
      return emitOptionalError(location, "expected targets in 0 to ", limit - 1, ", but got ",
                               target);
    seen.set(target);
    channels = std::max(channels, target + 1);
  }
  int missing = seen.find_first_unset();
  if (missing >= 0 && missing < channels)
    return emitOptionalError(location,
                             "expected every channel of the result to have a member, but "
                             "channel ",
                             missing, " of ", channels, " has none");
  return inferChannels(location, adaptor.getInput().getType(), channels, inferred);
}

LogicalResult MergeChannelsOp::verify() {
  // merge_channels_c1
  return verifyChannels(*this, "targets", getTargets().size());
}

OpFoldResult MergeChannelsOp::fold(FoldAdaptor) {
  return isIdentity() && getInput().getType() == getResult().getType() ? getInput() : Value();
}
