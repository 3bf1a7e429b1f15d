// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fields of measurements; scripts and the page rely on the names.

#include "qllm/Report/Json.h"

#include "qllm/Site/SiteKinds.h"
#include "qllm/Support/DataDirectory.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include <cmath>

using namespace qllm;
using namespace qllm::report;

namespace {

/// For people: "feed-forward input".
std::string nameOf(SiteKind kind) {
  std::string name = siteKindName(kind).str();
  if (size_t last = name.rfind('-'); last != std::string::npos)
    name[last] = ' ';
  return name;
}

constexpr llvm::StringLiteral roundingNames[roundingKinds] = {"weights", "activations",
                                                              "attention"};

/// Signal to noise in decibels. An exact result has no finite one.
Json decibels(double noiseToSignal) {
  return noiseToSignal > 0 ? Json(-10 * std::log10(noiseToSignal)) : Json(nullptr);
}

Json toJson(const Losses &losses) {
  auto entry = [](double loss) { return Json{{"loss", loss}, {"perplexity", std::exp(loss)}}; };
  Json json;
  json["windows"] = losses.windows;
  json["window_length"] = losses.length;
  json["positions"] = losses.positions;
  json["before"] = entry(losses.before);
  json["after"] = entry(losses.after);
  for (size_t kind = 0; kind < roundingKinds; ++kind)
    json["up_to"][roundingNames[kind].str()] = entry(losses.upTo[kind]);
  json["without_activations"] = entry(losses.withoutActivations);
  return json;
}

Json toJson(const LayerError &layer) {
  Json json;
  json["name"] = layer.name;
  json["kind"] = nameOf(layer.kind);
  json["block"] = layer.block;
  json["sqnr"] = layer.isolated ? decibels(*layer.isolated) : Json(nullptr);
  json["accumulated_sqnr"] = decibels(layer.accumulated);
  json["up_to_gains"] = layer.upToGains;
  return json;
}

Json toJson(const BlockLoss &block) {
  Json json;
  json["block"] = block.number;
  json["sqnr"] = decibels(block.isolated);
  json["accumulated_sqnr"] = decibels(block.accumulated);
  if (block.upTo)
    for (size_t kind = 0; kind < roundingKinds; ++kind)
      json["up_to"][roundingNames[kind].str()] = {{"divergence", (*block.upTo)[kind].divergence},
                                                  {"loss_change", (*block.upTo)[kind].lossChange}};
  return json;
}

/// Bins are for a plot: three digits are enough.
double rounded(float value) {
  if (!(value > 0) || !std::isfinite(value))
    return 0;
  double unit = std::pow(10, 2 - std::floor(std::log10(value)));
  return std::round(value * unit) / unit;
}

Json toJson(const std::optional<ChannelRanges> &ranges) {
  if (!ranges)
    return nullptr;
  Json json;
  json["channels"] = ranges->channels;
  json["median"] = ranges->median;
  json["largest"] = ranges->largest;
  json["outliers"] = ranges->outliers;
  json["bins"] = Json::array();
  for (float bin : ranges->bins)
    json["bins"].push_back(rounded(bin));
  return json;
}

Json toJson(const SiteRecord &site) {
  Json json;
  json["name"] = site.name;
  json["kind"] = nameOf(site.kind);
  json["block"] = site.block;
  json["layers"] = site.layers;
  json["channels"] = site.channels;
  json["quantized_channels"] = site.quantizedChannels;
  json["split_channels"] = site.splitChannels;
  json["copies_added"] = site.copiesAdded;
  json["merged_channels"] = site.mergedChannels;
  json["rounding_offsets"] = site.roundingOffsets;
  json["shifted"] = site.shifted;
  json["scaled"] = site.scaled;
  json["rotated"] = site.rotated;
  json["permuted"] = site.permuted;
  json["principal_rank"] = site.principalRank;
  json["branch_rank"] = site.branchRank;
  json["input_format"] = site.inputFormat;
  json["clip"] = site.clip;
  json["chosen"] = site.chosen;
  json["scores"] = Json::object();
  for (auto &[name, score] : site.scores)
    json["scores"][name] = score;
  json["before"] = toJson(site.before);
  json["after"] = toJson(site.after);
  return json;
}

template <typename T> Json listOf(const std::vector<T> &items) {
  Json json = Json::array();
  for (const T &item : items)
    json.push_back(toJson(item));
  return json;
}

} // namespace

Json report::toJson(const Measurements &measurements) {
  Json json;
  json["losses"] = measurements.losses ? ::toJson(*measurements.losses) : Json(nullptr);
  json["layer_windows"] = measurements.layerWindows;
  json["layer_tokens"] = measurements.layerTokens;
  json["layers"] = listOf(measurements.layers);
  json["blocks"] = listOf(measurements.blocks);
  json["sites"] = listOf(measurements.sites);
  json["remarks"] = measurements.remarks;
  return json;
}

llvm::Expected<Json> report::digestOf(llvm::StringRef path, llvm::StringRef name) {
  llvm::Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<char> bytes = (*file)->bytes();
  std::array<uint8_t, 32> digest = llvm::SHA256::hash(
      llvm::ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  return Json{{"file", name.str()},
              {"bytes", bytes.size()},
              {"sha256", llvm::toHex(digest, /*LowerCase=*/true)}};
}
