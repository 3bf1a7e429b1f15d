// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-onnx-to-qllm: finds products with a weight and lookups in a table. It only changes form;
// what to quantize is decided later, and results stay the same bit for bit.

#include "qllm/Conversion/ONNXToQLLM/Passes.h"

#include "mlir/IR/Builders.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {
#define GEN_PASS_DEF_CONVERTONNXTOQLLM
#include "qllm/Conversion/ONNXToQLLM/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// Why a product with a weight was left as it is; empty when it was converted.
using Reason = std::string;

bool isFloatWeight(RankedTensorType type) {
  return type && type.hasStaticShape() && type.getRank() == 2 &&
         (type.getElementType().isF32() || type.getElementType().isF16() ||
          type.getElementType().isBF16());
}

/// Rewrites one operation at a time and keeps what they share.
class Converter {
public:
  Reason convert(onnx::MatMulOp op);
  Reason convert(onnx::GemmOp op);
  Reason convert(onnx::GatherOp op);

private:
  Reason checkActivation(Value activation, Type weightElement);
  Value transposed(Value weight);
  FailureOr<Value> outInWeight(Value weight, bool isOutIn, Reason &reason);

  /// One transpose for each weight, however many products read it.
  DenseMap<Value, Value> transposes;
};

std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

Reason Converter::checkActivation(Value activation, Type weightElement) {
  auto type = dyn_cast<RankedTensorType>(activation.getType());
  if (!type || type.getRank() < 1)
    return "expected an activation of known rank, but got " + typeText(activation.getType());
  if (type.getElementType() != weightElement)
    return "expected activation and weight of one element type, but got " +
           typeText(type.getElementType()) + " and " + typeText(weightElement);
  return "";
}

Value Converter::transposed(Value weight) {
  Value &result = transposes[weight];
  if (result)
    return result;
  auto type = cast<RankedTensorType>(weight.getType());
  OpBuilder builder(weight.getContext());
  builder.setInsertionPointAfterValue(weight);
  auto newType =
      RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  result = onnx::TransposeOp::create(builder, weight.getLoc(), newType, weight,
                                     builder.getDenseI64ArrayAttr({1, 0}));
  return result;
}

/// The weight as [out, in], looking through the model's own transposes.
FailureOr<Value> Converter::outInWeight(Value weight, bool isOutIn, Reason &reason) {
  ConstantView view = viewConstant(weight);
  auto type = dyn_cast<RankedTensorType>(view.source.getType());
  if (!isFloatWeight(type)) {
    reason = "expected a weight of two dimensions in f32, f16 or bf16, but got " +
             typeText(weight.getType());
    return failure();
  }
  return view.transposed == isOutIn ? transposed(view.source) : view.source;
}

/// Moves name, location and output names over, so that an export gives the node its name back.
void replace(Operation *op, Operation *replacement) {
  replacement->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  op->replaceAllUsesWith(replacement);
  op->erase();
}

Reason Converter::convert(onnx::MatMulOp op) {
  Reason reason;
  if (!viewConstant(op.getB()))
    return "the weight is the left operand";
  FailureOr<Value> weight = outInWeight(op.getB(), /*isOutIn=*/false, reason);
  if (failed(weight))
    return reason;
  reason = checkActivation(op.getA(), cast<RankedTensorType>(weight->getType()).getElementType());
  if (!reason.empty())
    return reason;
  OpBuilder builder(op);
  replace(op, LinearOp::create(builder, op.getLoc(), op.getType(), op.getA(), *weight, Value()));
  return "";
}

Reason Converter::convert(onnx::GemmOp op) {
  Reason reason;
  if (!viewConstant(op.getB()))
    return "the weight is the left operand";
  if (op.getTransA().value_or(0))
    return "the activation is transposed";
  if (op.getAlpha() && !op.getAlpha()->isExactlyValue(1.0))
    return "alpha is not 1";
  if (op.getC() && op.getBeta() && !op.getBeta()->isExactlyValue(1.0))
    return "beta is not 1";
  FailureOr<Value> weight = outInWeight(op.getB(), op.getTransB().value_or(0) != 0, reason);
  if (failed(weight))
    return reason;
  auto weightType = cast<RankedTensorType>(weight->getType());
  reason = checkActivation(op.getA(), weightType.getElementType());
  if (!reason.empty())
    return reason;
  // Gemm broadcasts C over the rows; only one value a column is a bias.
  auto biasType = op.getC() ? dyn_cast<RankedTensorType>(op.getC().getType()) : RankedTensorType();
  if (op.getC() &&
      (!biasType || biasType.getRank() != 1 || biasType.getDimSize(0) != weightType.getDimSize(0)))
    return "expected a bias of " + std::to_string(weightType.getDimSize(0)) +
           " elements, but got " + typeText(op.getC().getType());
  OpBuilder builder(op);
  replace(op, LinearOp::create(builder, op.getLoc(), op.getType(), op.getA(), *weight, op.getC()));
  return "";
}

