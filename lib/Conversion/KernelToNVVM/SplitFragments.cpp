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

/// Bytes `first` and `first + 1` below 128: as the low bits of 128 they count units.
Value smallCodes(CodeBuilder &code, Value word, unsigned first) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  // From the low end: code, exponent, code, exponent.
  Value bits = permute(code, word, 0x43434343, first == 0 ? 0x4140 : 0x4342);
  auto type = VectorType::get(2, builder.getBF16Type());
  auto splat = [&](float value) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(type,
                               builder.getFloatAttr(builder.getBF16Type(), value).getValue()));
  };
  Value codes = LLVM::BitcastOp::create(builder, loc, type, bits);
  codes = arith::SubFOp::create(builder, loc, codes, splat(128));
  return LLVM::BitcastOp::create(builder, loc, code.i32(), codes);
}

/// The same of whole bytes, by way of f32.
Value largeCodes(CodeBuilder &code, Value word, unsigned first) {
  auto toFloat = [&](unsigned byte) {
    Value bits = permute(code, word, 0x4b000000, 0x7650 | byte);
    return code.subtractFloat(code.bitsToFloat(bits), code.constant(0x1p23f));
  };
  return packPair(code, {toFloat(first), toFloat(first + 1)});
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

Words qllm::codesToFloats(CodeBuilder &code, Value word, unsigned bits) {
  auto convert = bits == 4 ? smallCodes : largeCodes;
  return {convert(code, word, 0), convert(code, word, 2)};
}

Value qllm::codesOfStep(CodeBuilder &code, ArrayRef<Value> words, int64_t step, unsigned bits) {
  if (bits == 8)
    return words[step];
  Value word = words[step / 2];
  return code.bitAnd(step % 2 == 0 ? word : code.shiftRight(word, 4), 0x0f0f0f0f);
}

Words qllm::multiplyAdd(CodeBuilder &code, const SplitWords &left, ArrayRef<Value> right,
                        ArrayRef<Value> sums) {
  Words result(sums);
  for (ArrayRef<Value> part : left.parts()) {
    if (part.size() == 4) {
      result = multiplyAddOnce(code, part, right, result);
      continue;
    }
    // Nothing in rows 8 to 15.
    Value none = code.constant(int64_t(0)), zero = code.constant(0.0f);
    result = multiplyAddOnce(code, {part[0], none, part[1], none}, right,
                             {result[0], result[1], zero, zero});
    result.truncate(2);
  }
  return result;
}
