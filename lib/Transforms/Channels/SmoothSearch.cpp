// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole model is tried on copies of its operations, with quantizers that compute their scales
// while they run: no candidate leaves constants behind.

#include "SmoothSearch.h"

#include "mlir/IR/IRMapping.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Calibration/SiteProgress.h"
#include "qllm/Calibration/Walk.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Solver/Smoothing.h"
#include "qllm/Support/Bytes.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

LogicalResult qllm::applySmoothing(const SmoothedSite &site) {
  if (site.leaveAlone)
    return success();
  std::vector<float> factors = smoothingFactors(site.inputMaxima, site.weightMaxima, site.alpha);
  for (LinearOp linear : site.site.linears)
    linear->setDiscardableAttr("qllm.smooth_alpha",
                               FloatAttr::get(Float64Type::get(linear.getContext()), site.alpha));
  return insertTransform(site.site, [&](OpBuilder &builder, Value input) -> Value {
    Value vector = createParameter(builder, input.getLoc(), factors, site.site.name + ".smoothing");
    return ScaleChannelsOp::create(builder, input.getLoc(), input, vector, /*inverse=*/true);
  });
}

/// Alphas from 0 to 1; sums of steps would not meet 1.
static std::vector<double> alphas(double step) {
  std::vector<double> result;
  for (int64_t i = 0; double(i) * step <= 1 + 1e-9; ++i)
    result.push_back(std::min(1.0, double(i) * step));
  return result;
}

llvm::Error qllm::searchLayer(SiteState &state, double step, SmoothedSite &site) {
  // Enough tokens to compare candidates by.
  constexpr int64_t sampleRows = 512;
  SiteState sample(state.pool);
  sample.input = everyRow(state.input, std::max<int64_t>(1, state.input.rows() / sampleRows));
  sample.weight = state.weight;
  sample.bias = state.bias;
  sample.products = state.products;
  sample.inputFormat = state.inputFormat;
  sample.begin();
  MatrixF wanted;
  {
    SiteState exact = sample;
    exact.inputFormat.reset();
    exact.inputQuantizerChanged();
    wanted = exact.output();
  }
  auto errorOf = [&](SiteState &candidate) -> llvm::Expected<double> {
    if (llvm::Error error = roundTarget(candidate))
      return std::move(error);
    MatrixF output = candidate.output();
    double sum = 0;
    for (int64_t i = 0; i < output.size(); ++i) {
      double difference = double(output.data()[i]) - double(wanted.data()[i]);
      sum += difference * difference;
    }
    return sum;
  };
  SiteState nothing = sample;
  llvm::Expected<double> best = errorOf(nothing);
  if (!best)
    return best.takeError();
  site.leaveAlone = true;
  for (double alpha : alphas(step)) {
    SiteState candidate = sample;
    ChannelMap map;
    map.kind = ChannelMap::Kind::Scale;
    map.values = smoothingFactors(site.inputMaxima, site.weightMaxima, alpha);
    candidate.addMap(std::move(map));
    llvm::Expected<double> error = errorOf(candidate);
    if (!error)
      return error.takeError();
    if (*error < *best) {
      *best = *error;
      site.alpha = alpha;
      site.leaveAlone = false;
    }
  }
  return llvm::Error::success();
}

/// What `main` returns first, for all windows.
static FailureOr<std::vector<Tensor>> outputsOf(ModuleOp module, const CalibrationFile &data) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto inputs = readCalibration(main, data);
  if (!inputs)
    return module.emitError() << "calibration: " << llvm::toString(inputs.takeError());
  MLIRContext *context = module.getContext();
  interp::OperationRunner runner(module,
                                 context->isMultithreadingEnabled() ? context->getNumThreads() : 1);
  Walk walk(main, runner, std::move(*inputs));
  Operation *end = main.getBody().front().getTerminator();
  if (end->getNumOperands() == 0)
    return main.emitOpError() << "expected a result to compare models by, but got none";
  const WindowValues *held = walk.advance(end->getOperand(0), {});
  if (!held)
    return failure();
  std::vector<Tensor> outputs;
  for (size_t window = 0; window < walk.windows(); ++window) {
    const Tensor *tensor = held->of(window).tensor();
    if (!tensor || tensor->type() != ElementType::F32)
      return main.emitOpError() << "expected f32 results to compare models by, but got "
                                << held->of(window).describe();
    outputs.push_back(*tensor);
  }
  return outputs;
}

