// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm quantize`: a model and a recipe in; a quantized model, its plan, the recipe and a report
// out.

#include "Interruption.h"
#include "RecipeOptions.h"
#include "RunReport.h"
#include "Scheduler.h"
#include "SessionListener.h"
#include "qllm/API/Quantize.h"
#include "qllm/API/SaveModel.h"
#include "qllm/Analysis/Coverage.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Support/OutputFile.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Support/ProcessUsage.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;

namespace {

class QuantizeCommand : public Command {
public:
  QuantizeCommand() : Command("quantize", "quantize a model by a recipe") {}

  void declare(OptionTable &options) override;
  ExitCode run(Session &session) override;

private:
  ExitCode fail(Session &session, Error error, ExitCode code = ExitCode::BadInput);
  Error dumpStage(size_t number, StringRef stage, mlir::ModuleOp module);
  ExitCode plan(Session &session, mlir::ModuleOp module, Pipeline pipeline);
  Expected<QuantizeRun> quantizeInto(Session &session, mlir::ModuleOp module,
                                     const Pipeline &pipeline);
  void print(const Coverage &coverage);
  void printTimes(Session &session, const RunTimes &times);
  ExitCode verdict(Session &session, const Coverage &coverage);

  std::string model, output, dumpStages, exportFormat, exportWeights = "matmul-nbits", timesFile,
                                                       schedulerAddress;
  QuantizeOptions options;
  bool json = false, dryRun = false, allowSkips = false, noJournal = false;
  RunReport runReport;
};

} // namespace

void QuantizeCommand::declare(OptionTable &table) {
  table.positional("MODEL", model, "an ONNX file or an imported model");
  table.text("output", output, "DIR", "where the result goes").letter = 'o';
  table.text("recipe", options.recipe, "NAME|FILE", "what to do (default rtn)");
  declareRecipeOptions(table, options.options);
  table.text("calibration", options.calibration, "FILE.npy",
             "tokens for recipes that look at activations");
  table.text("plan", options.plan, "FILE.mlir",
             "take formats and decisions from the plan.mlir of an earlier run");
  table.choice("export", exportFormat, {"onnx"}, "also write DIR/model.onnx");
  table.choice("export-weights", exportWeights, {"matmul-nbits", "qdq"},
               "operators that hold the weights of the export");
  table.flag("dry-run", dryRun, "plan only: no weight is read, nothing is written");
  table.text("stop-after", options.stopAfter, "STAGE",
             "end after this pass and write what there is");
  table.text("dump-stages", dumpStages, "DIR", "write the module after each pass");
  table.flag("validate", options.validate,
             "run the model before and after each pass, and hold the pass to what it claims");
  table.flag("allow-skips", allowSkips, "exit with 0 even if layers were skipped");
  table.text("report", runReport.page, "FILE.html",
             "measure what it cost, layer by layer, and write a page that needs no network");
  runReport.declare(table, "report-");
  table.integer("seed", options.seed, 0, INT32_MAX, "for recipes that draw random numbers");
  table.text("times", timesFile, "FILE.json", "where the passes' processor seconds go");
  table.flag("no-journal", noJournal, "keep nothing for the case of an interruption");
  table.text("scheduler", schedulerAddress, "tcp://HOST:PORT",
             "have the workers of a Dask scheduler try candidates and round layers");
  table.flag("json", json, "print the report instead of the table");
}

ExitCode QuantizeCommand::fail(Session &session, Error error, ExitCode code) {
  // Without a text, diagnostics have told.
  if (std::string text = toString(std::move(error)); !text.empty())
    session.log.error(text);
  return code;
}

Error QuantizeCommand::dumpStage(size_t number, StringRef stage, mlir::ModuleOp module) {
  if (std::error_code code = sys::fs::create_directories(dumpStages))
    return createStringError(code, "cannot create '" + dumpStages + "': " + code.message());
  std::string path = dumpStages + "/";
  raw_string_ostream(path) << format("%02zu-", number) << stage << ".mlir";
  mlir::OpPrintingFlags flags;
  // Data made by passes would be printed as hex.
  flags.elideLargeResourceString();
  std::string text;
  raw_string_ostream os(text);
  module->print(os, flags);
  os << "\n";
  return writeOutputFile(path, text);
}

void QuantizeCommand::print(const Coverage &coverage) {
  PrintableStream out(outs(), SIZE_MAX);
  if (json)
    out << toText(toJson(coverage));
  else
    coverage.print(out);
}

void QuantizeCommand::printTimes(Session &session, const RunTimes &times) {
  for (const RunTimes::Part &part : times.parts())
    session.log.info(
        formatv("{0,8:f1} CPU seconds for {1} of {2}", part.seconds, part.name, part.pass).str());
}

ExitCode QuantizeCommand::verdict(Session &session, const Coverage &coverage) {
  if (!coverage.isIncomplete())
    return ExitCode::Done;
  session.log.warning("the result covers less than the recipe asked for; the skipped layers are "
                      "listed above and in the report");
  return allowSkips ? ExitCode::Done : ExitCode::Incomplete;
}

