// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations of a whole warp: their PTX names and the registers that they take.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

std::string shapeText(NVVM::MMAShapeAttr shape) {
  return ("m" + Twine(shape.getM()) + "n" + Twine(shape.getN()) + "k" + Twine(shape.getK())).str();
}

struct LowerMma : HostPattern<NVVM::MmaOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MmaOp op, PatternRewriter &rewriter) const override {
    if (op.getLayoutA() != NVVM::MMALayout::row || op.getLayoutB() != NVVM::MMALayout::col)
      return op.emitOpError("expected layouts row and col, but got ")
             << stringifyMMALayout(op.getLayoutA()) << " and "
             << stringifyMMALayout(op.getLayoutB());
    auto name = [](std::optional<NVVM::MMATypes> type) {
      return type ? stringifyMMATypes(*type) : StringRef("?");
    };
    // Integers saturate unless the operation says that they wrap.
    bool integer = op.accumPtxType() == NVVM::MMATypes::s32;
    bool wraps = op.getIntOverflowBehavior() == NVVM::MMAIntOverflow::wrapped;
    return host.replaceByCollective(
        rewriter, op,
        "mma.sync.aligned." + shapeText(op.getShape()) + ".row.col" +
            (integer && !wraps ? ".satfinite." : ".") + name(op.resultPtxType()) + "." +
            name(op.getMultiplicandAPtxType()) + "." + name(op.getMultiplicandBPtxType()) + "." +
            name(op.accumPtxType()),
        op->getOperands(), Value());
  }
};

/// The selectors of a scale register, which are constants, as the runtime's mnemonic has them.
FailureOr<std::string> selectorText(NVVM::MmaBlockScaleOp op, StringRef side, Value byte,
                                    Value thread) {
  APInt byteId, threadId;
  if (!matchPattern(byte, m_ConstantInt(&byteId)) ||
      !matchPattern(thread, m_ConstantInt(&threadId)))
    return op.emitOpError("is known to the emulator with constant selectors of scales only, but "
                          "those of ")
           << side << " are not";
  return ("." + side + "::" + Twine(byteId.getZExtValue()) + "_" + Twine(threadId.getZExtValue()))
      .str();
}

struct LowerBlockScaledMma : HostPattern<NVVM::MmaBlockScaleOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MmaBlockScaleOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<std::string> a = selectorText(op, "a", op.getByteIdA(), op.getThreadIdA()),
                           b = selectorText(op, "b", op.getByteIdB(), op.getThreadIdB());
    if (failed(a) || failed(b))
      return failure();
    auto name = [](std::optional<NVVM::MMATypes> type) {
      return type ? stringifyMMATypes(*type) : StringRef("?");
    };
    SmallVector<Value> operands(op.getOperandA());
    llvm::append_range(operands, op.getOperandB());
    llvm::append_range(operands, op.getOperandC());
    operands.append({op.getScaleAData(), op.getScaleBData()});
    return host.replaceByCollective(
        rewriter, op,
        "mma.sync.aligned." + shapeText(op.getShape()) +
            ".row.col.kind::" + stringifyMMABlockScaleKind(op.getKind()) +
            ".block_scale.scale_vec::" + stringifyScaleVecSize(op.getScaleVecSize()).drop_front() +
            "X.f32." + name(op.getMultiplicandAPtxType()) + "." +
            name(op.getMultiplicandBPtxType()) + ".f32." +
            stringifyBlockScaleFormat(op.getBlockScaleFormat()) + *a + *b,
        operands, Value());
  }
};

std::string matrixName(StringRef operation, NVVM::LdStMatrixShapeAttr shape, unsigned count,
                       NVVM::MMALayout layout, NVVM::LdStMatrixEltType type) {
  return (operation + ".sync.aligned.m" + Twine(shape.getM()) + "n" + Twine(shape.getN()) + ".x" +
          Twine(count) + (layout == NVVM::MMALayout::col ? ".trans" : "") + ".shared." +
          stringifyLdStMatrixEltType(type))
      .str();
}

struct LowerLdMatrix : HostPattern<NVVM::LdMatrixOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::LdMatrixOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(
        rewriter, op,
        matrixName("ldmatrix", op.getShape(), op.getNum(), op.getLayout(), op.getEltType()),
        op->getOperands(), Value());
  }
};

struct LowerStMatrix : HostPattern<NVVM::StMatrixOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::StMatrixOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op,
                                    matrixName("stmatrix", op.getShape(), op.getSources().size(),
                                               op.getLayout(), op.getEltType()),
                                    op->getOperands(), Value());
  }
};

struct LowerShuffle : HostPattern<NVVM::ShflOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::ShflOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, "shfl.sync." + stringifyShflKind(op.getKind()),
                                    {op.getVal(), op.getOffset(), op.getMaskAndClamp()},
                                    op.getThreadMask());
  }
};

struct LowerVote : HostPattern<NVVM::VoteSyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::VoteSyncOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op,
                                    "vote.sync." + stringifyVoteSyncKind(op.getKind()),
                                    {op.getPred()}, op.getMask());
  }
};

struct LowerReduce : HostPattern<NVVM::ReduxOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::ReduxOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op,
                                    "redux.sync." + stringifyReduxKind(op.getKind()) +
                                        (op.getAbs() ? ".abs" : "") + (op.getNan() ? ".NaN" : ""),
                                    {op.getVal()}, op.getMaskAndClamp());
  }
};

struct LowerMatch : HostPattern<NVVM::MatchSyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::MatchSyncOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op,
                                    "match.sync." + stringifyMatchSyncKind(op.getKind()),
                                    {op.getVal()}, op.getThreadMask());
  }
};

struct LowerElect : HostPattern<NVVM::ElectSyncOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::ElectSyncOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, "elect.sync", {}, op.getMembermask());
  }
};

struct LowerSyncWarp : HostPattern<NVVM::SyncWarpOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::SyncWarpOp op, PatternRewriter &rewriter) const override {
    return host.replaceByCollective(rewriter, op, "bar.warp.sync", {}, op.getMask());
  }
};

} // namespace

void qllm::emu::populateCollectivePatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerMma, LowerBlockScaledMma, LowerLdMatrix, LowerStMatrix, LowerShuffle, LowerVote,
               LowerReduce, LowerMatch, LowerElect, LowerSyncWarp>(patterns.getContext(), host);
}
