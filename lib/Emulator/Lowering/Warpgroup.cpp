// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma and the operations around it.

#include "MatrixRegisters.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::emu;

namespace {

/// What `prepareMatrixRegisters` found out.
StringRef fenceSuffix(Operation *op) { return op->hasAttr(kUnfencedAttribute) ? ".unfenced" : ""; }

struct LowerMma : HostPattern<NVVM::WgmmaMmaAsyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::WgmmaMmaAsyncOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getLayoutA() != NVVM::MMALayout::row || op.getLayoutB() != NVVM::MMALayout::col)
      return op.emitOpError("is known to the emulator with layouts row and col only");
    if (op.getScaleA() != NVVM::WGMMAScaleIn::one || op.getScaleB() != NVVM::WGMMAScaleIn::one)
      return op.emitOpError("is known to the emulator without negated operands only");
    NVVM::MMAShapeAttr shape = op.getShape();
    bool saturate = op.getSatfinite() == NVVM::MMAIntOverflow::satfinite;
    return host.replaceByCollective(
        rewriter, op,
        "wgmma.mma_async.sync.aligned.m" + Twine(shape.getM()) + "n" + Twine(shape.getN()) + "k" +
            Twine(shape.getK()) + (saturate ? ".satfinite." : ".") +
            stringifyWGMMATypes(op.getTypeD()) + "." + stringifyWGMMATypes(op.getTypeA()) + "." +
            stringifyWGMMATypes(op.getTypeB()) +
            (op.getScaleD() == NVVM::WGMMAScaleOut::zero ? ".zero" : "") + fenceSuffix(op),
        {op.getDescriptorA(), op.getDescriptorB(), op.getInouts()}, Value());
  }
};

struct LowerRegisterA : HostPattern<qk::WgmmaRegisterAOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(qk::WgmmaRegisterAOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, op.getMnemonic() + ".registers" + fenceSuffix(op),
                                    op->getOperands(), Value());
  }
};

struct LowerFence : HostPattern<NVVM::WgmmaFenceAlignedOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::WgmmaFenceAlignedOp op,
                                PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, "wgmma.fence.sync.aligned", {}, Value());
  }
};

struct LowerCommit : HostPattern<NVVM::WgmmaGroupSyncAlignedOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::WgmmaGroupSyncAlignedOp op,
                                PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, "wgmma.commit_group.sync.aligned", {}, Value());
  }
};

struct LowerWait : HostPattern<NVVM::WgmmaWaitGroupSyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::WgmmaWaitGroupSyncOp op,
                                PatternRewriter &rewriter) const override {
    return host.replaceByCollective(
        rewriter, op, "wgmma.wait_group.sync.aligned." + Twine(op.getGroup()), {}, Value());
  }
};

} // namespace

void qllm::emu::populateWarpgroupPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerMma, LowerRegisterA, LowerFence, LowerCommit, LowerWait>(patterns.getContext(),
                                                                             host);
}
