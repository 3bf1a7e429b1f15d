// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks and magic numbers.

#include "HalfWeights.h"

#include "RegisterConstant.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Kernels/RangeProof.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The bits of 1024 in both halves: the last place of f16 is 1 there. Those of 256 as bf16, where
/// it is 2.
constexpr int64_t f16Magic = 0x64006400, bf16Magic = 0x43804380;
/// Those of 128 as bf16, where the last place is 1.
constexpr int64_t bf16ByteMagic = 0x43004300;
/// A half byte in each half of a word, and the ones above them.
constexpr int64_t lowNibbles = 0x000f000f, highNibbles = 0x00f000f0;
constexpr int64_t nibbleSigns = 0x00080008, byteSigns = 0x80808080;

Type pairTypeOf(CodeBuilder &code, kernels::HalfKind kind) {
  Builder &builder = code.getBuilder();
  return VectorType::get(2, kind == kernels::HalfKind::F16 ? Type(builder.getF16Type())
                                                           : builder.getBF16Type());
}

Value pairOfConstants(CodeBuilder &code, kernels::HalfKind kind, float value) {
  auto type = cast<VectorType>(pairTypeOf(code, kind));
  OpBuilder &builder = code.getBuilder();
  auto element = builder.getFloatAttr(type.getElementType(), value);
  return arith::ConstantOp::create(builder, code.getLoc(),
                                   DenseElementsAttr::get(type, Attribute(element)));
}

/// Two bytes of the word below the upper bytes of a magic number: bytes 0 and 1, or 2 and 3.
Value placeBytes(CodeBuilder &code, Value word, int64_t magic, bool upper) {
  return code.permuteBytes(word, code.constant(magic), upper ? 0x5352 : 0x5150);
}

} // namespace

/// A byte below 128 exceeds its code by 128 if it has the sign flipped and f16 has room for both.
/// In bf16 the sign stays, and is the last bit of the exponent: 128 or 256 is what 128 and the
/// other seven bits exceed the code by.
Words qllm::halvesOfBytes(CodeBuilder &code, kernels::HalfKind kind, Value word) {
  Type type = pairTypeOf(code, kind);
  bool isF16 = kind == kernels::HalfKind::F16;
  if (isF16)
    word = code.bitXor(word, code.constant(byteSigns));
  Words words;
  for (bool upper : {false, true}) {
    Value placed = placeBytes(code, word, isF16 ? f16Magic : bf16ByteMagic, upper);
    if (isF16) {
      words.push_back(
          code.addFloat(bitsAs(code, type, placed), pairOfConstants(code, kind, -(1024 + 128))));
      continue;
    }
    Value value = bitsAs(code, type, code.bitAnd(placed, 0xff7fff7f));
    Value excess = bitsAs(code, type, code.bitAnd(placed, 0xff80ff80));
    words.push_back(code.multiplyAdd(excess, pairOfConstants(code, kind, -1), value));
  }
  return words;
}

HalfWeights::HalfWeights(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel, Value rows)
    : code(code), kernel(kernel) {
  // A logic instruction has room for one constant beside two registers, so masking and marking are
  // one instruction only if the other constant comes in a register. Assemblers put known constants
  // into instructions of their own.
  int64_t signs = kernel.weight.isSigned ? nibbleSigns : 0;
  magic = constantInRegister(code, (isF16() ? f16Magic : bf16Magic) | signs, rows);
  magicAbove = constantInRegister(code, f16Magic | signs << 4, rows);
}

Type HalfWeights::pairType() { return pairTypeOf(code, kernel.input); }

Value HalfWeights::constantPair(float value) { return pairOfConstants(code, kernel.input, value); }

/// An f32 that is exact in 16 bits, in both halves.
Value HalfWeights::pairOf(Value value) {
  Type type = cast<VectorType>(pairType()).getElementType();
  Value narrow = arith::TruncFOp::create(code.getBuilder(), code.getLoc(), type, value);
  return code.pair(narrow, narrow);
}

HalfWeights::Offset HalfWeights::offsetOf(Value zeroPoint) {
  bool isByte = kernel.weight.storageBits() == 8;
  // Signed bytes take no offset.
  int64_t halfRange = kernel.weight.isSigned ? 8 : 0;
  // bf16 stands for 256 + 2 codes and is halved; f16 further up for 1024 + 16 codes and is divided.
  float low = float((isF16() ? 1024 : 128) + halfRange), high = float(64 + halfRange);
  if (!zeroPoint)
    return {constantPair(-low), isF16() && !isByte ? constantPair(-high) : Value()};
  // The float whose bits are those of 1.5 * 2^23 plus the zero point: no slow conversion.
  Value bits = code.add(zeroPoint, int64_t(kernels::floatBitsStart));
  Value value = code.bitsToFloat(bits);
  auto offset = [&](float base) {
    return pairOf(code.subtractFloat(code.constant(kernels::floatBitsOffset - base), value));
  };
  return {offset(low), isF16() && !isByte ? offset(high) : Value()};
}

/// The codes under the mask as the low bits of floats.
Value HalfWeights::place(Value word, int64_t mask, Value magic) {
  return bitsAs(code, pairType(), code.bitXor(code.bitAnd(word, mask), magic));
}

Words HalfWeights::unpackNibbles(Value word, int64_t step, const Offset &offset) {
  if (isF16()) {
    Value shifted = step == 0 ? word : code.shiftRight(word, 8);
    Value low = place(shifted, lowNibbles, magic);
    Value high = place(shifted, highNibbles, magicAbove);
    return {code.addFloat(low, offset.low),
            code.multiplyAdd(high, constantPair(1.0f / 16), offset.high)};
  }
  Words words;
  for (int64_t nibble = 2 * step; nibble != 2 * step + 2; ++nibble) {
    Value shifted = nibble == 0 ? word : code.shiftRight(word, 4 * nibble);
    Value value = place(shifted, lowNibbles, magic);
    words.push_back(code.multiplyAdd(value, constantPair(0.5f), offset.low));
  }
  return words;
}

Words HalfWeights::unpackBytes(Value word, const Offset &offset) {
  if (kernel.weight.isSigned)
    return halvesOfBytes(code, kernel.input, word);
  Words words;
  for (bool upper : {false, true})
    words.push_back(code.addFloat(bitsAs(code, pairType(), placeBytes(code, word, f16Magic, upper)),
                                  offset.low));
  return words;
}

Words HalfWeights::unpack(Value vector, unsigned block, int64_t step, const Offset &offset) {
  if (kernel.weight.storageBits() == 8)
    return unpackBytes(code.element(vector, block * 2 + unsigned(step)), offset);
  return unpackNibbles(code.element(vector, block * 2 + unsigned(step / 2)), step % 2, offset);
}
