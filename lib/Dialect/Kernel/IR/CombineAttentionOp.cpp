// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.combine_attention.

#include "OperandTypes.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult CombineAttentionOp::verify() {
  ArrayRef<int64_t> sums = shapeOf(getSums()), statistics = shapeOf(getStatistics());
  // combine_attention_c1
  int64_t splits = sums[0], heads = statistics[2] / 2;
  if (splits < 2 || splits > 64)
    return emitOpError() << "expected sums of 2 to 64 splits, but got " << getSums().getType();
  if (ShapedType::isDynamic(sums[2]) || statistics[2] < 2 || statistics[2] % 2 != 0 ||
      (sums[2] != heads * 64 && sums[2] != heads * 128))
    return emitOpError() << "expected heads of 64 or 128 sums and 2 statistics, but got "
                         << getSums().getType() << " and " << getStatistics().getType();
  Type f32 = Float32Type::get(getContext());
  if (failed(verifyType(*this, "statistics", getStatistics(), {splits, sums[1], 2 * heads}, f32)))
    return failure();
  // combine_attention_c2
  return verifyType(*this, "a result", getResult(), {sums[1], sums[2]},
                    getResult().getType().getElementType());
}

std::string CombineAttentionOp::describeKernel() {
  ArrayRef<int64_t> sums = shapeOf(getSums());
  return "combine_attention_s" + std::to_string(sums[0]) + "_n" + std::to_string(sums[2]);
}

SmallVector<Type> CombineAttentionOp::getKernelTypes() {
  auto withoutTokens = [](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape[1] = ShapedType::kDynamic;
    return type.clone(shape);
  };
  return {withoutTokens(getSums()), withoutTokens(getStatistics()),
          withoutRows(getResult().getType())};
}

SmallVector<int64_t> CombineAttentionOp::getRuntimeSizes() { return {0, 1}; }

GeometryAttr CombineAttentionOp::getGeometryOn(const kernels::Target &) {
  // A thread has four elements.
  constexpr int64_t threads = 128;
  return GeometryAttr::get(getContext(), llvm::divideCeil(shapeOf(getSums())[2], 4 * threads),
                           /*tileRows=*/1, /*layers=*/1, threads, /*shared=*/0, /*cluster=*/1,
                           /*column_cluster=*/1, {});
}
