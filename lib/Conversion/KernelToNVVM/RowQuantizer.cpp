// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges, parameters and codes. A number is rounded to an integer by adding 1.5 * 2^23, after which
// the low bits of the float are those of the integer.

#include "RowQuantizer.h"

#include "Divisor.h"
#include "FloatMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Format/Quantize.h"
#include <limits>

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t pieceLength = RowThreads::pieceLength;
using floats::roundingBits;
using floats::roundingMagic;
/// The least step of an asymmetric range, as a part of its largest magnitude.
constexpr float smallestStepRatio = 0x1p-20f;

/// Of one thread or of all that share parameters. Magnitudes have no `low`.
struct ElementRange {
  Value low, high;
};

/// Of one piece, in the thread that has it.
struct Parameters {
  Value scale;
  Value zeroBits;                ///< zero point as an integer; null for symmetric codes
  Value lowestStep, highestStep; ///< codes without their zero point, as floats
};

class RowQuantizer {
public:
  RowQuantizer(CodeBuilder &code, RowThreads &threads, const kernels::QuantizeKernel &kernel,
               FloatRow &row, const RowQuantization &to)
      : code(code), threads(threads), kernel(kernel), row(row), to(to),
        lowest(float(kernel.codes.codes().low)), highest(float(kernel.codes.codes().high)),
        isSymmetric(kernel.codes.isSigned) {}

  void emit();

private:
  ElementRange rangeOf(ArrayRef<Value> elements);
  ElementRange rangeInside(int64_t piece);
  ElementRange merge(ElementRange a, ElementRange b);
  ElementRange combine(ElementRange range);
  Value clipped(Value bound);
  Parameters parametersOf(ElementRange range);
  Parameters symmetricParameters(Value magnitude);
  Parameters asymmetricParameters(ElementRange range);
  void storeParameters(const Parameters &parameters, Value index, Value condition);
  void encode(int64_t piece, const Parameters &parameters, Divisor &divisor);
  Value codeBits(Value step, Value offset, const Parameters &parameters);
  Value pack(ArrayRef<Value> bits);
  /// Bits that a code takes in memory: those of the tensor, where four may be in a byte.
  int64_t codeWidth() const { return to.codes.elementType.getIntOrFloatBitWidth(); }
  void storeSum();
  void emitRow();
  void emitGroups();

  CodeBuilder &code;
  RowThreads &threads;
  const kernels::QuantizeKernel &kernel;
  FloatRow &row;
  const RowQuantization &to;
  float lowest, highest;
  bool isSymmetric;
  Value sum; ///< of the thread's codes with `roundingBits` in each; null before the first
};

} // namespace

ElementRange RowQuantizer::rangeOf(ArrayRef<Value> elements) {
  ElementRange range;
  for (Value element : elements) {
    ElementRange one = isSymmetric ? ElementRange{Value(), floats::absolute(code, element)}
                                   : ElementRange{element, element};
    range = range.high ? merge(range, one) : one;
  }
  return range;
}

/// The range of a piece that merges as nothing where the row does not have the piece.
ElementRange RowQuantizer::rangeInside(int64_t piece) {
  ElementRange range = rangeOf(row.piece(piece));
  Value inside = threads.inside(piece, kernel.resultColumns);
  if (!inside)
    return range;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  if (isSymmetric)
    return {Value(), code.select(inside, range.high, code.constant(0.0f))};
  return {code.select(inside, range.low, code.constant(infinity)),
          code.select(inside, range.high, code.constant(-infinity))};
}

ElementRange RowQuantizer::merge(ElementRange a, ElementRange b) {
  return {isSymmetric ? Value() : floats::minimum(code, a.low, b.low),
          floats::maximum(code, a.high, b.high)};
}

/// Over all threads that share it. Magnitudes are ordered as their bits are; other floats have to
/// be brought into the order of integers and back.
ElementRange RowQuantizer::combine(ElementRange range) {
  auto reduce = [&](Combine kind, Value key) {
    return kernel.isGrouped() ? threads.combineLanes(kind, key, kernel.groupLength / pieceLength)
                              : threads.combine(kind, key);
  };
  if (isSymmetric)
    return {Value(), code.bitsToFloat(reduce(Combine::Maximum, code.floatToBits(range.high)))};
  auto flipped = [&](Value bits) {
    return code.bitXor(bits, code.bitAnd(code.shiftRightSigned(bits, 31), 0x7fffffff));
  };
  auto reduceFloat = [&](Combine kind, Value value) {
    return code.bitsToFloat(flipped(reduce(kind, flipped(code.floatToBits(value)))));
  };
  return {reduceFloat(Combine::Minimum, range.low), reduceFloat(Combine::Maximum, range.high)};
}

