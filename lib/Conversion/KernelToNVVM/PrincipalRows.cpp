// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of directions, of 16 at a time as the left operand, with up to eight rows. Channels of a
// step of 32 are in the order in which a lane finds its eight next to each other.

#include "PrincipalRows.h"

#include "FloatMath.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Format/Quantize.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t pieceLength = RowThreads::pieceLength, slots = kernels::QuantizeKernel::partRows,
                  chunk = kernels::QuantizeKernel::rankStep, tilesOfChunk = chunk / 16;
constexpr float largestCode = 127;
using floats::roundingBits;
using floats::roundingMagic;
constexpr kernels::MmaForm form = kernels::MmaForm::Int8;

} // namespace

PrincipalRows::PrincipalRows(CodeBuilder &code, RowThreads &threads,
                             const kernels::QuantizeKernel &kernel, PrincipalBuffers part,
                             Value rows)
    : code(code), threads(threads), kernel(kernel), part(part) {
  rowsLeft =
      code.minimum(code.subtract(rows, threads.firstRow), code.constant(kernel.rowsOfBlock()));
  group = code.shiftRight(threads.lane, 2);
  member = code.bitAnd(threads.lane, 3);
}

/// Fragments have eight rows; those that are not there repeat the last one, and are not stored.
Value PrincipalRows::clampSlot(Value slot) {
  return code.minimum(slot, code.subtract(rowsLeft, code.constant(int64_t(1))));
}

Value PrincipalRows::ofRow(int64_t offset, Value slot) {
  return code.advance(threads.shared, code.add(code.multiply(slot, 4), offset));
}

/// Magnitudes up to `largest` become integers up to 2^22. Below 2^-104 they become less.
PrincipalRows::Powers PrincipalRows::powersFor(Value largest) {
  constexpr int64_t bias = 127, most = 252;
  Value exponent = code.shiftRight(code.floatToBits(largest), 23);
  Value into =
      code.minimum(code.subtract(code.constant(2 * bias + 21), exponent), code.constant(most));
  auto power = [&](Value biased) { return code.bitsToFloat(code.shiftLeft(biased, 23)); };
  return {power(into), power(code.subtract(code.constant(2 * bias), into))};
}

Value PrincipalRows::toInteger(Value value, Value power) {
  Value sum = code.multiplyAdd(value, power, code.constant(roundingMagic));
  return code.subtract(code.floatToBits(sum), code.constant(roundingBits));
}

void PrincipalRows::stage(FloatRow &row) {
  int64_t columns = kernel.innerColumns;
  Value largest = code.constant(0.0f);
  for (int64_t k = 0; k != row.pieces(); ++k) {
    Value before = largest;
    for (Value element : row.piece(k))
      largest = floats::maximum(code, largest, floats::absolute(code, element));
    if (Value inside = threads.inside(k, columns))
      largest = code.select(inside, largest, before);
  }
  largest = code.bitsToFloat(threads.combine(Combine::Maximum, code.floatToBits(largest)));
  Powers powers = powersFor(largest);
  row.waitForReaders();
  for (int64_t k = 0; k != row.pieces(); ++k)
    code.when(threads.inside(k, columns), [&] {
      Value pointer =
          code.advance(threads.rowShared, code.shiftLeft(threads.column(k, columns), 2));
      SmallVector<Value> integers;
      for (Value element : row.piece(k))
        integers.push_back(toInteger(element, powers.into));
      for (int64_t first = 0; first != pieceLength; first += 4)
        code.store(code.vector(ArrayRef(integers).slice(first, 4)),
                   code.advance(pointer, first * 4), 16);
    });
  // What fills up the last step, and stands behind the row for nothing.
  int64_t filled = std::max<int64_t>(kernel.partSteps() * 32 - columns, 1);
  Value zero = code.constant(int64_t(0));
  code.when(code.less(threads.thread, code.constant(filled)), [&] {
    Value at = code.add(threads.thread, columns);
    code.store(zero, code.advance(threads.rowShared, code.shiftLeft(at, 2)), 4);
  });
  code.when(code.isEqual(threads.thread, zero),
            [&] { code.store(powers.outOf, ofRow(kernel.rowPowerOffset(), threads.slot), 4); });
}

