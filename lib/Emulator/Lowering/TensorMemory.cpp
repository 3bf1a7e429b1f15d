// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tcgen05 operations of one block: those of whole warps meet, others are calls of one thread.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// An address in tensor memory has 32 bits.
Value addressOf(OpBuilder &builder, Value pointer) {
  return LLVM::PtrToIntOp::create(builder, pointer.getLoc(), builder.getI32Type(), pointer);
}

LogicalResult refusePairs(Operation *op, NVVM::CTAGroupKind group) {
  if (group == NVVM::CTAGroupKind::CTA_1)
    return success();
  return op->emitOpError("is known to the emulator for single blocks only");
}

struct LowerAlloc : HostPattern<NVVM::Tcgen05AllocOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05AllocOp op, PatternRewriter &rewriter) const override {
    if (failed(refusePairs(op, op.getGroup())))
      return failure();
    return host.replaceByCollective(rewriter, op, "tcgen05.alloc.sync.aligned",
                                    {op.getAddr(), op.getNCols()}, Value());
  }
};

struct LowerDealloc : HostPattern<NVVM::Tcgen05DeallocOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05DeallocOp op,
                                PatternRewriter &rewriter) const override {
    if (failed(refusePairs(op, op.getGroup())))
      return failure();
    return host.replaceByCollective(rewriter, op, "tcgen05.dealloc.sync.aligned",
                                    {addressOf(rewriter, op.getTaddr()), op.getNCols()}, Value());
  }
};

struct LowerRelinquish : HostPattern<NVVM::Tcgen05RelinquishAllocPermitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05RelinquishAllocPermitOp op,
                                PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, "tcgen05.relinquish_alloc_permit.sync.aligned",
                                    {}, Value());
  }
};

struct LowerLoad : HostPattern<NVVM::Tcgen05LdOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05LdOp op, PatternRewriter &rewriter) const override {
    if (op.getShape() != NVVM::Tcgen05LdStShape::SHAPE_32X32B || op.getPack())
      return op.emitOpError("is known to the emulator with shape 32x32b only, not packed");
    auto vector = dyn_cast<VectorType>(op.getType());
    return host.replaceByCollective(rewriter, op,
                                    "tcgen05.ld.sync.aligned.32x32b.x" +
                                        Twine(vector ? vector.getNumElements() : 1),
                                    {addressOf(rewriter, op.getTmemAddr())}, Value());
  }
};

struct LowerWait : HostPattern<NVVM::Tcgen05WaitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05WaitOp op, PatternRewriter &rewriter) const override {
    if (op.getKind() != NVVM::Tcgen05WaitKind::LOAD)
      return op.emitOpError("is known to the emulator for loads only");
    return host.replaceByCollective(rewriter, op, "tcgen05.wait::ld.sync.aligned", {}, Value());
  }
};

struct LowerFence : HostPattern<NVVM::Tcgen05FenceOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05FenceOp op, PatternRewriter &rewriter) const override {
    bool after = op.getKind() == NVVM::Tcgen05FenceKind::AFTER_THREAD_SYNC;
    host.callAt(rewriter, op, "qllm_emu_tensor_fence", Type(),
                {host.constant(rewriter, op.getLoc(), after)});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCopy : HostPattern<NVVM::Tcgen05CpOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05CpOp op, PatternRewriter &rewriter) const override {
    if (failed(refusePairs(op, op.getGroup())))
      return failure();
    if (op.getShape() != NVVM::Tcgen05CpShape::SHAPE_32x128b ||
        op.getMulticast() != NVVM::Tcgen05CpMulticast::WARPX4 || op.getSrcFormat())
      return op.emitOpError("is known to the emulator with shape 32x128b for all warps only");
    host.callAt(rewriter, op, "qllm_emu_tensor_scales", Type(),
                {addressOf(rewriter, op.getTaddr()), op.getSmemDesc()});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerMma : HostPattern<NVVM::Tcgen05MMABlockScaleOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05MMABlockScaleOp op,
                                PatternRewriter &rewriter) const override {
    if (failed(refusePairs(op, op.getCtaGroup())))
      return failure();
    bool powers = op.getKind() == NVVM::MMABlockScaleKind::MXF4 &&
                  op.getBlockScale() == NVVM::Tcgen05MMABlockScale::BLOCK32;
    bool fractions = op.getKind() == NVVM::MMABlockScaleKind::MXF4NVF4 &&
                     op.getBlockScale() == NVVM::Tcgen05MMABlockScale::BLOCK16;
    if ((!powers && !fractions) || !op.getMatrixA().getType().isInteger(64))
      return op.emitOpError(
          "is known to the emulator for kinds mxf4 with block32 and mxf4nvf4 with "
          "block16, with A in shared memory");
    Location location = op.getLoc();
    host.callAt(rewriter, op, "qllm_emu_tensor_multiply", Type(),
                {addressOf(rewriter, op.getMatrixD()), op.getMatrixA(), op.getMatrixB(),
                 op.getIdesc(), host.extended(rewriter, location, op.getEnableInputD()),
                 addressOf(rewriter, op.getScaleA()), addressOf(rewriter, op.getScaleB()),
                 host.constant(rewriter, location, powers ? 32 : 16)});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCommit : HostPattern<NVVM::Tcgen05CommitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Tcgen05CommitOp op,
                                PatternRewriter &rewriter) const override {
    if (failed(refusePairs(op, op.getGroup())))
      return failure();
    if (op.getMulticastMask())
      return op.emitOpError("with a multicast mask is not known to the emulator");
    host.callAt(rewriter, op, "qllm_emu_tensor_commit", Type(),
                {host.flat(rewriter, op.getLoc(), op.getAddr())});
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void qllm::emu::populateTensorMemoryPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerAlloc, LowerDealloc, LowerRelinquish, LowerLoad, LowerWait, LowerFence,
               LowerCopy, LowerMma, LowerCommit>(patterns.getContext(), host);
}
