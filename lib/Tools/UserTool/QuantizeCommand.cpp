// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm quantize`: a model and a recipe in; a quantized model, its plan, the recipe and a report
// out.

#include "Interruption.h"
#include "PassTimes.h"
#include "RunIdentity.h"
#include "RunReport.h"
#include "Scheduler.h"
#include "ValidationLog.h"
#include "qllm/API/ExportModel.h"
#include "qllm/API/OutputDirectory.h"
#include "qllm/API/Pipeline.h"
#include "qllm/API/Quantize.h"
#include "qllm/API/Report.h"
#include "qllm/Analysis/Coverage.h"
#include "qllm/Calibration/SiteAttribute.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Recipes/Recipe.h"
#include "qllm/Support/JournalDirectory.h"
#include "qllm/Support/OutputFile.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

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
  void declareRecipeOptions(OptionTable &options);
  ExitCode fail(Session &session, Error error, ExitCode code = ExitCode::BadInput);
  Expected<Pipeline> makePipeline(Session &session);
  Error dumpStage(size_t number, StringRef stage, mlir::ModuleOp module);
  ExitCode plan(Session &session, mlir::ModuleOp module, Pipeline pipeline);
  Error writeResult(mlir::ModuleOp module, const Pipeline &pipeline, const Coverage &coverage);
  Error readPlan(Session &session);
  Expected<std::unique_ptr<JournalDirectory>> openJournal(Session &session, mlir::ModuleOp module,
                                                          const Pipeline &pipeline);
  void print(const Coverage &coverage);
  ExitCode verdict(Session &session, const Coverage &coverage);

  std::string model, output, recipe = "rtn", stopAfter, dumpStages, calibration, planFile,
                             exportFormat, exportWeights = "matmul-nbits";
  std::string recipeOptions, timesFile, schedulerAddress;
  int64_t seed = 0;
  bool json = false, dryRun = false, allowSkips = false, validate = false, noJournal = false;
  ValidationLog validation;
  RunReport runReport;
  /// What report.json holds.
  Json report;
  /// The float module with plans: what `--plan` gave, and what the recipe planned.
  mlir::OwningOpRef<mlir::ModuleOp> given, planned;
};

} // namespace

/// Options of recipes are passed on as they are; numbers are checked here, so that a slip is a
/// usage error.
void QuantizeCommand::declareRecipeOptions(OptionTable &options) {
  auto pass = [this](StringRef name, StringRef text) {
    recipeOptions += (recipeOptions.empty() ? "" : " ") + name.str() + "=" + text.str();
  };
  auto number = [&](StringRef name, int64_t low, int64_t high, StringRef help) {
    options.add(name, "N", help).store = [=](StringRef text) -> Error {
      Expected<int64_t> value = parseInteger(text, low, high);
      if (!value)
        return value.takeError();
      pass(name, text);
      return Error::success();
    };
  };
  auto choice = [&](StringRef name, std::vector<std::string> choices, StringRef help) {
    static std::string ignored;
    Option &option = options.choice(name, ignored, choices, help);
    option.store = [=, check = option.store](StringRef text) -> Error {
      if (Error error = check(text))
        return error;
      pass(name, text);
      return Error::success();
    };
  };
  auto flag = [&](StringRef name, StringRef help) {
    // Off can be asked for too: some recipes have it on by default.
    Option &option = options.add(name, "", help);
    option.hasOptionalValue = true;
    option.store = [=](StringRef text) -> Error {
      if (!text.empty() && text != "true" && text != "false")
        return createStringError("expected true or false, but got '" + text + "'");
      pass(name, text.empty() ? "true" : text);
      return Error::success();
    };
  };
  auto globs = [&](StringRef name, StringRef help) {
    options.add(name, "GLOB,...", help).store = [=](StringRef text) {
      pass(name, text);
      return Error::success();
    };
  };
  number("weight-bits", 2, 16, "bits of integer weights, 2 to 8; 16 keeps floats");
  choice("weight-format",
         {"int", "e2m1", "e2m3", "e3m2", "e4m3", "e5m2", "nf4", "ternary", "mxfp4", "mxfp6",
          "mxfp8", "nvfp4"},
         "number format of weights");
  choice("granularity", {"tensor", "channel", "group"}, "elements of a weight that share a scale");
  number("group-size", 2, 1 << 20, "elements of a row in a group");
  choice("adapt-groups", {"true", "false"}, "take a smaller group where the size does not divide");
  flag("symmetric", "integer weights without zero points");
  choice("scale", {"f32", "f16", "bf16"}, "how scales of weights are stored");
  number("activation-bits", 2, 16, "bits of the inputs of products; 16 keeps floats");
  flag("activation-symmetric", "activations without zero points");
  number("kv-bits", 2, 16, "bits of queries, keys and values; 16 keeps floats");
  flag("include-embedding", "quantize the embedding");
  flag("include-head", "quantize the lm_head");
  globs("targets", "quantize only layers that match one of these");
  globs("ignore", "leave layers alone that match one of these");
  // What single recipes add to these.
  StringSet<> seen;
  for (const Option &option : options.options())
    seen.insert(option.name);
  for (const Recipe &known : allRecipes())
    for (const RecipeOption &option : known.options())
      if (option.name != "calibration" && option.name != "seed" && seen.insert(option.name).second)
        options.add(option.name, "VALUE", option.help).store = [=](StringRef text) {
          pass(option.name, text);
          return Error::success();
        };
}

