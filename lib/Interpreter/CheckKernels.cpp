// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights, and the expectations of the check dialect.

#include "Kernels/Elementwise.h"
#include "OperationKernels.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult constant(mlir::Operation *op, KernelContext &ctx) {
  return ctx.setOrFail(0, tensorOf(op->getAttr("value")));
}

LogicalResult checkTypes(KernelContext &ctx) {
  for (unsigned i : {0u, 1u})
    if (!ctx.has(i) || !ctx.value(i).tensor())
      return ctx.fail("expected two tensors");
  if (ctx.in(0).type() != ctx.in(1).type() || ctx.in(0).shape() != ctx.in(1).shape())
    return ctx.fail("expected " + describe(ctx.in(1)) + ", but got " + describe(ctx.in(0)));
  return success();
}

/// `[0, 2]`: where element i of a shape is.
std::string position(int64_t i, llvm::ArrayRef<int64_t> shape) {
  Shape index(shape.size());
  for (int64_t d = int64_t(shape.size()) - 1; d >= 0; --d) {
    index[d] = i % shape[d];
    i /= shape[d];
  }
  std::string text = "[";
  for (auto [k, at] : llvm::enumerate(index))
    text += (k ? ", " : "") + std::to_string(at);
  return text + "]";
}

std::string elementText(const Tensor &tensor, int64_t i) {
  if (tensor.type() == ElementType::String)
    return "'" + tensor.strings()[i] + "'";
  llvm::Expected<Tensor> one =
      cast(tensor.reshaped({tensor.size()}).rows(i, 1), ElementType::String);
  if (one)
    return one->strings()[0];
  llvm::consumeError(one.takeError());
  return "?";
}

LogicalResult differs(KernelContext &ctx, int64_t i) {
  return ctx.fail("expected " + elementText(ctx.in(1), i) + " at " +
                  position(i, ctx.in(1).shape()) + ", but got " + elementText(ctx.in(0), i));
}

LogicalResult expectEqual(mlir::Operation *, KernelContext &ctx) {
  if (failed(checkTypes(ctx)))
    return failure();
  const Tensor &actual = ctx.in(0), &expected = ctx.in(1);
  size_t width = storageBytes(actual.type());
  for (int64_t i = 0; i < actual.size(); ++i) {
    bool same = actual.type() == ElementType::String
                    ? actual.strings()[i] == expected.strings()[i]
                    : std::memcmp(actual.rawData() + size_t(i) * width,
                                  expected.rawData() + size_t(i) * width, width) == 0;
    if (!same)
      return differs(ctx, i);
  }
  return success();
}

bool isClose(double actual, double expected, double absolute, double relative) {
  if (std::isnan(expected) || std::isinf(expected))
    return std::isnan(expected) ? std::isnan(actual) : actual == expected;
  return std::fabs(actual - expected) <= absolute + relative * std::fabs(expected);
}

LogicalResult expectClose(mlir::Operation *op, KernelContext &ctx) {
  if (failed(checkTypes(ctx)))
    return failure();
  auto tolerance = [&](llvm::StringRef name, double otherwise) {
    auto attribute = llvm::dyn_cast_or_null<mlir::FloatAttr>(op->getAttr(name));
    return attribute ? attribute.getValueAsDouble() : otherwise;
  };
  double absolute = tolerance("atol", 1e-6), relative = tolerance("rtol", 1e-5);
  llvm::Expected<Tensor> actual = cast(ctx.in(0), ElementType::F64),
                         expected = cast(ctx.in(1), ElementType::F64);
  if (!actual || !expected)
    return ctx.fail(llvm::joinErrors(actual.takeError(), expected.takeError()));
  for (int64_t i = 0; i < actual->size(); ++i)
    if (!isClose(actual->data<double>()[i], expected->data<double>()[i], absolute, relative))
      return differs(ctx, i);
  return success();
}

} // namespace

OperationKernel interp::findCheckKernel(llvm::StringRef name) {
  return llvm::StringSwitch<OperationKernel>(name)
      .Case("Initializer", constant)
      .Case("check.expect_eq", expectEqual)
      .Case("check.expect_close", expectClose)
      .Default(nullptr);
}

OperationKernel interp::findOperationKernel(llvm::StringRef name) {
  for (auto find : {findQuantizedKernel, findLinearKernel, findChannelKernel, findDeviceKernel,
                    findCheckKernel})
    if (OperationKernel kernel = find(name))
      return kernel;
  return nullptr;
}
