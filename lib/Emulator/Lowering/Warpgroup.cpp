// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma and the operations around it.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

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
            (op.getScaleD() == NVVM::WGMMAScaleOut::zero ? ".zero" : ""),
        {op.getDescriptorA(), op.getDescriptorB(), op.getInouts()}, Value());
  }
};

template <typename SourceOp> struct LowerPlain : HostPattern<SourceOp> {
  LowerPlain(MLIRContext *context, HostLowering &host, StringRef function)
      : HostPattern<SourceOp>(context, host), function(function) {}
  LogicalResult matchAndRewrite(SourceOp op, PatternRewriter &rewriter) const override {
    this->host.callFor(rewriter, op, function, Type(), {});
    rewriter.eraseOp(op);
    return success();
  }
  StringRef function;
};

struct LowerWait : HostPattern<NVVM::WgmmaWaitGroupSyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::WgmmaWaitGroupSyncOp op,
                                PatternRewriter &rewriter) const override {
    host.callFor(rewriter, op, "qllm_emu_matrix_wait", Type(),
                 {host.constant(rewriter, op.getLoc(), uint32_t(op.getGroup()))});
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void qllm::emu::populateWarpgroupPatterns(RewritePatternSet &patterns, HostLowering &host) {
  MLIRContext *context = patterns.getContext();
  patterns.add<LowerMma, LowerWait>(context, host);
  patterns.add<LowerPlain<NVVM::WgmmaFenceAlignedOp>>(context, host, "qllm_emu_matrix_fence");
  patterns.add<LowerPlain<NVVM::WgmmaGroupSyncAlignedOp>>(context, host, "qllm_emu_matrix_commit");
}
