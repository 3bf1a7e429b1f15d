// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of a recipe, and what is kept while they run.

#include "qllm/API/Quantize.h"

#include "RunIdentity.h"
#include "RunValidation.h"
#include "qllm/Calibration/SiteAttribute.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Recipes/Recipe.h"
#include "qllm/Support/RunListener.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::api;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

namespace {

/// What a run keeps of what passes tell; all else goes on to the caller's listener.
class RunRecorder : public RunListener {
public:
  RunRecorder(MLIRContext *context, QuantizeRun &run, RunListener *outer)
      : dialect(context->getOrLoadDialect<QLLMDialect>()), before(dialect->getRunListener()),
        run(run), outer(outer) {
    dialect->setRunListener(this);
  }
  ~RunRecorder() override { dialect->setRunListener(before); }

  void progress(StringRef pass, size_t done, size_t total) override {
    if (outer)
      outer->progress(pass, done, total);
  }
  void spent(StringRef pass, StringRef part, double seconds) override {
    run.times.addPart(pass, part, seconds);
  }
  bool shouldStop() override { return outer && outer->shouldStop(); }
  Journal *journal() override { return run.journal.get(); }
  TaskRunner *taskRunner() override { return outer ? outer->taskRunner() : nullptr; }

private:
  QLLMDialect *dialect;
  RunListener *before;
  QuantizeRun &run;
  RunListener *outer;
};

Location nowhere(ModuleOp module) { return UnknownLoc::get(module.getContext()); }

/// Says what an earlier run has left.
Error openJournal(ModuleOp module, const Pipeline &pipeline, QuantizeRun &run) {
  const QuantizeOptions &options = run.options;
  if (options.journal.empty())
    return Error::success();
  Expected<std::string> identity =
      identityOf({options.model, module, withAlias(llvm::join(pipeline.passes(), "\n"), options),
                  options.calibration, options.calibrationAlias, options.plan});
  if (!identity)
    return identity.takeError();
  Expected<std::unique_ptr<JournalDirectory>> journal =
      JournalDirectory::open(options.journal, *identity);
  if (!journal)
    return journal.takeError();
  run.journal = std::move(*journal);
  if (size_t found = run.journal->foundRecords())
    emitRemark(nowhere(module)) << "going on from '" << options.journal << "' with "
                                << llvm::utostr(found) << " finished pieces";
  if (ArrayRef<std::string> changed = run.journal->changedLabels(); !changed.empty())
    emitWarning(nowhere(module)) << "'" << options.journal << "' is of a run with other "
                                 << llvm::join(changed, ", ") << "; starting from the beginning";
  return Error::success();
}

/// The plan names its weights, but they are not read from it: those of the model count.
Expected<OwningOpRef<ModuleOp>> readPlan(MLIRContext *context, const QuantizeOptions &options) {
  if (options.plan.empty())
    return OwningOpRef<ModuleOp>();
  if (!llvm::sys::fs::is_regular_file(options.plan))
    return createStringError("expected a plan.mlir of an earlier run, but found no file '" +
                             options.plan + "'");
  llvm::SourceMgr sources;
  OwningOpRef<ModuleOp> plan = parseModuleFile(options.plan, sources, context, options.limits);
  if (!plan)
    return createStringError("cannot read the plan '" + options.plan + "'");
  return plan;
}

} // namespace

/// The options of the recipe with its data and its seed.
static Expected<std::string> addRecipeData(const QuantizeOptions &options,
                                           llvm::function_ref<void(const Twine &)> warn) {
  const Recipe *known = findRecipe(options.recipe);
  if (!known)
    return options.options; // a file of passes has its own data
  std::string text = options.options;
  auto add = [&](StringRef name, const Twine &value) {
    text += (text.empty() ? "" : " ") + name.str() + "=" + value.str();
  };
  if (known->isCalibrated() && options.calibration.empty())
    return createStringError("recipe '" + options.recipe +
                             "' looks at activations: expected tokens as calibration, a .npy file");
  if (known->isCalibrated()) {
    // The stored recipe is to find its data from anywhere.
    llvm::SmallString<128> path;
    if (llvm::sys::fs::real_path(options.calibration, path))
      path = options.calibration; // the pass says what is wrong with it
    // Braces hold the words of a path together.
    bool isOneWord = path.find_first_of(" \t") == StringRef::npos;
    add("calibration", isOneWord ? path.str().str() : ("{" + path + "}").str());
  } else if (!options.calibration.empty())
    warn("recipe '" + options.recipe + "' looks at no activations; '" + options.calibration +
         "' is not read");
  if (known->hasOption("seed") && options.seed)
    add("seed", Twine(options.seed));
  return text;
}

