// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The principal part of a row. Threads keep their elements and read the directions twice, some of
// them at a time: first for the products, which warps add up in shared memory, and, once those are
// rounded, to take them off. Each warp rounds all products for itself, a lane every 32nd.

#include "FloatMath.h"
#include "FloatRow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Format/Quantize.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t pieceLength = RowThreads::pieceLength;
constexpr float largestCode = 127;
/// A sum with it is rounded to an integer, whose low bits are those of the sum.
constexpr float roundingMagic = 0x1.8p23f;

/// Sums over the lanes of a warp, of which lane l gets the one whose number is the first bits of l.
/// Each exchange serves as many values as are left, half of which a lane gives up; sums are those
/// of a butterfly of distances 16, 8, .. 1.
Value sumOverLanes(CodeBuilder &code, RowThreads &threads, SmallVector<Value> values) {
  int64_t distance = 16;
  for (size_t half = values.size() / 2; half != 0; half /= 2, distance /= 2) {
    Value isLow = code.isEqual(code.bitAnd(threads.lane, distance), code.constant(int64_t(0)));
    for (size_t i = 0; i != half; ++i) {
      Value kept = code.select(isLow, values[i], values[i + half]);
      Value given = code.select(isLow, values[i + half], values[i]);
      values[i] = code.addFloat(kept, threads.exchange(given, distance));
    }
    values.resize(half);
  }
  for (; distance != 0; distance /= 2)
    values[0] = code.addFloat(values[0], threads.exchange(values[0], distance));
  return values[0];
}

} // namespace

SmallVector<Value> FloatRow::loadDirection(Value pointer) {
  // A byte with the sign flipped is the code plus 128, and the low byte of the float 2^23 plus
  // that.
  constexpr float offset = 0x1p23f + 128;
  Value words = code.loadConstant(VectorType::get(2, code.i32()), pointer, 8);
  Value flips = code.constant(int64_t(int32_t(0x80808080))),
        high = code.constant(int64_t(0x4b000000));
  SmallVector<Value> elements;
  for (unsigned i = 0; i != pieceLength; ++i) {
    Value word = code.bitXor(code.element(words, i / 4), flips);
    Value biased = code.bitsToFloat(code.permuteBytes(word, high, 0x7440 + i % 4));
    elements.push_back(code.subtractFloat(biased, code.constant(offset)));
  }
  return elements;
}

/// With eight, loads of a thread cover each other's time; a thread with many pieces has no
/// registers for that.
int64_t FloatRow::directionStep() const { return pieces() > 4 ? 2 : 8; }

/// Calls `body(i, k, elements)` with the elements of the `i`th of some directions that belong to
/// piece `k`, from direction `first` on.
void FloatRow::forDirections(Buffer directions, Value first,
                             llvm::function_ref<void(int64_t, int64_t, ArrayRef<Value>)> body) {
  int64_t step = directionStep();
  Value start = code.advanceWide(directions.pointer, first, columns);
  for (int64_t k = 0; k != pieces(); ++k) {
    Value base = code.advance(start, threads.column(k, columns));
    for (int64_t i = 0; i != step; ++i)
      body(i, k, loadDirection(code.advance(base, i * columns)));
  }
}

void FloatRow::storeProducts(Buffer directions, Value place) {
  int64_t step = directionStep(), lanes = 32 / step;
  code.repeat(0, kernel.rank / step, {}, [&](Value index, mlir::ValueRange) {
    Value first = code.multiply(index, step);
    SmallVector<Value> sums(step, code.constant(0.0f));
    forDirections(directions, first, [&](int64_t i, int64_t k, ArrayRef<Value> elements) {
      for (auto [own, element] : llvm::zip(piece(k), elements))
        sums[i] = code.multiplyAdd(own, element, sums[i]);
    });
    Value sum = sumOverLanes(code, threads, sums);
    Value isFirst = code.isEqual(code.bitAnd(threads.lane, lanes - 1), code.constant(int64_t(0)));
    Value at = code.add(first, code.divide(threads.lane, lanes));
    code.when(isFirst, [&] { code.store(sum, code.advance(place, code.multiply(at, 4)), 4); });
    return SmallVector<Value>();
  });
}

