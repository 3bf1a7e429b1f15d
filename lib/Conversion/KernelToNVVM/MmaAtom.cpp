// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nvvm.mma.sync on integers.

#include "MmaAtom.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

static NVVM::MMATypes codeType(kernels::MmaForm form, bool isSigned) {
  if (form == kernels::MmaForm::Int4)
    return isSigned ? NVVM::MMATypes::s4 : NVVM::MMATypes::u4;
  return isSigned ? NVVM::MMATypes::s8 : NVVM::MMATypes::u8;
}

Words MmaAtom::multiplyAdd(CodeBuilder &code, ArrayRef<Value> left, ArrayRef<Value> right,
                           ArrayRef<Value> sums) const {
  int64_t depth = form == kernels::MmaForm::Int4 ? 64 : 32;
  Type i32 = code.i32();
  auto type = LLVM::LLVMStructType::getLiteral(i32.getContext(), {i32, i32, i32, i32});
  // Wrapping is exact, as the range proof says; saturation would be wrong on the way and slower.
  Value result = NVVM::MmaOp::create(
      code.getBuilder(), code.getLoc(), type, left, right, sums, {16, 8, depth}, std::nullopt,
      NVVM::MMAIntOverflow::wrapped,
      std::array<NVVM::MMATypes, 2>{codeType(form, leftSigned), codeType(form, rightSigned)},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  Words words;
  for (unsigned i = 0; i != 4; ++i)
    words.push_back(code.member(result, i));
  return words;
}
