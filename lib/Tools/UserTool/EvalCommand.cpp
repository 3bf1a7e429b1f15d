// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm eval`: perplexity on windows of a text.

#include "qllm/API/Perplexity.h"
#include "qllm/API/Report.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"
#include "llvm/Support/Format.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
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
  Expected<Tensor> readText();
  void print(ArrayRef<interp::Loss> losses);

  std::string model, tokens, function = "main";
  int64_t windows = 24, length = 512;
  bool json = false;
};

/// Shows windows that are done.
class Progress : public RunListener {
public:
  explicit Progress(Log &log) : log(log) {}
  void progress(StringRef step, size_t done, size_t total) override {
    log.progress(step, done, total);
  }

private:
  Log &log;
};

} // namespace

Expected<Tensor> EvalCommand::readText() {
  Expected<Tensor> all = interp::readTokens(tokens);
  if (all && all->size() < length)
    return createStringError("expected at least " + Twine(length) + " tokens in '" + tokens +
                             "', but got " + Twine(all->size()));
  return all;
}

void EvalCommand::print(ArrayRef<interp::Loss> losses) {
  interp::Loss total = sum(losses);
  Json means = Json::array();
  for (const interp::Loss &loss : losses)
    means.push_back(loss.mean());
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
  Expected<Tensor> text = readText();
  if (!text) {
    session.log.error(toString(text.takeError()));
    return ExitCode::BadInput;
  }
  mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
  if (!module)
    return ExitCode::BadInput;
  PerplexityOptions options{windows, length, function, session.getThreads()};
  Progress progress(session.log);
  std::vector<interp::Loss> losses;
  if (failed(measureLosses(*module, text->values<int64_t>(), options, &progress, losses)))
    return ExitCode::BadInput;
  print(losses);
  return ExitCode::Done;
}

std::unique_ptr<Command> qllm::tool::createEvalCommand() { return std::make_unique<EvalCommand>(); }
