// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/API/Perplexity.h"

using namespace qllm;
using namespace qllm::api;
using llvm::LogicalResult;

LogicalResult api::measureLosses(mlir::ModuleOp module, llvm::ArrayRef<int64_t> tokens,
                                 const PerplexityOptions &options, RunListener *listener,
                                 std::vector<interp::Loss> &losses) {
  llvm::SmallVector<int64_t> starts =
      interp::windowStarts(int64_t(tokens.size()), options.windows, options.length);
  if (starts.empty() || options.length < 2)
    return module.emitError("expected windows of at least 2 tokens and a text of at least one "
                            "window, but got windows of ")
           << options.length << " tokens and a text of " << tokens.size();
  interp::InterpreterOptions engine;
  engine.threads = options.threads;
  interp::Interpreter interpreter(module, engine);
  for (int64_t start : starts) {
    if (listener)
      listener->progress("evaluate", losses.size(), starts.size());
    llvm::ArrayRef<int64_t> window = tokens.slice(size_t(start), size_t(options.length));
    if (failed(
            interp::evaluateWindow(interpreter, options.function, window, losses.emplace_back())))
      return llvm::failure();
  }
  if (listener)
    listener->progress("evaluate", starts.size(), starts.size());
  return llvm::success();
}

interp::Loss api::sum(llvm::ArrayRef<interp::Loss> losses) {
  interp::Loss total;
  for (const interp::Loss &loss : losses)
    total += loss;
  return total;
}
