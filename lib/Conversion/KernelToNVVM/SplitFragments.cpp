// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bf16 by its upper half of an f32, codes by exponents that make their steps units.

#include "SplitFragments.h"

#include "FloatMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Two floats, rounded to nearest, as a word.
Value packPair(CodeBuilder &code, std::array<Value, 2> pair) {
  OpBuilder &builder = code.getBuilder();
  Value vector =
      arith::TruncFOp::create(builder, code.getLoc(), VectorType::get(2, builder.getBF16Type()),
                              code.pair(pair[0], pair[1]));
  return LLVM::BitcastOp::create(builder, code.getLoc(), code.i32(), vector);
}

/// The f32 that the lower or the upper bf16 of a word is.
Value half(CodeBuilder &code, Value word, unsigned index) {
  return code.bitsToFloat(index == 0 ? code.shiftLeft(word, 16) : code.bitAnd(word, 0xffff0000));
}

Value permute(CodeBuilder &code, Value low, int64_t high, int64_t selector) {
  return NVVM::PermuteOp::create(code.getBuilder(), code.getLoc(), code.i32(), low,
                                 code.constant(high), code.constant(selector),
                                 NVVM::PermuteMode::DEFAULT);
}

Value splat(CodeBuilder &code, float value) {
  FloatType bf16 = code.getBuilder().getBF16Type();
  return arith::ConstantOp::create(
      code.getBuilder(), code.getLoc(),
      DenseElementsAttr::get(VectorType::get(2, bf16),
                             code.getBuilder().getFloatAttr(bf16, value).getValue()));
}

/// Bytes below 128: as the low bits of 128 they count units.
Value negateSmall(CodeBuilder &code, Value bits) {
  return arith::SubFOp::create(code.getBuilder(), code.getLoc(), splat(code, 128), bits);
}

/// Whole bytes c: the bits read 128 + c for c below 128, from where on the exponent is one more
/// and they read 2c. What half of it has too much below 128, 64 - c / 2, goes off. All of this is
/// exact.
Value negateLarge(CodeBuilder &code, Value bits) {
  OpBuilder &builder = code.getBuilder();
  // With these flags both are one instruction.
  Value difference = LLVM::FMAOp::create(builder, code.getLoc(), bits, splat(code, -0.5),
                                         splat(code, 128), LLVM::FastmathFlags::nnan);
  Value excess = arith::MaxNumFOp::create(builder, code.getLoc(), difference, splat(code, 0),
                                          arith::FastMathFlags::nsz);
  return code.multiplyAdd(bits, splat(code, -0.5), excess);
}

Words multiplyAddOnce(CodeBuilder &code, ArrayRef<Value> left, ArrayRef<Value> right,
                      ArrayRef<Value> sums) {
  Type f32 = code.f32();
  auto type = LLVM::LLVMStructType::getLiteral(f32.getContext(), {f32, f32, f32, f32});
  Value result = NVVM::MmaOp::create(
      code.getBuilder(), code.getLoc(), type, left, right, sums, {16, 8, 16}, std::nullopt,
      std::nullopt, std::array<NVVM::MMATypes, 2>{NVVM::MMATypes::bf16, NVVM::MMATypes::bf16},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  Words words;
  for (unsigned i = 0; i != 4; ++i)
    words.push_back(code.member(result, i));
  return words;
}

} // namespace

SplitWords qllm::splitPairs(CodeBuilder &code, ArrayRef<std::array<Value, 2>> pairs, bool isExact) {
  SplitWords words;
  for (const std::array<Value, 2> &pair : pairs) {
    Value word = packPair(code, pair);
    words.nearest.push_back(word);
    if (isExact)
      continue;
    words.rest.push_back(packPair(code, {code.subtractFloat(pair[0], half(code, word, 0)),
                                         code.subtractFloat(pair[1], half(code, word, 1))}));
  }
  return words;
}

Words qllm::negatedCodes(CodeBuilder &code, Value word, unsigned bits) {
  auto type = VectorType::get(2, code.getBuilder().getBF16Type());
  Words words;
  // From the low end: code, exponent, code, exponent.
  for (int64_t selector : {0x4140, 0x4342}) {
    Value pair = LLVM::BitcastOp::create(code.getBuilder(), code.getLoc(), type,
                                         permute(code, word, 0x43434343, selector));
    Value floats = bits == 4 ? negateSmall(code, pair) : negateLarge(code, pair);
    words.push_back(LLVM::BitcastOp::create(code.getBuilder(), code.getLoc(), code.i32(), floats));
  }
  return words;
}

Value qllm::codesOfStep(CodeBuilder &code, ArrayRef<Value> words, int64_t step, unsigned bits) {
  if (bits == 8)
    return words[step];
  Value word = words[step / 2];
  return code.bitAnd(step % 2 == 0 ? word : code.shiftRight(word, 4), 0x0f0f0f0f);
}

Words qllm::startSums(CodeBuilder &code, const SplitWords &left, ArrayRef<Value> sums) {
  Words started(sums);
  if (left.sharesInstruction())
    started.append(2, code.constant(0.0f));
  return started;
}

Words qllm::multiplyAdd(CodeBuilder &code, const SplitWords &left, ArrayRef<Value> right,
                        ArrayRef<Value> sums) {
  const Words &nearest = left.nearest, &rest = left.rest;
  if (left.sharesInstruction())
    return multiplyAddOnce(code, {nearest[0], rest[0], nearest[1], rest[1]}, right, sums);
  if (nearest.size() == 2) {
    // Nothing in rows 8 to 15.
    Value none = code.constant(int64_t(0)), zero = code.constant(0.0f);
    Words result = multiplyAddOnce(code, {nearest[0], none, nearest[1], none}, right,
                                   {sums[0], sums[1], zero, zero});
    result.truncate(2);
    return result;
  }
  Words result = multiplyAddOnce(code, nearest, right, sums);
  return rest.empty() ? result : multiplyAddOnce(code, rest, right, result);
}

Words qllm::finishSums(CodeBuilder &code, const SplitWords &left, ArrayRef<Value> sums) {
  if (!left.sharesInstruction())
    return Words(sums);
  return {code.addFloat(sums[0], sums[2]), code.addFloat(sums[1], sums[3])};
}
