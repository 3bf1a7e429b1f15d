// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarrier operations. Those that wait in a loop on a machine wait once here.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Emulator/Runtime/Abi.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// `predicate` as i32; true when there is none.
Value enabled(HostLowering &host, OpBuilder &builder, Location location, Value predicate) {
  return predicate ? host.extended(builder, location, predicate)
                   : host.constant(builder, location, 1);
}

struct LowerInit : HostPattern<NVVM::MBarrierInitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierInitOp op, PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    host.callAt(rewriter, op, "qllm_emu_mbarrier_init", Type(),
                {host.flat(rewriter, location, op.getAddr()), op.getCount(),
                 enabled(host, rewriter, location, op.getPredicate())});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerInvalidate : HostPattern<NVVM::MBarrierInvalOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierInvalOp op,
                                PatternRewriter &rewriter) const override {
    host.callAt(rewriter, op, "qllm_emu_mbarrier_inval", Type(),
                {host.flat(rewriter, op.getLoc(), op.getAddr())});
    rewriter.eraseOp(op);
    return success();
  }
};

/// What an arrival does: `count` arrivals (one if null), `bytes` announced (none if null), and its
/// ArrivalForm.
struct Arrival {
  Value count, bytes, predicate;
  uint32_t form;
};

uint32_t formOfAddress(Value address) {
  auto type = llvm::cast<LLVM::LLVMPointerType>(address.getType());
  return type.getAddressSpace() == unsigned(NVVM::NVVMMemorySpace::SharedCluster) ? ArriveInCluster
                                                                                  : 0;
}

/// Of an operation with a scope.
template <typename ArriveOp> uint32_t formOf(ArriveOp op) {
  return formOfAddress(op.getAddr()) | (op.getRelaxed() ? ArriveRelaxed : 0) |
         (op.getScope() == NVVM::MemScopeKind::CLUSTER ? ArriveForCluster : 0);
}

LogicalResult lowerArrival(HostLowering &host, PatternRewriter &rewriter, Operation *op,
                           Value address, const Arrival &arrival) {
  Location location = op->getLoc();
  Value one = host.constant(rewriter, location, 1), zero = host.constant(rewriter, location, 0);
  Value state = host.callAt(
      rewriter, op, "qllm_emu_mbarrier_arrive", rewriter.getI64Type(),
      {host.flat(rewriter, location, address), arrival.count ? arrival.count : one,
       arrival.bytes ? arrival.bytes : zero, host.constant(rewriter, location, arrival.form),
       enabled(host, rewriter, location, arrival.predicate)});
  if (op->getNumResults())
    rewriter.replaceOp(op, state);
  else
    rewriter.eraseOp(op);
  return success();
}

template <typename ArriveOp, uint32_t Form> struct LowerArrive : HostPattern<ArriveOp> {
  using HostPattern<ArriveOp>::HostPattern;
  LogicalResult matchAndRewrite(ArriveOp op, PatternRewriter &rewriter) const override {
    return lowerArrival(this->host, rewriter, op, op.getAddr(),
                        {op.getCount(), Value(), Value(), Form | formOf(op)});
  }
};

/// One that ends no phase; at an mbarrier of the own block.
template <typename ArriveOp, uint32_t Form> struct LowerNocomplete : HostPattern<ArriveOp> {
  using HostPattern<ArriveOp>::HostPattern;
  LogicalResult matchAndRewrite(ArriveOp op, PatternRewriter &rewriter) const override {
    return lowerArrival(this->host, rewriter, op, op.getAddr(),
                        {op.getCount(), Value(), Value(), Form});
  }
};

struct LowerArriveExpect : HostPattern<NVVM::MBarrierArriveExpectTxOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierArriveExpectTxOp op,
                                PatternRewriter &rewriter) const override {
    return lowerArrival(host, rewriter, op, op.getAddr(),
                        {Value(), op.getTxcount(), op.getPredicate(), formOf(op)});
  }
};

