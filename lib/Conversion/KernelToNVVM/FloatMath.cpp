// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One operation each, and vector loads.

#include "FloatMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <limits>

using namespace mlir;
using namespace qllm;

/// An intrinsic from f32 to f32.
static Value call(CodeBuilder &code, StringRef intrinsic, Value a) {
  OpBuilder &builder = code.getBuilder();
  return LLVM::CallIntrinsicOp::create(builder, code.getLoc(), code.f32(),
                                       builder.getStringAttr(intrinsic), ValueRange{a})
      .getResult(0);
}

Value floats::maximum(CodeBuilder &code, Value a, Value b) {
  return arith::MaxNumFOp::create(code.getBuilder(), code.getLoc(), a, b);
}

Value floats::minimum(CodeBuilder &code, Value a, Value b) {
  return arith::MinNumFOp::create(code.getBuilder(), code.getLoc(), a, b);
}

Value floats::negate(CodeBuilder &code, Value a) {
  return arith::NegFOp::create(code.getBuilder(), code.getLoc(), a);
}

Value floats::divide(CodeBuilder &code, Value a, Value b) {
  return arith::DivFOp::create(code.getBuilder(), code.getLoc(), a, b);
}

Value floats::roundToInteger(CodeBuilder &code, Value a) {
  Value magic = code.constant(roundingMagic);
  return code.subtractFloat(code.addFloat(a, magic), magic);
}

Value floats::toInteger(CodeBuilder &code, Value a) {
  return arith::FPToSIOp::create(code.getBuilder(), code.getLoc(), code.i32(), a);
}

Value floats::absolute(CodeBuilder &code, Value a) {
  return code.bitsToFloat(code.bitAnd(code.floatToBits(a), 0x7fffffff));
}

Value floats::withSign(CodeBuilder &code, Value a, Value b) {
  Value sign = code.bitAnd(code.floatToBits(b), std::numeric_limits<int32_t>::min());
  return code.bitsToFloat(code.bitOr(code.floatToBits(a), sign));
}

Value floats::squareRoot(CodeBuilder &code, Value a) {
  return call(code, "llvm.nvvm.sqrt.rn.f", a);
}

Value floats::reciprocal(CodeBuilder &code, Value a) {
  return call(code, "llvm.nvvm.rcp.approx.ftz.f", a);
}

Value floats::exp2(CodeBuilder &code, Value a) {
  return call(code, "llvm.nvvm.ex2.approx.ftz.f", a);
}

Value floats::silu(CodeBuilder &code, Value a) {
  constexpr float log2e = 1.44269504f;
  Value power = exp2(code, code.multiplyFloat(a, code.constant(-log2e)));
  return code.multiplyFloat(a, reciprocal(code, code.addFloat(power, code.constant(1.0f))));
}

Value floats::exchange(CodeBuilder &code, Value a, int64_t distance) {
  return NVVM::ShflOp::create(code.getBuilder(), code.getLoc(), code.f32(),
                              code.constant(int64_t(-1)), a, code.constant(distance),
                              code.constant(int64_t(31)), NVVM::ShflKind::bfly, UnitAttr());
}

Value floats::reduce(CodeBuilder &code, Value a, ArrayRef<int64_t> distances,
                     Value (*combine)(CodeBuilder &, Value, Value)) {
  for (int64_t distance : distances)
    a = combine(code, a, exchange(code, a, distance));
  return a;
}

Value floats::sum(CodeBuilder &code, Value a, Value b) { return code.addFloat(a, b); }

void floats::sumAndSubtract(CodeBuilder &code, MutableArrayRef<Value> values, int64_t distance) {
  for (size_t i = 0; i != values.size(); ++i)
    if ((int64_t(i) & distance) == 0) {
      Value low = values[i], high = values[i + distance];
      values[i] = code.addFloat(low, high);
      values[i + distance] = code.subtractFloat(low, high);
    }
}

/// The lane whose number has the bit gets the difference: its own element times -1, added to the
/// other one.
void floats::sumAndSubtractLanes(CodeBuilder &code, MutableArrayRef<Value> values, Value lane,
                                 int64_t distance) {
  Value isLow = code.isEqual(code.bitAnd(lane, distance), code.constant(int64_t(0)));
  Value sign = code.select(isLow, code.constant(1.0f), code.constant(-1.0f));
  for (Value &value : values)
    value = code.multiplyAdd(value, sign, exchange(code, value, distance));
}

SmallVector<Value> floats::load(CodeBuilder &code, Value pointer, Type elementType, int64_t count) {
  int64_t bytes = elementType.getIntOrFloatBitWidth() / 8;
  int64_t most = std::min<int64_t>(count, 16 / bytes);
  SmallVector<Value> values;
  for (int64_t first = 0; first != count; first += most) {
    Value vector = code.loadConstant(VectorType::get(most, elementType),
                                     code.advance(pointer, first * bytes), unsigned(most * bytes));
    for (int64_t i = 0; i != most; ++i) {
      Value element = code.element(vector, unsigned(i));
      if (!elementType.isF32())
        element = arith::ExtFOp::create(code.getBuilder(), code.getLoc(), code.f32(), element);
      values.push_back(element);
    }
  }
  return values;
}

void floats::store(CodeBuilder &code, ArrayRef<Value> values, Buffer buffer, Value first) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  int64_t bytes = buffer.elementType.getIntOrFloatBitWidth() / 8, count = values.size();
  Value vector = LLVM::PoisonOp::create(builder, loc, VectorType::get(count, buffer.elementType));
  for (auto [i, value] : llvm::enumerate(values)) {
    Value element = value;
    if (!buffer.elementType.isF32())
      element = arith::TruncFOp::create(builder, loc, buffer.elementType, value);
    vector =
        LLVM::InsertElementOp::create(builder, loc, vector, element, code.constant(int64_t(i)));
  }
  code.store(vector, code.advance(buffer.pointer, code.multiply(first, code.constant64(bytes))),
             unsigned(count * bytes));
}
