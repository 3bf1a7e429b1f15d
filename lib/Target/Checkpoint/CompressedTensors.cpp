// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `pack-quantized`: words along the inputs of a layer, zero points packed along its outputs.

#include "Layouts.h"
#include <map>

using namespace mlir;
using namespace qllm;
namespace json = llvm::json;

namespace {

json::Object weightScheme(const PackedWeight &weight) {
  json::Object scheme{{"num_bits", weight.bits()},
                      {"type", "int"},
                      {"symmetric", !weight.type.hasZeroPoint()},
                      {"dynamic", false}};
  bool isGrouped = weight.groups() > 1;
  scheme["strategy"] = isGrouped ? "group" : "channel";
  scheme["group_size"] = isGrouped ? json::Value(weight.groupSize) : json::Value(nullptr);
  return scheme;
}

json::Value inputScheme(QuantizedType input) {
  if (!input)
    return nullptr;
  return json::Object{{"num_bits", input.getFormat().getBitWidth()},
                      {"type", "int"},
                      {"symmetric", !input.hasZeroPoint()},
                      {"dynamic", true},
                      {"strategy", "token"}};
}

void storeLayer(const CheckpointLayer &layer, std::vector<StoredTensor> &tensors) {
  const PackedWeight &weight = layer.weight;
  int64_t rows = weight.rows, columns = weight.columns, groups = weight.groups();
  unsigned bits = weight.bits();
  std::vector<int32_t> words = packWords(unsignedCodes(weight), rows, columns, bits);
  tensors.push_back(storedTensor<int32_t>(layer.name + ".weight_packed", "I32",
                                          {rows, wordsFor(columns, bits)}, words));
  tensors.push_back(
      storedTensor<float>(layer.name + ".weight_scale", "F32", {rows, groups}, weight.scales));
  int64_t shape[] = {rows, columns};
  tensors.push_back(storedTensor<int64_t>(layer.name + ".weight_shape", "I64", {2}, shape));
  if (!weight.type.hasZeroPoint())
    return;
  std::vector<uint8_t> zeros(weight.zeroPoints.begin(), weight.zeroPoints.end());
  std::vector<int32_t> zeroWords = packWords(transposed(zeros, rows, groups), groups, rows, bits);
  int64_t wordsDown = wordsFor(rows, bits);
  tensors.push_back(storedTensor<int32_t>(layer.name + ".weight_zero_point", "I32",
                                          {wordsDown, groups},
                                          transposed(zeroWords, groups, wordsDown)));
}

} // namespace

llvm::Expected<json::Object> qllm::storeCompressedTensors(const CheckpointModel &model,
                                                          std::vector<StoredTensor> &tensors) {
  // Layers of one scheme form a group of the configuration.
  std::map<std::pair<std::string, std::string>, std::vector<const CheckpointLayer *>> groups;
  auto text = [](json::Value value) {
    std::string result;
    llvm::raw_string_ostream(result) << value;
    return result;
  };
  for (const CheckpointLayer &layer : model.layers) {
    if (llvm::Error error = checkIntegers(layer, 0, (1 << layer.weight.bits()) - 1))
      return error;
    groups[{text(weightScheme(layer.weight)), text(inputScheme(layer.input))}].push_back(&layer);
    storeLayer(layer, tensors);
  }
  json::Object configGroups;
  for (auto &[key, layers] : groups) {
    json::Array targets;
    if (groups.size() == 1)
      targets.push_back("Linear");
    else
      for (const CheckpointLayer *layer : layers)
        targets.push_back(layer->name);
    configGroups["group_" + std::to_string(configGroups.size())] =
        json::Object{{"targets", std::move(targets)},
                     {"weights", weightScheme(layers.front()->weight)},
                     {"input_activations", inputScheme(layers.front()->input)},
                     {"output_activations", nullptr}};
  }
  json::Array ignored(model.floatModules);
  return json::Object{
      {"quant_method", "compressed-tensors"}, {"format", "pack-quantized"},
      {"quantization_status", "compressed"},  {"config_groups", std::move(configGroups)},
      {"ignore", std::move(ignored)},         {"kv_cache_scheme", nullptr}};
}