struct LowerArriveDropExpect : HostPattern<NVVM::MBarrierArriveDropExpectTxOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierArriveDropExpectTxOp op,
                                PatternRewriter &rewriter) const override {
    return lowerArrival(host, rewriter, op, op.getAddr(),
                        {Value(), op.getTxcount(), Value(), ArriveAndDrop | formOf(op)});
  }
};

/// expect_tx adds to the bytes that are missing, complete_tx takes away.
template <typename BytesOp, bool Negate> struct LowerBytes : HostPattern<BytesOp> {
  using HostPattern<BytesOp>::HostPattern;
  LogicalResult matchAndRewrite(BytesOp op, PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Value bytes = op.getTxcount();
    if (Negate)
      bytes = LLVM::SubOp::create(rewriter, location, this->host.constant(rewriter, location, 0),
                                  bytes);
    this->host.callAt(rewriter, op, "qllm_emu_mbarrier_bytes", Type(),
                      {this->host.flat(rewriter, location, op.getAddr()), bytes,
                       this->host.constant(rewriter, location, formOfAddress(op.getAddr()))});
    rewriter.eraseOp(op);
    return success();
  }
};

/// Site, address, phase or state, and which of both it is.
SmallVector<Value> phaseOperands(HostLowering &host, OpBuilder &builder, Location location,
                                 Value address, Value phase) {
  bool parity = phase.getType().isInteger(32);
  if (parity)
    phase = LLVM::ZExtOp::create(builder, location, builder.getI64Type(), phase);
  return {host.flat(builder, location, address), phase, host.constant(builder, location, parity)};
}

struct LowerWaitParity : HostPattern<NVVM::MBarrierTryWaitParityOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierTryWaitParityOp op,
                                PatternRewriter &rewriter) const override {
    host.callAt(rewriter, op, "qllm_emu_mbarrier_wait", Type(),
                phaseOperands(host, rewriter, op.getLoc(), op.getAddr(), op.getPhase()));
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerTryWait : HostPattern<NVVM::MBarrierTryWaitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierTryWaitOp op,
                                PatternRewriter &rewriter) const override {
    host.callAt(rewriter, op, "qllm_emu_mbarrier_wait", Type(),
                phaseOperands(host, rewriter, op.getLoc(), op.getAddr(), op.getStateOrPhase()));
    rewriter.replaceOpWithNewOp<LLVM::ConstantOp>(op, rewriter.getI1Type(),
                                                  rewriter.getBoolAttr(true));
    return success();
  }
};

struct LowerTestWait : HostPattern<NVVM::MBarrierTestWaitOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MBarrierTestWaitOp op,
                                PatternRewriter &rewriter) const override {
    Value done =
        host.callAt(rewriter, op, "qllm_emu_mbarrier_test", rewriter.getI32Type(),
                    phaseOperands(host, rewriter, op.getLoc(), op.getAddr(), op.getStateOrPhase()));
    rewriter.replaceOpWithNewOp<LLVM::TruncOp>(op, rewriter.getI1Type(), done);
    return success();
  }
};

} // namespace

void qllm::emu::populateMemoryBarrierPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns
      .add<LowerInit, LowerInvalidate, LowerArrive<NVVM::MBarrierArriveOp, 0>,
           LowerNocomplete<NVVM::MBarrierArriveNocompleteOp, 0>,
           LowerArrive<NVVM::MBarrierArriveDropOp, ArriveAndDrop>,
           LowerNocomplete<NVVM::MBarrierArriveDropNocompleteOp, ArriveAndDrop>, LowerArriveExpect,
           LowerArriveDropExpect, LowerBytes<NVVM::MBarrierExpectTxOp, false>,
           LowerBytes<NVVM::MBarrierCompleteTxOp, true>, LowerWaitParity, LowerTryWait,
           LowerTestWait>(patterns.getContext(), host);
}