/// Quantizers as planned, with parameters of the moment.
static LogicalResult quantizeAsPlanned(LinearOp linear) {
  FailureOr<SitePlan> plan = SitePlan::of(linear);
  if (failed(plan))
    return failure();
  OpBuilder builder(linear);
  if (plan->weight)
    linear.getWeightMutable().assign(
        QuantizeOp::create(builder, linear.getLoc(), plan->weight, linear.getWeight()));
  if (!plan->operands.empty() && plan->operands.front())
    linear.getInputMutable().assign(
        QuantizeOp::create(builder, linear.getLoc(), plan->operands.front(), linear.getInput()));
  return success();
}

/// What the outputs of the model smoothed with `alpha` miss of the `wanted` ones, relative to them.
static FailureOr<double> errorWith(double alpha, ModuleOp module, const CalibrationFile &data,
                                   ArrayRef<SmoothedSite> sites, ArrayRef<Tensor> wanted) {
  IRMapping mapping;
  OwningOpRef<ModuleOp> trial(cast<ModuleOp>(module->clone(mapping)));
  for (SmoothedSite site : sites) {
    site.alpha = alpha;
    for (LinearOp &linear : site.site.linears)
      linear = cast<LinearOp>(mapping.lookup(linear.getOperation()));
    if (failed(applySmoothing(site)))
      return failure();
  }
  WalkResult quantized = trial->walk([](LinearOp linear) {
    return failed(quantizeAsPlanned(linear)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (quantized.wasInterrupted())
    return failure();
  FailureOr<std::vector<Tensor>> outputs = outputsOf(*trial, data);
  if (failed(outputs))
    return failure();
  double error = 0, energy = 0;
  for (auto [window, got] : llvm::enumerate(*outputs))
    for (auto [a, b] : llvm::zip_equal(wanted[window].values<float>(), got.values<float>())) {
      error += (double(a) - b) * (double(a) - b);
      energy += double(a) * a;
    }
  return energy > 0 ? error / energy : error;
}

FailureOr<double> qllm::searchModel(ModuleOp module, const CalibrationFile &data, double step,
                                    ArrayRef<SmoothedSite> sites,
                                    SmallVectorImpl<std::pair<double, double>> &curve) {
  std::vector<double> candidates = alphas(step);
  SiteProgress progress(module.getContext(), "qllm-smooth model", candidates.size());
  std::vector<Tensor> wanted;
  double best = 0, chosen = 0.5;
  for (auto [index, alpha] : llvm::enumerate(candidates)) {
    double error = 0;
    if (std::optional<ArrayRef<char>> known = progress.find(index)) {
      ByteReader reader(*known);
      reader(error);
    } else {
      if (wanted.empty()) {
        FailureOr<std::vector<Tensor>> outputs = outputsOf(module, data);
        if (failed(outputs))
          return failure();
        wanted = std::move(*outputs);
      }
      FailureOr<double> found = errorWith(alpha, module, data, sites, wanted);
      if (failed(found))
        return failure();
      error = *found;
      std::string bytes;
      ByteWriter writer(bytes);
      writer(error);
      if (llvm::Error failed = progress.store(index, bytes))
        return module.emitError() << llvm::toString(std::move(failed));
    }
    if (curve.empty() || error < best) {
      best = error;
      chosen = alpha;
    }
    curve.push_back({alpha, error});
  }
  return chosen;
}
