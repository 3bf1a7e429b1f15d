// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions by shuffles inside a warp, and one step through shared memory between warps. The order
// of sums is fixed.

#include "RowThreads.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

RowThreads::RowThreads(CodeBuilder &code, const kernels::QuantizeKernel &kernel, Value shared)
    : shared(shared), code(code), kernel(kernel) {
  OpBuilder &builder = code.getBuilder();
  threadOfBlock = NVVM::ThreadIdXOp::create(builder, code.getLoc(), code.i32());
  Value block = code.rowBlock();
  warpOfBlock = code.shiftRight(threadOfBlock, 5);
  lane = code.bitAnd(threadOfBlock, 31);
  thread = kernel.warpsOfRow() == 1 ? lane : threadOfBlock;
  firstRow = kernel.rowsOfBlock() == 1 ? block : code.multiply(block, kernel.rowsOfBlock());
  rows = code.advance(shared, kernel.rowOffset());
}

void RowThreads::enter(Value rowOfBlock) {
  slot = rowOfBlock;
  row = code.add(firstRow, slot);
  rowShared = rows;
  if (kernel.rowBytes() != 0)
    rowShared = code.advance(rows, code.multiply(slot, kernel.rowBytes()));
  usedPlaces = 0;
}

void RowThreads::forRows(Value count, llvm::function_ref<void()> body) {
  auto visit = [&](Value rowOfBlock) {
    enter(rowOfBlock);
    code.when(code.less(row, count), body);
  };
  if (kernel.rowsOfBlock() == kernel.rowsAtOnce())
    return visit(kernel.warpsOfRow() == 1 ? warpOfBlock : code.constant(int64_t(0)));
  code.repeat(0, kernel.rowsOfBlock(), {}, [&](Value index, mlir::ValueRange) {
    visit(index);
    // The next row uses the places of reductions again.
    synchronizeBlock();
    return SmallVector<Value>();
  });
}

int64_t RowThreads::pieces(int64_t columns) const {
  return llvm::divideCeil(columns, pieceLength * kernel.threadsOfRow());
}

Value RowThreads::inside(int64_t piece, int64_t columns) {
  int64_t left = columns / pieceLength - piece * kernel.threadsOfRow();
  return left >= kernel.threadsOfRow() ? Value() : code.less(thread, code.constant(left));
}

Value RowThreads::column(int64_t piece, int64_t columns) {
  Value index = code.add(thread, piece * kernel.threadsOfRow());
  if (inside(piece, columns))
    index = code.minimum(index, code.constant(columns / pieceLength - 1));
  return code.multiply(index, pieceLength);
}

Value RowThreads::place(Value column) {
  return code.bitXor(column, code.bitAnd(code.shiftRight(column, 5), 7));
}

Value RowThreads::address(Value place, int64_t i) {
  if (i != 0)
    place = code.bitXor(place, code.constant(i));
  return code.advance(rowShared, code.shiftLeft(place, 2));
}

Value RowThreads::exchange(Value value, int64_t distance) {
  return NVVM::ShflOp::create(code.getBuilder(), code.getLoc(), value.getType(),
                              code.constant(int64_t(-1)), value, code.constant(distance),
                              code.constant(int64_t(31)), NVVM::ShflKind::bfly, UnitAttr());
}

Value RowThreads::combinePair(Combine kind, Value a, Value b) {
  switch (kind) {
  case Combine::AddFloat:
    return code.addFloat(a, b);
  case Combine::AddInt:
    return code.add(a, b);
  case Combine::Maximum:
    return code.maximum(a, b);
  case Combine::Minimum:
    return code.minimum(a, b);
  }
  llvm_unreachable("unknown combination");
}

Value RowThreads::combineLanes(Combine kind, Value value, int64_t lanes) {
  for (int64_t distance = lanes / 2; distance != 0; distance /= 2)
    value = combinePair(kind, value, exchange(value, distance));
  return value;
}

/// Integers have an instruction of their own.
Value RowThreads::combineWarp(Combine kind, Value value) {
  if (kind == Combine::AddFloat)
    return combineLanes(kind, value, 32);
  NVVM::ReduxKind operation = kind == Combine::AddInt    ? NVVM::ReduxKind::ADD
                              : kind == Combine::Maximum ? NVVM::ReduxKind::MAX
                                                         : NVVM::ReduxKind::MIN;
  return NVVM::ReduxOp::create(code.getBuilder(), code.getLoc(), value.getType(), value, operation,
                               code.constant(int64_t(-1)));
}

Value RowThreads::combine(Combine kind, Value value) {
  value = combineWarp(kind, value);
  int64_t warps = kernel.warpsOfRow();
  if (warps == 1)
    return value;
  assert(usedPlaces != kernels::QuantizeKernel::reductions);
  Value place = code.advance(shared, usedPlaces++ * kernel.reductionBytes());
  code.when(code.isEqual(lane, code.constant(int64_t(0))),
            [&] { code.store(value, code.advance(place, code.multiply(warpOfBlock, 4)), 4); });
  synchronize();
  Value result;
  auto add = [&](Value part) { result = result ? combinePair(kind, result, part) : part; };
  Type four = VectorType::get(4, value.getType());
  for (int64_t first = 0; first < warps; first += 4) {
    Value pointer = code.advance(place, first * 4);
    if (warps - first >= 4) {
      Value parts = code.load(four, pointer, 16);
      for (unsigned i = 0; i != 4; ++i)
        add(code.element(parts, i));
      continue;
    }
    for (int64_t i = 0; i != warps - first; ++i)
      add(code.load(value.getType(), code.advance(pointer, i * 4), 4));
  }
  return result;
}

void RowThreads::synchronize() {
  if (kernel.warpsOfRow() == 1)
    NVVM::SyncWarpOp::create(code.getBuilder(), code.getLoc(), code.constant(int64_t(-1)));
  else
    synchronizeBlock();
}

void RowThreads::synchronizeBlock() { NVVM::Barrier0Op::create(code.getBuilder(), code.getLoc()); }
