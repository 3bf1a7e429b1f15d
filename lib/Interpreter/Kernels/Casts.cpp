// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cast, CastLike and Constant.

#include "Registration.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::LogicalResult;
using llvm::success;

namespace {

LogicalResult castTo(KernelContext &ctx, ElementType type) {
  CastOptions options;
  options.saturate = ctx.attr("saturate", int64_t(1));
  std::string rounding = ctx.attr("round_mode", "up");
  using Rounding = CastOptions::PowerRounding;
  options.powerRounding = rounding == "down"      ? Rounding::Down
                          : rounding == "nearest" ? Rounding::Nearest
                                                  : Rounding::Up;
  if (type == ElementType::Undefined)
    return ctx.fail("expected a known element type as the target");
  return ctx.setOrFail(0, cast(ctx.in(0), type, options));
}

LogicalResult castKernel(KernelContext &ctx) {
  return castTo(ctx, elementTypeOfCode(ctx.attr("to", int64_t(0))));
}

LogicalResult castLike(KernelContext &ctx) { return castTo(ctx, ctx.in(1).type()); }

LogicalResult bitCast(KernelContext &ctx) {
  ElementType type = elementTypeOfCode(ctx.attr("to", int64_t(0)));
  const Tensor &x = ctx.in(0);
  if (type == ElementType::Undefined || type == ElementType::String ||
      fileBits(type) != fileBits(x.type()))
    return ctx.fail("expected a target type as wide as " + describe(x) + ", but got " +
                    elementTypeName(type));
  ctx.set(0, x.reinterpreted(type));
  return success();
}

LogicalResult constant(KernelContext &ctx) {
  const Attributes &attrs = ctx.attrs();
  llvm::Expected<Tensor> value = attrs.tensor("value");
  if (!value)
    return ctx.fail(value.takeError());
  if (!value->isNull())
    ctx.set(0, *value);
  else if (std::optional<int64_t> number = attrs.integer("value_int"))
    ctx.set(0, Tensor::scalar<int64_t>(*number));
  else if (std::optional<double> real = attrs.real("value_float"))
    ctx.set(0, Tensor::scalar<float>(float(*real)));
  else if (std::optional<Shape> numbers = attrs.integers("value_ints"))
    ctx.set(0, Tensor::of<int64_t>({int64_t(numbers->size())}, *numbers));
  else if (std::optional<std::vector<float>> reals = attrs.reals("value_floats"))
    ctx.set(0, Tensor::of<float>({int64_t(reals->size())}, *reals));
  else if (std::optional<std::string> text = attrs.string("value_string"))
    ctx.set(0, Tensor::ofStrings({}, {*text}));
  else if (std::optional<std::vector<std::string>> texts = attrs.strings("value_strings"))
    ctx.set(0, Tensor::ofStrings({int64_t(texts->size())}, *texts));
  else
    return ctx.fail("expected a dense value; sparse constants are not supported");
  return success();
}

} // namespace

void interp::addCastKernels(KernelRegistry &registry) {
  registry.add("Cast", castKernel, 1, 1, keepsHalf);
  registry.add("CastLike", castLike, 2, 2, keepsHalf);
  registry.add("BitCast", bitCast, 1, 1, keepsHalf);
  registry.add("Constant", constant, 0, 0, keepsHalf);
}
