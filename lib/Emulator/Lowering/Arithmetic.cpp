// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic of single threads that LLVM's own operations do not cover.

#include "BitOperations.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

struct LowerPermute : HostPattern<NVVM::PermuteOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::PermuteOp op, PatternRewriter &rewriter) const override {
    if (op.getMode() != NVVM::PermuteMode::DEFAULT)
      return op.emitOpError("is known to the emulator in mode default only, but got ")
             << stringifyPermuteMode(op.getMode());
    rewriter.replaceOp(
        op, permuteBytes(rewriter, op.getLoc(), op.getLo(), op.getHi(), op.getSelector()));
    return success();
  }
};

struct LowerDotProduct : HostPattern<NVVM::DotAccumulate4WayOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::DotAccumulate4WayOp op,
                                PatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Type wide = VectorType::get(4, rewriter.getI32Type());
    auto widen = [&](Value value, NVVM::DotAccumulateType type) -> Value {
      if (type == NVVM::DotAccumulateType::SIGNED)
        return LLVM::SExtOp::create(rewriter, location, wide, value);
      return LLVM::ZExtOp::create(rewriter, location, wide, value);
    };
    Value products = LLVM::MulOp::create(rewriter, location, widen(op.getA(), op.getAType()),
                                         widen(op.getB(), op.getBType()));
    Value sum =
        LLVM::vector_reduce_add::create(rewriter, location, rewriter.getI32Type(), products);
    rewriter.replaceOpWithNewOp<LLVM::AddOp>(op, sum, op.getC());
    return success();
  }
};

/// One over the operand. A machine gives an approximation; this is the exact quotient.
struct LowerReciprocal : HostPattern<NVVM::RcpApproxFtzF32Op> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::RcpApproxFtzF32Op op,
                                PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, host.call(rewriter, op.getLoc(), "qllm_emu_reciprocal",
                                     rewriter.getF32Type(), {op.getArg()}));
    return success();
  }
};

/// Products and sums of 16-bit floats rounded once; the host would round to f32 between.
struct LowerFusedMultiplyAdd : HostPattern<LLVM::FMAOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(LLVM::FMAOp op, PatternRewriter &rewriter) const override {
    Type element = getElementTypeOrSelf(op.getType());
    if (!element.isF16() && !element.isBF16())
      return failure();
    rewriter.replaceOp(
        op, fusedMultiplyAdd(rewriter, op.getLoc(), host, op.getA(), op.getB(), op.getC()));
    return success();
  }
};

/// `e4m3` and so on, or nothing for a type that has no conversion.
StringRef smallFloatName(Type type) {
  if (llvm::isa<Float8E4M3FNType>(type))
    return "e4m3";
  if (llvm::isa<Float8E5M2Type>(type))
    return "e5m2";
  if (llvm::isa<Float6E2M3FNType>(type))
    return "e2m3";
  if (llvm::isa<Float6E3M2FNType>(type))
    return "e3m2";
  if (llvm::isa<Float4E2M1FNType>(type))
    return "e2m1";
  if (llvm::isa<Float8E8M0FNUType>(type))
    return "ue8m0";
  return "";
}

/// A pair of codes as the type that an operation packs it into.
Value packed(OpBuilder &builder, Location location, Value pair, Type type) {
  unsigned width = llvm::isa<VectorType>(type) ? 16 : type.getIntOrFloatBitWidth();
  Value narrow = LLVM::TruncOp::create(builder, location, builder.getIntegerType(width), pair);
  return narrow.getType() == type ? narrow
                                  : Value(LLVM::BitcastOp::create(builder, location, type, narrow));
}

/// What a conversion takes, two f32 or a pair of 16-bit floats, as f32: high half, low half.
std::pair<Value, Value> floatPair(OpBuilder &builder, HostLowering &host, Operation *op) {
  if (op->getNumOperands() == 2)
    return {op->getOperand(0), op->getOperand(1)};
  auto element = [&](unsigned index) -> Value {
    Value half = LLVM::ExtractElementOp::create(builder, op->getLoc(), op->getOperand(0),
                                                host.constant(builder, op->getLoc(), index));
    return LLVM::FPExtOp::create(builder, op->getLoc(), builder.getF32Type(), half);
  };
  return {element(1), element(0)};
}

/// What the runtime's encoders get as their last argument: relu, or for powers of two whether they
/// are rounded up, and in the next bit whether they saturate.
uint32_t encodeFlags(Operation *op, bool powersOfTwo) {
  if (!powersOfTwo) {
    auto relu = op->getAttrOfType<BoolAttr>("relu");
    return relu && relu.getValue();
  }
  auto rounding = op->getAttrOfType<NVVM::FPRoundingModeAttr>("rnd");
  auto saturation = op->getAttrOfType<NVVM::SaturationModeAttr>("sat");
  return uint32_t(rounding && rounding.getValue() == NVVM::FPRoundingMode::RP) |
         uint32_t(saturation && saturation.getValue() == NVVM::SaturationMode::SATFINITE) << 1;
}

/// Two floats to a pair of a small format.
template <typename ConvertOp> struct LowerEncode : HostPattern<ConvertOp> {
  using HostPattern<ConvertOp>::HostPattern;
  LogicalResult matchAndRewrite(ConvertOp op, PatternRewriter &rewriter) const override {
    StringRef format = smallFloatName(op.getDstTy());
    if (format.empty())
      return op.emitOpError("is not known to the emulator for ") << op.getDstTy();
    Location location = op.getLoc();
    auto [high, low] = floatPair(rewriter, this->host, op);
    Value flags = this->host.constant(rewriter, location, encodeFlags(op, format == "ue8m0"));
    Value pair = this->host.call(rewriter, location, ("qllm_emu_encode_" + format + "x2").str(),
                                 rewriter.getI32Type(), {high, low, flags});
    rewriter.replaceOp(op, packed(rewriter, location, pair, op.getDst().getType()));
    return success();
  }
};