Reason Converter::convert(onnx::GatherOp op) {
  ConstantView view = viewConstant(op.getData());
  auto type = dyn_cast<RankedTensorType>(view.source.getType());
  if (op.getAxis().value_or(0) != 0 || !isFloatWeight(type) ||
      !isa<RankedTensorType>(op.getIndices().getType()))
    return "not a lookup of rows in a table of floats";
  // A table stored for the head, [in, vocabulary], is looked up through a transpose.
  Value table = view.transposed ? transposed(view.source) : view.source;
  OpBuilder builder(op);
  replace(op, EmbeddingOp::create(builder, op.getLoc(), op.getType(), op.getIndices(), table));
  return "";
}

/// The constant among the operands of a product; null if both are computed at run time.
Value constantOperand(Operation *op) {
  for (Value operand : {op->getOperand(1), op->getOperand(0)})
    if (isConstantExpression(operand))
      return operand;
  return {};
}

/// Rotary angles and the like are outer products: a constant with one row or column holds no
/// weights.
bool isVector(Value constant) {
  auto type = dyn_cast<RankedTensorType>(constant.getType());
  return type && (type.getRank() < 2 || llvm::is_contained(type.getShape().take_back(2), 1));
}

/// Transposes and identities that only led from a weight to what is converted now.
void eraseDeadPath(Value value) {
  for (Operation *op = value.getDefiningOp(); op && op->use_empty();) {
    if (!isa<onnx::TransposeOp, onnx::IdentityOp, onnx::InitializerOp, onnx::ConstantOp>(op))
      return;
    Operation *next = op->getNumOperands() ? op->getOperand(0).getDefiningOp() : nullptr;
    op->erase();
    op = next;
  }
}

struct ConvertONNXToQLLM : qllm::impl::ConvertONNXToQLLMBase<ConvertONNXToQLLM> {
  void runOnOperation() override;

private:
  void convertProduct(Operation *op);
  void convertLookup(onnx::GatherOp op);
  void skip(Operation *op, const Reason &reason);

  Converter converter;
};

} // namespace

void ConvertONNXToQLLM::skip(Operation *op, const Reason &reason) {
  ++numSkipped;
  SitePlan plan;
  plan.skipped = reason;
  plan.attachTo(op);
  op->emitRemark() << "skipped '" << siteName(op) << "': " << reason;
}

void ConvertONNXToQLLM::convertProduct(Operation *op) {
  Value constant = constantOperand(op);
  if (!constant || isVector(constant))
    return;
  ++numMatched;
  if (!viewConstant(constant))
    return skip(op, "its weight is computed from constants by " +
                        constant.getDefiningOp()->getName().getStringRef().str());
  Reason reason;
  if (auto matMul = dyn_cast<onnx::MatMulOp>(op))
    reason = converter.convert(matMul);
  else if (auto gemm = dyn_cast<onnx::GemmOp>(op))
    reason = converter.convert(gemm);
  else
    reason = "no recipe quantizes " + op->getName().getStringRef().str() + " yet";
  if (!reason.empty())
    return skip(op, reason);
  ++numLinears;
  eraseDeadPath(constant);
}

/// A lookup that is not in a table of floats (shapes, masks) is no weight, and nothing to report.
void ConvertONNXToQLLM::convertLookup(onnx::GatherOp op) {
  Value table = op.getData();
  if (!viewConstant(table) || !converter.convert(op).empty())
    return;
  ++numMatched;
  ++numEmbeddings;
  eraseDeadPath(table);
}

void ConvertONNXToQLLM::runOnOperation() {
  converter = Converter();
  SmallVector<Operation *> operations;
  getOperation().walk([&](Operation *op) {
    if (isa<onnx::MatMulOp, onnx::GemmOp, onnx::GatherOp, onnx::ConvOp,
            onnx::MicrosoftMatMulNBitsOp>(op))
      operations.push_back(op);
  });
  for (Operation *op : operations) {
    if (auto gather = dyn_cast<onnx::GatherOp>(op))
      convertLookup(gather);
    else
      convertProduct(op);
  }
}
