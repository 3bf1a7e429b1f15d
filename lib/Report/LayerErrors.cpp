// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The float model and the quantized one are walked side by side. At each block the quantized one is
// also run on what the float model has there, and the float model goes on from what that gives: so
// the cost of one block is seen alone.

#include "Measuring.h"
#include "qllm/Calibration/Walk.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::report;

namespace {

/// A form of the model that is being walked.
struct Walker {
  Walker(ModuleOp module, const Inputs &inputs, unsigned threads)
      : runner(module, threads), list(findBlocks(mainOf(module))),
        walk(mainOf(module), runner, inputs) {
    for (const Layer &layer : list.layers)
      remaining.push_back(layer.output);
    for (const ModelBlock &block : list.blocks) {
      remaining.push_back(block.input);
      remaining.push_back(block.output);
    }
  }

  /// Advances; what other targets need stays known. A value that leaves a block and enters the next
  /// one is a target twice.
  const WindowValues *reach(Value target) {
    if (auto found = llvm::find(remaining, target); found != remaining.end())
      remaining.erase(found);
    return walk.advance(target, remaining);
  }

  interp::OperationRunner runner;
  BlockList list;
  Walk walk;
  std::vector<Value> remaining;
};

class LayerMeasurement {
public:
  LayerMeasurement(const Forms &forms, Variants &variants, const Inputs &inputs,
                   Measurements &result, RunListener *listener);
  LogicalResult run();

private:
  bool blocksMatch();
  LogicalResult predict();
  LogicalResult measureBlock(size_t index);
  LogicalResult measureLayer(const Layer &layer, const WindowValues *isolated);
  LogicalResult fail(llvm::Error error) {
    return mainOf(forms.result).emitError(llvm::toString(std::move(error)));
  }
  void progress() {
    if (listener)
      listener->progress("report: layers", done, total);
  }

  const Forms &forms;
  Measurements &result;
  RunListener *listener;
  Walker reference, quantized;
  /// Whether a kind of rounding adds something to the one before; the form up to it, null where it
  /// is the quantized model itself.
  std::array<bool, roundingKinds> adds;
  std::array<std::unique_ptr<Walker>, roundingKinds> partial;
  std::optional<Predictions> predictions;
  size_t done = 0, total = 1;
};

/// A scale of these outputs may have moved: into queries from keys, through attention into the
/// output layer, through the gated product into the last one.
bool mayBeScaled(StringRef name) {
  StringRef last = name.rsplit('.').second;
  return last == "q_proj" || last == "k_proj" || last == "v_proj" || last == "qkv_proj" ||
         last == "up_proj";
}

} // namespace

LayerMeasurement::LayerMeasurement(const Forms &forms, Variants &variants, const Inputs &inputs,
                                   Measurements &result, RunListener *listener)
    : forms(forms), result(result), listener(listener),
      reference(forms.reference, inputs, result.options.threads),
      quantized(forms.result, inputs, result.options.threads) {
  for (size_t kind = 0; kind < roundingKinds; ++kind) {
    ModuleOp form = variants.upTo(Rounding(kind));
    adds[kind] = variants.adds(Rounding(kind));
    if (adds[kind] && form != forms.result)
      partial[kind] = std::make_unique<Walker>(form, inputs, result.options.threads);
  }
}

bool LayerMeasurement::blocksMatch() {
  auto numbers = [](const BlockList &list) {
    std::vector<int64_t> all;
    for (const ModelBlock &block : list.blocks)
      all.push_back(block.number);
    return all;
  };
  std::string problem =
      reference.list.problem.empty() ? quantized.list.problem : reference.list.problem;
  if (problem.empty() && numbers(reference.list) != numbers(quantized.list))
    problem = "the quantized model has other ones";
  if (!problem.empty())
    result.remarks.push_back("blocks one by one: " + problem);
  return problem.empty();
}

/// What the float model predicts, from a run of its own.
LogicalResult LayerMeasurement::predict() {
  if (!reference.list.logits)
    return success();
  llvm::SmallVector<WindowValues> logits;
  if (failed(reference.walk.evaluate({}, {reference.list.logits}, logits)))
    return failure();
  std::vector<std::vector<int64_t>> tokens;
  func::FuncOp main = mainOf(forms.reference);
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (interp::inputName(main, i) != "input_ids")
      continue;
    llvm::SmallVector<WindowValues> ids;
    if (failed(reference.walk.evaluate({}, {main.getArgument(i)}, ids)))
      return failure();
    for (const interp::Value &window : ids.front().all())
      if (const Tensor *tensor = window.tensor(); tensor && tensor->type() == ElementType::I64)
        tokens.push_back(tensor->values<int64_t>().vec());
  }
  llvm::Expected<Predictions> made =
      Predictions::create(reference.runner.pool(), logits.front(), std::move(tokens));
  if (!made)
    return fail(made.takeError());
  predictions = std::move(*made);
  return success();
}

