// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Barriers of the block, fences, and operations that change nothing that the emulator models.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// An operand, or zero when it is absent: barrier 0, all threads, no bytes.
Value orZero(HostLowering &host, OpBuilder &builder, Location location, Value value) {
  return value ? value : host.constant(builder, location, 0);
}

struct LowerBarrier0 : HostPattern<NVVM::Barrier0Op> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::Barrier0Op op, PatternRewriter &rewriter) const override {
    Value zero = host.constant(rewriter, op.getLoc(), 0);
    host.callAt(rewriter, op, "qllm_emu_barrier", Type(), {zero, zero});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerBarrier : HostPattern<NVVM::BarrierOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::BarrierOp op, PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    SmallVector<Value> operands{orZero(host, rewriter, location, op.getBarrierId()),
                                orZero(host, rewriter, location, op.getNumberOfThreads())};
    if (!op.getReductionOp()) {
      host.callAt(rewriter, op, "qllm_emu_barrier", Type(), operands);
      rewriter.eraseOp(op);
      return success();
    }
    operands.push_back(host.constant(rewriter, location, uint32_t(*op.getReductionOp())));
    operands.push_back(op.getReductionPredicate());
    rewriter.replaceOp(
        op, host.callAt(rewriter, op, "qllm_emu_barrier_reduce", rewriter.getI32Type(), operands));
    return success();
  }
};

struct LowerBarrierArrive : HostPattern<NVVM::BarrierArriveOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::BarrierArriveOp op,
                                PatternRewriter &rewriter) const override {
    host.callAt(rewriter, op, "qllm_emu_barrier_arrive", Type(),
                {orZero(host, rewriter, op.getLoc(), op.getBarrierId()), op.getNumberOfThreads()});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerFenceProxy : HostPattern<NVVM::FenceProxyOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::FenceProxyOp op, PatternRewriter &rewriter) const override {
    // Only shared memory has a proxy that is checked.
    if (op.getKind() == NVVM::ProxyKind::async || op.getKind() == NVVM::ProxyKind::async_shared)
      host.callFor(rewriter, op, "qllm_emu_fence_proxy", Type(), {});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerFence : HostPattern<NVVM::MembarOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MembarOp op, PatternRewriter &rewriter) const override {
    // Inside a block nothing is checked that such a fence could order.
    if (op.getScope() != NVVM::MemScopeKind::CTA)
      host.callFor(rewriter, op, "qllm_emu_fence", Type(), {});
    rewriter.eraseOp(op);
    return success();
  }
};

/// Hints.
struct DropOperation : RewritePattern {
  DropOperation(MLIRContext *context, HostLowering &)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *operation, PatternRewriter &rewriter) const override {
    bool dropped =
        llvm::StringSwitch<bool>(operation->getName().getStringRef())
            .Cases({"nvvm.setmaxregister", "nvvm.griddepcontrol", "nvvm.prefetch", "nvvm.pmevent"},
                   true)
            .Default(false);
    if (!dropped)
      return failure();
    rewriter.eraseOp(operation);
    return success();
  }
};

} // namespace

void qllm::emu::populateBarrierPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerBarrier0, LowerBarrier, LowerBarrierArrive, LowerFence, LowerFenceProxy,
               DropOperation>(patterns.getContext(), host);
  callInstead<NVVM::NanosleepOp>(patterns, host, "qllm_emu_yield");
}
