// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales are made of the bits of floats, codes by the conversion that targets have for them.

#include "BlockQuantizer.h"

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
/// The largest e2m1, and its exponent.
constexpr float largestCode = 6;
constexpr int64_t largestExponent = 2;
/// A tile of scales: four of each row of 128, those of rows 32 apart next to each other.
constexpr int64_t tileRows = 128, tileBlocks = 4, tileBytes = tileRows * tileBlocks;

class BlockQuantizer {
public:
  BlockQuantizer(CodeBuilder &code, RowThreads &threads, const kernels::QuantizeKernel &kernel,
                 FloatRow &row, const BlockQuantization &to)
      : code(code), threads(threads), kernel(kernel), row(row), to(to),
        tiles(llvm::divideCeil(kernel.groups(), tileBlocks)) {}

  void emit();

private:
  bool hasPowers() const { return isa<Float8E8M0FNUType>(to.scales.elementType); }
  void encodeByPower(int64_t piece, Value largest);
  void encodeByFraction(int64_t piece, Value largest);
  void storeCodes(int64_t piece, llvm::function_ref<Value(Value)> quotient);
  Value convertPair(Value first, Value second);
  Value scalesOf(Value row);
  void storeScale(int64_t piece, Value bits);
  void fillRows();

  CodeBuilder &code;
  RowThreads &threads;
  const kernels::QuantizeKernel &kernel;
  FloatRow &row;
  const BlockQuantization &to;
  int64_t tiles; ///< of scales, along a row
  Value tensorScale, ownScales;
};

} // namespace

Value qllm::largestMagnitude(CodeBuilder &code, ArrayRef<Value> elements) {
  Value largest = floats::absolute(code, elements.front());
  for (Value element : elements.drop_front())
    largest = floats::maximum(code, largest, floats::absolute(code, element));
  return code.floatToBits(largest);
}

Value qllm::clippedMagnitude(CodeBuilder &code, Value magnitude, float clip, float limit) {
  if (clip == 1)
    return magnitude;
  Value product = code.multiplyFloat(magnitude, code.constant(clip));
  return clip < 1 ? product : floats::minimum(code, product, code.constant(limit));
}

/// Where a row's first scale lies.
Value BlockQuantizer::scalesOf(Value index) {
  Value tile = code.multiply(code.extend64(code.divide(index, tileRows)),
                             code.constant64(tiles * tileBytes));
  Value inTile = code.add(code.multiply(code.bitAnd(index, 31), 16),
                          code.multiply(code.bitAnd(code.shiftRight(index, 5), 3), 4));
  return code.advance(to.scales.pointer, code.add(tile, code.extend64(inTile)));
}

/// By the first thread of each block; that of the last one fills up the tile.
void BlockQuantizer::storeScale(int64_t piece, Value bits) {
  Value column = threads.column(piece, kernel.resultColumns);
  Value isFirst =
      code.isEqual(code.bitAnd(column, kernel.groupLength - 1), code.constant(int64_t(0)));
  if (Value inside = threads.inside(piece, kernel.resultColumns))
    isFirst = code.both(isFirst, inside);
  code.when(isFirst, [&] {
    Value block = code.divide(column, kernel.groupLength);
    Value offset = code.add(code.multiply(code.divide(block, tileBlocks), tileBytes),
                            code.bitAnd(block, tileBlocks - 1));
    Value place = code.advance(ownScales, offset);
    code.store(code.truncate(bits, 8), place, 1);
    int64_t filling = tiles * tileBlocks - kernel.groups();
    if (filling == 0)
      return;
    code.when(code.isEqual(block, code.constant(kernel.groups() - 1)), [&] {
      Value zero = code.truncate(code.constant(int64_t(0)), 8);
      for (int64_t i = 1; i <= filling; ++i)
        code.store(zero, code.advance(place, i), 1);
    });
  });
}

/// Two codes, the first in the low half of a byte.
Value BlockQuantizer::convertPair(Value first, Value second) {
  OpBuilder &builder = code.getBuilder();
  Value byte = NVVM::ConvertF32x2ToF4x2Op::create(builder, code.getLoc(), builder.getI8Type(),
                                                  second, first, /*relu=*/false,
                                                  Float4E2M1FNType::get(builder.getContext()));
  return arith::ExtUIOp::create(builder, code.getLoc(), code.i32(), byte);
}

void BlockQuantizer::storeCodes(int64_t piece, llvm::function_ref<Value(Value)> quotient) {
  SmallVector<Value> bytes;
  ArrayRef<Value> elements = row.piece(piece);
  for (int64_t i = 0; i != pieceLength; i += 2)
    bytes.push_back(convertPair(quotient(elements[i]), quotient(elements[i + 1])));
  Value word = code.joinBytes(bytes[0], bytes[1], bytes[2], bytes[3]);
  Value base =
      code.advance(to.codes.pointer, code.multiply(code.extend64(threads.row),
                                                   code.constant64(kernel.resultColumns / 2)));
  Value column = threads.column(piece, kernel.resultColumns);
  code.when(threads.inside(piece, kernel.resultColumns),
            [&] { code.store(word, code.advance(base, code.shiftRight(column, 1)), 4); });
}