LogicalResult LayerMeasurement::measureLayer(const Layer &layer, const WindowValues *isolated) {
  const Layer *other = quantized.list.find(layer.name);
  if (!other) {
    result.remarks.push_back("layer '" + layer.name +
                             "': the quantized model has none of its name");
    return success();
  }
  const WindowValues *x = reference.reach(layer.output);
  const WindowValues *y = x ? quantized.reach(other->output) : nullptr;
  if (!y)
    return failure();
  LayerError error;
  error.name = layer.name;
  error.kind = layer.kind;
  error.block = layer.block;
  error.upToGains = mayBeScaled(layer.name);
  ErrorSums accumulated, alone;
  if (llvm::Error failed = accumulated.add(*x, *y))
    return fail(std::move(failed));
  error.accumulated = accumulated.relative(error.upToGains);
  if (isolated) {
    if (llvm::Error failed = alone.add(*x, *isolated))
      return fail(std::move(failed));
    error.isolated = alone.relative(error.upToGains);
  }
  result.layers.push_back(std::move(error));
  progress();
  ++done;
  return success();
}

LogicalResult LayerMeasurement::measureBlock(size_t index) {
  const ModelBlock &block = reference.list.blocks[index];
  const WindowValues *entering = reference.reach(block.input);
  if (!entering)
    return failure();
  WindowValues input = *entering;
  // The quantized layers, and what leaves the block, on the float input.
  const ModelBlock &other = quantized.list.blocks[index];
  std::vector<Value> wanted{other.output};
  std::vector<const Layer *> layers;
  for (size_t layer : block.layers) {
    layers.push_back(quantized.list.find(reference.list.layers[layer].name));
    if (layers.back())
      wanted.push_back(layers.back()->output);
  }
  llvm::SmallVector<WindowValues> alone;
  if (failed(quantized.walk.evaluate({{other.input, input}}, wanted, alone)))
    return failure();
  BlockLoss loss;
  loss.number = block.number;
  if (predictions) {
    loss.upTo.emplace();
    BlockLoss::Step last;
    for (size_t kind = 0; kind < roundingKinds; ++kind) {
      if (!adds[kind]) {
        (*loss.upTo)[kind] = last;
        continue;
      }
      llvm::SmallVector<WindowValues> leaving{alone.front()}, logits;
      if (Walker *part = partial[kind].get()) {
        const ModelBlock &own = part->list.blocks[index];
        if (failed(part->walk.evaluate({{own.input, input}}, {own.output}, leaving)))
          return failure();
      }
      if (failed(reference.walk.evaluate({{block.output, leaving.front()}}, {reference.list.logits},
                                         logits)))
        return failure();
      llvm::Expected<BlockLoss::Step> step =
          predictions->compare(reference.runner.pool(), logits.front());
      if (!step)
        return fail(step.takeError());
      (*loss.upTo)[kind] = last = *step;
      progress();
      ++done;
    }
  }
  size_t next = 1;
  for (auto [layer, found] : llvm::zip_equal(block.layers, layers))
    if (failed(measureLayer(reference.list.layers[layer], found ? &alone[next++] : nullptr)))
      return failure();
  const WindowValues *x = reference.reach(block.output);
  const WindowValues *y = x ? quantized.reach(other.output) : nullptr;
  if (!y)
    return failure();
  ErrorSums isolated, accumulated;
  if (llvm::Error failed = isolated.add(*x, alone.front()))
    return fail(std::move(failed));
  if (llvm::Error failed = accumulated.add(*x, *y))
    return fail(std::move(failed));
  loss.isolated = isolated.relative(false);
  loss.accumulated = accumulated.relative(false);
  result.blocks.push_back(loss);
  return success();
}

LogicalResult LayerMeasurement::run() {
  bool byBlock = blocksMatch();
  size_t steps = size_t(llvm::count(adds, true));
  total = reference.list.layers.size() + (byBlock ? reference.list.blocks.size() * steps : 0);
  if (byBlock && failed(predict()))
    return failure();
  if (!predictions)
    total = reference.list.layers.size();
  std::vector<bool> measured(reference.list.layers.size());
  for (size_t index = 0; byBlock && index < reference.list.blocks.size(); ++index) {
    if (failed(measureBlock(index)))
      return failure();
    for (size_t layer : reference.list.blocks[index].layers)
      measured[layer] = true;
  }
  for (auto [index, layer] : llvm::enumerate(reference.list.layers))
    if (!measured[index] && failed(measureLayer(layer, nullptr)))
      return failure();
  done = total;
  progress();
  return success();
}

LogicalResult report::measureLayers(const Forms &forms, Variants &variants, const Inputs &inputs,
                                    Measurements &result, RunListener *listener) {
  return LayerMeasurement(forms, variants, inputs, result, listener).run();
}
