// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that assemblers do not know.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_REGISTERCONSTANT_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_REGISTERCONSTANT_H

#include "CodeBuilder.h"

namespace qllm {

/// A constant that stays in a register. An assembler puts one that it knows into instructions of
/// its own, in a loop again and again; it does not know that `count` is not negative. An addition,
/// as a logic operation would be drawn into the loop.
inline mlir::Value constantInRegister(CodeBuilder &code, int64_t value, mlir::Value count) {
  return code.add(code.shiftRightSigned(count, 31), value);
}

/// The same in each of four registers, which no assembler takes for copies of one.
inline llvm::SmallVector<mlir::Value> constantInRegisters(CodeBuilder &code, int64_t value,
                                                          mlir::Value count) {
  llvm::SmallVector<mlir::Value> values;
  mlir::Value sign = code.shiftRightSigned(count, 31);
  for (int64_t bit : {1, 2, 4, 8})
    values.push_back(code.add(code.bitAnd(sign, bit), value));
  return values;
}

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_REGISTERCONSTANT_H
