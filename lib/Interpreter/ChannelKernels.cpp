// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms. Each computes the bits that its `applyToRow` does; what that would look up
// for every row (indices, divisors) is looked up once.

#include "Kernels/Axes.h"
#include "OperationKernels.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Support/TargetClones.h"
#include "qllm/Tensor/Convert.h"
#include <atomic>

using namespace qllm;
using namespace qllm::interp;

namespace {

QLLM_CLONES void scaleRow(const float *x, const float *f, int64_t count, bool inverse, float *y) {
  if (inverse)
    for (int64_t i = 0; i < count; ++i)
      y[i] = x[i] / f[i];
  else
    for (int64_t i = 0; i < count; ++i)
      y[i] = x[i] * f[i];
}

QLLM_CLONES void shiftRow(const float *x, const float *d, int64_t count, bool inverse, float *y) {
  if (inverse)
    for (int64_t i = 0; i < count; ++i)
      y[i] = x[i] - d[i];
  else
    for (int64_t i = 0; i < count; ++i)
      y[i] = x[i] + d[i];
}

/// y[i] = x[source[i]] / divisor[i]
QLLM_CLONES void gatherRow(const float *x, const int32_t *source, const float *divisor,
                           int64_t count, float *y) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[source[i]] / divisor[i];
}

/// y[target[i]] += x[i], then y / divisor.
void scatterRow(const float *x, llvm::ArrayRef<int64_t> targets, llvm::ArrayRef<float> divisors,
                float *y) {
  std::fill_n(y, divisors.size(), 0.0f);
  for (size_t i = 0; i < targets.size(); ++i)
    y[targets[i]] += x[i];
  scaleRow(y, divisors.data(), int64_t(divisors.size()), /*inverse=*/true, y);
}

/// From a row of one width to a row of another.
using RowFunction = std::function<void(const float *, float *)>;

RowFunction gather(llvm::ArrayRef<int32_t> source, llvm::ArrayRef<float> divisor) {
  return [source = source.vec(), divisor = divisor.vec()](const float *x, float *y) {
    gatherRow(x, source.data(), divisor.data(), int64_t(source.size()), y);
  };
}

RowFunction rowFunction(SplitChannelsOp op) {
  std::vector<int32_t> source;
  std::vector<float> divisor;
  for (auto [channel, part] : llvm::enumerate(op.getParts())) {
    source.insert(source.end(), size_t(part), int32_t(channel));
    divisor.insert(divisor.end(), size_t(part), op.getRepeat() ? 1.0f : float(part));
  }
  return gather(source, divisor);
}

RowFunction rowFunction(PermuteChannelsOp op) {
  std::vector<int32_t> source(op.getOrder().begin(), op.getOrder().end());
  return gather(source, std::vector<float>(source.size(), 1.0f));
}

RowFunction rowFunction(MergeChannelsOp op) {
  llvm::ArrayRef<int64_t> targets = op.getTargets();
  std::vector<float> divisors(size_t(op.getResult().getType().getShape().back()));
  for (int64_t target : targets)
    ++divisors[target];
  if (op.getSum())
    llvm::fill(divisors, 1.0f);
  return [targets, divisors](const float *x, float *y) { scatterRow(x, targets, divisors, y); };
}

/// Transforms whose rows need no preparation, or are not worth any.
struct Rows {
  int64_t width, outWidth;
  llvm::ArrayRef<llvm::ArrayRef<float>> parameters;
};

RowFunction rowFunction(mlir::Operation *op, const Rows &rows, std::atomic<bool> &fits) {
  llvm::ArrayRef<float> parameter =
      rows.parameters.empty() ? llvm::ArrayRef<float>() : rows.parameters.front();
  bool elementwise = int64_t(parameter.size()) == rows.width;
  int64_t width = rows.width;
  if (auto scale = llvm::dyn_cast<ScaleChannelsOp>(op); scale && elementwise)
    return [parameter, width, inverse = scale.getInverse()](const float *x, float *y) {
      scaleRow(x, parameter.data(), width, inverse, y);
    };
  if (auto shift = llvm::dyn_cast<ShiftChannelsOp>(op); shift && elementwise)
    return [parameter, width, inverse = shift.getInverse()](const float *x, float *y) {
      shiftRow(x, parameter.data(), width, inverse, y);
    };
  if (auto split = llvm::dyn_cast<SplitChannelsOp>(op);
      split && int64_t(split.getParts().size()) == width)
    return rowFunction(split);
  if (auto permute = llvm::dyn_cast<PermuteChannelsOp>(op);
      permute && int64_t(permute.getOrder().size()) == width)
    return rowFunction(permute);
  if (auto merge = llvm::dyn_cast<MergeChannelsOp>(op);
      merge && int64_t(merge.getTargets().size()) == width)
    return rowFunction(merge);
  return [op, rows, &fits](const float *x, float *y) {
    if (failed(llvm::cast<ChannelTransform>(op).applyToRow({x, size_t(rows.width)}, rows.parameters,
                                                           {y, size_t(rows.outWidth)})))
      fits = false;
  };
}

LogicalResult transformChannels(mlir::Operation *op, KernelContext &ctx) {
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
  std::atomic<bool> fits = true;
  RowFunction transform = rowFunction(op, {width, outWidth, parameters}, fits);
  ctx.pool().forRange(width ? x.size() / width : 0,
                      std::max<int64_t>(1, elementGrain / 4 / std::max<int64_t>(1, width)),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t row = begin; row < end; ++row)
                          transform(x.data<float>() + row * width,
                                    out.mutableData<float>() + row * outWidth);
                      });
  if (!fits)
    return ctx.fail("expected parameters that fit " + describe(x));
  return ctx.setOrFail(0, cast(out, runtimeElementType(type.getElementType())));
}

} // namespace

OperationKernel interp::findChannelKernel(llvm::StringRef name) {
  static constexpr llvm::StringLiteral names[] = {"qllm.scale_channels",   "qllm.shift_channels",
                                                  "qllm.permute_channels", "qllm.rotate_channels",
                                                  "qllm.split_channels",   "qllm.merge_channels"};
  return llvm::is_contained(names, name) ? transformChannels : nullptr;
}