void FloatRow::takeOff(const PrincipalPart &part) {
  for (int64_t k = 0; k != pieces(); ++k)
    if (Value inside = threads.inside(k, columns))
      for (Value &value : MutableArrayRef(values).slice(k * pieceLength, pieceLength))
        value = code.select(inside, value, code.constant(0.0f));
  Value own = threads.partPlace(threads.warp);
  storeProducts(part.directions, own);
  threads.synchronize();

  SmallVector<Value> offsets, products, scales;
  Value largest = code.constant(0.0f);
  for (int64_t first = 0; first != kernel.rank; first += kernels::QuantizeKernel::rankStep) {
    Value offset = code.multiply(code.add(threads.lane, first), 4), sum;
    for (int64_t warp = 0; warp != kernel.warpsOfRow(); ++warp) {
      Value place = threads.partPlace(code.constant(warp));
      Value one = code.load(code.f32(), code.advance(place, offset), 4);
      sum = sum ? code.addFloat(sum, one) : one;
    }
    Value scale =
        code.loadConstant(code.f32(), code.advance(part.directionScales.pointer, offset), 4);
    offsets.push_back(offset);
    scales.push_back(scale);
    products.push_back(code.multiplyFloat(sum, scale));
    largest = floats::maximum(code, largest, floats::absolute(code, products.back()));
  }
  // Everyone has read the products; their places are used again below.
  threads.synchronize();
  largest = code.bitsToFloat(
      threads.combineLanes(Combine::Maximum, code.floatToBits(largest), /*lanes=*/32));
  Value scale = floats::maximum(code, floats::divide(code, largest, code.constant(largestCode)),
                                code.constant(scaleFloor));
  Value magic = code.constant(roundingMagic);
  Value zero = code.constant(int64_t(0)), isFirst = code.isEqual(threads.warp, zero);
  Value codes = code.advanceWide(part.codes.pointer, threads.row, kernel.rank);
  for (size_t i = 0; i != products.size(); ++i) {
    Value sum = code.addFloat(floats::divide(code, products[i], scale), magic);
    Value rounded = code.subtractFloat(sum, magic);
    Value taken = code.multiplyFloat(code.multiplyFloat(rounded, scale), scales[i]);
    code.store(floats::negate(code, taken), code.advance(own, offsets[i]), 4);
    code.when(isFirst, [&] {
      code.store(code.truncate(code.floatToBits(sum), 8),
                 code.advance(codes, code.shiftRight(offsets[i], 2)), 1);
    });
  }
  code.when(code.isEqual(threads.thread, zero),
            [&] { code.store(scale, code.advanceWide(part.scales.pointer, threads.row, 4), 4); });
  NVVM::SyncWarpOp::create(code.getBuilder(), code.getLoc(), code.constant(int64_t(-1)));
  addProducts(part.directions, own);
}

void FloatRow::addProducts(Buffer directions, Value place) {
  int64_t step = directionStep(), perLoad = std::min<int64_t>(step, 4);
  Type type = VectorType::get(perLoad, code.f32());
  mlir::ValueRange left =
      code.repeat(0, kernel.rank / step, values, [&](Value index, mlir::ValueRange carried) {
        Value pointer = code.advance(place, code.multiply(index, 4 * step));
        SmallVector<Value> factors, after(carried.begin(), carried.end());
        for (int64_t first = 0; first != step; first += perLoad) {
          Value loaded = code.load(type, code.advance(pointer, 4 * first), unsigned(4 * perLoad));
          for (int64_t i = 0; i != perLoad; ++i)
            factors.push_back(code.element(loaded, unsigned(i)));
        }
        forDirections(directions, code.multiply(index, step),
                      [&](int64_t i, int64_t k, ArrayRef<Value> elements) {
                        for (auto [j, element] : llvm::enumerate(elements)) {
                          Value &value = after[k * pieceLength + int64_t(j)];
                          value = code.multiplyAdd(factors[i], element, value);
                        }
                      });
        return after;
      });
  values.assign(left.begin(), left.end());
}
