// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qk.append_kv: rows are quantized in registers, and their codes go to the places of the cache.

#include "CachePlace.h"
#include "EmitAttention.h"
#include "FloatMath.h"
#include "HeadRow.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

class AppendEmitter {
public:
  AppendEmitter(OpBuilder &builder, AppendKVOp op, StringRef name)
      : op(op), kernel(op.getKernel()), cache(kernel.cache),
        function(builder, op, name, kernel.threads()), code(builder, op.getLoc()) {}

  void emit();

private:
  static constexpr int64_t distances[] = {8, 4, 2, 1};

  void findPlace();
  HeadValues loadRow(Buffer matrix) {
    Value row64 =
        code.add(code.multiply(code.extend64(row), code.constant64(cache.heads * cache.headSize)),
                 code.extend64(code.multiply(head, cache.headSize)));
    return loadHead(code, matrix, row64, part);
  }
  void emitKey();
  void emitValue();
  SmallVector<Value> toCodes(const QuantizedHead &quantized, IntFormatAttr format, Value &zero);
  void storeParameters(Value scale, Value zero, int64_t at);
  Value joinCodes(ArrayRef<Value> codes, unsigned bits);
  void store(Value word, int64_t bytes, Value pointer);

  AppendKVOp op;
  kernels::AppendKernel kernel;
  kernels::KVCache cache;
  KernelFunction function;
  CodeBuilder code;
  HeadPart part;
  Value lane, head, row, isInside; ///< `row` is that of the token, or the last one
  Value position, token;           ///< in the sequence, in the chunk
  Value chunk;                     ///< its address
};

} // namespace

void AppendEmitter::findPlace() {
  OpBuilder &builder = code.getBuilder();
  Value thread = NVVM::ThreadIdXOp::create(builder, op.getLoc(), code.i32());
  lane = code.bitAnd(thread, kernel.lanesOfRow - 1);
  head = code.shiftRight(code.columnBlock(), 1);
  Value wanted = code.add(code.multiply(code.rowBlock(), kernel.rowsOfBlock),
                          code.divide(thread, kernel.lanesOfRow));
  // All lanes of a warp take part in exchanges, so those without a row take the last one's.
  isInside = code.less(wanted, function.size(0));
  row = code.minimum(wanted, code.add(function.size(0), -1));
  position = code.loadConstant(
      code.i32(), code.advance(function[op.getPositions()].pointer, code.multiply(row, 4)), 4);
  token = code.bitAnd(position, cache.chunkTokens - 1);
  chunk =
      chunkAddress(code, cache, function[op.getCache()].pointer, function[op.getPages()].pointer,
                   head, code.divide(position, cache.chunkTokens));
  part = {cache.headSize, kernel.elementsOfHalf(), code.multiply(lane, kernel.elementsOfHalf())};
}

/// Unsigned codes, and their zero point.
SmallVector<Value> AppendEmitter::toCodes(const QuantizedHead &quantized, IntFormatAttr format,
                                          Value &zero) {
  zero = format.isAsymmetric() ? quantized.zeroPoint
                               : code.constant(float(1 << (format.getBits() - 1)));
  SmallVector<Value> codes;
  for (Value centred : quantized.centred)
    codes.push_back(floats::toInteger(code, code.addFloat(centred, zero)));
  return codes;
}

/// Codes next to each other, the first in the low bits.
Value AppendEmitter::joinCodes(ArrayRef<Value> codes, unsigned bits) {
  Value word = codes.front();
  for (auto [i, next] : llvm::enumerate(codes.drop_front()))
    word = arith::OrIOp::create(code.getBuilder(), code.getLoc(), word,
                                code.shiftLeft(next, (i + 1) * bits));
  return word;
}

void AppendEmitter::store(Value word, int64_t bytes, Value pointer) {
  OpBuilder &builder = code.getBuilder();
  if (bytes != 4)
    word = arith::TruncIOp::create(builder, code.getLoc(), builder.getIntegerType(bytes * 8), word);
  code.store(word, pointer, unsigned(bytes));
}

