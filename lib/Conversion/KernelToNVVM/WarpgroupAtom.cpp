// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma on bytes.

#include "WarpgroupAtom.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The upper bits of a matrix descriptor: eight rows of 128 bytes until the next ones, in units
/// from bit 32 on; the swizzle of 128 bytes in bits 62 and up. The leading offset in bits 16 and up
/// means nothing here.
constexpr int64_t descriptorKind =
    (int64_t(1) << 62) | (int64_t(8 * 128 / WarpgroupAtom::unitBytes) << 32) | (1 << 16);

NVVM::WGMMATypes codeType(bool isSigned) {
  return isSigned ? NVVM::WGMMATypes::s8 : NVVM::WGMMATypes::u8;
}

} // namespace

Type WarpgroupAtom::sumsType() {
  return LLVM::LLVMStructType::getLiteral(code.i32().getContext(),
                                          SmallVector<Type>(columns / 2, code.i32()));
}

Value WarpgroupAtom::zeroSums() {
  return LLVM::ZeroOp::create(code.getBuilder(), code.getLoc(), sumsType());
}

Value WarpgroupAtom::descriptor(Value units) {
  return arith::OrIOp::create(code.getBuilder(), code.getLoc(), code.extend64(units),
                              code.constant64(descriptorKind));
}

Value WarpgroupAtom::multiply(Value left, Value right, Value sums, bool accumulate) {
  MLIRContext *context = code.i32().getContext();
  return NVVM::WgmmaMmaAsyncOp::create(
      code.getBuilder(), code.getLoc(), sums.getType(), sums, descriptor(left), descriptor(right),
      NVVM::MMAShapeAttr::get(context, rows, columns, 32), codeType(leftSigned),
      codeType(rightSigned), NVVM::WGMMATypes::s32,
      accumulate ? NVVM::WGMMAScaleOut::one : NVVM::WGMMAScaleOut::zero, NVVM::WGMMAScaleIn::one,
      NVVM::WGMMAScaleIn::one, NVVM::MMALayout::row, NVVM::MMALayout::col,
      // Wrapping is exact, as the range proof says.
      NVVM::MMAIntOverflowAttr::get(context, NVVM::MMAIntOverflow::wrapped));
}

Value WarpgroupAtom::multiplyWords(ArrayRef<Value> left, Value right, Value sums) {
  auto product =
      qk::WgmmaRegisterAOp::create(code.getBuilder(), code.getLoc(), sums.getType(), left,
                                   descriptor(right), sums, !leftSigned, !rightSigned);
  return product.getResult();
}

void WarpgroupAtom::fence() { NVVM::WgmmaFenceAlignedOp::create(code.getBuilder(), code.getLoc()); }

void WarpgroupAtom::commit() {
  NVVM::WgmmaGroupSyncAlignedOp::create(code.getBuilder(), code.getLoc());
}

void WarpgroupAtom::waitForAllBut(int64_t groups) {
  NVVM::WgmmaWaitGroupSyncOp::create(code.getBuilder(), code.getLoc(), uint64_t(groups));
}

SmallVector<Value> WarpgroupAtom::elements(Value sums) {
  SmallVector<Value> values;
  for (int64_t i = 0; i != columns / 2; ++i)
    values.push_back(code.member(sums, unsigned(i)));
  return values;
}
