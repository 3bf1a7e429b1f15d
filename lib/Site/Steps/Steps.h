// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every step's maker, for the table of steps. What each does is told in its file and in
// docs/steps.md.

#ifndef QLLM_LIB_SITE_STEPS_STEPS_H
#define QLLM_LIB_SITE_STEPS_STEPS_H

#include "qllm/Site/SiteStep.h"

namespace qllm::steps {

using MadeStep = llvm::Expected<std::unique_ptr<SiteStep>>;

MadeStep makeClip(llvm::ArrayRef<StepOption> options);
MadeStep makeLowRank(llvm::ArrayRef<StepOption> options);
MadeStep makeMean(llvm::ArrayRef<StepOption> options);
MadeStep makeMerge(llvm::ArrayRef<StepOption> options);
MadeStep makeNormGain(llvm::ArrayRef<StepOption> options);
MadeStep makePermute(llvm::ArrayRef<StepOption> options);
MadeStep makePrincipal(llvm::ArrayRef<StepOption> options);
MadeStep makeRange(llvm::ArrayRef<StepOption> options);
MadeStep makeRefit(llvm::ArrayRef<StepOption> options);
MadeStep makeRotate(llvm::ArrayRef<StepOption> options);
MadeStep makeRound(llvm::ArrayRef<StepOption> options);
MadeStep makeScale(llvm::ArrayRef<StepOption> options);
MadeStep makeSearch(llvm::ArrayRef<StepOption> options);
MadeStep makeSplit(llvm::ArrayRef<StepOption> options);
MadeStep makeTarget(llvm::ArrayRef<StepOption> options);

} // namespace qllm::steps

#endif // QLLM_LIB_SITE_STEPS_STEPS_H
