// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of one site as a function from bytes to bytes: a journal keeps its results, and another
// process can compute them. Bytes are of use to the build that wrote them only.

#ifndef QLLM_SITE_SITETASK_H
#define QLLM_SITE_SITETASK_H

#include "qllm/Site/OutputStatistics.h"
#include "qllm/Site/SiteStep.h"

namespace qllm {

/// What the steps of a site have made of it, besides the state itself.
struct SiteOutcome {
  /// Absent unless asked for.
  std::optional<OutputStatistics> output;
};

/// Runs the steps on a state whose inputs, weights and formats are there. An error names the step.
/// `measure` is called with the name of each step and the step's run, which it has to call.
using StepMeasure =
    llvm::function_ref<llvm::Error(llvm::StringRef, llvm::function_ref<llvm::Error()>)>;
llvm::Expected<SiteOutcome> runSteps(SiteState &state, llvm::ArrayRef<NamedStep> steps,
                                     bool measuresOutput, StepMeasure measure);

/// What a task does with a site.
struct SiteTask {
  /// As `parseSteps` takes them.
  std::string steps;
  bool measuresOutput = false;
  /// What a search among the steps is to try; the result then is the decisions only.
  std::optional<std::string> candidate = std::nullopt;
};

/// What all tasks of a site share: the state in front of the steps.
std::string encodeInputs(const SiteState &state);
std::string encodeTask(const SiteTask &task);

/// Runs the task that these bytes stand for and returns its result. The same bytes give the same
/// bytes, whatever the pool's number of threads. Fails on bytes that are no inputs or no task, and
/// as the steps do.
llvm::Expected<std::string> runTask(llvm::ArrayRef<char> inputs, llvm::ArrayRef<char> task,
                                    ThreadPool &pool);

/// The result of a task with a candidate. Fails on other bytes.
llvm::Expected<SiteDecisions> decodeDecisions(llvm::ArrayRef<char> bytes);

/// The result of finished steps: decisions, maps, factors, codes and scales; not the calibration
/// rows, and no weight that is unchanged.
std::string encodeResult(const SiteState &state, const SiteOutcome &outcome);

/// Puts a result into the state of the same site, which has its formats and weights but needs no
/// calibration rows: what is emitted then is what the state with the finished steps would emit.
/// Fails on bytes that do not fit the state.
llvm::Error decodeResult(llvm::ArrayRef<char> bytes, SiteState &state, SiteOutcome &outcome);

} // namespace qllm

#endif // QLLM_SITE_SITETASK_H
