// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Perplexity before and after, and of the forms in between.

#include "Measuring.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::report;

namespace {

class Evaluation {
public:
  Evaluation(Measurements &result, RunListener *listener, size_t total)
      : result(result), listener(listener), total(total) {}

  /// Mean loss of all windows.
  LogicalResult run(ModuleOp module, ArrayRef<ArrayRef<int64_t>> windows, double &mean);

private:
  Measurements &result;
  RunListener *listener;
  size_t done = 0, total;
};

} // namespace

LogicalResult Evaluation::run(ModuleOp module, ArrayRef<ArrayRef<int64_t>> windows, double &mean) {
  interp::InterpreterOptions options;
  options.threads = result.options.threads;
  interp::Interpreter interpreter(module, options);
  interp::Loss loss;
  for (ArrayRef<int64_t> window : windows) {
    if (listener)
      listener->progress("report: losses", done, total * windows.size());
    if (failed(interp::evaluateWindow(interpreter, "main", window, loss)))
      return failure();
    ++done;
  }
  if (listener)
    listener->progress("report: losses", done, total * windows.size());
  mean = loss.mean();
  result.losses->positions = loss.positions;
  return success();
}

/// The windows of a text, or the rows of an array.
static std::vector<ArrayRef<int64_t>> cutWindows(const Tensor &tokens, int64_t windows,
                                                 int64_t length) {
  std::vector<ArrayRef<int64_t>> cut;
  ArrayRef<int64_t> all = tokens.values<int64_t>();
  if (tokens.rank() == 2) {
    for (int64_t row = 0; row < std::min(windows, tokens.dim(0)); ++row)
      cut.push_back(all.slice(size_t(row * tokens.dim(1)), size_t(tokens.dim(1))));
    return cut;
  }
  length = std::min(length, tokens.size());
  // Of a short text no window is taken twice.
  windows = std::min(windows, std::max<int64_t>(1, tokens.size() / std::max<int64_t>(1, length)));
  for (int64_t start : interp::windowStarts(tokens.size(), windows, length))
    cut.push_back(all.slice(size_t(start), size_t(length)));
  return cut;
}

LogicalResult report::measureLosses(const Forms &forms, Variants &variants, Measurements &result,
                                    RunListener *listener) {
  func::FuncOp main = mainOf(forms.original);
  auto hasInput = [&] {
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      if (interp::inputName(main, i) == "input_ids")
        return true;
    return false;
  };
  if (!findBlocks(main).logits || !hasInput() ||
      !StringRef(result.options.tokens).ends_with(".npy")) {
    result.remarks.push_back("perplexity: it takes a model with 'input_ids' and 'logits', and "
                             "tokens in a .npy file");
    return success();
  }
  llvm::Expected<Tensor> tokens = interp::readTokens(result.options.tokens);
  if (!tokens)
    return main.emitError(llvm::toString(tokens.takeError()));
  std::vector<ArrayRef<int64_t>> windows =
      cutWindows(*tokens, result.options.windows, result.options.length);
  if (windows.empty() || windows.front().size() < 2)
    return main.emitError("expected windows of at least 2 tokens in '")
           << result.options.tokens << "'";
  Losses &losses = result.losses.emplace();
  losses.windows = int64_t(windows.size());
  losses.length = int64_t(windows.front().size());
  bool bothRuntimeKinds =
      variants.adds(Rounding::Activations) && variants.adds(Rounding::Attention);
  size_t count = 2 + variants.adds(Rounding::Activations) + variants.adds(Rounding::Attention) +
                 bothRuntimeKinds;
  Evaluation evaluation(result, listener, count);
  if (failed(evaluation.run(forms.original, windows, losses.before)))
    return failure();
  double last = 0;
  for (size_t kind = 0; kind < roundingKinds; ++kind) {
    if (variants.adds(Rounding(kind)) &&
        failed(evaluation.run(variants.upTo(Rounding(kind)), windows, last)))
      return failure();
    losses.upTo[kind] = last;
  }
  losses.after = last;
  losses.withoutActivations = losses.upTo[0];
  if (!variants.adds(Rounding::Activations))
    losses.withoutActivations = losses.after;
  return bothRuntimeKinds
             ? evaluation.run(variants.withoutActivations(), windows, losses.withoutActivations)
             : success();
}