Expected<Pipeline> api::makePipeline(MLIRContext *context, QuantizeOptions &options,
                                     llvm::function_ref<void(const Twine &)> warn) {
  Expected<std::string> text = addRecipeData(options, warn);
  if (!text)
    return text.takeError();
  options.options = std::move(*text);
  Expected<Pipeline> pipeline = Pipeline::create(context, options.recipe, options.options);
  if (pipeline && !options.stopAfter.empty())
    if (Error error = pipeline->stopAfter(options.stopAfter))
      return error;
  return pipeline;
}

static std::string replaced(StringRef text, StringRef from, StringRef to) {
  std::string result;
  for (size_t at; !from.empty() && (at = text.find(from)) != StringRef::npos;) {
    result += (text.take_front(at) + to).str();
    text = text.drop_front(at + from.size());
  }
  return result + text.str();
}

std::string api::withAlias(StringRef text, const QuantizeOptions &options) {
  bool has = !options.calibrationAlias.empty();
  return has ? replaced(text, options.calibration, options.calibrationAlias) : text.str();
}

std::string api::withoutAlias(StringRef text, const QuantizeOptions &options) {
  return replaced(text, options.calibrationAlias, options.calibration);
}

Expected<QuantizeRun> api::quantize(ModuleOp module, const Pipeline &pipeline,
                                    QuantizeOptions options, RunListener *listener,
                                    PassObserver observer) {
  MLIRContext *context = module.getContext();
  QuantizeRun run;
  run.options = std::move(options);
  run.forms.keep(run.options.keepFloatForms);
  Expected<OwningOpRef<ModuleOp>> given = readPlan(context, run.options);
  if (!given)
    return given.takeError();
  if (Error error = openJournal(module, pipeline, run))
    return error;
  RunRecorder recorder(context, run, listener);
  RunValidation validation(run.options);
  // Validation turns threads off for its passes.
  llvm::scope_exit threads([context, enabled = context->isMultithreadingEnabled()] {
    context->enableMultithreading(enabled);
  });
  size_t total = pipeline.passes().size();
  Error observed = Error::success();
  LogicalResult result = pipeline.run(
      module,
      [&](size_t number, StringRef stage, ModuleOp current) {
        recorder.progress("quantize", number + 1, total);
        run.times.endStage(stage);
        run.forms.observe(current);
        if (stage.starts_with("qllm-plan")) {
          if (*given)
            copyDecisions(**given, current, /*plans=*/true);
          run.plan = current.clone();
        }
        if (observer)
          observed = llvm::joinErrors(std::move(observed), observer(number, stage, current));
      },
      [&](PassManager &passes) { validation.attachTo(passes); });
  if (observed)
    return observed;
  if (failed(result))
    return createStringError(""); // diagnostics tell
  if (run.plan)
    copyDecisions(module, *run.plan, /*plans=*/false);
  std::vector<std::string> passes;
  for (StringRef pass : pipeline.passes())
    passes.push_back(withAlias(pass, run.options));
  run.report = describeRun(llvm::sys::path::filename(run.options.model), run.options.recipe,
                           withAlias(run.options.options, run.options), run.options.seed, passes,
                           measureCoverage(module));
  run.report["float_passes"] = run.forms.floatPasses();
  if (run.options.validate)
    run.report["validation"] = validation.toJson();
  return run;
}