/// Only a clip above 1 can leave what ranges may be.
Value RowQuantizer::clipped(Value bound) {
  if (to.clip == 1)
    return bound;
  Value product = code.multiplyFloat(bound, code.constant(to.clip));
  if (to.clip < 1)
    return product;
  float limit = isSymmetric ? std::numeric_limits<float>::max() : maxRangeMagnitude;
  return floats::minimum(code, floats::maximum(code, product, code.constant(-limit)),
                         code.constant(limit));
}

Parameters RowQuantizer::symmetricParameters(Value magnitude) {
  Value scale =
      floats::maximum(code, floats::divide(code, clipped(magnitude), code.constant(highest)),
                      code.constant(scaleFloor));
  return {scale, Value(), code.constant(lowest), code.constant(highest)};
}

Parameters RowQuantizer::asymmetricParameters(ElementRange range) {
  Value zero = code.constant(0.0f), magic = code.constant(roundingMagic);
  if (to.includesZero)
    range = {floats::minimum(code, range.low, zero), floats::maximum(code, range.high, zero)};
  range = {clipped(range.low), clipped(range.high)};
  Value magnitude = floats::maximum(code, code.subtractFloat(zero, range.low), range.high);
  Value floor =
      floats::maximum(code, code.multiplyFloat(magnitude, code.constant(smallestStepRatio)),
                      code.constant(scaleFloor));
  Value step =
      floats::divide(code, code.subtractFloat(range.high, range.low), code.constant(highest));
  Parameters parameters;
  parameters.scale = floats::maximum(code, step, floor);
  float least = -float(maxZeroPoint - 256), most = -least;
  if (to.zeroPoints.elementType.getIntOrFloatBitWidth() == 16) {
    least = std::numeric_limits<int16_t>::min();
    most = std::numeric_limits<int16_t>::max();
  }
  Value offset = floats::divide(code, code.subtractFloat(zero, range.low), parameters.scale);
  offset = floats::minimum(code, floats::maximum(code, offset, code.constant(least)),
                           code.constant(most));
  Value rounded = code.addFloat(offset, magic);
  parameters.zeroBits = code.subtract(code.floatToBits(rounded), code.constant(roundingBits));
  Value zeroPoint = code.subtractFloat(rounded, magic);
  parameters.lowestStep = code.subtractFloat(code.constant(lowest), zeroPoint);
  parameters.highestStep = code.subtractFloat(code.constant(highest), zeroPoint);
  return parameters;
}

Parameters RowQuantizer::parametersOf(ElementRange range) {
  return isSymmetric ? symmetricParameters(range.high) : asymmetricParameters(range);
}

void RowQuantizer::storeParameters(const Parameters &parameters, Value index, Value condition) {
  Value at = code.multiply(code.extend64(threads.row), code.constant64(kernel.groups()));
  at = code.add(at, code.extend64(index));
  code.when(condition, [&] {
    code.store(parameters.scale,
               code.advance(to.scales.pointer, code.multiply(at, code.constant64(4))), 4);
    if (!to.zeroPoints)
      return;
    unsigned width = to.zeroPoints.elementType.getIntOrFloatBitWidth();
    Value zeroPoint = code.truncate(parameters.zeroBits, width);
    code.store(zeroPoint,
               code.advance(to.zeroPoints.pointer, code.multiply(at, code.constant64(width / 8))),
               width / 8);
  });
}

/// The code in the low bits of an integer; above it are bits of no meaning, the same for all.
Value RowQuantizer::codeBits(Value step, Value offset, const Parameters &parameters) {
  if (offset)
    step = code.addFloat(step, offset);
  // An own symmetric range that is not made smaller has no codes outside.
  if (offset || !isSymmetric || to.clip < 1) {
    step = floats::maximum(code, step, parameters.lowestStep);
    step = floats::minimum(code, step, parameters.highestStep);
  }
  Value bits = code.floatToBits(code.addFloat(step, code.constant(roundingMagic)));
  return parameters.zeroBits ? code.add(bits, parameters.zeroBits) : bits;
}

