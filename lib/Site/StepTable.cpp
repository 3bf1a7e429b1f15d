// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of all steps, in the order in which recipes use them.

#include "Steps/Steps.h"

using namespace qllm;

SiteStep::~SiteStep() = default;

llvm::ArrayRef<StepInfo> qllm::allSteps() {
  static const StepInfo table[] = {
      {"mean", "takes the static mean of the input off and puts it into the bias", steps::makeMean},
      {"scale", "moves scales of channels from the input into the weight", steps::makeScale},
      {"permute", "puts channels with similar ranges beside each other", steps::makePermute},
      {"rotate", "multiplies the input by a randomised Hadamard matrix", steps::makeRotate},
      {"split", "replaces outlier channels by several copies of a share of them", steps::makeSplit},
      {"merge", "merges as many channels as the split added, so that the width is kept",
       steps::makeMerge},
      {"principal", "carries the strongest directions of the input beside it, at more bits",
       steps::makePrincipal},
      {"search", "leaves channels alone, splits or rotates them, whichever loses least",
       steps::makeSearch},
      {"clip", "shrinks the dynamic range of the input", steps::makeClip},
      {"target", "fits the weight to the rounded input by ridge regression", steps::makeTarget},
      {"range", "decides how ranges of weights are chosen", steps::makeRange},
      {"round", "rounds the weight, to nearest or by GPTQ", steps::makeRound},
      {"low-rank", "adds a low-rank branch on the rounded input", steps::makeLowRank},
      {"refit", "fits bias and principal part to the error that is left", steps::makeRefit},
      {"norm-gain", "fits the gains of the norm in front to the rounded weights",
       steps::makeNormGain},
  };
  return table;
}
