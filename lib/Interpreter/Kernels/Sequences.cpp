// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sequences and optionals.

#include "Axes.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult sequenceOf(KernelContext &ctx, unsigned i, const Sequence *&sequence) {
  sequence = ctx.has(i) ? ctx.value(i).sequence() : nullptr;
  return sequence ? success() : ctx.fail("expected a sequence as operand " + llvm::Twine(i));
}

/// A position in [-size, limit), counted from the end when negative.
LogicalResult positionOf(KernelContext &ctx, unsigned i, int64_t size, int64_t limit,
                         int64_t &position) {
  const Tensor *tensor = ctx.value(i).tensor();
  Shape values;
  if (!tensor || failed(ctx.integersOf(i, values)) || values.size() != 1)
    return ctx.fail("expected one integer as the position");
  position = values[0] < 0 ? values[0] + size : values[0];
  if (position < 0 || position >= limit)
    return ctx.fail("expected a position within a sequence of " + llvm::Twine(size) + ", but got " +
                    llvm::Twine(values[0]));
  return success();
}

LogicalResult construct(KernelContext &ctx) {
  Sequence result;
  for (unsigned i = 0; i < ctx.inputCount(); ++i)
    result.push_back(ctx.value(i));
  ctx.set(0, Value(std::move(result)));
  return success();
}

LogicalResult at(KernelContext &ctx) {
  const Sequence *sequence;
  int64_t position;
  if (failed(sequenceOf(ctx, 0, sequence)) ||
      failed(positionOf(ctx, 1, int64_t(sequence->size()), int64_t(sequence->size()), position)))
    return failure();
  ctx.set(0, (*sequence)[size_t(position)]);
  return success();
}

LogicalResult insert(KernelContext &ctx) {
  const Sequence *sequence;
  if (failed(sequenceOf(ctx, 0, sequence)))
    return failure();
  int64_t size = int64_t(sequence->size()), position = size;
  if (ctx.has(2) && failed(positionOf(ctx, 2, size, size + 1, position)))
    return failure();
  Sequence result = *sequence;
  result.insert(result.begin() + position, ctx.value(1));
  ctx.set(0, Value(std::move(result)));
  return success();
}

LogicalResult erase(KernelContext &ctx) {
  const Sequence *sequence;
  if (failed(sequenceOf(ctx, 0, sequence)))
    return failure();
  int64_t size = int64_t(sequence->size()), position = size - 1;
  if ((ctx.has(1) && failed(positionOf(ctx, 1, size, size, position))) || size == 0)
    return ctx.fail("expected a sequence that is not empty");
  Sequence result = *sequence;
  result.erase(result.begin() + position);
  ctx.set(0, Value(std::move(result)));
  return success();
}

LogicalResult length(KernelContext &ctx) {
  const Sequence *sequence;
  if (failed(sequenceOf(ctx, 0, sequence)))
    return failure();
  ctx.set(0, Tensor::scalar<int64_t>(int64_t(sequence->size())));
  return success();
}

LogicalResult hasElement(KernelContext &ctx) {
  ctx.set(0, Tensor::scalar<bool>(ctx.has(0)));
  return success();
}

LogicalResult getElement(KernelContext &ctx) {
  if (!ctx.has(0))
    return ctx.fail("expected an optional that has an element");
  ctx.set(0, ctx.value(0));
  return success();
}

/// Without an operand, the optional without an element.
LogicalResult makeOptional(KernelContext &ctx) {
  ctx.set(0, ctx.has(0) ? ctx.value(0) : Value());
  return success();
}

} // namespace

void interp::addSequenceKernels(KernelRegistry &registry) {
  unsigned traits = anyValue | keepsHalf;
  registry.add("SequenceConstruct", construct, 1, KernelRegistry::variadic, traits);
  registry.add("SequenceEmpty", construct, 0, 0, traits);
  registry.add("SequenceAt", at, 2, 2, traits);
  registry.add("SequenceInsert", insert, 2, 3, traits);
  registry.add("SequenceErase", erase, 1, 2, traits);
  registry.add("SequenceLength", length, 1, 1, traits);
  registry.add("OptionalHasElement", hasElement, 0, 1, traits);
  registry.add("OptionalGetElement", getElement, 1, 1, traits);
  registry.add("Optional", makeOptional, 0, 1, traits);
}
