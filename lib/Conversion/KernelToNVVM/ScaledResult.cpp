// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scale, bias and rounding.

#include "ScaledResult.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qllm;

ScaledResult::ScaledResult(CodeBuilder &code, const KernelFunction &function,
                           qk::BlockScaledLinearOp op)
    : bias(function[op.getBias()]), result(function[op.getResult()]),
      columns(op.getResult().getType().getShape()[1]), rows(function.size(0)), code(code) {
  for (Value scale : op.getTensorScales()) {
    Value loaded = code.loadConstant(code.f32(), function[scale].pointer, 4);
    tensorScale = tensorScale ? code.multiplyFloat(tensorScale, loaded) : loaded;
  }
}

Value ScaledResult::rowPointer(Value row) {
  Value start = code.multiply(code.extend64(row), code.constant64(columns * elementBytes()));
  return code.advance(result.pointer, start);
}

Value ScaledResult::finish(Value sum, Value biasElement) {
  if (tensorScale && biasElement)
    sum = code.multiplyAdd(sum, tensorScale, biasElement);
  else if (tensorScale)
    sum = code.multiplyFloat(sum, tensorScale);
  else if (biasElement)
    sum = code.addFloat(sum, biasElement);
  if (result.elementType.isF32())
    return sum;
  return arith::TruncFOp::create(code.getBuilder(), code.getLoc(), result.elementType, sum);
}
