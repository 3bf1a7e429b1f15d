// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A norm's gain takes the fitted gain in; the fitted bias is an addition behind it.

#include "FinalNorm.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Solver/ChannelFit.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

// A gain is found from a few thousand tokens: this much of the variance holds it at 1.
constexpr double ridge = 1e-2;

/// The operands that hold gain and bias; a null bias where there is none.
struct NormParts {
  OpOperand *gain = nullptr;
  Value bias;
};

std::optional<NormParts> partsOf(Operation *op) {
  auto last = [](std::optional<int64_t> axis, Value x) {
    auto type = dyn_cast<RankedTensorType>(x.getType());
    return type && (axis.value_or(-1) == -1 || axis.value_or(-1) == type.getRank() - 1);
  };
  if (auto norm = dyn_cast<onnx::RMSNormalizationOp>(op))
    if (last(norm.getAxis(), norm.getX()))
      return NormParts{&norm.getScaleMutable(), {}};
  if (auto norm = dyn_cast<onnx::LayerNormalizationOp>(op))
    if (last(norm.getAxis(), norm.getX()))
      return NormParts{&norm.getScaleMutable(), norm.getB()};
  return std::nullopt;
}

} // namespace

Operation *qllm::findFinalNorm(func::FuncOp function, ArrayRef<Site> sites) {
  if (sites.empty())
    return nullptr;
  Operation *lastLayer = LinearOp(sites.back().linears.back());
  for (Operation &op : llvm::reverse(function.getBody().front())) {
    if (&op == lastLayer)
      return nullptr;
    std::optional<NormParts> parts = partsOf(&op);
    if (parts && isConstantExpression(parts->gain->get()) &&
        (!parts->bias || isConstantExpression(parts->bias)))
      return &op;
  }
  return nullptr;
}

llvm::Error qllm::fitFinalNorm(Operation *norm, interp::OperationRunner &runner,
                               const MatrixF &actual, const MatrixF &wanted) {
  NormParts parts = *partsOf(norm);
  auto type = dyn_cast<RankedTensorType>(parts.gain->get().getType());
  if (!type || type.getRank() != 1 || type.getDimSize(0) != actual.columns() ||
      actual.rows() != wanted.rows() || actual.columns() != wanted.columns())
    return llvm::createStringError("expected a gain for each channel of the last norm");
  llvm::Expected<Tensor> gain = evaluateConstant(runner, parts.gain->get());
  if (!gain)
    return gain.takeError();
  ChannelFit fit = fitChannels(actual, wanted, ridge);
  std::vector<float> newGain(fit.gain), added(fit.bias);
  for (int64_t j = 0; j < actual.columns(); ++j)
    newGain[j] *= gain->data<float>()[j];
  if (parts.bias) {
    llvm::Expected<Tensor> bias = evaluateConstant(runner, parts.bias);
    if (!bias)
      return bias.takeError();
    // The norm's own bias stays as it is; the fit wants it times the gain.
    for (int64_t j = 0; j < actual.columns(); ++j)
      added[j] += (fit.gain[j] - 1) * bias->data<float>()[j];
  }
  OpBuilder builder(norm);
  Location loc = norm->getLoc();
  parts.gain->set(createConstant(builder, loc, ArrayRef<float>(newGain), "final_norm_gain"));
  builder.setInsertionPointAfter(norm);
  Value result = norm->getResult(0);
  Value bias = createConstant(builder, loc, ArrayRef<float>(added), "final_norm_bias");
  auto sum = onnx::AddOp::create(builder, loc, result.getType(), result, bias);
  result.replaceAllUsesExcept(sum, sum);
  return llvm::Error::success();
}
