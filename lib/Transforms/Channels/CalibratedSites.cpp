// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The run holds the activations of one site at a time.

#include "CalibratedSites.h"

#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Calibration/SiteIR.h"
#include "qllm/Calibration/SiteProgress.h"
#include "qllm/Calibration/Walk.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include <algorithm>

using namespace mlir;
using namespace qllm;

ChannelStatistics qllm::statisticsOf(const MatrixF &values) {
  ChannelStatistics result;
  size_t channels = size_t(values.columns());
  result.minimum.assign(channels, 0);
  result.maximum.assign(channels, 0);
  result.mean.assign(channels, 0);
  std::vector<double> sums(channels, 0);
  for (int64_t row = 0; row < values.rows(); ++row)
    for (size_t j = 0; j < channels; ++j) {
      float x = values(row, int64_t(j));
      result.minimum[j] = row ? std::min(result.minimum[j], x) : x;
      result.maximum[j] = row ? std::max(result.maximum[j], x) : x;
      sums[j] += x;
    }
  for (size_t j = 0; j < channels; ++j)
    result.mean[j] = float(sums[j] / double(std::max<int64_t>(1, values.rows())));
  return result;
}

/// What is found at a site that the walk moves to.
static llvm::Expected<std::string> lookAt(const Site &site, Walk &walk, ArrayRef<Site> behind,
                                          uint64_t seed, const SiteLooks &looks) {
  SmallVector<Value> later;
  for (const Site &other : behind)
    later.push_back(other.input());
  SiteState state(walk.runner().pool());
  state.seed = seed;
  std::string problem;
  if (failed(describeSite(site, walk.runner(), state, problem)))
    return llvm::createStringError(""); // a diagnostic told
  const WindowValues *held = walk.advance(site.input(), later);
  if (!held)
    return llvm::createStringError("");
  llvm::Expected<MatrixF> input = toMatrix(*held, state.windows);
  if (!input)
    return llvm::createStringError("input of site '" + site.name +
                                   "': " + llvm::toString(input.takeError()));
  if (!problem.empty()) {
    LinearOp first = site.linears.front();
    first.emitRemark() << "site '" << site.name << "' left as it is: " << problem;
    return "";
  }
  state.input = std::move(*input);
  state.begin();
  return looks.look(site, state);
}

LogicalResult qllm::visitSites(ModuleOp module, const CalibrationFile &data, uint64_t seed,
                               const SiteLooks &looks) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !llvm::hasSingleElement(main.getBody()))
    return module.emitError()
           << "expected a function 'main' of one block to calibrate, but the module has none";
  SiteList list = findSites(main, looks.isWanted);
  auto inputs = readCalibration(main, data);
  if (!inputs)
    return module.emitError() << "calibration: " << llvm::toString(inputs.takeError());
  MLIRContext *context = module.getContext();
  interp::OperationRunner runner(module,
                                 context->isMultithreadingEnabled() ? context->getNumThreads() : 1);
  Walk walk(main, runner, std::move(*inputs));
  SiteProgress progress(context, looks.pass, list.sites.size());
  auto visit = [&](size_t index) -> llvm::Error {
    const Site &site = list.sites[index];
    if (llvm::Error error = progress.reach(index, &walk))
      return error;
    std::optional<ArrayRef<char>> known = progress.find(index);
    std::string found;
    if (!known) {
      llvm::Expected<std::string> seen =
          lookAt(site, walk, ArrayRef(list.sites).drop_front(index + 1), seed, looks);
      if (!seen)
        return seen.takeError();
      found = std::move(*seen);
      if (llvm::Error error = progress.store(index, found))
        return error;
      known = ArrayRef<char>(found.data(), found.size());
    }
    return known->empty() ? llvm::Error::success() : looks.take(site, *known);
  };
  for (size_t index = 0; index < list.sites.size(); ++index)
    if (llvm::Error error = visit(index)) {
      std::string text = llvm::toString(std::move(error));
      LinearOp first = list.sites[index].linears.front();
      return text.empty() ? failure() : LogicalResult(first.emitError() << text);
    }
  return success();
}

LogicalResult qllm::insertTransform(const Site &site,
                                    llvm::function_ref<Value(OpBuilder &, Value)> make) {
  Value input = site.input();
  OpBuilder builder(input.getContext());
  builder.setInsertionPointAfterValue(input);
  Value mapped = make(builder, input);
  auto transform = cast<ChannelTransform>(mapped.getDefiningOp());
  for (LinearOp linear : site.linears) {
    builder.setInsertionPoint(linear);
    FailureOr<LinearParameters> parameters =
        transform.absorb(builder, {linear.getWeight(), linear.getBias()});
    if (failed(parameters))
      return linear.emitOpError() << "expected a float weight of two dimensions";
    linear.getInputMutable().assign(mapped);
    linear.getWeightMutable().assign(parameters->weight);
    if (parameters->bias)
      linear.getBiasMutable().assign(parameters->bias);
  }
  if (std::optional<std::string> obstacle = foldIntoProducer(transform))
    transform->setDiscardableAttr(keptAttr, builder.getStringAttr(*obstacle));
  return success();
}

llvm::Error qllm::checkSiteKinds(ArrayRef<std::string> names) {
  for (const std::string &name : names)
    if (!findSiteKind(name))
      return llvm::createStringError(
          "expected attention-input, attention-output, feed-forward-input, feed-forward-output or "
          "other for sites, but got '" +
          name + "'");
  return llvm::Error::success();
}

Value qllm::createParameter(OpBuilder &builder, Location loc, ArrayRef<float> values,
                            const llvm::Twine &name) {
  return createConstant(builder, loc, values, name);
}
