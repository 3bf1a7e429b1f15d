// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `quarot`.

#include "qllm/Recipes/QuaRot.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Channels/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::buildQuaRotPipeline(mlir::OpPassManager &passes, const QuaRotOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  RotateResidualOptions residual;
  residual.untie = options.untie;
  residual.seed = options.seed;
  passes.addPass(createRotateResidual(residual));
  RotateHeadsOptions heads;
  heads.seed = options.seed;
  passes.addPass(createRotateHeads(heads));
  passes.addPass(createRotateInputs());
  passes.addPass(createPlanRounding(options.planRounding()));
  if (options.rounding == "nearest" && options.clip == 1.0 && options.kvClip == 1.0) {
    passes.addPass(createQuantizeWeights());
    passes.addPass(createQuantizeActivations());
    return;
  }
  addRoundSites(passes, options, options.kvClip,
                "clip{ratio=" + std::to_string(options.clip) +
                    "},round{method=" + options.rounding + "}");
}
