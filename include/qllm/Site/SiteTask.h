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

/// Everything that `runTask` reads: the steps as text and the state in front of them.
std::string encodeTask(const SiteState &state, llvm::StringRef steps, bool measuresOutput);

/// Runs the task that these bytes stand for and returns its result. The same bytes give the same
/// bytes, whatever the pool's number of threads. Fails on bytes that are no task, and as the steps
/// do.
llvm::Expected<std::string> runTask(llvm::ArrayRef<char> task, ThreadPool &pool);

/// The result of finished steps: decisions, maps, factors, codes and scales; not the calibration
/// rows, and no weight that is unchanged.
std::string encodeResult(const SiteState &state, const SiteOutcome &outcome);

/// Puts a result into the state of the same site, which has its formats and weights but needs no
/// calibration rows: what is emitted then is what the state with the finished steps would emit.
/// Fails on bytes that do not fit the state.
llvm::Error decodeResult(llvm::ArrayRef<char> bytes, SiteState &state, SiteOutcome &outcome);

} // namespace qllm

#endif // QLLM_SITE_SITETASK_H
