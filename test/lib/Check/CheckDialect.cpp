// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration and constraints of the check dialect. Running it is the interpreter's business.

#include "Check/CheckDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qllm::check;

#include "Check/CheckDialect.cpp.inc"
#define GET_OP_CLASSES
#include "Check/CheckOps.cpp.inc"

void CheckDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "Check/CheckOps.cpp.inc"
      >();
}

namespace {

LogicalResult verifyTypes(Operation *op) {
  Type actual = op->getOperand(0).getType(), expected = op->getOperand(1).getType();
  if (getElementTypeOrSelf(actual) == getElementTypeOrSelf(expected) &&
      succeeded(verifyCompatibleShape(actual, expected)))
    return success();
  return op->emitOpError() << "expected two tensors of one type, but got " << actual << " and "
                           << expected;
}

LogicalResult verifyTolerance(Operation *op, StringRef name, const APFloat &tolerance) {
  if (tolerance.isFinite() && !tolerance.isNegative())
    return success();
  return op->emitOpError() << "expected a finite " << name << " of at least 0, but got "
                           << tolerance.convertToDouble();
}

} // namespace

LogicalResult ExpectEqOp::verify() {
  // expect_eq_c1
  return verifyTypes(*this);
}

LogicalResult ExpectCloseOp::verify() {
  // expect_close_c1
  if (failed(verifyTypes(*this)))
    return failure();
  // expect_close_c2
  if (failed(verifyTolerance(*this, "atol", getAtol())))
    return failure();
  return verifyTolerance(*this, "rtol", getRtol());
}
