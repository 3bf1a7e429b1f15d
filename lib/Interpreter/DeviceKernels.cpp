// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qk dialect: launches go to the device; what is done to weights beforehand is computed here.

#include "OperationKernels.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Format/Packing.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Kernels/RangeProof.h"
#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/StringSwitch.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

Device::~Device() = default;

namespace {

LogicalResult launch(mlir::Operation *op, KernelContext &ctx) {
  if (!ctx.device())
    return ctx.fail("launches a compiled kernel, but no device was named to run it");
  return ctx.device()->launch(op, ctx);
}

/// An operand of codes, one to a byte.
LogicalResult codesOf(KernelContext &ctx, const Tensor *&codes) {
  codes = ctx.value(0).tensor();
  if (codes && codes->rank() == 2 && storageBytes(codes->type()) == 1)
    return success();
  return ctx.fail("expected codes of two dimensions, but got " + ctx.value(0).describe());
}

LogicalResult shuffleWeight(mlir::Operation *op, KernelContext &ctx) {
  const Tensor *codes;
  if (failed(codesOf(ctx, codes)))
    return failure();
  kernels::WeightLayout layout = llvm::cast<qk::ShuffleWeightOp>(op).getLayout().getLayout();
  int64_t rows = codes->dim(0), columns = codes->dim(1);
  std::vector<uint8_t> ordered(size_t(layout.shuffledSize(rows, columns)));
  Span<const uint8_t> given(codes->data<uint8_t>(), size_t(codes->size()));
  if (FormatStatus status = shuffleCodes(layout, rows, columns, given, ordered); !status)
    return ctx.fail(status.message());
  auto type = llvm::cast<mlir::RankedTensorType>(op->getResult(0).getType());
  Tensor *result =
      ctx.allocate(0, ElementType::I8,
                   {layout.rowTiles(rows), layout.columnTiles(columns), type.getShape().back()});
  if (!result)
    return failure();
  if (result->byteSize() == ordered.size()) {
    std::copy(ordered.begin(), ordered.end(), result->mutableData<uint8_t>());
    return success();
  }
  FormatStatus packed = packCodes(*ElementFormat::integer(4, /*isSigned=*/false), ordered,
                                  {result->mutableData<uint8_t>(), result->byteSize()});
  return packed ? success() : ctx.fail(packed.message());
}

LogicalResult shuffleScales(mlir::Operation *op, KernelContext &ctx) {
  const Tensor *scales;
  if (failed(codesOf(ctx, scales)))
    return failure();
  kernels::WeightLayout layout = kernels::WeightLayout::blockScales();
  int64_t rows = scales->dim(0), columns = scales->dim(1);
  Tensor *result =
      ctx.allocate(0, scales->type(),
                   {layout.rowTiles(rows), layout.columnTiles(columns), layout.tileSize()});
  if (!result)
    return failure();
  Span<const uint8_t> given(scales->data<uint8_t>(), size_t(scales->size()));
  Span<uint8_t> ordered(result->mutableData<uint8_t>(), result->byteSize());
  FormatStatus status = shuffleCodes(layout, rows, columns, given, ordered);
  return status ? success() : ctx.fail(status.message());
}

LogicalResult padWeight(mlir::Operation *op, KernelContext &ctx) {
  const Tensor *codes;
  if (failed(codesOf(ctx, codes)))
    return failure();
  auto type = llvm::cast<mlir::RankedTensorType>(op->getResult(0).getType());
  int64_t rows = codes->dim(0), columns = codes->dim(1), padded = type.getDimSize(1);
  llvm::Expected<Tensor> zeros =
      ctx.has(1) ? cast(ctx.in(1), ElementType::I32) : Tensor::allocate(ElementType::I32, {rows});
  if (!zeros)
    return ctx.fail(zeros.takeError());
  Tensor *result = ctx.allocate(0, codes->type(), {rows, padded});
  if (!result)
    return failure();
  bool isSigned = !type.getElementType().isUnsignedInteger();
  kernels::Interval range =
      kernels::codeInterval(type.getElementType().getIntOrFloatBitWidth(), isSigned);
  for (int64_t row = 0; row < rows; ++row) {
    int32_t zero = ctx.has(1) ? zeros->data<int32_t>()[row] : 0;
    if (zero < range.low || zero > range.high)
      return ctx.fail("expected zero points that are codes, but got " + llvm::Twine(zero));
    uint8_t *values = result->mutableData<uint8_t>() + row * padded;
    std::copy_n(codes->data<uint8_t>() + row * columns, columns, values);
    std::fill(values + columns, values + padded, uint8_t(zero));
  }
  return success();
}

LogicalResult codeSums(mlir::Operation *op, KernelContext &ctx) {
  const Tensor *codes;
  if (failed(codesOf(ctx, codes)))
    return failure();
  int64_t rows = codes->dim(0), depth = codes->dim(1), groups = ctx.has(1) ? ctx.in(1).dim(0) : 1;
  Tensor *result = ctx.allocate(0, ctx.has(1) ? ElementType::F32 : ElementType::I32, {rows});
  if (!result)
    return failure();
  auto type = llvm::cast<mlir::ShapedType>(op->getOperand(0).getType());
  bool isSigned = !type.getElementType().isUnsignedInteger();
  auto sumOf = [&](const uint8_t *values, int64_t length) {
    int32_t sum = 0;
    for (int64_t k = 0; k < length; ++k)
      sum += isSigned ? int32_t(int8_t(values[k])) : int32_t(values[k]);
    return sum;
  };
  for (int64_t row = 0; row < rows; ++row) {
    const uint8_t *values = codes->data<uint8_t>() + row * depth;
    if (!ctx.has(1)) {
      result->mutableData<int32_t>()[row] = sumOf(values, depth);
      continue;
    }
    float sum = 0;
    for (int64_t group = 0, length = depth / groups; group < groups; ++group)
      sum += ctx.in(1).data<float>()[group * rows + row] *
             float(sumOf(values + group * length, length));
    result->mutableData<float>()[row] = sum;
  }
  return success();
}

} // namespace

OperationKernel interp::findDeviceKernel(llvm::StringRef name) {
  return llvm::StringSwitch<OperationKernel>(name)
      .Case("qk.launch", launch)
      .Case("qk.shuffle_weight", shuffleWeight)
      .Case("qk.shuffle_scales", shuffleScales)
      .Case("qk.pad_weight", padWeight)
      .Case("qk.code_sums", codeSums)
      .Default(nullptr);
}