void QuantizeCommand::declare(OptionTable &options) {
  options.positional("MODEL", model, "an ONNX file or an imported model");
  options.text("output", output, "DIR", "where the result goes").letter = 'o';
  options.text("recipe", recipe, "NAME|FILE", "what to do (default rtn)");
  declareRecipeOptions(options);
  options.text("calibration", calibration, "FILE.npy",
               "tokens for recipes that look at activations");
  options.text("plan", planFile, "FILE.mlir",
               "take formats and decisions from the plan.mlir of an earlier run");
  options.choice("export", exportFormat, {"onnx"}, "also write DIR/model.onnx");
  options.choice("export-weights", exportWeights, {"matmul-nbits", "qdq"},
                 "operators that hold the weights of the export");
  options.flag("dry-run", dryRun, "plan only: no weight is read, nothing is written");
  options.text("stop-after", stopAfter, "STAGE", "end after this pass and write what there is");
  options.text("dump-stages", dumpStages, "DIR", "write the module after each pass");
  options.flag("validate", validate,
               "run the model before and after each pass, and hold the pass to what it claims");
  options.flag("allow-skips", allowSkips, "exit with 0 even if layers were skipped");
  runReport.declare(options);
  options.integer("seed", seed, 0, INT32_MAX, "for recipes that draw random numbers");
  options.text("times", timesFile, "FILE.json", "where the passes' processor seconds go");
  options.flag("no-journal", noJournal, "keep nothing for the case of an interruption");
  options.text("scheduler", schedulerAddress, "tcp://HOST:PORT",
               "have the workers of a Dask scheduler try candidates of searches");
  options.flag("json", json, "print the report instead of the table");
}

ExitCode QuantizeCommand::fail(Session &session, Error error, ExitCode code) {
  session.log.error(toString(std::move(error)));
  return code;
}

