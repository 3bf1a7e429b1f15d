// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The count of arrivals.

#include "SplitDepth.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

SplitDepth::SplitDepth(CodeBuilder &code, LinearPlace &place, Buffer arrivals, Value shared,
                       Value rows, int64_t splits)
    : code(code), thread(place.thread), arrivals(arrivals.pointer), shared(shared), rows(rows),
      layer(place.layer()), splits(splits) {}

Value SplitDepth::rowOf(Value part, Value row) {
  return code.add(code.multiply(code.extend64(part), code.extend64(rows)), code.extend64(row));
}

void SplitDepth::whenLast(llvm::function_ref<void()> body) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Value row = NVVM::BlockIdYOp::create(builder, loc, code.i32());
  Value column = NVVM::BlockIdXOp::create(builder, loc, code.i32());
  Value columns = NVVM::GridDimXOp::create(builder, loc, code.i32());
  Value index = code.add(code.multiply(row, columns), column);
  Value counter = code.advance(arrivals, code.multiply(index, 4));
  Value isFirst = code.isEqual(thread, code.constant(int64_t(0)));
  // The barrier hands the stores of all threads to the first, whose atomic hands them on: it
  // releases them, and acquires those of the blocks before.
  NVVM::Barrier0Op::create(builder, loc);
  code.when(isFirst, [&] {
    Value before = LLVM::AtomicRMWOp::create(builder, loc, LLVM::AtomicBinOp::add, counter,
                                             code.constant(int64_t(1)),
                                             LLVM::AtomicOrdering::acq_rel, "device", 4);
    code.store(before, shared, 4);
  });
  NVVM::Barrier0Op::create(builder, loc);
  Value before = code.load(code.i32(), shared, 4);
  code.when(code.isEqual(before, code.constant(splits - 1)), [&] {
    body();
    // Ready for the next run.
    code.when(isFirst, [&] { code.store(code.constant(int64_t(0)), counter, 4); });
  });
}
