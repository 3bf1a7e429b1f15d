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
      {layout.rowTiles(shape[0]), layout.columnTiles(shape[1]), layout.tileSize() / 2},
      IntegerType::get(getContext(), 8));
}

LogicalResult CodeSumsOp::verify() {
  // code_sums_c1
  return verifyType(*this, "a result", getResult(), {shapeOf(getCodes())[0]},
                    IntegerType::get(getContext(), 32));
}
