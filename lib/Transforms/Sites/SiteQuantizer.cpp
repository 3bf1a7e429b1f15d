// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of a visit: walk to the site, describe it, run the steps, put the finished site in
// place. Activations of one site at a time are held, and what later sites need of earlier ones.

#include "SiteQuantizer.h"

#include "FinalNorm.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Site/Candidates.h"
#include "qllm/Support/Bytes.h"
#include "qllm/Support/RunListener.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

static unsigned threadsOf(MLIRContext *context) {
  return context->isMultithreadingEnabled() ? context->getNumThreads() : 1;
}

SiteQuantizer::SiteQuantizer(func::FuncOp function, std::vector<NamedStep> steps, uint64_t seed)
    : function(function), steps(std::move(steps)), seed(seed),
      runner(function->getParentOfType<ModuleOp>(), threadsOf(function.getContext())) {}

void SiteQuantizer::skip(LinearOp linear, const llvm::Twine &reason) {
  ++total.skipped;
  SitePlan plan;
  plan.skipped = reason.str();
  plan.attachTo(linear);
  linear->emitRemark() << "skipped '" << siteName(linear) << "': " << reason;
}

LogicalResult SiteQuantizer::run(SiteList &list, std::vector<std::vector<interp::Value>> inputs) {
  for (const LeftOut &left : list.left)
    skip(left.linear, left.reason);
  if (fitsFinalNorm)
    finalNorm = findFinalNorm(function, list.sites);
  if (finalNorm ||
      llvm::any_of(steps, [](const NamedStep &step) { return step.step->needsReference(); })) {
    twin = std::make_unique<FloatTwin>(function, threadsOf(function.getContext()), inputs);
    for (const Site &site : list.sites) {
      Value residual = residualOf(site);
      twinSites.push_back({twin->find(site.input()), residual ? twin->find(residual) : Value()});
    }
  }
  if (finalNorm)
    twinNorm = twin->find(finalNorm->getResult(0));
  walk = std::make_unique<Walk>(function, runner, std::move(inputs));
  // Sinks live in the residual stream: layers add to it what they pass on. What layers read is
  // looked at when their turn comes.
  walk->setObserver([&](Operation *op, ArrayRef<WindowValues> results) {
    if (isa<onnx::AddOp>(op))
      sinks.observe(results.front());
  });
  auto *listener = function.getContext()->getLoadedDialect<QLLMDialect>()->getRunListener();
  ArrayRef<Site> all(list.sites);
  progress.emplace(function.getContext(), "qllm-quantize-sites", all.size(), finalNorm != nullptr);
  for (auto [index, site] : llvm::enumerate(list.sites)) {
    if (listener) {
      listener->progress("qllm-quantize-sites", index, all.size());
      if (listener->shouldStop())
        return function.emitError("stopped before site '") << site.name << "'";
    }
    current = index;
    if (failed(reach(index)) || failed(visit(site, all.drop_front(index + 1))))
      return failure();
  }
  if (failed(reach(all.size())))
    return failure();
  if (finalNorm && failed(parts.measure("final norm", [&] { return fitNormBehind(); })))
    return failure();
  total.sites = int64_t(all.size());
  total.sinks = sinks.count();
  if (listener) {
    listener->progress("qllm-quantize-sites", all.size(), all.size());
    for (const PartClock::Part &part : parts.parts())
      listener->spent("qllm-quantize-sites", part.name, part.seconds);
  }
  return success();
}

llvm::Expected<MatrixF> SiteQuantizer::matrixAt(Walk &walk, Value value, ArrayRef<Value> later,
                                                std::vector<int64_t> &borders) {
  const WindowValues *held = walk.advance(value, later);
  if (!held)
    return llvm::createStringError(""); // a diagnostic told
  return toMatrix(*held, borders);
}

