// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quotients and remainders of integers, and instructions that end a thread: a GPU goes on where the
// host would raise a signal, or stops where the host would run on.

#include "HostLowering.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// By zero all bits are ones, as a machine has it; the smallest number by -1 wraps.
template <typename DivideOp> struct GuardDivision : HostPattern<DivideOp> {
  using HostPattern<DivideOp>::HostPattern;
  static constexpr bool isSigned = llvm::is_one_of<DivideOp, LLVM::SDivOp, LLVM::SRemOp>::value;
  static constexpr bool isQuotient = llvm::is_one_of<DivideOp, LLVM::SDivOp, LLVM::UDivOp>::value;

  LogicalResult matchAndRewrite(DivideOp op, PatternRewriter &rewriter) const override {
    APInt divisor;
    if (matchPattern(op.getRhs(), m_ConstantInt(&divisor)) && !divisor.isZero() &&
        !(isSigned && divisor.isAllOnes()))
      return failure();
    Location location = op.getLoc();
    Type type = op.getType();
    auto number = [&](int64_t value) -> Value {
      Type element = getElementTypeOrSelf(type);
      TypedAttr attribute = rewriter.getIntegerAttr(element, value);
      if (auto shaped = llvm::dyn_cast<VectorType>(type))
        attribute = DenseElementsAttr::get(shaped, attribute);
      return LLVM::ConstantOp::create(rewriter, location, type, attribute);
    };
    Value dividend = op.getLhs(), ones = number(-1), by = op.getRhs();
    auto equals = [&](Value value) -> Value {
      return LLVM::ICmpOp::create(rewriter, location, LLVM::ICmpPredicate::eq, by, value);
    };
    auto choose = [&](Value condition, Value yes, Value no) -> Value {
      return LLVM::SelectOp::create(rewriter, location, condition, yes, no);
    };
    Value byZero = equals(number(0)), harmless = choose(byZero, number(1), by), negated;
    if (isSigned) {
      negated = equals(ones);
      harmless = choose(negated, number(1), harmless);
    }
    Value result = DivideOp::create(rewriter, location, dividend, harmless);
    if (isSigned) {
      Value zero = number(0);
      Value opposite = LLVM::SubOp::create(rewriter, location, zero, dividend);
      result = choose(negated, isQuotient ? opposite : zero, result);
    }
    rewriter.replaceOp(op, choose(byZero, ones, result));
    return success();
  }
};

/// The thread ends, with a finding.
template <typename TrapOp> struct LowerTrap : HostPattern<TrapOp> {
  using HostPattern<TrapOp>::HostPattern;
  LogicalResult matchAndRewrite(TrapOp op, PatternRewriter &rewriter) const override {
    this->host.callAt(rewriter, op, "qllm_emu_trap", Type(), {});
    rewriter.eraseOp(op);
    return success();
  }
};

/// A terminator stays behind the call, which does not return.
struct LowerUnreachable : HostPattern<LLVM::UnreachableOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(LLVM::UnreachableOp op, PatternRewriter &rewriter) const override {
    host.callAt(rewriter, op, "qllm_emu_trap", Type(), {});
    return success();
  }
};

} // namespace

void qllm::emu::populateDivisionPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<GuardDivision<LLVM::SDivOp>, GuardDivision<LLVM::UDivOp>,
               GuardDivision<LLVM::SRemOp>, GuardDivision<LLVM::URemOp>, LowerTrap<LLVM::Trap>,
               LowerTrap<LLVM::DebugTrap>, LowerTrap<LLVM::UBSanTrap>, LowerUnreachable>(
      patterns.getContext(), host);
}
