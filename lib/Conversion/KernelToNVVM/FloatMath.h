// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on f32 values beyond sums and products, and exchange of them between lanes.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATMATH_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATMATH_H

#include "CodeBuilder.h"
#include "KernelFunction.h"

namespace qllm::floats {

using Value = mlir::Value;

/// A sum with it is an integer, as floats there are a unit apart, in the low bits of the sum above
/// those of the number itself; for magnitudes of at most 2^22.
constexpr float roundingMagic = 0x1.8p23f;
constexpr int64_t roundingBits = 0x4b400000;

/// The other one where one is NaN.
Value maximum(CodeBuilder &code, Value a, Value b);
Value minimum(CodeBuilder &code, Value a, Value b);
Value negate(CodeBuilder &code, Value a);
/// Rounded once.
Value divide(CodeBuilder &code, Value a, Value b);
/// The nearest integer, ties to even, of a magnitude of at most 2^22.
Value roundToInteger(CodeBuilder &code, Value a);
/// The integer that a float is, as i32.
Value toInteger(CodeBuilder &code, Value a);
Value absolute(CodeBuilder &code, Value a);
/// A number whose own sign is that of b, or whose value is zero, with the sign of b.
Value withSign(CodeBuilder &code, Value a, Value b);
/// The square root, rounded once.
Value squareRoot(CodeBuilder &code, Value a);
/// 1 / a within 2^-23 of it; zero where it is below the smallest normal number.
Value reciprocal(CodeBuilder &code, Value a);
/// 2^a within 2^-22 of it; results below the smallest normal number are zero.
Value exp2(CodeBuilder &code, Value a);

/// a / (1 + exp(-a)) within (3 + abs(a)) 2^-22 of it.
Value silu(CodeBuilder &code, Value a);

/// The f32 of the lane whose number differs by `distance`, a power of two below 32.
Value exchange(CodeBuilder &code, Value a, int64_t distance);
/// A combination over lanes, which all of them get: with the lane at each distance in turn.
Value reduce(CodeBuilder &code, Value a, llvm::ArrayRef<int64_t> distances,
             Value (*combine)(CodeBuilder &, Value, Value));
Value sum(CodeBuilder &code, Value a, Value b);

/// A step of the fast Walsh-Hadamard transform: sums of the values that are `distance` apart, in
/// place of the first of them, and differences; of values of one lane, or of those of two lanes.
void sumAndSubtract(CodeBuilder &code, llvm::MutableArrayRef<Value> values, int64_t distance);
void sumAndSubtractLanes(CodeBuilder &code, llvm::MutableArrayRef<Value> values, Value lane,
                         int64_t distance);

/// `count` neighbours in memory as f32; their type may be a float of 16 bits. All of them together
/// are aligned to their size, or to 16 bytes.
llvm::SmallVector<Value> load(CodeBuilder &code, Value pointer, mlir::Type elementType,
                              int64_t count);
/// Stores neighbours from element `first` (i64) of a buffer on, rounded to its type, in one access.
void store(CodeBuilder &code, llvm::ArrayRef<Value> values, Buffer buffer, Value first);

} // namespace qllm::floats

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATMATH_H
