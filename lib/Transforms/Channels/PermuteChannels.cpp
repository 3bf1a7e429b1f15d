// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-permute-channels: clusters of channels by their ranges.

#include "qllm/Transforms/Channels/Passes.h"

#include "CalibratedSites.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include "qllm/Support/Bytes.h"
#include "qllm/Solver/Clusters.h"

namespace qllm {
#define GEN_PASS_DEF_PERMUTECHANNELS
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct PermuteChannels : qllm::impl::PermuteChannelsBase<PermuteChannels> {
  using PermuteChannelsBase::PermuteChannelsBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  bool isWanted(SiteKind kind) {
    if (sites.empty())
      return kind != SiteKind::AttentionOutput && kind != SiteKind::Other;
    return llvm::is_contained(sites, siteKindName(kind).str());
  }

  LogicalResult run() {
    if (llvm::Error error = checkSiteKinds(llvm::to_vector(sites)))
      return getOperation().emitError() << llvm::toString(std::move(error));
    if (clusters < 1 || restarts < 1)
      return getOperation().emitError() << "expected at least 1 for clusters and restarts, but got "
                                        << clusters << " and " << restarts;
    std::vector<std::pair<Site, std::vector<int64_t>>> found;
    auto look = [&](const Site &site, SiteState &state) -> llvm::Expected<std::string> {
      std::string bytes;
      if (!isWanted(site.kind))
        return bytes;
      ChannelStatistics statistics = statisticsOf(state.input);
      std::vector<int64_t> of = clusterChannels(statistics.minimum, statistics.maximum, clusters,
                                                uint64_t(int64_t(seed)), restarts);
      ByteWriter writer(bytes);
      writer(clusterOrder(statistics.minimum, statistics.maximum, of));
      return bytes;
    };
    auto take = [&](const Site &site, ArrayRef<char> bytes) {
      ByteReader reader(bytes);
      reader(found.emplace_back(site, std::vector<int64_t>()).second);
      return reader.finish();
    };
    if (failed(visitSites(getOperation(), {calibration, calibrationWindows, calibrationLength},
                          uint64_t(int64_t(seed)), {"qllm-permute-channels", isPlanned, look, take})))
      return failure();
    for (auto &[site, order] : found) {
      auto make = [&order = order](OpBuilder &builder, Value input) -> Value {
        return PermuteChannelsOp::create(builder, input.getLoc(), input, order);
      };
      if (failed(insertTransform(site, make)))
        return failure();
    }
    eraseDeadTransposes(getOperation());
    return success();
  }
};

} // namespace
