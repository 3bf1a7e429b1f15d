// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two attributes, and codes of four bits in memory.

#include "StoredOrder.h"

#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Format/Packing.h"

using namespace mlir;
using namespace qllm;
using qk::KernelDialect;

static ElementFormat halfByte() { return *ElementFormat::integer(4, /*isSigned=*/false); }

static llvm::Error asError(const FormatStatus &status) {
  return llvm::createStringError(status.message());
}

StoredOrder StoredOrder::ofShuffle(Operation *op) {
  if (auto weight = dyn_cast<qk::ShuffleWeightOp>(op))
    return {weight.getLayout(), weight.getCodes().getType()};
  if (auto scales = dyn_cast<qk::ShuffleScalesOp>(op))
    return {qk::LayoutAttr::get(op->getContext(), kernels::WeightLayout::blockScales()),
            scales.getScales().getType()};
  return {};
}

StoredOrder StoredOrder::of(Operation *op) {
  auto type = op->getAttrOfType<TypeAttr>(KernelDialect::getRowMajorAttrName());
  return {op->getAttrOfType<qk::LayoutAttr>(KernelDialect::getLayoutAttrName()),
          cast<RankedTensorType>(type.getValue())};
}

void StoredOrder::attachTo(Operation *op) const {
  op->setAttr(KernelDialect::getLayoutAttrName(), layout);
  op->setAttr(KernelDialect::getRowMajorAttrName(), TypeAttr::get(rowMajor));
}

llvm::Expected<std::vector<uint8_t>>
StoredOrder::rowMajorBytes(Span<const uint8_t> shuffled) const {
  int64_t rows = rowMajor.getDimSize(0), columns = rowMajor.getDimSize(1);
  kernels::WeightLayout order = layout.getLayout();
  bool isHalfByte = rowMajor.getElementTypeBitWidth() == 4;
  std::vector<uint8_t> unpacked;
  if (isHalfByte) {
    unpacked.resize(size_t(order.shuffledSize(rows, columns)));
    if (FormatStatus status = unpackCodes(halfByte(), shuffled, unpacked); !status)
      return asError(status);
    shuffled = unpacked;
  }
  std::vector<uint8_t> codes(size_t(rows * columns));
  if (FormatStatus status = unshuffleCodes(order, rows, columns, shuffled, codes); !status)
    return asError(status);
  if (isHalfByte)
    return packHalfBytes(codes);
  return codes;
}

llvm::Expected<std::vector<uint8_t>> qllm::packHalfBytes(Span<const uint8_t> codes) {
  std::vector<uint8_t> bytes((codes.size() + 1) / 2);
  if (FormatStatus status = packCodes(halfByte(), codes, bytes); !status)
    return asError(status);
  return bytes;
}
