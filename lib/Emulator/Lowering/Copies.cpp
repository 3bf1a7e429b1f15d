// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asynchronous copies.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Emulator/Runtime/Abi.h"
#include "qllm/Emulator/Runtime/TensorMap.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// The mask of blocks that a copy goes to.
Value multicastMask(HostLowering &host, OpBuilder &builder, Location location, Value mask) {
  return mask ? host.extended(builder, location, mask)
              : host.constant(builder, location, kNoMulticast);
}

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
    Location location = op.getLoc();
    host.callAt(rewriter, op, "qllm_emu_bulk_copy", Type(),
                {host.flat(rewriter, location, op.getDstMem()),
                 host.flat(rewriter, location, op.getSrcMem()),
                 host.flat(rewriter, location, op.getMbar()), op.getSize(),
                 multicastMask(host, rewriter, location, op.getMulticastMask())});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerTensorCopy : HostPattern<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getMode() != NVVM::TMALoadMode::TILE || op.getGroup())
      return op.emitOpError("is known to the emulator for tiles only, without a group");
    Location location = op.getLoc();
    Value zero = host.constant(rewriter, location, 0), one = host.constant(rewriter, location, 1);
    SmallVector<Value> operands{
        host.flat(rewriter, location, op.getDstMem()),
        op.getTmaDescriptor(),
        host.flat(rewriter, location, op.getMbar()),
        op.getPredicate() ? host.extended(rewriter, location, op.getPredicate()) : one,
        multicastMask(host, rewriter, location, op.getMulticastMask()),
        host.constant(rewriter, location, uint32_t(op.getCoordinates().size()))};
    llvm::append_range(operands, op.getCoordinates());
    operands.append(TensorMap::kMaxRank - op.getCoordinates().size(), zero);
    host.callAt(rewriter, op, "qllm_emu_tensor_copy", Type(), operands);
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
  patterns.add<LowerCopy, LowerWait, LowerCopiesArrive, LowerBulkCopy, LowerTensorCopy,
               LowerBulkStore, LowerBulkWait>(patterns.getContext(), host);
  callInstead<NVVM::CpAsyncCommitGroupOp>(patterns, host, "qllm_emu_copy_commit");
  callInstead<NVVM::CpAsyncBulkCommitGroupOp>(patterns, host, "qllm_emu_bulk_commit");
}