LogicalResult SiteQuantizer::readActivations(const Site &site, ArrayRef<Site> later,
                                             SiteState &state) {
  LinearOp first = site.linears.front();
  SmallVector<Value> needed;
  for (const Site &other : later)
    needed.push_back(other.input());
  if (finalNorm)
    needed.push_back(finalNorm->getResult(0));
  auto report = [&](llvm::Error error) -> LogicalResult {
    std::string text = llvm::toString(std::move(error));
    return text.empty() ? failure()
                        : LogicalResult(first.emitError()
                                        << "input of site '" << site.name << "': " << text);
  };
  llvm::Expected<MatrixF> input = matrixAt(*walk, site.input(), needed, state.windows);
  if (!input)
    return report(input.takeError());
  state.input = std::move(*input);
  // A layer that makes a sink has its input to show for it before the stream does.
  if (const WindowValues *held = walk->advance(site.input(), needed))
    sinks.observe(*held);
  for (float value : state.input.values())
    if (!std::isfinite(value))
      return report(llvm::createStringError("expected finite activations, but got " +
                                            llvm::Twine(std::isnan(value) ? "nan" : "inf")));
  state.sinks = sinks.rows(state.windows);
  return success();
}

LogicalResult SiteQuantizer::readReference(const Site &site, SiteState &state) {
  if (!twin)
    return success();
  auto report = [&](llvm::Error error) -> LogicalResult {
    std::string text = llvm::toString(std::move(error));
    LinearOp first = site.linears.front();
    return text.empty() ? failure()
                        : LogicalResult(first.emitError()
                                        << "float input of site '" << site.name << "': " << text);
  };
  SmallVector<Value> needed;
  for (const TwinSite &other : ArrayRef(twinSites).drop_front(current + 1))
    needed.push_back(other.input);
  if (twinNorm)
    needed.push_back(twinNorm);
  Value residual = residualOf(site), floatResidual = twinSites[current].residual;
  std::vector<int64_t> borders;
  SmallVector<Value> kept(needed);
  if (floatResidual)
    kept.push_back(floatResidual);
  llvm::Expected<MatrixF> reference =
      matrixAt(twin->walk(), twinSites[current].input, kept, borders);
  if (!reference)
    return report(reference.takeError());
  state.reference = std::move(*reference);
  if (!residual || !floatResidual)
    return success();
  // Both are known, or nearly: what a layer adds to is read before it.
  llvm::SmallVector<WindowValues> present, wanted;
  if (failed(walk->evaluate({}, residual, present)) ||
      failed(twin->walk().evaluate({}, floatResidual, wanted)))
    return failure();
  llvm::Expected<MatrixF> quantized = toMatrix(present.front(), borders),
                          exact = toMatrix(wanted.front(), borders);
  if (!quantized || !exact)
    return report(llvm::joinErrors(quantized.takeError(), exact.takeError()));
  if (exact->rows() != state.input.rows() || quantized->size() != exact->size())
    return success();
  state.residualLoss = std::move(*exact);
  for (int64_t i = 0; i < state.residualLoss.size(); ++i)
    state.residualLoss.data()[i] -= quantized->data()[i];
  return success();
}

FailureOr<std::vector<float>> SiteQuantizer::averageRow(Value value) {
  SmallVector<WindowValues> held;
  if (failed(walk->evaluate({}, value, held)))
    return failure();
  std::vector<int64_t> borders;
  llvm::Expected<MatrixF> rows = toMatrix(held.front(), borders);
  if (!rows)
    return emitError(value.getLoc()) << llvm::toString(rows.takeError());
  std::vector<double> sums(size_t(rows->columns()));
  for (int64_t row = 0; row < rows->rows(); ++row)
    for (int64_t j = 0; j < rows->columns(); ++j)
      sums[size_t(j)] += (*rows)(row, j);
  std::vector<float> average;
  for (double sum : sums)
    average.push_back(float(sum / double(std::max<int64_t>(rows->rows(), 1))));
  return average;
}

