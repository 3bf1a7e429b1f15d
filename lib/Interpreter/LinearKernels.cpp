// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qllm dialect: consumers of weights.

#include "IntegerLinear.h"
#include "Kernels/Axes.h"
#include "OperationKernels.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Interpreter/Quantized.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/Gemm.h"
#include "llvm/ADT/StringSwitch.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

LogicalResult interp::realValues(KernelContext &ctx, unsigned i, Tensor &result) {
  const Value &value = ctx.value(i);
  if (!value.tensor() && !value.quantized())
    return ctx.fail("expected operand " + llvm::Twine(i) +
                    " to be a float or quantized tensor, but got " + value.describe());
  llvm::Expected<Tensor> floats = value.quantized() ? value.quantized()->values(ctx.pool())
                                                    : cast(*value.tensor(), ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  result = *floats;
  return success();
}

LogicalResult interp::setDeclaredResult(mlir::Operation *op, KernelContext &ctx,
                                        const Tensor &floats) {
  auto type = llvm::cast<mlir::ShapedType>(op->getResult(0).getType());
  return ctx.setOrFail(0, cast(floats, runtimeElementType(type.getElementType())));
}

namespace {

/// The shape of an operand; null for what is neither float nor quantized.
const Tensor *shapeOf(const Value &value) {
  return value.quantized() ? &value.quantized()->codes : value.tensor();
}

/// x W^T (+ bias) over the last axis of x, the weight being operand `weight`.
LogicalResult product(KernelContext &ctx, const Value &input, unsigned weight, const Tensor *bias,
                      Tensor &result) {
  const Tensor *x = shapeOf(input), *w = shapeOf(ctx.value(weight));
  if (!x || !w || x->rank() < 1 || w->rank() != 2 || x->dim(x->rank() - 1) != w->dim(1) ||
      (bias && bias->size() != w->dim(0)))
    return ctx.fail("expected a weight with as many columns as the input has channels, but got " +
                    input.describe() + " and " + ctx.value(weight).describe());
  int64_t depth = w->dim(1), columns = w->dim(0), rows = 1;
  for (int64_t dim : x->shape().drop_back())
    rows *= dim;
  Shape shape(x->shape().drop_back());
  shape.push_back(columns);
  if (!ctx.temporary(result, ElementType::F32, shape))
    return failure();
  float *out = result.mutableData<float>();
  const QuantizedTensor *codes = input.quantized(), *weightCodes = ctx.value(weight).quantized();
  if (codes && weightCodes &&
      integerLinear(ctx.pool(), *codes, *weightCodes, bias ? bias->data<float>() : nullptr, out))
    return success();
  llvm::Expected<Tensor> floats =
      codes ? codes->values(ctx.pool()) : cast(*input.tensor(), ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  Tensor weightFloats;
  if (failed(realValues(ctx, weight, weightFloats)))
    return failure();
  matmul(ctx.pool(), rows, columns, depth, 1, {floats->data<float>(), depth, false},
         {weightFloats.data<float>(), depth, true}, 0, out, columns);
  for (int64_t row = 0; bias && row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      out[row * columns + column] += bias->data<float>()[column];
  return success();
}

LogicalResult linear(mlir::Operation *op, KernelContext &ctx) {
  Tensor bias, result;
  if ((ctx.has(2) && failed(realValues(ctx, 2, bias))) ||
      failed(product(ctx, ctx.value(0), 1, ctx.has(2) ? &bias : nullptr, result)))
    return failure();
  return setDeclaredResult(op, ctx, result);
}

LogicalResult lowRank(mlir::Operation *op, KernelContext &ctx) {
  Tensor inner, result;
  if (failed(product(ctx, ctx.value(0), 1, nullptr, inner)) ||
      failed(product(ctx, inner, 2, nullptr, result)))
    return failure();
  return setDeclaredResult(op, ctx, result);
}

LogicalResult embedding(mlir::Operation *op, KernelContext &ctx) {
  llvm::Expected<Tensor> ids = cast(ctx.in(0), ElementType::I64);
  if (!ids)
    return ctx.fail(ids.takeError());
  const QuantizedTensor *quantized = ctx.value(1).quantized();
  const Tensor *table = quantized ? &quantized->codes : ctx.value(1).tensor();
  if (!table || table->rank() != 2)
    return ctx.fail("expected a table of two dimensions, but got " + ctx.value(1).describe());
  int64_t rows = table->dim(0), width = table->dim(1);
  Shape indices, shape(ids->shape());
  for (int64_t id : ids->values<int64_t>()) {
    if (id < -rows || id >= rows)
      return ctx.fail("expected an index in [" + llvm::Twine(-rows) + ", " + llvm::Twine(rows) +
                      "), but got " + llvm::Twine(id));
    indices.push_back(id < 0 ? id + rows : id);
  }
  shape.push_back(width);
  if (quantized) {
    llvm::Expected<Tensor> values = quantized->rows(ctx.pool(), indices);
    return values ? setDeclaredResult(op, ctx, values->reshaped(shape))
                  : ctx.fail(values.takeError());
  }
  Tensor *out = ctx.allocate(0, table->type(), shape);
  if (!out)
    return failure();
  for (auto [i, index] : llvm::enumerate(indices))
    copyElements(*out, int64_t(i) * width, *table, index * width, width);
  return success();
}

} // namespace

OperationKernel interp::findLinearKernel(llvm::StringRef name) {
  return llvm::StringSwitch<OperationKernel>(name)
      .Case("qllm.linear", linear)
      .Case("qllm.low_rank", lowRank)
      .Case("qllm.embedding", embedding)
      .Default(nullptr);
}
