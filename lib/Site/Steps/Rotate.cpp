// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rotate: the input times a randomised Hadamard matrix, so that no channel stands out (QuaRot,
// arXiv 2404.00456). The rotation is computed for every token; see qllm-rotate-residual for one
// that is not.

#include "Steps.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/HadamardMap.h"

using namespace qllm;

namespace {

class Rotate : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    std::optional<uint64_t> seed;
    if (signs)
      seed = state.seed;
    auto maps = hadamardMaps(state.mapped().columns(), block, seed);
    if (!maps)
      return maps.takeError();
    for (ChannelMap &map : *maps)
      state.addMap(std::move(map));
    state.decisions.transform = "rotate";
    return llvm::Error::success();
  }

  int64_t block = 0;
  bool signs = true;
};

} // namespace

steps::MadeStep steps::makeRotate(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Rotate>();
  StepOptionReader reader("rotate", options);
  reader.integer("block", step->block, 0, int64_t(1) << 30);
  reader.boolean("signs", step->signs);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
