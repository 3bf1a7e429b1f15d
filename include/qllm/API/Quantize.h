// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe on a module in memory: what the tool, C and Python do alike.

#ifndef QLLM_API_QUANTIZE_H
#define QLLM_API_QUANTIZE_H

#include "mlir/IR/OwningOpRef.h"
#include "qllm/API/Pipeline.h"
#include "qllm/API/Report.h"
#include "qllm/API/RunTimes.h"
#include "qllm/Report/FloatForms.h"
#include "qllm/Support/JournalDirectory.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qllm {
class RunListener;
} // namespace qllm

namespace qllm::api {

struct QuantizeOptions {
  /// A name or a file of passes.
  std::string recipe = "rtn";
  /// As "weight-bits=4 activation-bits=8".
  std::string options;
  /// The .npy file that a recipe which looks at activations reads.
  std::string calibration;
  /// What reports and journals call the calibration, where its (real) path means nothing to others;
  /// empty for the path.
  std::string calibrationAlias;
  int64_t seed = 0;
  /// A plan.mlir of an earlier run, whose formats and decisions are taken; empty for none.
  std::string plan;
  /// The last pass to run; empty for all.
  std::string stopAfter;
  /// The file that the module was read from; empty for one that is in memory only.
  std::string model;
  /// Where finished work is kept for the case of an interruption; empty for nowhere.
  std::string journal;
  /// Runs the model before and after each pass and fails where one does not keep what it claims;
  /// what repeats the failure is written to a folder below `reproducers`, unless that is empty.
  bool validate = false;
  std::string reproducers;
  /// Keeps the float forms of the model, which measureRun is faster with.
  bool keepFloatForms = false;
  /// What the user has typed, for the report.
  std::string command;
  /// On the plan.
  InputLimits limits;
};

/// The passes of a recipe with its data and its seed, which are put into `options`. Fails where a
/// recipe looks at activations and there are none, and for options that it does not have; `warn` is
/// told of data that is not read.
llvm::Expected<Pipeline> makePipeline(mlir::MLIRContext *context, QuantizeOptions &options,
                                      llvm::function_ref<void(const llvm::Twine &)> warn);

/// `text` with the path of the calibration as the report has it, or the other way round.
std::string withAlias(llvm::StringRef text, const QuantizeOptions &options);
std::string withoutAlias(llvm::StringRef text, const QuantizeOptions &options);

/// What is there beside the result. Modules in it must not outlive their context.
struct QuantizeRun {
  /// With data and seed among the recipe's own.
  QuantizeOptions options;
  /// What report.json says: recipe, options, seed, passes, coverage, validation.
  Json report;
  /// The float module with plans and decisions; null for a recipe without plans.
  mlir::OwningOpRef<mlir::ModuleOp> plan;
  /// The module as it was given, for reports made later; null unless the caller has put it there.
  mlir::OwningOpRef<mlir::ModuleOp> original;
  FloatForms forms;
  RunTimes times;
  /// Null for none. Of no more use when the result is safe.
  std::unique_ptr<JournalDirectory> journal;
};

/// Called after each pass with its number, its name and the module.
using PassObserver = llvm::function_ref<llvm::Error(size_t, llvm::StringRef, mlir::ModuleOp)>;

/// Runs `pipeline`, which makePipeline made of these options, on `module` in place; after a failure
/// the module is of no use. `listener`, which may be null, hears of passes and sites, lends workers
/// and may stop the run. Details of a failure, and what there is to tell of journal and validation
/// (as remarks), are emitted as diagnostics.
llvm::Expected<QuantizeRun> quantize(mlir::ModuleOp module, const Pipeline &pipeline,
                                     QuantizeOptions options, RunListener *listener,
                                     PassObserver observer = nullptr);

} // namespace qllm::api

#endif // QLLM_API_QUANTIZE_H
