// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The channel transforms whose parameters are data. Their rewrites of a weight are transforms
// again, on the weight's columns, so nothing here reads a value.

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Numerics/Rotation.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

/// Only a float weight has columns that a transform can act on.
bool isFloatMatrix(Value weight) {
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  return type && type.getRank() == 2;
}

/// a - a - a, which is -a for finite a and needs no constant of another dialect.
Value negate(OpBuilder &builder, Location loc, Value a) {
  Value zero = ShiftChannelsOp::create(builder, loc, a, a, /*inverse=*/true);
  return ShiftChannelsOp::create(builder, loc, zero, a, /*inverse=*/true);
}

/// b + W d or, with `subtract`, b - W d.
FailureOr<LinearParameters> shiftBias(OpBuilder &builder, Location loc, LinearParameters consumer,
                                      Value offsets, bool subtract) {
  if (!isFloatMatrix(consumer.weight))
    return failure();
  Type element = getElementTypeOrSelf(consumer.bias ? consumer.bias : consumer.weight);
  if (!subtract) {
    consumer.bias =
        LinearOp::create(builder, loc, offsets, consumer.weight, consumer.bias, element);
    return consumer;
  }
  Value shift = LinearOp::create(builder, loc, offsets, consumer.weight, Value(), element);
  consumer.bias = consumer.bias ? ShiftChannelsOp::create(builder, loc, consumer.bias, shift,
                                                          /*inverse=*/true)
                                : negate(builder, loc, shift);
  return consumer;
}

/// Both orders of two element-wise maps with a direction: parameters add up, with their signs
/// (`OpT` on the parameters themselves), and the result keeps a direction that needs no negation or
/// reciprocal.
template <typename OpT>
Value composeElementwise(OpBuilder &builder, OpT second, OpT first, Value firstParameter,
                         Value secondParameter) {
  Location loc = second.getLoc();
  bool sameDirection = first.getInverse() == second.getInverse();
  // With opposite directions the plain one leads: f2 / f1 when the first is the inverse, else f1 /
  // f2.
  Value lead = first.getInverse() && !sameDirection ? secondParameter : firstParameter;
  Value other = lead == firstParameter ? secondParameter : firstParameter;
  Value parameter = OpT::create(builder, loc, lead, other, /*inverse=*/!sameDirection);
  bool inverse = sameDirection && first.getInverse();
  return OpT::create(builder, loc, first.getInput(), parameter, inverse);
}

/// One row of parameters beside the input, all of the same width.
LogicalResult checkRows(ArrayRef<float> input, ArrayRef<ArrayRef<float>> parameters,
                        MutableArrayRef<float> output) {
  return success(parameters.size() == 1 && parameters[0].size() == input.size() &&
                 output.size() == input.size());
}

} // namespace

//===------------------------------------------------------------------------------------------===//
// scale
//===------------------------------------------------------------------------------------------===//

LogicalResult ScaleChannelsOp::applyToRow(ArrayRef<float> input,
                                          ArrayRef<ArrayRef<float>> parameters,
                                          MutableArrayRef<float> output) {
  if (failed(checkRows(input, parameters, output)))
    return failure();
  for (auto [x, factor, y] : llvm::zip_equal(input, parameters[0], output))
    y = getInverse() ? x / factor : x * factor;
  return success();
}

bool ScaleChannelsOp::isExact() { return true; }
bool ScaleChannelsOp::isIdentity() { return false; }

FailureOr<LinearParameters> ScaleChannelsOp::absorb(OpBuilder &builder, LinearParameters consumer) {
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight =
      ScaleChannelsOp::create(builder, getLoc(), consumer.weight, getFactors(), !getInverse());
  return consumer;
}

FailureOr<LinearParameters> ScaleChannelsOp::foldIntoConsumer(OpBuilder &builder,
                                                              LinearParameters consumer) {
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight =
      ScaleChannelsOp::create(builder, getLoc(), consumer.weight, getFactors(), getInverse());
  return consumer;
}

FailureOr<Value> ScaleChannelsOp::composeAfter(OpBuilder &builder, ChannelTransform first,
                                               bool allowRounding) {
  auto scale = dyn_cast<ScaleChannelsOp>(first.getOperation());
  if (!scale || !allowRounding || scale.getFactors().getType() != getFactors().getType())
    return failure();
  return composeElementwise(builder, *this, scale, scale.getFactors(), getFactors());
}

bool ScaleChannelsOp::canFoldIntoProducer(ProducerKind producer, int64_t) {
  // A rotary pair mixes two channels that may be scaled apart.
  return producer != ProducerKind::RotaryPair;
}

//===------------------------------------------------------------------------------------------===//
// shift
//===------------------------------------------------------------------------------------------===//

LogicalResult ShiftChannelsOp::applyToRow(ArrayRef<float> input,
                                          ArrayRef<ArrayRef<float>> parameters,
                                          MutableArrayRef<float> output) {
  if (failed(checkRows(input, parameters, output)))
    return failure();
  for (auto [x, offset, y] : llvm::zip_equal(input, parameters[0], output))
    y = getInverse() ? x - offset : x + offset;
  return success();
}

bool ShiftChannelsOp::isExact() { return true; }
bool ShiftChannelsOp::isIdentity() { return false; }

