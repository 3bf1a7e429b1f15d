// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clusters of blocks: their barrier, fences for it, and addresses in other blocks.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Emulator/Runtime/Abi.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

template <typename ArriveOp, uint32_t Form> struct LowerClusterArrive : HostPattern<ArriveOp> {
  using HostPattern<ArriveOp>::HostPattern;
  LogicalResult matchAndRewrite(ArriveOp op, PatternRewriter &rewriter) const override {
    uint32_t form = Form | (op.getAligned() ? ClusterAligned : 0);
    this->host.callAt(rewriter, op, "qllm_emu_cluster_arrive", Type(),
                      {this->host.constant(rewriter, op.getLoc(), form)});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerClusterWait : HostPattern<NVVM::ClusterWaitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::ClusterWaitOp op, PatternRewriter &rewriter) const override {
    host.callAt(rewriter, op, "qllm_emu_cluster_wait", Type(),
                {host.constant(rewriter, op.getLoc(), bool(op.getAligned()))});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerMapShared : HostPattern<NVVM::MapaOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MapaOp op, PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Value address = host.callAt(rewriter, op, "qllm_emu_mapa",
                                LLVM::LLVMPointerType::get(rewriter.getContext()),
                                {host.flat(rewriter, location, op.getA()), op.getB()});
    if (address.getType() != op.getType())
      address = LLVM::AddrSpaceCastOp::create(rewriter, location, op.getType(), address);
    rewriter.replaceOp(op, address);
    return success();
  }
};

} // namespace

void qllm::emu::populateClusterPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerClusterArrive<NVVM::ClusterArriveOp, 0>,
               LowerClusterArrive<NVVM::ClusterArriveRelaxedOp, ClusterRelaxed>, LowerClusterWait,
               LowerMapShared>(patterns.getContext(), host);
  callInstead<NVVM::FenceMbarrierInitOp>(patterns, host, "qllm_emu_fence_mbarrier_init");
  callInstead<NVVM::FenceScClusterOp>(patterns, host, "qllm_emu_fence");
}