void AppendEmitter::storeParameters(Value scale, Value zero, int64_t at) {
  code.when(code.both(isInside, code.isEqual(lane, code.constant(int64_t(0)))), [&] {
    Value place = code.advance(code.advance(chunk, at),
                               code.multiply(token, kernels::KVCache::parameterBytes));
    code.store(code.pair(scale, zero), place, 8);
  });
}

void AppendEmitter::emitKey() {
  HeadValues values = loadRow(function[op.getKey()]);
  rotateHead(code, values, function[op.getCosines()], function[op.getSines()], position, part);
  if (op.getHadamard())
    multiplyHadamard(code, values, lane, part);
  subtractCenter(code, values, function[op.getCenter()], code.multiply(head, cache.headSize), part);
  QuantizedHead quantized =
      quantizeHead(code, values, op.getKeyFormat(), op.getRangeClip(), distances);
  Value zero;
  SmallVector<Value> codes = toCodes(quantized, op.getKeyFormat(), zero);
  storeParameters(quantized.scale, zero, cache.keyParametersAt());

  // Token 8a + 4i + 2b + e is column 2a + e of block 2i + b; see KVCache.
  Value a = code.shiftRight(token, 3), e = code.bitAnd(token, 1);
  Value i = code.bitAnd(code.shiftRight(token, 2), 1),
        b = code.bitAnd(code.shiftRight(token, 1), 1);
  Value column = code.add(code.shiftLeft(a, 1), e);
  Value pieceOfLane = code.add(code.shiftLeft(column, 2), code.shiftRight(lane, 2));
  int64_t laneBytes = cache.keyLaneBytes(), bytes = part.count * cache.keyBits / 8;
  bool shared = laneBytes == 8; // two keys share a piece
  Value block = code.add(code.shiftLeft(i, 1), b);
  Value offset = code.multiply(shared ? i : block, shared ? 512 : laneBytes * 32);
  if (shared)
    offset = code.add(offset, code.multiply(b, 8));
  offset = code.add(offset, code.multiply(pieceOfLane, 16));
  // Four of our lanes have what one lane of a tensor instruction has; it gets both halves.
  offset = code.add(offset, code.multiply(code.bitAnd(lane, 3), bytes));
  Value place = code.advance(chunk, offset);
  code.when(isInside, [&] {
    for (int64_t half : {0, 1}) {
      int64_t byte = half * laneBytes / 2;
      Value word = joinCodes(ArrayRef(codes).slice(half * part.count, part.count), cache.keyBits);
      store(word, bytes, code.advance(place, byte / 16 * 512 + byte % 16));
    }
  });
}

void AppendEmitter::emitValue() {
  HeadValues values = loadRow(function[op.getValue()]);
  QuantizedHead quantized =
      quantizeHead(code, values, op.getValueFormat(), op.getRangeClip(), distances);
  Value zero;
  SmallVector<Value> codes = toCodes(quantized, op.getValueFormat(), zero);
  storeParameters(quantized.scale, zero, cache.valueParametersAt());
  Value offset = code.add(code.multiply(part.first, cache.chunkTokens), token);
  Value place = code.advance(code.advance(chunk, cache.valuesAt()), offset);
  code.when(isInside, [&] {
    for (int64_t i = 0; i != part.count; ++i) {
      Value first = codes[i], second = codes[i + part.count];
      Value at = code.advance(place, i * cache.chunkTokens);
      if (cache.valueBits == 4) {
        store(joinCodes({first, second}, 4), 1, at);
        continue;
      }
      store(first, 1, at);
      store(second, 1, code.advance(at, cache.headSize / 2 * cache.chunkTokens));
    }
  });
}

void AppendEmitter::emit() {
  findPlace();
  Value kind = code.bitAnd(code.columnBlock(), 1);
  code.when(code.isEqual(kind, code.constant(int64_t(0))), [&] { emitKey(); });
  code.when(code.isEqual(kind, code.constant(int64_t(1))), [&] { emitValue(); });
  LLVM::ReturnOp::create(code.getBuilder(), op.getLoc(), ValueRange());
}

void qllm::emitAppendKV(OpBuilder &builder, AppendKVOp op, StringRef name) {
  OpBuilder::InsertionGuard guard(builder);
  AppendEmitter(builder, op, name).emit();
}
