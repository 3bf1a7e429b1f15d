// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of instructions.

#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

int64_t WgmmaRegisterAOp::getColumns() {
  return 2 * int64_t(cast<LLVM::LLVMStructType>(getSums().getType()).getBody().size());
}

std::string WgmmaRegisterAOp::getMnemonic() {
  return ("wgmma.mma_async.sync.aligned.m64n" + Twine(getColumns()) + "k32.s32." +
          (getUnsignedA() ? "u8" : "s8") + "." + (getUnsignedB() ? "u8" : "s8"))
      .str();
}

LogicalResult WgmmaRegisterAOp::verify() {
  // wgmma_register_a_c1
  if (getA().size() != 4)
    return emitOpError() << "expected 4 words of A, but got " << getA().size();
  // wgmma_register_a_c2
  auto type = dyn_cast<LLVM::LLVMStructType>(getSums().getType());
  if (!type || type.isOpaque() ||
      !llvm::all_of(type.getBody(), [](Type word) { return word.isInteger(32); }))
    return emitOpError() << "expected sums in a struct of i32, but got " << getSums().getType();
  int64_t columns = getColumns();
  if (columns != 8 && columns != 24 && (columns % 16 != 0 || columns < 16 || columns > 256))
    return emitOpError() << "expected sums of 8, 24 or a multiple of 16 up to 256 columns, but got "
                         << type.getBody().size() << " words, which are of " << columns;
  return success();
}
