// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-shift-channels: W x + b = W (x - d) + (b + W d).

#include "qllm/Transforms/Channels/Passes.h"

#include "CalibratedSites.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include "qllm/Support/Bytes.h"

namespace qllm {
#define GEN_PASS_DEF_SHIFTCHANNELS
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct ShiftChannels : qllm::impl::ShiftChannelsBase<ShiftChannels> {
  using ShiftChannelsBase::ShiftChannelsBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run() {
    if (llvm::Error error = checkSiteKinds(llvm::to_vector(sites)))
      return getOperation().emitError() << llvm::toString(std::move(error));
    if (by != "mean" && by != "middle")
      return getOperation().emitError() << "expected mean or middle for by, but got '" << by << "'";
    std::vector<std::pair<Site, std::vector<float>>> found;
    auto look = [&](const Site &site, SiteState &state) -> llvm::Expected<std::string> {
      std::string bytes;
      if (!sites.empty() && !llvm::is_contained(sites, siteKindName(site.kind).str()))
        return bytes;
      ChannelStatistics statistics = statisticsOf(state.input);
      if (by == "middle")
        for (size_t j = 0; j < statistics.mean.size(); ++j)
          statistics.mean[j] = 0.5f * (statistics.minimum[j] + statistics.maximum[j]);
      ByteWriter writer(bytes);
      writer(statistics.mean);
      return bytes;
    };
    auto take = [&](const Site &site, ArrayRef<char> bytes) {
      ByteReader reader(bytes);
      reader(found.emplace_back(site, std::vector<float>()).second);
      return reader.finish();
    };
    if (failed(visitSites(getOperation(), {calibration, calibrationWindows, calibrationLength},
                          uint64_t(int64_t(seed)), {"qllm-shift-channels", isPlanned, look, take})))
      return failure();
    for (auto &[site, offsets] : found) {
      auto make = [&, &site = site, &offsets = offsets](OpBuilder &builder, Value input) -> Value {
        Value vector = createParameter(builder, input.getLoc(), offsets, site.name + ".shift");
        return ShiftChannelsOp::create(builder, input.getLoc(), input, vector, /*inverse=*/true);
      };
      if (failed(insertTransform(site, make)))
        return failure();
    }
    eraseDeadTransposes(getOperation());
    return success();
  }
};

} // namespace
