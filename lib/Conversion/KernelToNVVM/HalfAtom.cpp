// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nvvm.mma.sync on f16 and bf16.

#include "HalfAtom.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

Value qllm::bitsAs(CodeBuilder &code, Type type, Value value) {
  return value.getType() == type
             ? value
             : LLVM::BitcastOp::create(code.getBuilder(), code.getLoc(), type, value).getResult();
}

Words HalfAtom::multiplyAdd(CodeBuilder &code, ArrayRef<Value> left, ArrayRef<Value> right,
                            ArrayRef<Value> sums) const {
  bool isF16 = kind == kernels::HalfKind::F16;
  // The operation wants pairs of f16, but words of bf16.
  Type operand = isF16 ? Type(VectorType::get(2, code.getBuilder().getF16Type())) : code.i32();
  auto cast = [&](ArrayRef<Value> words) {
    return llvm::map_to_vector<4>(words, [&](Value word) { return bitsAs(code, operand, word); });
  };
  auto kindOf = isF16 ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
  Type f32 = code.f32();
  Value result = NVVM::MmaOp::create(
      code.getBuilder(), code.getLoc(),
      LLVM::LLVMStructType::getLiteral(f32.getContext(), {f32, f32, f32, f32}), cast(left),
      cast(right), sums, {16, 8, kernels::WeightOnlyKernel::stepDepth}, std::nullopt, std::nullopt,
      std::array<NVVM::MMATypes, 2>{kindOf, kindOf},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  Words words;
  for (unsigned i = 0; i != 4; ++i)
    words.push_back(code.member(result, i));
  return words;
}
