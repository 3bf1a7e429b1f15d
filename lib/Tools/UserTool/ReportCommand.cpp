// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm report`: the page of a result that is there already.

#include "RunReport.h"
#include "qllm/Report/Compare.h"
#include "qllm/Tools/UserTool/Command.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;

namespace {

class ReportCommand : public Command {
public:
  ReportCommand() : Command("report", "write the page of a result, and measure it if need be") {}

  void declare(OptionTable &options) override {
    options.positional("DIR", directory, "a result of 'qllm quantize'");
    options.text("output", page.page, "FILE.html", "where the page goes").letter = 'o';
    options.text("model", model, "MODEL",
                 "the model that the result was made of: measures it against that one");
    page.declare(options, "");
  }

  ExitCode run(Session &session) override;

private:
  Error measure(Session &session, Json report);

  std::string directory, model;
  RunReport page;
};

/// Whether a report, which an editor may have been at, says how the float model is made again.
bool namesPasses(const Json &report) {
  auto passes = report.find("passes"), number = report.find("float_passes");
  return passes != report.end() && number != report.end() && passes->is_array() &&
         llvm::all_of(*passes, [](const Json &pass) { return pass.is_string(); }) &&
         number->is_number_unsigned() && number->get<size_t>() <= passes->size();
}

} // namespace

Error ReportCommand::measure(Session &session, Json report) {
  if (!namesPasses(report))
    return createStringError("'" + directory +
                             "/report.json' does not say by which passes the "
                             "float model is made; quantize again, with --report");
  // Weights of a context lie in one directory: the float model has one of its own.
  Session other(session.getThreads());
  other.log.setLevel(session.log.getLevel());
  other.limits = session.limits;
  mlir::OwningOpRef<mlir::ModuleOp> result = session.load(directory);
  QuantizeRun run;
  run.original = other.load(model);
  if (!result || !run.original)
    return createStringError("");
  run.options.model = other.resolve(model);
  run.options.command = session.commandLine;
  if (auto found = report.find("run"); found != report.end() && found->is_object())
    if (auto command = found->find("command"); command != found->end() && command->is_string())
      run.options.command = command->get<std::string>();
  report.erase("label"); // readRun's, for the page
  run.report = std::move(report);
  return page.write(session, *result, run, directory);
}

ExitCode ReportCommand::run(Session &session) {
  auto fail = [&](Error error, ExitCode code = ExitCode::BadInput) {
    if (std::string text = toString(std::move(error)); !text.empty())
      session.log.error(text);
    return code;
  };
  if (page.page.empty() || page.hasTokens() == model.empty())
    return fail(createStringError(page.page.empty()
                                      ? "expected a file for the page (-o FILE.html)"
                                      : "expected --model and --tokens together, or neither"),
                ExitCode::Usage);
  if (Error error = model.empty() ? checkWritable(page.page) : page.check("", directory))
    return fail(std::move(error), ExitCode::Usage);
  Expected<Json> report = report::readRun(directory);
  if (!report)
    return fail(report.takeError());
  Error error = Error::success();
  if (!model.empty())
    error = measure(session, std::move(*report));
  else if (!report->contains("measurements"))
    error =
        createStringError("'" + directory +
                          "' was made without --report and has no "
                          "measurements; expected --model MODEL --tokens FILE.npy to make them");
  else
    error = page.writePage(session, std::move(*report), directory);
  return error ? fail(std::move(error)) : ExitCode::Done;
}

std::unique_ptr<Command> qllm::tool::createReportCommand() {
  return std::make_unique<ReportCommand>();
}
