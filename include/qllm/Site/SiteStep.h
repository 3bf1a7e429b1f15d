// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps: what a recipe does at every site, in order, while the walk through the model stands there
// with everything before already quantized. A step is one idea (a mean, a split, GPTQ) in a file of
// its own.
// `qllm-quantize-sites{steps=mean,split{budget=0.1},clip{ratios=0.8:1},round{method=gptq}}`.

#ifndef QLLM_SITE_SITESTEP_H
#define QLLM_SITE_SITESTEP_H

#include "qllm/Site/SiteState.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace qllm {

class SiteStep {
public:
  virtual ~SiteStep();
  /// Decides and updates the state. An error stops the recipe; "nothing to do here" is no error.
  virtual llvm::Error run(SiteState &state) = 0;
  /// Whether it reads `SiteState::reference`, which costs a second, float run of the model.
  virtual bool needsReference() const { return false; }
  /// The names that it would try one after the other at a site, each a value of
  /// `SiteDecisions::transform`; a run with one of them decided scores that one only. A run with a
  /// transform and a clip decided and the transform's score there takes both as they are.
  virtual std::vector<std::string> candidates(const SiteState &state) const { return {}; }
};

/// One option of a step, `name=value` between its braces.
struct StepOption {
  llvm::StringRef name, value;
};

struct StepInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral summary;
  /// Fails on an option it does not have or a value it cannot take, saying what was wanted.
  llvm::Expected<std::unique_ptr<SiteStep>> (*create)(llvm::ArrayRef<StepOption> options);
};

/// All steps; one table in lib/Site/StepTable.cpp, one line a step.
llvm::ArrayRef<StepInfo> allSteps();

/// A step, the name it was asked for by, and all that was asked: "split{budget=0.1}".
struct NamedStep {
  std::string name;
  std::unique_ptr<SiteStep> step;
  std::string text;
};

/// Parses "mean,split{budget=0.1 offsets=true},round{method=gptq}"; an empty text has no steps.
/// Fails on a step that does not exist, naming those that do and the closest one, and on options as
/// `StepInfo::create` does.
llvm::Expected<std::vector<NamedStep>> parseSteps(llvm::StringRef text);

} // namespace qllm

#endif // QLLM_SITE_SITESTEP_H