Expected<Pipeline> QuantizeCommand::makePipeline(Session &session) {
  Expected<std::string> options =
      addRecipeData({recipe, recipeOptions, calibration, seed},
                    [&](const Twine &message) { session.log.warning(message); });
  if (!options)
    return options.takeError();
  recipeOptions = *options;
  Expected<Pipeline> pipeline = Pipeline::create(&session.getContext(), recipe, recipeOptions);
  if (!pipeline)
    return pipeline.takeError();
  if (!stopAfter.empty())
    if (Error error = pipeline->stopAfter(stopAfter))
      return error;
  return pipeline;
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
    return fail(session, createStringError("recipe '" + recipe + "' has no stage that plans"),
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

Error QuantizeCommand::writeResult(mlir::ModuleOp module, const Pipeline &pipeline,
                                   const Coverage &coverage) {
  Expected<OutputDirectory> directory = OutputDirectory::create(output);
  if (!directory)
    return directory.takeError();
  report = describeRun(sys::path::filename(model), recipe, recipeOptions, seed, pipeline.passes(),
                       coverage);
  if (validate)
    report["validation"] = validation.toJson();
  if (Error error = directory->write("report.json", toText(report)))
    return error;
  if (Error error = directory->write("recipe.txt", pipeline.toText()))
    return error;
  std::string planText;
  if (planned) {
    copyDecisions(module, *planned, /*plans=*/false);
    raw_string_ostream(planText) << *planned << "\n";
  }
  if (Error error = directory->write("plan.mlir", planText))
    return error;
  if (!exportFormat.empty())
    if (Error error = exportQuantized(module, directory->path("model.onnx"), exportWeights))
      return error;
  if (failed(saveModule(module, directory->path("model.mlirbc"))))
    return createStringError("cannot write the module to '" + output + "'");
  return directory->commit();
}

/// The plan names its weights, but they are not read from it: those of the model count.
Error QuantizeCommand::readPlan(Session &session) {
  if (planFile.empty())
    return Error::success();
  if (!sys::fs::is_regular_file(planFile))
    return createStringError("expected a plan.mlir of an earlier run, but found no file '" +
                             planFile + "'");
  llvm::SourceMgr sources;
  given = parseModuleFile(planFile, sources, &session.getContext(), session.limits);
  return given ? Error::success() : createStringError("cannot read the plan '" + planFile + "'");
}

/// Null with --no-journal. Says what an earlier run has left.
Expected<std::unique_ptr<JournalDirectory>>
QuantizeCommand::openJournal(Session &session, mlir::ModuleOp module, const Pipeline &pipeline) {
  if (noJournal)
    return nullptr;
  Expected<std::string> identity = identityOf({session.resolve(model), module,
                                               join(pipeline.passes(), "\n"), calibration,
                                               planFile});
  if (!identity)
    return identity.takeError();
  std::string path = StringRef(output).rtrim('/').str() + ".journal";
  Expected<std::unique_ptr<JournalDirectory>> journal = JournalDirectory::open(path, *identity);
  if (!journal)
    return journal.takeError();
  if (size_t found = (*journal)->foundRecords())
    session.log.info("going on from '" + path + "' with " + Twine(found) + " finished pieces");
  if (ArrayRef<std::string> changed = (*journal)->changedLabels(); !changed.empty())
    session.log.warning("'" + path + "' is of a run with other " + join(changed, ", ") +
                        "; starting from the beginning");
  announceResumable(true);
  return journal;
}

ExitCode QuantizeCommand::run(Session &session) {
  if (output.empty() && !dryRun)
    return fail(session,
                createStringError("expected a directory for the result (-o DIR), or --dry-run"),
                ExitCode::Usage);
  Expected<Pipeline> pipeline = makePipeline(session);
  if (!pipeline)
    return fail(session, pipeline.takeError(), ExitCode::Usage);
  if (Error error = runReport.check(calibration, output))
    return fail(session, std::move(error), ExitCode::Usage);
  mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
  if (!module)
    return ExitCode::BadInput;
  if (dryRun)
    return plan(session, *module, std::move(*pipeline));
  // Modules must not outlive the session's context.
  scope_exit release([&] {
    given = {};
    planned = {};
    runReport.clear();
  });
  if (Error error = readPlan(session))
    return fail(session, std::move(error));

  Expected<std::unique_ptr<JournalDirectory>> journal = openJournal(session, *module, *pipeline);
  if (!journal)
    return fail(session, journal.takeError());
  // Where the result will be, there is room for it.
  onnx::DataFiles::get(&session.getContext())
      .setSpillDirectory(sys::path::parent_path(StringRef(output).rtrim('/')));
  PassTimes times(session);
  times.setJournal(journal->get());
  std::unique_ptr<Scheduler> scheduler;
  if (!schedulerAddress.empty()) {
    Expected<std::unique_ptr<Scheduler>> connected = Scheduler::connect(schedulerAddress);
    if (!connected)
      return fail(session, connected.takeError());
    scheduler = std::move(*connected);
    times.setTaskRunner(scheduler.get());
  }
  Error dumped = Error::success();
  size_t total = pipeline->passes().size();
  mlir::LogicalResult result = pipeline->run(
      *module,
      [&](size_t number, StringRef stage, mlir::ModuleOp current) {
        session.log.progress("quantize", number + 1, total);
        session.log.verbose("finished " + stage);
        times.stage(stage);
        runReport.observe(current);
        if (stage.starts_with("qllm-plan")) {
          if (given)
            copyDecisions(*given, current, /*plans=*/true);
          planned = current.clone();
        }
        if (!dumpStages.empty())
          dumped = joinErrors(std::move(dumped), dumpStage(number, stage, current));
      },
      [&](mlir::PassManager &passes) {
        if (validate)
          validation.attachTo(passes, session, calibration, output);
      });
  if (dumped)
    return fail(session, std::move(dumped));
  if (failed(result))
    return ExitCode::BadInput;
  if (scheduler && scheduler->tasks() == 0)
    session.log.warning("the workers had nothing to do: this recipe searches no candidates");
  else if (scheduler)
    session.log.info("workers ran " + Twine(scheduler->tasks()) + " tasks, for which they got " +
                     Twine(scheduler->bytes() / 1000000) + " MB");
  Coverage coverage = measureCoverage(*module);
  times.print();
  if (!timesFile.empty())
    if (Error error = writeOutputFile(timesFile, toText(times.toJson())))
      return fail(session, std::move(error));
  session.log.progress("write", 0, 1);
  if (Error error = writeResult(*module, *pipeline, coverage))
    return fail(session, std::move(error));
  session.log.progress("write", 1, 1);
  announceResumable(false);
  if (*journal)
    if (Error error = (*journal)->remove())
      session.log.warning(toString(std::move(error)));
  times.stage("write");
  print(coverage);
  session.log.info("wrote " + output + " with " + Twine(int64_t(cpuSeconds() * 10) / 10) + "." +
                   Twine(int64_t(cpuSeconds() * 10) % 10) + " CPU seconds and at most " +
                   Twine(peakResidentBytes() / 1000000) + " MB of memory");
  if (runReport.wanted())
    if (Error error = runReport.write(session, *module, std::move(report), model, calibration,
                                      output, times))
      return fail(session, std::move(error));
  return verdict(session, coverage);
}

std::unique_ptr<Command> qllm::tool::createQuantizeCommand() {
  return std::make_unique<QuantizeCommand>();
}