/// OCP MX v1.0, section 6.3: the exponent of the largest magnitude less that of 6. Numbers without
/// a leading one count as 2^-127, the smallest scale. Its inverse is a normal number whatever it
/// is, and a product with a power of two is the quotient by the other.
void BlockQuantizer::encodeByPower(int64_t piece, Value largest) {
  Value magnitude =
      clippedMagnitude(code, code.bitsToFloat(largest), to.clip, std::numeric_limits<float>::max());
  Value exponent = code.shiftRight(code.floatToBits(magnitude), 23);
  Value bits = code.maximum(code.add(exponent, -largestExponent), code.constant(int64_t(0)));
  storeScale(piece, bits);
  constexpr int64_t twiceBias = 254;
  Value inverse =
      code.bitsToFloat(code.shiftLeft(code.subtract(code.constant(twiceBias), bits), 23));
  storeCodes(piece, [&](Value element) { return code.multiplyFloat(element, inverse); });
}

/// The nearest e4m3, at least the smallest that is not zero.
void BlockQuantizer::encodeByFraction(int64_t piece, Value largest) {
  OpBuilder &builder = code.getBuilder();
  float limit = tensorScale ? maxRangeMagnitude : std::numeric_limits<float>::max();
  float floor = tensorScale ? std::numeric_limits<float>::min() : scaleFloor;
  Value magnitude = clippedMagnitude(code, code.bitsToFloat(largest), to.clip, limit);
  Value scale = floats::maximum(code, floats::divide(code, magnitude, code.constant(largestCode)),
                                code.constant(floor));
  if (tensorScale)
    scale = floats::divide(code, scale, tensorScale);
  scale = floats::maximum(code, scale, code.constant(0x1p-9f));
  Value pair = NVVM::ConvertF32x2ToF8x2Op::create(
      builder, code.getLoc(), builder.getI16Type(), code.constant(0.0f), scale,
      NVVM::FPRoundingMode::RN, NVVM::SaturationMode::SATFINITE, /*relu=*/false,
      Float8E4M3FNType::get(builder.getContext()));
  Value bits = arith::ExtUIOp::create(builder, code.getLoc(), code.i32(), pair);
  storeScale(piece, bits);
  // An e4m3 in the place of a float's leading bits is too small by the difference of the biases.
  Value stored =
      code.multiplyFloat(code.bitsToFloat(code.shiftLeft(bits, 20)), code.constant(0x1p120f));
  Divisor step(code, tensorScale ? code.multiplyFloat(stored, tensorScale) : stored);
  // A quotient of -0 is 0, whose code is another one.
  storeCodes(piece, [&](Value element) {
    return floats::withSign(code, step.quotient(element), element);
  });
}

/// Scales of rows behind the last one, a word for the four of a tile.
void BlockQuantizer::fillRows() {
  Value next = code.add(threads.row, 1);
  code.when(code.isEqual(next, to.rows), [&] {
    Value end = code.multiply(code.divide(code.add(threads.row, tileRows), tileRows), tileRows);
    code.repeat(next, end, /*step=*/1, {}, [&](Value index, mlir::ValueRange) {
      Value scales = scalesOf(index);
      for (int64_t first = 0; first < tiles; first += kernel.threadsOfRow()) {
        Value tile = code.add(threads.thread, first);
        Value isInside =
            tiles - first < kernel.threadsOfRow() ? code.less(tile, code.constant(tiles)) : Value();
        code.when(isInside, [&] {
          code.store(code.constant(int64_t(0)),
                     code.advance(scales, code.multiply(tile, tileBytes)), 4);
        });
      }
      return SmallVector<Value>();
    });
  });
}

void BlockQuantizer::emit() {
  if (to.tensorScale)
    tensorScale = code.loadConstant(code.f32(), to.tensorScale.pointer, 4);
  ownScales = scalesOf(threads.row);
  for (int64_t piece = 0; piece != row.pieces(); ++piece) {
    Value largest = threads.combineLanes(Combine::Maximum, largestMagnitude(code, row.piece(piece)),
                                         kernel.groupLength / pieceLength);
    if (hasPowers())
      encodeByPower(piece, largest);
    else
      encodeByFraction(piece, largest);
  }
  fillRows();
}

void qllm::emitBlockQuantizer(CodeBuilder &code, RowThreads &threads,
                              const kernels::QuantizeKernel &kernel, FloatRow &row,
                              const BlockQuantization &quantization) {
  BlockQuantizer(code, threads, kernel, row, quantization).emit();
}
