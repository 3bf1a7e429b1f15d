// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales, zero points and conditions of a model from outside.

#include "qllm/Analysis/OperandChecks.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qllm;

namespace {

/// An error that names the node, and its operator where the operation's name does not say it.
InFlightDiagnostic fail(Operation *op) {
  StringRef kind = op->getName().getStringRef();
  if (auto custom = dyn_cast<onnx::CustomOp>(op))
    kind = custom.getOpType();
  return emitError(op->getLoc()) << "node '" << siteName(op) << "' (" << kind << "): ";
}

/// The name of a constant in messages.
std::string nameOf(Value constant) {
  StringRef name = weightName(viewConstant(constant).source);
  return name.empty() ? "a constant" : "'" + name.str() + "'";
}

/// `size` elements of one float type, in ONNX's raw layout.
class StoredFloats {
public:
  StoredFloats(FloatType type, ArrayRef<char> bytes)
      : semantics(type.getFloatSemantics()), width(type.getWidth() / 8), bytes(bytes) {}

  size_t size() const { return bytes.size() / width; }
  APFloat operator[](size_t i) const {
    uint64_t word = 0; // little-endian, as files and hosts are
    std::memcpy(&word, bytes.data() + i * width, width);
    return APFloat(semantics, APInt(width * 8, word));
  }

private:
  const llvm::fltSemantics &semantics;
  size_t width;
  ArrayRef<char> bytes;
};

LogicalResult checkScales(Operation *op, Value scales, bool divides) {
  auto data = constantData(viewConstant(scales).source);
  auto type = data ? dyn_cast<RankedTensorType>(data.getType()) : RankedTensorType();
  auto element = type ? dyn_cast<FloatType>(type.getElementType()) : FloatType();
  if (!element || element.getWidth() % 8 != 0 || element.getWidth() > 64)
    return success();
  SmallVector<char> scratch;
  llvm::Expected<ArrayRef<char>> bytes =
      onnx::DataFiles::get(op->getContext()).bytes(data, scratch);
  if (!bytes)
    return llvm::consumeError(bytes.takeError()), success();
  StoredFloats values(element, *bytes);
  for (size_t i = 0; i != values.size(); ++i) {
    APFloat value = values[i];
    if (value.isFinite() && !(divides && value.isZero()))
      continue;
    SmallString<16> text;
    value.toString(text);
    return fail(op) << "expected finite scales" << (divides ? " other than zero" : "")
                    << ", but element " << i << " of " << nameOf(scales) << " is " << text;
  }
  return success();
}

RankedTensorType tensorType(Value value) {
  return value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
}

/// Where two types have known sizes, these are the same.
bool mayAgree(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip_equal(a, b), [](auto sizes) {
           auto [left, right] = sizes;
           return left == right || ShapedType::isDynamic(left) || ShapedType::isDynamic(right);
         });
}

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape, [&](int64_t size) { ShapedType::isDynamic(size) ? os << '?' : os << size; },
      [&] { os << 'x'; });
  return shape.empty() ? "no axes" : text;
}

/// What QuantizeLinear and DequantizeLinear share.
struct LinearParameters {
  Operation *op;
  Value x, scales, zeroPoints;
  int64_t axis, block;