/// --dry-run: the passes up to the last one that plans.
ExitCode QuantizeCommand::plan(Session &session, mlir::ModuleOp module, Pipeline pipeline) {
  std::string last;
  for (const std::string &stage : pipeline.stages())
    if (StringRef(stage).starts_with("qllm-plan"))
      last = stage;
  if (last.empty())
    return fail(session,
                createStringError("recipe '" + options.recipe + "' has no stage that plans"),
                ExitCode::Usage);
  cantFail(pipeline.stopAfter(last));
  if (failed(pipeline.run(module, [](size_t, StringRef, mlir::ModuleOp) {})))
    return ExitCode::BadInput;
  Coverage coverage = measureCoverage(module, CoverageOf::Plan);
  print(coverage);
  // Measured on one core of a server processor: about 150 million weights a second, read, rounded
  // and packed.
  constexpr double weightsPerSecond = 1.5e8;
  session.log.info("would write about " + Twine(coverage.totalBytes() / 1000000) + " MB in about " +
                   Twine(int64_t(coverage.totalWeights() / weightsPerSecond) + 1) +
                   " CPU seconds, holding as much in memory; no kernel target was asked for");
  return verdict(session, coverage);
}

/// The run, with the workers that were asked for.
Expected<QuantizeRun> QuantizeCommand::quantizeInto(Session &session, mlir::ModuleOp module,
                                                    const Pipeline &pipeline) {
  StringRef directory = StringRef(output).rtrim('/');
  options.model = session.resolve(model);
  options.limits = session.limits;
  options.command = session.commandLine;
  options.keepFloatForms = runReport.wanted();
  options.reproducers = output + ".reproducers";
  if (!noJournal)
    options.journal = (directory + ".journal").str();
  // Where the result will be, there is room for it.
  onnx::DataFiles::get(&session.getContext()).setSpillDirectory(sys::path::parent_path(directory));
  std::unique_ptr<Scheduler> scheduler;
  if (!schedulerAddress.empty()) {
    Expected<std::unique_ptr<Scheduler>> connected = Scheduler::connect(schedulerAddress);
    if (!connected)
      return connected.takeError();
    scheduler = std::move(*connected);
  }
  SessionListener listener(session, scheduler.get());
  announceResumable(!noJournal);
  Expected<QuantizeRun> run =
      quantize(module, pipeline, options, &listener,
               [&](size_t number, StringRef stage, mlir::ModuleOp current) {
                 session.log.verbose("finished " + stage);
                 return dumpStages.empty() ? Error::success() : dumpStage(number, stage, current);
               });
  if (run && scheduler && scheduler->tasks() == 0)
    session.log.warning("the workers had nothing to do: this recipe has no pieces that "
                        "they could take");
  else if (run && scheduler)
    session.log.info("workers ran " + Twine(scheduler->tasks()) + " tasks, for which they got " +
                     Twine(scheduler->bytes() / 1000000) + " MB");
  return run;
}

ExitCode QuantizeCommand::run(Session &session) {
  if (output.empty() && !dryRun)
    return fail(session,
                createStringError("expected a directory for the result (-o DIR), or --dry-run"),
                ExitCode::Usage);
  Expected<Pipeline> pipeline = makePipeline(
      &session.getContext(), options, [&](const Twine &message) { session.log.warning(message); });
  if (!pipeline)
    return fail(session, pipeline.takeError(), ExitCode::Usage);
  if (Error error = runReport.check(options.calibration, output))
    return fail(session, std::move(error), ExitCode::Usage);
  mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
  if (!module)
    return ExitCode::BadInput;
  if (dryRun)
    return plan(session, *module, std::move(*pipeline));
  Expected<QuantizeRun> run = quantizeInto(session, *module, *pipeline);
  if (!run)
    return fail(session, run.takeError());
  Coverage coverage = measureCoverage(*module);
  printTimes(session, run->times);
  if (!timesFile.empty())
    if (Error error = writeOutputFile(timesFile, toText(run->times.partsJson())))
      return fail(session, std::move(error));
  session.log.progress("write", 0, 1);
  if (Error error = saveResult(*module, *run, output, exportFormat.empty() ? "" : exportWeights))
    return fail(session, std::move(error));
  session.log.progress("write", 1, 1);
  announceResumable(false);
  run->times.endStage("write");
  print(coverage);
  session.log.info(formatv("wrote {0} with {1:f1} CPU seconds and at most {2} MB of memory", output,
                           cpuSeconds(), peakResidentBytes() / 1000000)
                       .str());
  if (runReport.wanted())
    if (Error error = runReport.write(session, *module, *run, output))
      return fail(session, std::move(error));
  return verdict(session, coverage);
}

std::unique_ptr<Command> qllm::tool::createQuantizeCommand() {
  return std::make_unique<QuantizeCommand>();
}
