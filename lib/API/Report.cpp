// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fields of reports; scripts rely on the names.

#include "qllm/API/Report.h"

#include "qllm/Version.h"

using namespace qllm;
using namespace qllm::api;

namespace {

Json layerJson(const LayerRecord &layer) {
  Json json;
  json["name"] = layer.name;
  json["kind"] = layer.kind;
  if (!layer.weightName.empty())
    json["weight"] = layer.weightName;
  json["shape"] = layer.shape;
  json["weights"] = layer.weights;
  json["macs_per_token"] = layer.macs;
  json["bytes"] = layer.bytes;
  if (layer.extraBytes)
    json["extra_bytes"] = layer.extraBytes;
  if (layer.sourceWeights)
    json["bits_per_weight"] = bitsPerWeight(layer.bytes + layer.extraBytes, layer.sourceWeights);
  json["weight_format"] = layer.weightFormat;
  if (!layer.inputFormat.empty())
    json["input_format"] = layer.inputFormat;
  json["state"] = stringifyLayerState(layer.state).str();
  if (!layer.reason.empty())
    json["reason"] = layer.reason;
  return json;
}

} // namespace

Json qllm::api::toJson(const Coverage &coverage) {
  Json json;
  json["rows"] = Json::array();
  for (const CoverageRow &row : coverage.rows())
    json["rows"].push_back({{"weight_format", row.weightFormat},
                            {"weight_bits", row.weightBits},
                            {"input_format", row.inputFormat},
                            {"layers", row.layers},
                            {"bits_per_weight", bitsPerWeight(row.bytes, row.sourceWeights)},
                            {"share_of_weights", row.shareOfWeights},
                            {"share_of_macs", row.shareOfMacs}});
  json["quantized"] = coverage.count(LayerState::Quantized);
  json["excluded"] = coverage.count(LayerState::Excluded);
  json["skipped"] = coverage.count(LayerState::Skipped) + coverage.skippedAttention.size();
  json["quantized_attention_operands"] = coverage.quantizedAttentionOperands;
  json["weights"] = coverage.totalWeights();
  json["weight_bytes"] = coverage.totalBytes();
  json["bits_per_weight"] = coverage.quantizedBitsPerWeight();
  json["mac_overhead"] = coverage.macOverhead();
  json["branches"] = Json::array();
  for (const LayerRecord &branch : coverage.branches)
    json["branches"].push_back(layerJson(branch));
  json["layers"] = Json::array();
  for (const LayerRecord &layer : coverage.layers)
    json["layers"].push_back(layerJson(layer));
  json["skipped_attention"] = Json::array();
  for (const LayerRecord &layer : coverage.skippedAttention)
    json["skipped_attention"].push_back(
        {{"name", layer.name}, {"kind", layer.kind}, {"reason", layer.reason}});
  return json;
}

Json qllm::api::describeRun(llvm::StringRef model, llvm::StringRef recipe, llvm::StringRef options,
                            int64_t seed, llvm::ArrayRef<std::string> passes,
                            const Coverage &coverage) {
  Json report;
  report["qllm"] = QLLM_VERSION;
  if (!model.empty())
    report["model"] = model.str();
  report["recipe"] = recipe.str();
  report["options"] = options.str();
  report["seed"] = seed;
  report["passes"] = passes.vec();
  report["coverage"] = toJson(coverage);
  return report;
}

std::string qllm::api::toText(const Json &json) {
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}
