// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm eval`: perplexity on windows of a text.

#include "qllm/Interpreter/Evaluate.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Report.h"
#include "qllm/Tools/UserTool/Session.h"
#include "llvm/Support/Format.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::tool;

namespace {

class EvalCommand : public Command {
public:
  EvalCommand() : Command("eval", "measure the perplexity of a model") {}

  void declare(OptionTable &options) override {
    options.positional("MODEL", model, "an ONNX file, a module or a result directory");
    options.text("tokens", tokens, "FILE.npy", "the tokens of a text, or one window a row");
    options.integer("windows", windows, 1, 1 << 20, "windows at equal spacing (default 24)");
    options.integer("window-length", length, 2, 1 << 20, "tokens of a window (default 512)");
    options.text("function", function, "NAME", "the function to run (default main)");
    options.flag("json", json, "print JSON, with the loss of every window");
  }

  ExitCode run(Session &session) override;

private:
  Expected<std::vector<ArrayRef<int64_t>>> cutWindows(const Tensor &all);
  void print(ArrayRef<interp::Loss> losses);

  std::string model, tokens, function = "main";
  int64_t windows = 24, length = 512;
  bool json = false;
};

} // namespace

/// The windows of a flat text.
Expected<std::vector<ArrayRef<int64_t>>> EvalCommand::cutWindows(const Tensor &all) {
  SmallVector<int64_t> starts = interp::windowStarts(all.size(), windows, length);
  if (starts.empty())
    return createStringError("expected at least " + Twine(length) + " tokens in '" + tokens +
                             "', but got " + Twine(all.size()));
  std::vector<ArrayRef<int64_t>> result;
  for (int64_t start : starts)
    result.push_back(all.values<int64_t>().slice(start, length));
  return result;
}

void EvalCommand::print(ArrayRef<interp::Loss> losses) {
  interp::Loss total;
  Json means = Json::array();
  for (const interp::Loss &loss : losses) {
    total += loss;
    means.push_back(loss.mean());
  }
  if (!json) {
    outs() << format("perplexity %.4f, loss %.6f, %lld tokens in %zu windows\n", total.perplexity(),
                     total.mean(), static_cast<long long>(total.positions), losses.size());
    return;
  }
  Json report;
  report["model"] = model;
  report["tokens"] = tokens;
  report["windows"] = losses.size();
  report["window_length"] = length;
  report["positions"] = total.positions;
  report["loss"] = total.mean();
  report["perplexity"] = total.perplexity();
  report["losses"] = means;
  outs() << toText(report);
}

ExitCode EvalCommand::run(Session &session) {
  if (tokens.empty()) {
    session.log.error("expected the tokens of a text (--tokens FILE.npy)");
    return ExitCode::Usage;
  }
  auto fail = [&](Error error) {
    session.log.error(toString(std::move(error)));
    return ExitCode::BadInput;
  };
  Expected<Tensor> all = interp::readTokens(tokens);
  if (!all)
    return fail(all.takeError());
  Expected<std::vector<ArrayRef<int64_t>>> cut = cutWindows(*all);
  if (!cut)
    return fail(cut.takeError());
  mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
  if (!module)
    return ExitCode::BadInput;
  interp::InterpreterOptions options;
  options.threads = session.getThreads();
  interp::Interpreter interpreter(*module, options);
  std::vector<interp::Loss> losses;
  for (ArrayRef<int64_t> window : *cut) {
    session.log.progress("evaluate", losses.size(), cut->size());
    if (failed(interp::evaluateWindow(interpreter, function, window, losses.emplace_back())))
      return ExitCode::BadInput;
  }
  session.log.progress("evaluate", losses.size(), cut->size());
  print(losses);
  return ExitCode::Done;
}

std::unique_ptr<Command> qllm::tool::createEvalCommand() { return std::make_unique<EvalCommand>(); }