/// Eight codes as one or two words.
Value RowQuantizer::pack(ArrayRef<Value> bits) {
  auto bytes = [&](unsigned first, unsigned step) {
    return code.joinBytes(bits[first], bits[first + step], bits[first + 2 * step],
                          bits[first + 3 * step]);
  };
  if (codeWidth() == 8)
    return code.pair(bytes(0, 1), bytes(4, 1));
  // Even codes in the low halves of bytes, odd ones in the high halves.
  Value even = code.bitAnd(bytes(0, 2), 0x0f0f0f0f);
  Value odd = code.bitAnd(code.shiftLeft(bytes(1, 2), 4), 0xf0f0f0f0);
  return code.bitOr(even, odd);
}

void RowQuantizer::encode(int64_t piece, const Parameters &parameters, Divisor &divisor) {
  SmallVector<Value> offsets(pieceLength);
  if (to.roundingOffsets)
    offsets = row.loadPiece(to.roundingOffsets, piece);
  SmallVector<Value> bits;
  for (auto [element, offset] : llvm::zip(row.piece(piece), offsets))
    bits.push_back(codeBits(divisor.quotient(element), offset, parameters));
  Value inside = threads.inside(piece, kernel.resultColumns);
  if (to.sums) {
    Value total = bits.front();
    for (Value one : ArrayRef(bits).drop_front())
      total = code.add(total, one);
    if (inside)
      total = code.select(inside, total, code.constant(int64_t(0)));
    sum = sum ? code.add(sum, total) : total;
  }
  int64_t width = codeWidth();
  Value start = code.constant64(kernel.resultColumns * width / 8);
  Value base = code.advance(to.codes.pointer, code.multiply(code.extend64(threads.row), start));
  Value column = threads.column(piece, kernel.resultColumns);
  code.when(inside, [&] {
    Value pointer = code.advance(base, width == 8 ? column : code.shiftRight(column, 1));
    code.store(pack(bits), pointer, unsigned(width));
  });
}

void RowQuantizer::storeSum() {
  Value total = threads.combine(Combine::AddInt, sum);
  total = code.subtract(total, code.constant(int64_t(int32_t(uint32_t(roundingBits) *
                                                             uint32_t(kernel.resultColumns)))));
  Value at = code.multiply(code.extend64(threads.row), code.constant64(4));
  code.when(code.isEqual(threads.thread, code.constant(int64_t(0))),
            [&] { code.store(total, code.advance(to.sums.pointer, at), 4); });
}

void RowQuantizer::emitRow() {
  ElementRange range = rangeInside(0);
  for (int64_t i = 1; i != row.pieces(); ++i)
    range = merge(range, rangeInside(i));
  Parameters parameters = parametersOf(combine(range));
  Value zero = code.constant(int64_t(0));
  storeParameters(parameters, zero, code.isEqual(threads.thread, zero));
  Divisor divisor(code, parameters.scale);
  for (int64_t i = 0; i != row.pieces(); ++i)
    encode(i, parameters, divisor);
}

void RowQuantizer::emitGroups() {
  for (int64_t i = 0; i != row.pieces(); ++i) {
    Parameters parameters = parametersOf(combine(rangeOf(row.piece(i))));
    Value column = threads.column(i, kernel.resultColumns);
    Value isFirst =
        code.isEqual(code.bitAnd(column, kernel.groupLength - 1), code.constant(int64_t(0)));
    if (Value inside = threads.inside(i, kernel.resultColumns))
      isFirst = code.both(isFirst, inside);
    storeParameters(parameters, code.divide(column, kernel.groupLength), isFirst);
    Divisor divisor(code, parameters.scale);
    encode(i, parameters, divisor);
  }
}

void RowQuantizer::emit() {
  if (kernel.isGrouped())
    emitGroups();
  else
    emitRow();
  if (to.sums)
    storeSum();
}

void qllm::emitRowQuantizer(CodeBuilder &code, RowThreads &threads,
                            const kernels::QuantizeKernel &kernel, FloatRow &row,
                            const RowQuantization &quantization) {
  RowQuantizer(code, threads, kernel, row, quantization).emit();
}