FailureOr<LinearParameters> ShiftChannelsOp::absorb(OpBuilder &builder, LinearParameters consumer) {
  return shiftBias(builder, getLoc(), consumer, getOffsets(), /*subtract=*/!getInverse());
}

FailureOr<LinearParameters> ShiftChannelsOp::foldIntoConsumer(OpBuilder &builder,
                                                              LinearParameters consumer) {
  return shiftBias(builder, getLoc(), consumer, getOffsets(), /*subtract=*/getInverse());
}

FailureOr<Value> ShiftChannelsOp::composeAfter(OpBuilder &builder, ChannelTransform first,
                                               bool allowRounding) {
  auto shift = dyn_cast<ShiftChannelsOp>(first.getOperation());
  if (!shift || !allowRounding || shift.getOffsets().getType() != getOffsets().getType())
    return failure();
  return composeElementwise(builder, *this, shift, shift.getOffsets(), getOffsets());
}

bool ShiftChannelsOp::canFoldIntoProducer(ProducerKind producer, int64_t) {
  switch (producer) {
  case ProducerKind::NormWithBias:
  case ProducerKind::LinearRows:
  // The probabilities of a row sum to one, so a constant added to v comes out as that constant.
  case ProducerKind::AttentionValue:
    return true;
  // Without a bias there is nowhere to put it; in a product it would multiply the gate.
  case ProducerKind::Norm:
  case ProducerKind::GatedProduct:
  case ProducerKind::RotaryPair:
    return false;
  }
  llvm_unreachable("all kinds are covered");
}

//===------------------------------------------------------------------------------------------===//
// rotate
//===------------------------------------------------------------------------------------------===//

LogicalResult RotateChannelsOp::applyToRow(ArrayRef<float> input,
                                           ArrayRef<ArrayRef<float>> parameters,
                                           MutableArrayRef<float> output) {
  size_t block = 0;
  if (getHadamard())
    block = *getHadamard();
  else if (parameters.size() == 1)
    block = std::lround(std::sqrt(static_cast<double>(parameters[0].size())));
  bool square = getHadamard() || (parameters.size() == 1 && block * block == parameters[0].size());
  size_t span = llvm::SaturatingMultiply<size_t>(block, getStride());
  if (!square || span == 0 || input.size() % span != 0 || output.size() != input.size())
    return failure();
  if (!getHadamard()) {
    rotateRow(parameters[0], block, getStride(), getInverse(), input, output);
    return success();
  }
  llvm::copy(input, output.begin());
  hadamardRow(block, getStride(), output);
  return success();
}

bool RotateChannelsOp::isExact() { return true; }

bool RotateChannelsOp::isIdentity() { return getHadamard() && *getHadamard() == 1; }

FailureOr<LinearParameters> RotateChannelsOp::absorb(OpBuilder &builder,
                                                     LinearParameters consumer) {
  // (x R)(W R)^T = x R R^T W^T = x W^T, and the same with R^T.
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight =
      RotateChannelsOp::create(builder, getLoc(), consumer.weight.getType(), consumer.weight,
                               getMatrix(), getHadamardAttr(), getStrideAttr(), getInverseAttr());
  return consumer;
}

FailureOr<LinearParameters> RotateChannelsOp::foldIntoConsumer(OpBuilder &builder,
                                                               LinearParameters consumer) {
  // (x R) W^T = x (W R^T)^T; a Hadamard matrix is its own transpose.
  if (!isFloatMatrix(consumer.weight))
    return failure();
  UnitAttr flipped = getInverse() ? UnitAttr() : builder.getUnitAttr();
  consumer.weight = RotateChannelsOp::create(
      builder, getLoc(), consumer.weight.getType(), consumer.weight, getMatrix(), getHadamardAttr(),
      getStrideAttr(), getHadamard() ? getInverseAttr() : flipped);
  return consumer;
}

FailureOr<Value> RotateChannelsOp::composeAfter(OpBuilder &builder, ChannelTransform first,
                                                bool allowRounding) {
  auto rotation = dyn_cast<RotateChannelsOp>(first.getOperation());
  if (!rotation || !allowRounding || rotation.getInput().getType() != getResult().getType())
    return failure();
  int64_t stride = getStride(), firstStride = rotation.getStride();
  // R R^T = 1. A Hadamard matrix is symmetric, so two of the same size cancel in any direction.
  bool cancels = getHadamard()
                     ? getHadamardAttr() == rotation.getHadamardAttr()
                     : getMatrix() == rotation.getMatrix() && getInverse() != rotation.getInverse();
  if (cancels && stride == firstStride)
    return rotation.getInput();
  // H_a x H_b is H_ab: blocks of one whose stride spans those of the other.
  if (!getHadamard() || !rotation.getHadamard() ||
      (stride != rotation.getSpan() && firstStride != getSpan()))
    return failure();
  return Value(RotateChannelsOp::create(builder, getLoc(), rotation.getInput(),
                                        int64_t(*getHadamard() * *rotation.getHadamard()),
                                        std::min(stride, firstStride)));
}

bool RotateChannelsOp::canFoldIntoProducer(ProducerKind producer, int64_t headSize) {
  if (producer == ProducerKind::LinearRows)
    return true;
  // Attention mixes tokens, never the channels of a head; every block must stay inside one head.
  int64_t span = getSpan();
  return producer == ProducerKind::AttentionValue && headSize > 0 && !ShapedType::isDynamic(span) &&
         headSize % span == 0;
}
