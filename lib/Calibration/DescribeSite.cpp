// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plans, decisions and weights into a state.

#include "qllm/Calibration/SiteIR.h"

#include "qllm/Analysis/QuantizeSpecs.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Calibration/SiteAttribute.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace qllm;

namespace {

/// The format of rows of a weight or an activation; nothing where the granularity is another one.
std::optional<RowFormat> rowFormat(QuantizedType type, bool isWeight) {
  GranularityAttr granularity = type.getGranularity();
  RowFormat format;
  format.spec = quantizeSpecOf(type);
  if (granularity.isPerTensor()) {
    format.perTensor = true;
    return format;
  }
  if (granularity.isGroup() && granularity.getAxis() == type.getRank() - 1) {
    format.groupSize = granularity.getGroupSize();
    return format;
  }
  bool isRow = isWeight ? granularity.isPerChannel() && granularity.getAxis() == 0
                        : granularity.isPerToken();
  return isRow ? std::optional(format) : std::nullopt;
}

LogicalResult readFormats(LinearOp linear, std::optional<RowFormat> &input,
                          std::optional<RowFormat> &weight) {
  FailureOr<SitePlan> plan = SitePlan::of(linear);
  if (failed(plan))
    return failure();
  auto read = [&](QuantizedType type, Value operand, bool isWeight,
                  std::optional<RowFormat> &format) -> LogicalResult {
    auto tensor = dyn_cast<RankedTensorType>(operand.getType());
    if (!tensor || tensor.getShape() != type.getShape())
      return linear.emitOpError() << "expected a plan for " << operand.getType()
                                  << ", but got one for " << type;
    format = rowFormat(type, isWeight);
    if (!format)
      return linear.emitOpError()
             << "expected "
             << (isWeight ? "per_tensor, per_channel<0> or group<1, size> for a weight"
                          : "per_tensor, per_token or groups along channels for an activation")
             << ", but got " << type;
    return success();
  };
  if (plan->weight && failed(read(plan->weight, linear.getWeight(), true, weight)))
    return failure();
  if (!plan->operands.empty() && plan->operands.front() &&
      failed(read(plan->operands.front(), linear.getInput(), false, input)))
    return failure();
  return success();
}

/// Weights below each other, evaluated one after the other.
llvm::Error readWeights(const Site &site, interp::OperationRunner &runner, SiteState &state) {
  int64_t rows = 0;
  for (LinearOp linear : site.linears)
    rows += cast<RankedTensorType>(linear.getWeight().getType()).getDimSize(0);
  int64_t channels =
      cast<RankedTensorType>(LinearOp(site.linears.front()).getWeight().getType()).getDimSize(1);
  state.weight = MatrixF(rows, channels);
  state.bias.assign(size_t(rows), 0.0f);
  for (auto [linear, product] : llvm::zip_equal(site.linears, state.products)) {
    llvm::Expected<Tensor> weight = evaluateConstant(runner, LinearOp(linear).getWeight());
    if (!weight)
      return weight.takeError();
    for (auto [i, value] : llvm::enumerate(weight->values<float>()))
      if (!std::isfinite(value))
        return llvm::createStringError("expected finite weights, but got %s at [%lld, %lld]",
                                       std::isnan(value) ? "nan" : "inf",
                                       (long long)(int64_t(i) / channels),
                                       (long long)(int64_t(i) % channels));
    std::memcpy(state.weight.row(product.firstRow), weight->data<float>(), weight->byteSize());
    if (Value bias = LinearOp(linear).getBias()) {
      llvm::Expected<Tensor> values = evaluateConstant(runner, bias);
      if (!values)
        return values.takeError();
      llvm::copy(values->values<float>(), state.bias.begin() + product.firstRow);
    }
  }
  return llvm::Error::success();
}

} // namespace

LogicalResult qllm::describeSite(const Site &site, interp::OperationRunner &runner,
                                 SiteState &state, std::string &problem) {
  state.name = site.name;
  state.kind = site.kind;
  state.layer = site.layer;
  int64_t row = 0;
  for (LinearOp linear : site.linears) {
    auto type = cast<RankedTensorType>(linear.getWeight().getType());
    SiteProduct product;
    product.name = siteName(linear);
    product.firstRow = row;
    product.rows = type.getDimSize(0);
    row += product.rows;
    if (failed(readFormats(linear, state.inputFormat, product.format)))
      return failure();
    state.products.push_back(std::move(product));
  }
  LinearOp first = site.linears.front();
  int64_t channels = cast<RankedTensorType>(first.getWeight().getType()).getDimSize(1);
  if (failed(readDecisions(first, channels, state.decisions)))
    return failure();
  if (llvm::Error error = readWeights(site, runner, state))
    problem = llvm::toString(std::move(error));
  return success();
}
