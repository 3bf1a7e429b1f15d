// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `qk.layout` and `qk.row_major` may say of a constant.

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

/// Whether there is an operation that shuffles such a matrix into the layout.
static bool canBeShuffled(RankedTensorType type, LayoutAttr layout) {
  if (type.getRank() != 2 || !type.hasStaticShape())
    return false;
  Type element = type.getElementType();
  if (isa<Float8E4M3FNType, Float8E8M0FNUType>(element))
    return layout == LayoutAttr::get(layout.getContext(), kernels::WeightLayout::blockScales());
  return !element.isSignedInteger() && (element.isInteger(4) || element.isInteger(8));
}

/// The matrix in the order of the layout.
static RankedTensorType shuffledType(RankedTensorType type, const kernels::WeightLayout &layout) {
  Type element = type.getElementType();
  int64_t bytes = layout.tileSize() * type.getElementTypeBitWidth() / 8;
  return RankedTensorType::get(
      {layout.rowTiles(type.getDimSize(0)), layout.columnTiles(type.getDimSize(1)), bytes},
      element.isInteger() ? IntegerType::get(type.getContext(), 8) : element);
}

LogicalResult KernelDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef layoutName = getLayoutAttrName(), rowMajorName = getRowMajorAttrName();
  // kernel_dialect_c1
  if (attribute.getName() != layoutName && attribute.getName() != rowMajorName)
    return op->emitOpError() << "expected no attributes of the dialect but '" << layoutName
                             << "' and '" << rowMajorName << "', but got '"
                             << attribute.getName().getValue() << "'";
  auto layout = op->getAttrOfType<LayoutAttr>(layoutName);
  auto typeAttr = op->getAttrOfType<TypeAttr>(rowMajorName);
  if (!layout || !typeAttr)
    return op->emitOpError() << "expected a #qk.layout as '" << layoutName << "' and a type as '"
                             << rowMajorName << "', but got " << op->getAttr(layoutName) << " and "
                             << op->getAttr(rowMajorName);
  // Both are checked once.
  if (attribute.getName() == rowMajorName)
    return success();
  auto type = dyn_cast<RankedTensorType>(typeAttr.getValue());
  if (!type || !canBeShuffled(type, layout))
    return op->emitOpError() << "expected a static matrix of codes of 4 or 8 bits, or of scales in "
                                "the order of blocks, as '"
                             << rowMajorName << "', but got " << typeAttr << " in " << layout;
  RankedTensorType wanted = shuffledType(type, layout.getLayout());
  if (op->getNumResults() != 1 || op->getResult(0).getType() != wanted)
    return op->emitOpError() << "expected one result of type " << wanted << " for " << type
                             << " in " << layout << ", but got " << op->getResultTypes();
  return success();
}
