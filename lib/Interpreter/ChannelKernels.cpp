// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms, which apply themselves to one row after the other.

#include "Kernels/Axes.h"
#include "OperationKernels.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Tensor/Convert.h"
#include <atomic>

using namespace qllm;
using namespace qllm::interp;

static LogicalResult transformChannels(mlir::Operation *op, KernelContext &ctx) {
  auto transform = llvm::cast<ChannelTransform>(op);
  llvm::SmallVector<Tensor> operands;
  for (unsigned i = 0; i < ctx.inputCount(); ++i) {
    if (!ctx.has(i))
      continue;
    llvm::Expected<Tensor> floats = cast(ctx.in(i), ElementType::F32);
    if (!floats)
      return ctx.fail(floats.takeError());
    operands.push_back(*floats);
  }
  const Tensor &x = operands.front();
  llvm::SmallVector<llvm::ArrayRef<float>> parameters;
  for (const Tensor &operand : llvm::drop_begin(operands))
    parameters.push_back(operand.values<float>());
  auto type = llvm::cast<mlir::RankedTensorType>(op->getResult(0).getType());
  int64_t width = x.dim(x.rank() - 1), outWidth = type.getShape().back();
  if (mlir::ShapedType::isDynamic(outWidth))
    outWidth = width; // only transforms that keep the channels can have a dynamic number of them
  Shape shape(x.shape());
  shape.back() = outWidth;
  Tensor out;
  if (!ctx.temporary(out, ElementType::F32, shape))
    return failure();
  int64_t rows = width ? x.size() / width : 0;
  std::atomic<bool> fits = true;
  ctx.pool().forRange(
      rows, std::max<int64_t>(1, elementGrain / 4 / std::max<int64_t>(1, width)),
      [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
          if (failed(transform.applyToRow(
                  x.values<float>().slice(size_t(row * width), size_t(width)), parameters,
                  {out.mutableData<float>() + row * outWidth, size_t(outWidth)})))
            fits = false;
      });
  if (!fits)
    return ctx.fail("expected parameters that fit " + describe(x));
  return ctx.setOrFail(0, cast(out, runtimeElementType(type.getElementType())));
}

OperationKernel interp::findChannelKernel(llvm::StringRef name) {
  static constexpr llvm::StringLiteral names[] = {"qllm.scale_channels",   "qllm.shift_channels",
                                                  "qllm.permute_channels", "qllm.rotate_channels",
                                                  "qllm.split_channels",   "qllm.merge_channels"};
  return llvm::is_contained(names, name) ? transformChannels : nullptr;
}
