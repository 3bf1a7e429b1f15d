// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading constants.

#include "qllm/Analysis/Constants.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

/// Constants above this many elements are data, not parameters of an operator.
constexpr int64_t smallConstant = 1024;

DenseElementsAttr smallElements(Value value) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(constantValue(value));
  return dense && dense.getNumElements() <= smallConstant ? dense : DenseElementsAttr();
}

std::optional<double> foldUnary(Operation *op, double x) {
  if (isa<onnx::SqrtOp>(op))
    return std::sqrt(x);
  if (isa<onnx::ReciprocalOp>(op))
    return 1.0 / x;
  if (isa<onnx::NegOp>(op))
    return -x;
  return std::nullopt;
}

std::optional<double> foldBinary(Operation *op, double a, double b) {
  if (isa<onnx::AddOp>(op))
    return a + b;
  if (isa<onnx::SubOp>(op))
    return a - b;
  if (isa<onnx::MulOp>(op))
    return a * b;
  if (isa<onnx::DivOp>(op))
    return a / b;
  if (isa<onnx::PowOp>(op))
    return std::pow(a, b);
  return std::nullopt;
}

std::optional<double> foldScalar(Value value, int depth) {
  if (std::optional<double> number = constantScalar(value))
    return number;
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return std::nullopt;
  if (isa<onnx::CastOp, onnx::IdentityOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::ReshapeOp>(op))
    return foldScalar(op->getOperand(0), depth - 1);
  if (op->getNumOperands() == 1) {
    std::optional<double> x = foldScalar(op->getOperand(0), depth - 1);
    return x ? foldUnary(op, *x) : std::nullopt;
  }
  if (op->getNumOperands() != 2)
    return std::nullopt;
  std::optional<double> a = foldScalar(op->getOperand(0), depth - 1);
  std::optional<double> b = a ? foldScalar(op->getOperand(1), depth - 1) : std::nullopt;
  return b ? foldBinary(op, *a, *b) : std::nullopt;
}

} // namespace

TypedAttr qllm::constantValue(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto initializer = dyn_cast_or_null<onnx::InitializerOp>(op))
    return initializer.getValue();
  auto constant = dyn_cast_or_null<onnx::ConstantOp>(op);
  if (!constant)
    return nullptr;
  MLIRContext *context = value.getContext();
  if (TypedAttr elements = constant.getValueAttr())
    return elements;
  if (auto number = constant.getValueFloatAttr())
    return DenseElementsAttr::get(RankedTensorType::get({}, number.getType()),
                                  ArrayRef<Attribute>(number));
  if (auto number = constant.getValueIntAttr())
    return DenseElementsAttr::get(RankedTensorType::get({}, number.getType()),
                                  ArrayRef<Attribute>(number));
  if (auto numbers = constant.getValueIntsAttr())
    return DenseElementsAttr::get(
        RankedTensorType::get({numbers.size()}, IntegerType::get(context, 64)),
        numbers.asArrayRef());
  if (auto numbers = constant.getValueFloatsAttr())
    return DenseElementsAttr::get(
        RankedTensorType::get({numbers.size()}, Float32Type::get(context)), numbers.asArrayRef());
  return nullptr;
}

bool qllm::isConstantData(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<onnx::InitializerOp, onnx::ConstantOp>(op))
      return true;
    if (!isa<onnx::TransposeOp, onnx::ReshapeOp, onnx::IdentityOp, onnx::SqueezeOp,
             onnx::UnsqueezeOp, onnx::DequantizeLinearOp, onnx::CastOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

std::optional<SmallVector<int64_t>> qllm::constantInts(Value value) {
  DenseElementsAttr dense = smallElements(value);
  if (!dense || !dense.getElementType().isIntOrIndex() || dense.getType().getRank() > 1)
    return std::nullopt;
  SmallVector<int64_t> numbers;
  bool isBool = dense.getElementType().isInteger(1);
  for (const APInt &number : dense.getValues<APInt>())
    numbers.push_back(isBool ? number.getZExtValue() : number.getSExtValue());
  return numbers;
}

std::optional<double> qllm::constantScalar(Value value) {
  DenseElementsAttr dense = smallElements(value);
  if (!dense || dense.getNumElements() != 1)
    return std::nullopt;
  if (isa<FloatType>(dense.getElementType())) {
    APFloat number = *dense.getValues<APFloat>().begin();
    bool lost;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return number.convertToDouble();
  }
  if (dense.getElementType().isIntOrIndex())
    return static_cast<double>((*dense.getValues<APInt>().begin()).getSExtValue());
  return std::nullopt;
}

std::optional<double> qllm::foldScalar(Value value) { return ::foldScalar(value, 16); }

bool qllm::isScalar(Value value, double expected) {
  std::optional<double> number = qllm::foldScalar(value);
  return number && std::abs(*number - expected) <= 1e-5 * std::abs(expected);
}
