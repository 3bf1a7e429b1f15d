// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The candidates of a search, tried by other processes at the same time.

#ifndef QLLM_SITE_CANDIDATES_H
#define QLLM_SITE_CANDIDATES_H

#include "qllm/Site/SiteStep.h"

namespace qllm {

class TaskRunner;

/// Has every candidate of the first step that has several (SiteStep::candidates) tried by a task of
/// its own, and puts the choice into the decisions of the state: the steps, run on it afterwards,
/// give the bytes that they would have given without. Does nothing where no step has any.
llvm::Error tryCandidates(SiteState &state, llvm::ArrayRef<NamedStep> steps, TaskRunner &runner);

} // namespace qllm

#endif // QLLM_SITE_CANDIDATES_H