/// Eight integers that follow each other: bytes of one plane are a word of each half.
PrincipalRows::Planes PrincipalRows::loadPlanes(Value pointer) {
  Planes planes;
  Type four = VectorType::get(4, code.i32());
  for (int64_t half = 0; half != 2; ++half) {
    Value words = code.load(four, code.advance(pointer, half * 16), 16);
    auto pair = [&](unsigned first, int64_t selector) {
      return code.permuteBytes(code.element(words, first), code.element(words, first + 1),
                               selector);
    };
    Value low = pair(0, 0x5140), high = pair(2, 0x5140);
    planes[0].push_back(code.permuteBytes(low, high, 0x5410));
    planes[1].push_back(code.permuteBytes(low, high, 0x7632));
    planes[2].push_back(code.permuteBytes(pair(0, 0x0062), pair(2, 0x0062), 0x5410));
  }
  return planes;
}

/// The sums of one plane follow those of another.
void PrincipalRows::multiply(Words left, const Planes &right, MutableArrayRef<Value> sums) {
  for (unsigned plane = 0; plane != 3; ++plane) {
    MmaAtom atom{form, /*leftSigned=*/true, /*rightSigned=*/plane == 2};
    Words after = atom.multiplyAdd(code, left, right[plane], sums.slice(4 * plane, 4));
    llvm::copy(after, sums.begin() + 4 * plane);
  }
}

/// The sum of one element, in units of the row's integers. Sums that began with `roundingBits` are
/// floats.
Value PrincipalRows::joinPlanes(ArrayRef<Value> sums, unsigned element, bool areFloats) {
  auto plane = [&](unsigned i) {
    Value sum = sums[4 * i + element];
    return areFloats ? code.subtractFloat(code.bitsToFloat(sum), code.constant(roundingMagic))
                     : code.intToFloat(sum);
  };
  Value upper = code.multiplyAdd(plane(2), code.constant(256.0f), plane(1));
  return code.multiplyAdd(upper, code.constant(256.0f), plane(0));
}

Words PrincipalRows::loadFragment(Buffer fragments, Value index) {
  Value pointer = code.advanceWide(fragments.pointer, index, 512);
  Value words = code.loadConstant(VectorType::get(4, code.i32()),
                                  code.advance(pointer, code.shiftLeft(threads.lane, 4)), 16);
  Words left;
  for (unsigned i = 0; i != 4; ++i)
    left.push_back(code.element(words, i));
  return left;
}

/// Warps take the steps along a row in turn.
void PrincipalRows::multiplyDirections() {
  int64_t steps = kernel.partSteps(), warps = kernel.warps();
  Value row = code.advance(threads.rows, code.multiply(clampSlot(group), kernel.rowBytes()));
  row = code.advance(row, code.multiply(member, 32));
  code.repeat(0, kernel.rank / chunk, {}, [&](Value index, mlir::ValueRange) {
    SmallVector<Value> zeros(12 * tilesOfChunk, code.constant(int64_t(0)));
    Value firstTile = code.multiply(index, tilesOfChunk);
    mlir::ValueRange found = code.repeat(
        threads.warpOfBlock, steps, warps, zeros, [&](Value step, mlir::ValueRange carried) {
          SmallVector<Value> sums(carried.begin(), carried.end());
          Planes right = loadPlanes(code.advance(row, code.multiply(step, 128)));
          for (int64_t tile = 0; tile != tilesOfChunk; ++tile) {
            Value at = code.add(code.multiply(code.add(firstTile, tile), steps), step);
            multiply(loadFragment(part.directions, at), right,
                     MutableArrayRef(sums).slice(12 * tile, 12));
          }
          return sums;
        });
    SmallVector<Value> sums(found.begin(), found.end());
    Value place =
        code.advance(threads.shared, code.add(code.multiply(threads.warpOfBlock, 4 * chunk * slots),
                                              kernel.partsOffset()));
    place = code.advance(
        place, code.multiply(code.add(code.multiply(group, slots), code.multiply(member, 2)), 4));
    for (int64_t tile = 0; tile != tilesOfChunk; ++tile)
      for (unsigned half = 0; half != 2; ++half) {
        ArrayRef<Value> own = ArrayRef(sums).slice(12 * tile, 12);
        code.store(
            code.pair(joinPlanes(own, 2 * half, false), joinPlanes(own, 2 * half + 1, false)),
            code.advance(place, (16 * tile + 8 * half) * slots * 4), 8);
      }
    threads.synchronizeBlock();
    addParts(index);
    threads.synchronizeBlock();
    return SmallVector<Value>();
  });
}

