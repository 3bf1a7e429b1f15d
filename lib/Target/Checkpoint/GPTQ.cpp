// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Words down the inputs of a layer, one column an output; zero points are stored less one.

#include "Layouts.h"

using namespace mlir;
using namespace qllm;
namespace json = llvm::json;

namespace {

llvm::Error refuse(const CheckpointLayer &layer, const llvm::Twine &reason) {
  return llvm::createStringError("'" + layer.name + "' does not fit the GPTQ layout: " + reason);
}

llvm::Error checkLayer(const CheckpointLayer &layer, const CheckpointLayer &first) {
  const PackedWeight &weight = layer.weight;
  unsigned bits = weight.bits();
  if (llvm::Error error = checkIntegers(layer, 1, 1 << bits))
    return error;
  if (layer.input)
    return refuse(layer, "expected inputs in floating point, but got " +
                             layer.input.getFormat().getFormatName());
  if (32 % bits != 0)
    return refuse(layer, "expected 2, 4 or 8 bits, but got " + llvm::Twine(bits));
  int64_t perWord = 32 / bits;
  if (weight.columns % perWord || weight.rows % perWord)
    return refuse(layer, "expected sizes that are multiples of " + llvm::Twine(perWord) +
                             ", but got " + llvm::Twine(weight.rows) + "x" +
                             llvm::Twine(weight.columns));
  auto scheme = [](const PackedWeight &w) {
    return std::tuple(w.bits(), w.type.hasZeroPoint(), w.groups() > 1 ? w.groupSize : -1);
  };
  if (scheme(weight) != scheme(first.weight))
    return refuse(layer, "expected the bits, symmetry and groups of '" + first.name + "'");
  return llvm::Error::success();
}

void storeLayer(const CheckpointLayer &layer, std::vector<StoredTensor> &tensors) {
  const PackedWeight &weight = layer.weight;
  int64_t rows = weight.rows, columns = weight.columns, groups = weight.groups();
  unsigned bits = weight.bits();
  int64_t perWord = 32 / bits;
  std::vector<int32_t> words = packWords(unsignedCodes(weight), rows, columns, bits);
  tensors.push_back(storedTensor<int32_t>(layer.name + ".qweight", "I32", {columns / perWord, rows},
                                          transposed(words, rows, columns / perWord)));
  tensors.push_back(storedTensor<float>(layer.name + ".scales", "F32", {groups, rows},
                                        transposed(weight.scales, rows, groups)));
  std::vector<uint8_t> zeros(size_t(rows * groups), uint8_t((1u << (bits - 1)) - 1));
  for (auto [stored, zero] : llvm::zip(zeros, weight.zeroPoints))
    stored = uint8_t(zero - 1);
  tensors.push_back(
      storedTensor<int32_t>(layer.name + ".qzeros", "I32", {groups, rows / perWord},
                            packWords(transposed(zeros, rows, groups), groups, rows, bits)));
  std::vector<int32_t> groupOf;
  for (int64_t column = 0; column < columns; ++column)
    groupOf.push_back(int32_t(column / weight.groupSize));
  tensors.push_back(storedTensor<int32_t>(layer.name + ".g_idx", "I32", {columns}, groupOf));
}

} // namespace

llvm::Expected<json::Object> qllm::storeGPTQ(const CheckpointModel &model,
                                             std::vector<StoredTensor> &tensors) {
  const CheckpointLayer &first = model.layers.front();
  for (const CheckpointLayer &layer : model.layers) {
    if (llvm::Error error = checkLayer(layer, first))
      return error;
    storeLayer(layer, tensors);
  }
  return json::Object{
      {"quant_method", "gptq"},
      {"bits", first.weight.bits()},
      {"group_size", first.weight.groups() > 1 ? first.weight.groupSize : int64_t(-1)},
      {"sym", !first.weight.type.hasZeroPoint()},
      {"desc_act", false},
      {"checkpoint_format", "gptq"}};
}