  LogicalResult check() const {
    RankedTensorType type = tensorType(x), scale = tensorType(scales),
                     zero = tensorType(zeroPoints);
    if (block < 0)
      return fail(op) << "expected a block size of at least 0, but got " << block;
    if (zero && scale && !mayAgree(zero.getShape(), scale.getShape()) &&
        !(zero.hasStaticShape() && scale.hasStaticShape() && zero.getNumElements() == 1 &&
          scale.getNumElements() == 1))
      return fail(op) << "expected zero points of the shape of the scales, "
                      << shapeText(scale.getShape()) << ", but " << nameOf(zeroPoints) << " has "
                      << shapeText(zero.getShape());
    return type && scale ? checkShape(type, scale) : success();
  }

private:
  LogicalResult checkShape(RankedTensorType type, RankedTensorType scale) const {
    // A scale of one element is one for all, unless blocks are asked for.
    if (block == 0 && (scale.getRank() == 0 ||
                       (scale.getRank() == 1 && ShapedType::isDynamic(scale.getDimSize(0))) ||
                       (scale.hasStaticShape() && scale.getNumElements() == 1)))
      return success();
    int64_t rank = type.getRank(), from = axis < 0 ? axis + rank : axis;
    if (from < 0 || from >= rank)
      return fail(op) << "expected an axis from " << -rank << " to " << rank - 1 << ", but got "
                      << axis;
    int64_t length = type.getDimSize(from);
    SmallVector<int64_t> wanted{length};
    if (block != 0) {
      wanted = llvm::to_vector(type.getShape());
      if (!ShapedType::isDynamic(length))
        wanted[from] = length / block + (length % block != 0);
    }
    if (mayAgree(scale.getShape(), wanted))
      return success();
    auto error = fail(op) << "expected scales of " << shapeText(wanted) << " for ";
    (block ? error << "blocks of " << block << " along axis " : error << "axis ") << from;
    return error << " of " << shapeText(type.getShape()) << ", but " << nameOf(scales) << " has "
                 << shapeText(scale.getShape());
  }
};

/// Of either operator; `codes` is what has whole numbers.
template <typename Op>
LogicalResult checkLinear(Op op, Value codes, Value scales, Value zeroPoints, bool divides) {
  RankedTensorType type = tensorType(codes), zero = tensorType(zeroPoints);
  if (type && zero && type.getElementType() != zero.getElementType())
    return fail(op) << "expected zero points of the type of the codes, " << type.getElementType()
                    << ", but " << nameOf(zeroPoints) << " has " << zero.getElementType();
  LinearParameters parameters{op,
                              op.getX(),
                              scales,
                              zeroPoints,
                              int64_t(op.getAxis().value_or(1)),
                              int64_t(op.getBlockSize().value_or(0))};
  return failed(parameters.check()) ? failure() : checkScales(op, scales, divides);
}

/// One element of `element`, as far as the type says.
LogicalResult checkOne(Operation *op, Value value, Type element, StringRef what) {
  RankedTensorType type = tensorType(value);
  bool fits = !type || (type.getElementType() == element &&
                        (!type.hasStaticShape() || type.getNumElements() == 1));
  if (fits)
    return success();
  return fail(op) << "expected " << what << ", but got " << type;
}

LogicalResult checkControlFlow(onnx::CustomOp op) {
  StringRef kind = op.getOpType();
  if (!op.getDomain().empty() || (kind != "If" && kind != "Loop"))
    return success();
  Builder builder(op.getContext());
  Type truth = builder.getI1Type();
  auto operand = [&](unsigned i) {
    return i < op.getInputs().size() ? op.getInputs()[i] : Value();
  };
  if (kind == "If")
    return checkOne(op, operand(0), truth, "one truth value as the condition");
  if (failed(checkOne(op, operand(0), builder.getI64Type(), "one i64 as the trip count")) ||
      failed(checkOne(op, operand(1), truth, "one truth value as the condition")))
    return failure();
  for (Region &body : op->getRegions())
    if (!body.empty() && body.front().mightHaveTerminator())
      if (Operation *end = body.front().getTerminator(); end->getNumOperands() != 0)
        if (failed(checkOne(op, end->getOperand(0), truth,
                            "one truth value as the condition that the body computes")))
          return failure();
  return success();
}

} // namespace

LogicalResult qllm::checkOperands(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) -> WalkResult {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([](onnx::DequantizeLinearOp op) {
          return checkLinear(op, op.getX(), op.getXScale(), op.getXZeroPoint(), /*divides=*/false);
        })
        .Case([](onnx::QuantizeLinearOp op) {
          return checkLinear(op, op.getY(), op.getYScale(), op.getYZeroPoint(), /*divides=*/true);
        })
        .Case([](onnx::MicrosoftMatMulNBitsOp op) {
          return checkScales(op, op.getScales(), /*divides=*/false);
        })
        .Case([](PackOp op) { return checkScales(op, op.getScales(), /*divides=*/false); })
        .Case([](QuantizeOp op) {
          return op.getScales() ? checkScales(op, op.getScales(), /*divides=*/true) : success();
        })
        .Case([](onnx::CustomOp op) { return checkControlFlow(op); })
        .Default(success());
  });
  return failure(result.wasInterrupted());
}