/// Of 32 directions and eight rows.
void PrincipalRows::addParts(Value index) {
  constexpr int64_t count = chunk * slots;
  for (int64_t first = 0; first < count; first += kernel.threads()) {
    Value at = code.add(threads.threadOfBlock, first);
    bool isFull = count - first >= kernel.threads();
    code.when(isFull ? Value() : code.less(at, code.constant(count)), [&] {
      Value offset = code.shiftLeft(at, 2), sum;
      for (int64_t warp = 0; warp != kernel.warps(); ++warp) {
        Value one = code.load(code.f32(),
                              code.advance(code.advance(threads.shared, offset),
                                           kernel.partsOffset() + warp * 4 * count),
                              4);
        sum = sum ? code.addFloat(sum, one) : one;
      }
      Value direction = code.add(code.multiply(index, chunk), code.divide(at, slots));
      Value scale = code.loadConstant(
          code.f32(), code.advance(part.scales.pointer, code.shiftLeft(direction, 2)), 4);
      Value power = code.load(
          code.f32(), ofRow(kernel.rowPowerOffset(), clampSlot(code.bitAnd(at, slots - 1))), 4);
      Value place =
          code.advance(threads.shared, code.add(code.add(code.multiply(index, 4 * count), offset),
                                                kernel.productsOffset()));
      code.store(code.multiplyFloat(code.multiplyFloat(sum, power), scale), place, 4);
    });
  }
}

void PrincipalRows::roundProducts() {
  for (int64_t first = 0; first < kernel.rowsOfBlock(); first += kernel.warps()) {
    Value slot = code.add(threads.warpOfBlock, first);
    code.when(code.less(slot, rowsLeft), [&] { roundRow(slot); });
  }
}

/// A lane has every 32nd direction.
void PrincipalRows::roundRow(Value slot) {
  SmallVector<Value> products, scales;
  auto reduced = [&](ArrayRef<Value> values) {
    Value largest = code.constant(0.0f);
    for (Value value : values)
      largest = floats::maximum(code, largest, floats::absolute(code, value));
    return code.bitsToFloat(
        threads.combineLanes(Combine::Maximum, code.floatToBits(largest), /*lanes=*/32));
  };
  for (int64_t first = 0; first != kernel.rank; first += chunk) {
    Value direction = code.add(threads.lane, first);
    Value at = code.add(code.multiply(direction, slots), slot);
    products.push_back(code.load(
        code.f32(),
        code.advance(threads.shared, code.add(code.multiply(at, 4), kernel.productsOffset())), 4));
    scales.push_back(code.loadConstant(
        code.f32(), code.advance(part.scales.pointer, code.shiftLeft(direction, 2)), 4));
  }
  Value scale =
      floats::maximum(code, floats::divide(code, reduced(products), code.constant(largestCode)),
                      code.constant(scaleFloor));
  Value row = code.add(threads.firstRow, slot), magic = code.constant(roundingMagic);
  Value codes = code.advance(code.advanceWide(part.codes.pointer, row, kernel.rank), threads.lane);
  SmallVector<Value> taken;
  for (size_t i = 0; i != products.size(); ++i) {
    Value sum = code.addFloat(floats::divide(code, products[i], scale), magic);
    code.store(code.truncate(code.floatToBits(sum), 8), code.advance(codes, int64_t(i) * chunk), 1);
    taken.push_back(
        code.multiplyFloat(code.multiplyFloat(code.subtractFloat(sum, magic), scale), scales[i]));
  }
  Powers powers = powersFor(reduced(taken));
  Value place = code.advance(
      threads.shared, code.add(code.multiply(slot, kernel.takenBytes()), kernel.takenOffset()));
  place = code.advance(place, code.shiftLeft(threads.lane, 2));
  for (auto [i, value] : llvm::enumerate(taken))
    code.store(toInteger(value, powers.into), code.advance(place, int64_t(i) * chunk * 4), 4);
  code.when(code.isEqual(threads.lane, code.constant(int64_t(0))), [&] {
    code.store(scale, code.advanceWide(part.codeScales.pointer, row, 4), 4);
    code.store(powers.outOf, ofRow(kernel.takenPowerOffset(), slot), 4);
  });
}

