// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Many divisions by one number.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_DIVISOR_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_DIVISOR_H

#include "FloatMath.h"

namespace qllm {

/// Quotients by one divisor, rounded as a division is (P. Markstein, Computation of elementary
/// functions on the IBM RISC System/6000 processor, 1990): from the reciprocal in two parts comes a
/// quotient that is less than a unit off, whose remainder is exact; with that and the correctly
/// rounded reciprocal the next one is correctly rounded. Four operations take the place of the
/// dozen and the branch that a division becomes.
class Divisor {
public:
  using Value = mlir::Value;

  Divisor(CodeBuilder &code, Value divisor) : code(code) {
    Value one = code.constant(1.0f);
    negated = floats::negate(code, divisor);
    reciprocal = floats::divide(code, one, divisor);
    rest = code.multiplyFloat(code.multiplyAdd(negated, reciprocal, one), reciprocal);
  }

  Value quotient(Value x) {
    Value first = code.multiplyAdd(x, reciprocal, code.multiplyFloat(x, rest));
    Value remainder = code.multiplyAdd(first, negated, x);
    return code.multiplyAdd(remainder, reciprocal, first);
  }

private:
  CodeBuilder &code;
  Value negated, reciprocal, rest;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_DIVISOR_H
