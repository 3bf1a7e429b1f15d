// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of what is done to weights beforehand.

#include "OperandTypes.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult ShuffleWeightOp::verify() {
  // shuffle_weight_c1
  ArrayRef<int64_t> shape = shapeOf(getCodes());
  if (ShapedType::isDynamicShape(shape))
    return emitOpError() << "expected codes of a static shape, but got " << getCodes().getType();
  kernels::WeightLayout layout = getLayout().getLayout();
  return verifyType(
      *this, "a result", getResult(),
      {layout.rowTiles(shape[0]), layout.columnTiles(shape[1]),
       layout.tileSize() * getCodes().getType().getElementTypeBitWidth() / 8},
      IntegerType::get(getContext(), 8));
}

LogicalResult ShuffleScalesOp::verify() {
  // shuffle_scales_c1
  RankedTensorType scales = getScales().getType();
  if (scales.isDynamicDim(1))
    return emitOpError() << "expected a static number of blocks, but got " << scales;
  kernels::WeightLayout layout = kernels::WeightLayout::blockScales();
  int64_t rows = scales.getDimSize(0);
  return verifyType(*this, "a result", getResult(),
                    {ShapedType::isDynamic(rows) ? rows : layout.rowTiles(rows),
                     layout.columnTiles(scales.getDimSize(1)), layout.tileSize()},
                    scales.getElementType());
}

LogicalResult PadWeightOp::verify() {
  // pad_weight_c1
  RankedTensorType codes = getCodes().getType(), result = getResult().getType();
  if (!codes.hasStaticShape() || !result.hasStaticShape() ||
      codes.getElementType() != result.getElementType() ||
      codes.getDimSize(0) != result.getDimSize(0) || codes.getDimSize(1) > result.getDimSize(1))
    return emitOpError() << "expected a result with the rows and elements of " << codes
                         << " and no fewer columns, but got " << result;
  // pad_weight_c2
  if (getZeroPoints() && shapeOf(getZeroPoints())[0] != codes.getDimSize(0))
    return emitOpError() << "expected " << codes.getDimSize(0) << " zero points, but got "
                         << getZeroPoints().getType();
  return success();
}

LogicalResult CodeSumsOp::verify() {
  // code_sums_c1, code_sums_c2
  ArrayRef<int64_t> codes = shapeOf(getCodes());
  Type i32 = IntegerType::get(getContext(), 32), f32 = Float32Type::get(getContext());
  if (failed(verifyType(*this, "a result", getResult(), {codes[0]}, getScales() ? f32 : i32)))
    return failure();
  if (!getScales())
    return success();
  int64_t groups = shapeOf(getScales())[0];
  if (ShapedType::isDynamic(groups) || ShapedType::isDynamic(codes[1]) || groups < 1 ||
      codes[1] % groups != 0)
    return emitOpError() << "expected scales of groups that divide the codes of "
                         << getCodes().getType() << ", but got " << getScales().getType();
  return verifyType(*this, "scales", getScales(), {groups, codes[0]}, f32);
}
