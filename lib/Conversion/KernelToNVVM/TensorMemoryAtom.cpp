// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tcgen05 operations of one block.

#include "TensorMemoryAtom.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Kernels/TensorMemory.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Eight rows of codes behind each other, and of scales.
constexpr kernels::MatrixDescriptor codesDescriptor{8 * 128, /*isSwizzled=*/true};
constexpr kernels::MatrixDescriptor scalesDescriptor{8 * 16, /*isSwizzled=*/false};

} // namespace

Value TensorMemoryAtom::pointer(Value address) {
  auto type = LLVM::LLVMPointerType::get(code.getBuilder().getContext(), tensorSpace);
  return LLVM::IntToPtrOp::create(code.getBuilder(), code.getLoc(), type, address);
}

Value TensorMemoryAtom::descriptor(Value units, uint64_t bits) {
  return arith::OrIOp::create(code.getBuilder(), code.getLoc(), code.extend64(units),
                              code.constant64(int64_t(bits)));
}

void TensorMemoryAtom::allocate(Value slot) {
  OpBuilder &builder = code.getBuilder();
  NVVM::Tcgen05AllocOp::create(builder, code.getLoc(), slot, code.constant(kernel.tensorColumns()));
  // So that another block on the multiprocessor can allocate.
  NVVM::Tcgen05RelinquishAllocPermitOp::create(builder, code.getLoc());
}

void TensorMemoryAtom::free(Value address) {
  NVVM::Tcgen05DeallocOp::create(code.getBuilder(), code.getLoc(), pointer(address),
                                 code.constant(kernel.tensorColumns()));
}

void TensorMemoryAtom::copyScales(Value units, Value to) {
  // To the lanes of all four warps, where products look for them.
  NVVM::Tcgen05CpOp::create(code.getBuilder(), code.getLoc(), NVVM::Tcgen05CpShape::SHAPE_32x128b,
                            NVVM::CTAGroupKind::CTA_1, NVVM::Tcgen05CpMulticast::WARPX4,
                            /*srcFormat=*/{}, pointer(to),
                            descriptor(units, scalesDescriptor.bits()));
}

void TensorMemoryAtom::multiply(Value left, Value right, Value leftScales, Value rightScales,
                                unsigned scaleByte, Value sums, Value accumulate) {
  bool isPowerScaled = kernel.blockLength == 32;
  kernels::ScaledInstruction instruction{kernel.codes.schedule.tileColumns, isPowerScaled,
                                         scaleByte};
  NVVM::Tcgen05MMABlockScaleOp::create(
      code.getBuilder(), code.getLoc(),
      isPowerScaled ? NVVM::MMABlockScaleKind::MXF4 : NVVM::MMABlockScaleKind::MXF4NVF4,
      NVVM::CTAGroupKind::CTA_1,
      isPowerScaled ? NVVM::Tcgen05MMABlockScale::BLOCK32 : NVVM::Tcgen05MMABlockScale::BLOCK16,
      NVVM::Tcgen05MMACollectorOp::DISCARD, pointer(sums), descriptor(left, codesDescriptor.bits()),
      descriptor(right, codesDescriptor.bits()), code.constant(int64_t(instruction.bits())),
      accumulate, pointer(leftScales), pointer(rightScales));
}

void TensorMemoryAtom::commit(Value barrier) {
  NVVM::Tcgen05CommitOp::create(code.getBuilder(), code.getLoc(), barrier,
                                /*multicastMask=*/Value());
}

SmallVector<Value> TensorMemoryAtom::load(Value address) {
  OpBuilder &builder = code.getBuilder();
  Value loaded = NVVM::Tcgen05LdOp::create(
      builder, code.getLoc(), VectorType::get(loadedColumns, code.i32()), /*pack=*/UnitAttr(),
      NVVM::Tcgen05LdStShapeAttr::get(builder.getContext(), NVVM::Tcgen05LdStShape::SHAPE_32X32B),
      pointer(address), /*offset=*/Value());
  NVVM::Tcgen05WaitOp::create(builder, code.getLoc(), NVVM::Tcgen05WaitKind::LOAD);
  SmallVector<Value> words;
  for (unsigned i = 0; i != loadedColumns; ++i)
    words.push_back(code.element(loaded, i));
  return words;
}

void TensorMemoryAtom::fenceBefore() {
  NVVM::Tcgen05FenceOp::create(code.getBuilder(), code.getLoc(),
                               NVVM::Tcgen05FenceKind::BEFORE_THREAD_SYNC);
}

void TensorMemoryAtom::fenceAfter() {
  NVVM::Tcgen05FenceOp::create(code.getBuilder(), code.getLoc(),
                               NVVM::Tcgen05FenceKind::AFTER_THREAD_SYNC);
}