/// Warps take the channels in turn, 16 at a time; of these a lane has two, of two rows.
void PrincipalRows::subtract() {
  int64_t steps = kernel.rank / chunk, columns = kernel.innerColumns;
  bool areFloats = kernel.rank * 255 * 127 < (1 << 22);
  Value taken =
      code.advance(threads.shared, code.add(code.multiply(clampSlot(group), kernel.takenBytes()),
                                            kernel.takenOffset()));
  taken = code.advance(taken, code.multiply(member, 32));
  auto planesOf = [&](int64_t step) { return loadPlanes(code.advance(taken, step * 128)); };
  // Few are loaded once.
  SmallVector<Planes> all;
  for (int64_t step = 0; steps <= 2 && step != steps; ++step)
    all.push_back(planesOf(step));
  Value bits = code.constant(roundingBits), magic = code.constant(roundingMagic);
  struct Row {
    Value exists, start, power, rounding, takenPower;
  };
  SmallVector<Row, 2> rows;
  for (int64_t i = 0; i != 2; ++i) {
    Value slot = code.add(code.multiply(member, 2), i), clamped = clampSlot(slot);
    Value power = code.load(code.f32(), ofRow(kernel.rowPowerOffset(), clamped), 4);
    Value takenPower = code.load(code.f32(), ofRow(kernel.takenPowerOffset(), clamped), 4);
    Value start = code.advance(threads.rows, code.multiply(clamped, kernel.rowBytes()));
    rows.push_back({code.less(slot, rowsLeft), code.advance(start, code.shiftLeft(group, 2)), power,
                    floats::negate(code, code.multiplyFloat(power, magic)),
                    floats::negate(code, takenPower)});
  }
  // Products with powers of two are exact, and so is the integer as a float; one rounding is left.
  auto subtractFrom = [&](const Row &row, Value pointer, ArrayRef<Value> sums, unsigned element) {
    Value integer = code.add(code.load(code.i32(), pointer, 4), bits);
    Value before = code.multiplyAdd(code.bitsToFloat(integer), row.power, row.rounding);
    Value taken = joinPlanes(sums, element, areFloats);
    code.store(code.multiplyAdd(taken, row.takenPower, before), pointer, 4);
  };
  int64_t tiles = llvm::divideCeil(columns, 16);
  code.repeat(threads.warpOfBlock, tiles, kernel.warps(), {}, [&](Value tile, mlir::ValueRange) {
    SmallVector<Value> sums(12, areFloats ? bits : code.constant(int64_t(0)));
    for (int64_t step = 0; step != steps; ++step)
      multiply(loadFragment(part.transposed, code.add(code.multiply(tile, steps), step)),
               all.empty() ? planesOf(step) : all[step], sums);
    Value hasBoth =
        columns % 16 == 0 ? Value() : code.less(tile, code.constant(int64_t(tiles - 1)));
    for (unsigned i = 0; i != 2; ++i)
      code.when(rows[i].exists, [&] {
        Value pointer = code.advance(rows[i].start, code.shiftLeft(tile, 6));
        subtractFrom(rows[i], pointer, sums, i);
        code.when(hasBoth, [&] { subtractFrom(rows[i], code.advance(pointer, 32), sums, 2 + i); });
      });
    return SmallVector<Value>();
  });
}

void PrincipalRows::takeOff() {
  threads.synchronizeBlock();
  multiplyDirections();
  roundProducts();
  threads.synchronizeBlock();
  subtract();
  threads.synchronizeBlock();
}
