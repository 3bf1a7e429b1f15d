// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types that scales of blocks have, as products read them.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_BLOCKSCALETYPES_H
#define QLLM_LIB_DIALECT_KERNEL_IR_BLOCKSCALETYPES_H

#include "OperandTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Kernels/WeightLayout.h"
#include "llvm/Support/MathExtras.h"

namespace qllm::qk {

/// NVFP4 has scales with fractions, MXFP4 powers of two.
inline int64_t blockLength(mlir::Type scale) {
  return mlir::isa<mlir::Float8E4M3FNType>(scale) ? 16 : 32;
}
inline int64_t blockLength(mlir::Value scales) {
  return blockLength(mlir::cast<mlir::RankedTensorType>(scales.getType()).getElementType());
}

/// An error at the operation unless the scales are those of so many rows of `depth` elements, of
/// type `scale`; of their own without one.
inline mlir::LogicalResult verifyBlockScales(mlir::Operation *op, llvm::StringRef name,
                                             mlir::Value scales, int64_t rows, int64_t depth,
                                             mlir::Type scale = {}) {
  if (!scale)
    scale = mlir::cast<mlir::RankedTensorType>(scales.getType()).getElementType();
  kernels::WeightLayout layout = kernels::WeightLayout::blockScales();
  int64_t rowTiles = mlir::ShapedType::isDynamic(rows) ? rows : layout.rowTiles(rows);
  int64_t blocks = int64_t(llvm::divideCeil(depth, blockLength(scale)));
  return verifyType(op, name, scales, {rowTiles, layout.columnTiles(blocks), layout.tileSize()},
                    scale);
}

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_BLOCKSCALETYPES_H
