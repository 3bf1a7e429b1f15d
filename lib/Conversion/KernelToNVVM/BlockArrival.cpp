// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One atomic addition for each block.

#include "BlockArrival.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

Value qllm::countArrival(CodeBuilder &code, Value counter, Value shared) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Value thread = NVVM::ThreadIdXOp::create(builder, loc, code.i32());
  // The barrier hands the stores of all threads to the first, whose atomic hands them on: it
  // releases them, and acquires those of the blocks before.
  NVVM::Barrier0Op::create(builder, loc);
  code.when(code.isEqual(thread, code.constant(int64_t(0))), [&] {
    Value before = LLVM::AtomicRMWOp::create(builder, loc, LLVM::AtomicBinOp::add, counter,
                                             code.constant(int64_t(1)),
                                             LLVM::AtomicOrdering::acq_rel, "device", 4);
    code.store(before, shared, 4);
  });
  NVVM::Barrier0Op::create(builder, loc);
  return code.load(code.i32(), shared, 4);
}
