// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asynchronous copies.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

struct LowerCopy : HostPattern<NVVM::CpAsyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncOp op, PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    // Two sites, one behind the other: the runtime counts reads and writes apart.
    Value site = host.constant(rewriter, location, host.sites.add(op, "cp.async (read)"));
    host.sites.add(op, "cp.async (write)");
    Value size = host.constant(rewriter, location, op.getSize());
    host.callFor(rewriter, op, "qllm_emu_copy", Type(),
                 {site, host.flat(rewriter, location, op.getDst()),
                  host.flat(rewriter, location, op.getSrc()), size,
                  op.getCpSize() ? op.getCpSize() : size});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCommit : HostPattern<NVVM::CpAsyncCommitGroupOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncCommitGroupOp op,
                                PatternRewriter &rewriter) const override {
    host.callFor(rewriter, op, "qllm_emu_copy_commit", Type(), {});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerWait : HostPattern<NVVM::CpAsyncWaitGroupOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncWaitGroupOp op,
                                PatternRewriter &rewriter) const override {
    host.callFor(rewriter, op, "qllm_emu_copy_wait", Type(),
                 {host.constant(rewriter, op.getLoc(), op.getN())});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCopiesArrive : HostPattern<NVVM::CpAsyncMBarrierArriveOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncMBarrierArriveOp op,
                                PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    host.callAt(rewriter, op, "qllm_emu_copy_arrive", Type(),
                {host.flat(rewriter, location, op.getAddr()),
                 host.constant(rewriter, location, op.getNoinc())});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerBulkCopy : HostPattern<NVVM::CpAsyncBulkGlobalToSharedClusterOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncBulkGlobalToSharedClusterOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getMulticastMask())
      return op.emitOpError("with a multicast mask is not known to the emulator");
    Location location = op.getLoc();
    host.callAt(rewriter, op, "qllm_emu_bulk_copy", Type(),
                {host.flat(rewriter, location, op.getDstMem()),
                 host.flat(rewriter, location, op.getSrcMem()),
                 host.flat(rewriter, location, op.getMbar()), op.getSize()});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerBulkStore : HostPattern<NVVM::CpAsyncBulkSharedCTAToGlobalOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncBulkSharedCTAToGlobalOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getByteMask())
      return op.emitOpError("with a byte mask is not known to the emulator");
    Location location = op.getLoc();
    host.callAt(rewriter, op, "qllm_emu_bulk_store", Type(),
                {host.flat(rewriter, location, op.getDstMem()),
                 host.flat(rewriter, location, op.getSrcMem()), op.getSize()});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerBulkCommit : HostPattern<NVVM::CpAsyncBulkCommitGroupOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncBulkCommitGroupOp op,
                                PatternRewriter &rewriter) const override {
    host.callFor(rewriter, op, "qllm_emu_bulk_commit", Type(), {});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerBulkWait : HostPattern<NVVM::CpAsyncBulkWaitGroupOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncBulkWaitGroupOp op,
                                PatternRewriter &rewriter) const override {
    host.callFor(rewriter, op, "qllm_emu_bulk_wait", Type(),
                 {host.constant(rewriter, op.getLoc(), op.getGroup())});
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void qllm::emu::populateCopyPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerCopy, LowerCommit, LowerWait, LowerCopiesArrive, LowerBulkCopy, LowerBulkStore,
               LowerBulkCommit, LowerBulkWait>(patterns.getContext(), host);
}