/// A pair of a small format to two 16-bit floats; all its values are exact in both.
template <typename ConvertOp> struct LowerDecode : HostPattern<ConvertOp> {
  using HostPattern<ConvertOp>::HostPattern;
  LogicalResult matchAndRewrite(ConvertOp op, PatternRewriter &rewriter) const override {
    StringRef format = smallFloatName(op.getSrcType());
    if (format.empty())
      return op.emitOpError("is not known to the emulator for ") << op.getSrcType();
    Location location = op.getLoc();
    Value source = op.getSrc();
    bool packed = source.getType().isInteger(8);
    if (!packed)
      source = LLVM::BitcastOp::create(rewriter, location, rewriter.getI16Type(), source);
    Value bits = this->host.extended(rewriter, location, source);
    auto type = llvm::cast<VectorType>(op.getDst().getType());
    Value result = LLVM::PoisonOp::create(rewriter, location, type);
    for (unsigned i = 0; i < 2; ++i) {
      unsigned width = packed ? 4 : 8;
      Value shift = this->host.constant(rewriter, location, i * width);
      Value mask = this->host.constant(rewriter, location, (1u << width) - 1);
      Value code = LLVM::AndOp::create(rewriter, location,
                                       LLVM::LShrOp::create(rewriter, location, bits, shift), mask);
      Value value = this->host.call(rewriter, location, ("qllm_emu_decode_" + format).str(),
                                    rewriter.getF32Type(), {code});
      result = LLVM::InsertElementOp::create(
          rewriter, location, result,
          LLVM::FPTruncOp::create(rewriter, location, type.getElementType(), value),
          this->host.constant(rewriter, location, i));
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// Two f32 to two 16-bit floats, to nearest.
template <typename ConvertOp> struct LowerNarrow : HostPattern<ConvertOp> {
  using HostPattern<ConvertOp>::HostPattern;
  LogicalResult matchAndRewrite(ConvertOp op, PatternRewriter &rewriter) const override {
    bool nearest = op.getRnd() == NVVM::FPRoundingMode::RN;
    if (!nearest || op.getSat() != NVVM::SaturationMode::NONE || op.getRelu() || op.getRandomBits())
      return op.emitOpError("is known to the emulator with rounding rn and no other modifier only");
    Location location = op.getLoc();
    auto type = llvm::cast<VectorType>(op.getDst().getType());
    Value result = LLVM::PoisonOp::create(rewriter, location, type);
    const Value sources[] = {op.getSrcLo(), op.getSrcHi()};
    for (auto [i, source] : llvm::enumerate(sources))
      result = LLVM::InsertElementOp::create(
          rewriter, location, result,
          LLVM::FPTruncOp::create(rewriter, location, type.getElementType(), source),
          this->host.constant(rewriter, location, uint32_t(i)));
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// NVVM intrinsics by name: functions of one f32 that a machine approximates.
struct LowerIntrinsic : HostPattern<LLVM::CallIntrinsicOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(LLVM::CallIntrinsicOp op,
                                PatternRewriter &rewriter) const override {
    StringRef function =
        llvm::StringSwitch<StringRef>(op.getIntrin())
            .Cases({"llvm.nvvm.ex2.approx.f", "llvm.nvvm.ex2.approx.ftz.f"}, "qllm_emu_exp2")
            .Cases({"llvm.nvvm.lg2.approx.f", "llvm.nvvm.lg2.approx.ftz.f"}, "qllm_emu_log2")
            .Cases({"llvm.nvvm.rcp.approx.ftz.f"}, "qllm_emu_reciprocal")
            .Cases({"llvm.nvvm.rsqrt.approx.f", "llvm.nvvm.rsqrt.approx.ftz.f"}, "qllm_emu_rsqrt")
            .Cases({"llvm.nvvm.sqrt.approx.f", "llvm.nvvm.sqrt.rn.f"}, "qllm_emu_sqrt")
            .Cases({"llvm.nvvm.tanh.approx.f"}, "qllm_emu_tanh")
            .Default("");
    if (function.empty())
      return failure();
    rewriter.replaceOp(
        op, host.call(rewriter, op.getLoc(), function, rewriter.getF32Type(), op.getArgs()));
    return success();
  }
};

} // namespace

void qllm::emu::populateArithmeticPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerPermute, LowerDotProduct, LowerReciprocal, LowerFusedMultiplyAdd,
               LowerEncode<NVVM::ConvertF32x2ToF8x2Op>, LowerEncode<NVVM::ConvertF32x2ToF6x2Op>,
               LowerEncode<NVVM::ConvertF32x2ToF4x2Op>, LowerEncode<NVVM::ConvertF16x2ToF8x2Op>,
               LowerEncode<NVVM::ConvertBF16x2ToF8x2Op>, LowerDecode<NVVM::ConvertF8x2ToF16x2Op>,
               LowerDecode<NVVM::ConvertF8x2ToBF16x2Op>, LowerDecode<NVVM::ConvertF6x2ToF16x2Op>,
               LowerDecode<NVVM::ConvertF4x2ToF16x2Op>, LowerNarrow<NVVM::ConvertF32x2ToF16x2Op>,
               LowerNarrow<NVVM::ConvertF32x2ToBF16x2Op>, LowerIntrinsic>(patterns.getContext(),
                                                                          host);
}