LogicalResult SiteQuantizer::fitNormBehind() {
  std::vector<int64_t> borders;
  llvm::Expected<MatrixF> actual = matrixAt(*walk, finalNorm->getResult(0), {}, borders);
  llvm::Expected<MatrixF> wanted = matrixAt(twin->walk(), twinNorm, {}, borders);
  llvm::Error error = llvm::joinErrors(actual.takeError(), wanted.takeError());
  if (!error)
    error = fitFinalNorm(finalNorm, runner, *actual, *wanted);
  if (!error)
    return success();
  std::string text = llvm::toString(std::move(error));
  return text.empty() ? failure() : LogicalResult(finalNorm->emitError() << text);
}

/// Where an earlier run stood, or a place for a later one to stand at.
LogicalResult SiteQuantizer::reach(size_t site) {
  SmallVector<Walk *> walks{walk.get()};
  if (twin)
    walks.push_back(&twin->walk());
  auto save = [&](std::string &bytes) {
    ByteWriter writer(bytes);
    writer(sinks);
  };
  auto restore = [&](ArrayRef<char> bytes) {
    ByteReader reader(bytes);
    reader(sinks);
    return reader.finish();
  };
  llvm::Error error =
      parts.measure("journal", [&] { return progress->reach(site, walks, save, restore); });
  return error ? function.emitError() << llvm::toString(std::move(error)) : success();
}

/// The steps, or what they have made of this site in an earlier run.
LogicalResult SiteQuantizer::runSite(const Site &site, SiteState &state, SiteOutcome &outcome) {
  LinearOp first = site.linears.front();
  if (std::optional<ArrayRef<char>> record = progress->find(current)) {
    llvm::Error error = decodeResult(*record, state, outcome);
    return error ? first.emitError() << llvm::toString(std::move(error)) : success();
  }
  if (prepared)
    prepared(site, state);
  auto *listener = function.getContext()->getLoadedDialect<QLLMDialect>()->getRunListener();
  state.tasks = listener ? listener->taskRunner() : nullptr;
  if (state.tasks)
    if (llvm::Error error = parts.measure(
            "candidates elsewhere", [&] { return tryCandidates(state, steps, *state.tasks); }))
      return first.emitError() << llvm::toString(std::move(error));
  auto measure = [&](StringRef step, llvm::function_ref<llvm::Error()> run) -> llvm::Error {
    if (listener && listener->shouldStop())
      return llvm::createStringError("stopped");
    return parts.measure(step, run);
  };
  llvm::Expected<SiteOutcome> result = runSteps(state, steps, measured && measured(site), measure);
  if (!result)
    return first.emitError() << llvm::toString(result.takeError());
  outcome = std::move(*result);
  if (!progress->isKept())
    return success();
  if (llvm::Error error = parts.measure(
          "journal", [&] { return progress->store(current, encodeResult(state, outcome)); }))
    return first.emitError() << llvm::toString(std::move(error));
  return success();
}

LogicalResult SiteQuantizer::visit(Site &site, ArrayRef<Site> later) {
  SiteState state(runner.pool());
  state.seed = seed;
  std::string problem;
  if (failed(parts.measure("describe", [&] { return describeSite(site, runner, state, problem); })))
    return failure();
  if (!problem.empty()) {
    for (LinearOp linear : site.linears)
      skip(linear, problem);
    // A record of its own, or sites behind this one would not count as finished.
    llvm::Error error =
        progress->find(current) ? llvm::Error::success() : progress->store(current, "");
    return error ? function.emitError() << llvm::toString(std::move(error)) : success();
  }
  if (!progress->isBehind(current) &&
      (failed(parts.measure("walk", [&] { return readActivations(site, later, state); })) ||
       failed(parts.measure("float walk", [&] { return readReference(site, state); }))))
    return failure();
  SiteOutcome outcome;
  if (failed(runSite(site, state, outcome)))
    return failure();
  llvm::Expected<EmittedSite> emitted =
      parts.measure("emit", [&] { return emitSite(site, state); });
  if (!emitted)
    return LinearOp(site.linears.front()).emitError()
           << "site '" << site.name << "': " << llvm::toString(emitted.takeError());
  total.rewritten += int64_t(site.linears.size());
  site.linears = emitted->linears;
  return finished ? finished(site, state, outcome, *emitted) : success();
}
