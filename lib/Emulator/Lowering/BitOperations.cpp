// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With constant selectors and tables, LLVM folds what is built here to a few instructions.

#include "BitOperations.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

Value constant(OpBuilder &builder, Location location, Type type, int64_t value) {
  return LLVM::ConstantOp::create(builder, location, type, builder.getIntegerAttr(type, value));
}

} // namespace

Value qllm::emu::permuteBytes(OpBuilder &builder, Location location, Value lo, Value hi,
                              Value selector) {
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  Value pool = LLVM::OrOp::create(
      builder, location, LLVM::ZExtOp::create(builder, location, i64, lo),
      LLVM::ShlOp::create(builder, location, LLVM::ZExtOp::create(builder, location, i64, hi),
                          constant(builder, location, i64, 32)));
  Value result = constant(builder, location, i32, 0);
  for (unsigned i = 0; i < 4; ++i) {
    Value nibble =
        LLVM::LShrOp::create(builder, location, selector, constant(builder, location, i32, 4 * i));
    Value index =
        LLVM::AndOp::create(builder, location, nibble, constant(builder, location, i32, 7));
    Value shift =
        LLVM::ShlOp::create(builder, location, index, constant(builder, location, i32, 3));
    Value picked = LLVM::TruncOp::create(
        builder, location, builder.getI8Type(),
        LLVM::LShrOp::create(builder, location, pool,
                             LLVM::ZExtOp::create(builder, location, i64, shift)));
    Value sign = LLVM::AShrOp::create(builder, location, picked,
                                      constant(builder, location, builder.getI8Type(), 7));
    Value wantsSign = LLVM::ICmpOp::create(
        builder, location, LLVM::ICmpPredicate::ne,
        LLVM::AndOp::create(builder, location, nibble, constant(builder, location, i32, 8)),
        constant(builder, location, i32, 0));
    Value byte = LLVM::ZExtOp::create(
        builder, location, i32, LLVM::SelectOp::create(builder, location, wantsSign, sign, picked));
    result = LLVM::OrOp::create(
        builder, location, result,
        LLVM::ShlOp::create(builder, location, byte, constant(builder, location, i32, 8 * i)));
  }
  return result;
}

Value qllm::emu::threeInputLogic(OpBuilder &builder, Location location, Value a, Value b, Value c,
                                 unsigned table) {
  Type i32 = builder.getI32Type();
  Value ones = constant(builder, location, i32, -1), result = constant(builder, location, i32, 0);
  const Value operands[] = {a, b, c};
  for (unsigned row = 0; row < 8; ++row) {
    if (!(table >> row & 1))
      continue;
    Value term = ones;
    for (auto [i, value] : llvm::enumerate(operands)) {
      Value literal =
          row >> (2 - i) & 1 ? value : Value(LLVM::XOrOp::create(builder, location, value, ones));
      term = LLVM::AndOp::create(builder, location, term, literal);
    }
    result = LLVM::OrOp::create(builder, location, result, term);
  }
  return result;
}

Value qllm::emu::fusedMultiplyAdd(OpBuilder &builder, Location location, HostLowering &host,
                                  Value a, Value b, Value c) {
  auto vector = llvm::dyn_cast<VectorType>(a.getType());
  if (!vector) {
    Type i16 = builder.getI16Type(), i32 = builder.getI32Type();
    auto bits = [&](Value value) -> Value {
      return LLVM::ZExtOp::create(builder, location, i32,
                                  LLVM::BitcastOp::create(builder, location, i16, value));
    };
    StringRef name = a.getType().isF16() ? "qllm_emu_fma_f16" : "qllm_emu_fma_bf16";
    Value result = host.call(builder, location, name, i32, {bits(a), bits(b), bits(c)});
    return LLVM::BitcastOp::create(builder, location, a.getType(),
                                   LLVM::TruncOp::create(builder, location, i16, result));
  }
  Value result = LLVM::PoisonOp::create(builder, location, vector);
  for (int64_t i = 0; i < vector.getNumElements(); ++i) {
    Value index = constant(builder, location, builder.getI32Type(), i);
    auto element = [&](Value value) -> Value {
      return LLVM::ExtractElementOp::create(builder, location, value, index);
    };
    Value fused = fusedMultiplyAdd(builder, location, host, element(a), element(b), element(c));
    result = LLVM::InsertElementOp::create(builder, location, result, fused, index);
  }
  return result;
}
