// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Target/Checkpoint/Export.h"

#include "Layouts.h"
#include "qllm/Support/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qllm;
namespace json = llvm::json;

std::vector<int32_t> qllm::packWords(ArrayRef<uint8_t> codes, int64_t rows, int64_t columns,
                                     unsigned bits) {
  int64_t words = wordsFor(columns, bits);
  std::vector<uint32_t> packed(size_t(rows * words));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      uint32_t code = codes[row * columns + column];
      int64_t word = row * words + column * bits / 32, shift = column * bits % 32;
      packed[word] |= code << shift;
      if (shift + bits > 32) // the rest of a code that straddles two words
        packed[word + 1] |= code >> (32 - shift);
    }
  return std::vector<int32_t>(packed.begin(), packed.end());
}

std::vector<uint8_t> qllm::unsignedCodes(const PackedWeight &weight) {
  std::vector<uint8_t> codes = weight.codes();
  if (!weight.type.hasZeroPoint())
    for (uint8_t &code : codes)
      code += 1u << (weight.bits() - 1);
  return codes;
}

llvm::Error qllm::checkIntegers(const CheckpointLayer &layer, int32_t low, int32_t high) {
  auto refuse = [&](const Twine &reason) {
    return llvm::createStringError("'" + layer.name + "' does not fit a checkpoint: " + reason);
  };
  if (!layer.weight.isInteger())
    return refuse("expected integer weights, but got " +
                  layer.weight.type.getFormat().getFormatName());
  for (int32_t zero : layer.weight.zeroPoints)
    if (zero < low || zero > high)
      return refuse("expected zero points from " + Twine(low) + " to " + Twine(high) +
                    ", but got " + Twine(zero) + "; symmetric weights have none");
  return llvm::Error::success();
}

namespace {

llvm::Expected<json::Object> readConfig(StringRef path) {
  if (path.empty())
    return json::Object();
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(buffer.getError(),
                                   "cannot read '" + path + "': " + buffer.getError().message());
  llvm::Expected<json::Value> parsed = json::parse((*buffer)->getBuffer());
  if (!parsed)
    return llvm::createStringError("'" + path + "': " + llvm::toString(parsed.takeError()));
  if (json::Object *object = parsed->getAsObject())
    return std::move(*object);
  return llvm::createStringError("expected an object in '" + path + "'");
}

llvm::Error writeText(StringRef path, StringRef text) {
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = (*file)->write(text))
    return error;
  return (*file)->commit();
}

} // namespace

llvm::Error qllm::exportCheckpoint(ModuleOp module, StringRef directory, CheckpointLayout layout,
                                   StringRef baseConfig) {
  llvm::Expected<json::Object> config = readConfig(baseConfig);
  if (!config)
    return config.takeError();
  llvm::Expected<CheckpointModel> model = readCheckpointModel(module);
  if (!model)
    return model.takeError();
  std::vector<StoredTensor> tensors = std::move(model->others);
  llvm::Expected<json::Object> quantization = layout == CheckpointLayout::GPTQ
                                                  ? storeGPTQ(*model, tensors)
                                                  : storeCompressedTensors(*model, tensors);
  if (!quantization)
    return quantization.takeError();
  (*config)["quantization_config"] = std::move(*quantization);
  if (std::error_code code = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError(code, "cannot create '" + directory + "': " + code.message());
  auto path = [&](StringRef name) {
    SmallString<256> result(directory);
    llvm::sys::path::append(result, name);
    return result.str().str();
  };
  if (llvm::Error error = writeSafetensors(path("model.safetensors"), std::move(tensors)))
    return error;
  return writeText(path("config.json"),
                   llvm::formatv("{0:2}\n", json::Value(std::move(*config))).str());
}
