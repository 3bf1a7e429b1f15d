// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Layers.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace qllm;
using llvm::createStringError;

namespace {

class Reader {
public:
  llvm::Expected<CheckpointModel> run(ModuleOp module);

private:
  llvm::Error visit(Operation *op);
  llvm::Error addLayer(LinearOp op);
  llvm::Error addFloatWeight(LinearOp op);
  llvm::Error addParameter(onnx::InitializerOp op);
  llvm::Expected<StoredTensor> parameter(StringRef name, Value source, bool transposed);

  CheckpointModel model;
  /// Names that are in the file already.
  llvm::StringSet<> taken;
};

llvm::Error refuse(Operation *op, const Twine &reason) {
  return createStringError("'" + siteName(op) + "' does not fit a checkpoint: " + reason);
}

/// Parameters of modules are named after them.
bool isParameter(StringRef name) { return name.ends_with(".weight") || name.ends_with(".bias"); }

std::optional<StringLiteral> storedType(Type element) {
  if (element.isF32())
    return StringLiteral("F32");
  if (element.isF16())
    return StringLiteral("F16");
  if (element.isBF16())
    return StringLiteral("BF16");
  return std::nullopt;
}

/// Dynamic per-token integers, as checkpoints know them.
llvm::Error checkInput(QuantizeOp op) {
  QuantizedType type = op.getResult().getType();
  if (!op.isDynamic() || op.getClip() || op.getRoundingOffsets() || op.getIncludeZero())
    return refuse(op, "expected a dynamic range as it is, without clip and rounding offsets");
  if (!isa<IntFormatAttr>(type.getFormat()) || !type.getGranularity().isPerToken())
    return refuse(op, "expected integer activations per token, but got " +
                          type.getFormat().getFormatName());
  for (Operation *user : op->getUsers())
    if (!isa<LinearOp>(user))
      return refuse(op, "expected quantized activations to be read by linear layers only, not by "
                        "attention");
  return llvm::Error::success();
}

} // namespace

llvm::Expected<StoredTensor> Reader::parameter(StringRef name, Value source, bool transposed) {
  auto type = cast<RankedTensorType>(source.getType());
  std::optional<StringLiteral> stored = storedType(type.getElementType());
  if (!stored)
    return createStringError("'" + name + "' does not fit a checkpoint: expected f32, f16 or bf16");
  SmallVector<char> scratch;
  auto bytes = onnx::DataFiles::get(source.getContext()).bytes(constantData(source), scratch);
  if (!bytes)
    return bytes.takeError();
  StoredTensor tensor{name.str(), *stored, SmallVector<int64_t>(type.getShape()), {}, {}};
  if (!transposed) {
    bool isCopy = !scratch.empty() && bytes->data() == scratch.data();
    if (isCopy)
      tensor.owned.assign(bytes->begin(), bytes->end());
    else
      tensor.borrowed = *bytes;
    return tensor;
  }
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  size_t size = bytes->size() / std::max<size_t>(1, size_t(rows * columns));
  tensor.shape = {columns, rows};
  tensor.owned.resize(bytes->size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      std::memcpy(tensor.owned.data() + (column * rows + row) * size,
                  bytes->data() + (row * columns + column) * size, size);
  return tensor;
}

llvm::Error Reader::addFloatWeight(LinearOp op) {
  ConstantView view = viewConstant(op.getWeight());
  StringRef name = weightName(view.source);
  if (!view || !isParameter(name))
    return refuse(op, "expected a float weight that is a parameter of the model");
  // The weight of a module is [out, in]; a stored [in, out] reads transposed here.
  if (taken.insert(name).second) {
    llvm::Expected<StoredTensor> tensor = parameter(name, view.source, view.transposed);
    if (!tensor)
      return tensor.takeError();
    model.others.push_back(std::move(*tensor));
  }
  model.floatModules.push_back(name.drop_back(StringRef(".weight").size()).str());
  return llvm::Error::success();
}

llvm::Error Reader::addLayer(LinearOp op) {
  auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
  auto inputType = dyn_cast<QuantizedType>(op.getInput().getType());
  if (inputType && !quantize)
    return refuse(op, "expected an input quantized by qllm.quantize");
  if (!isa<QuantizedType>(op.getWeight().getType()))
    return inputType ? refuse(op, "expected a quantized weight beside a quantized input")
                     : addFloatWeight(op);
  StringRef name = weightName(op.getWeight());
  if (!name.consume_back(".weight"))
    return refuse(op, "expected a weight named '<module>.weight', but got '" + name + "'");
  if (!taken.insert((name + ".weight").str()).second)
    return refuse(op, "expected a weight of its own, but '" + name + "' has another reader");
  FailureOr<PackedWeight> weight = PackedWeight::read(op.getWeight(), op);
  if (failed(weight))
    return refuse(op, "its weight cannot be read");
  CheckpointLayer layer{name.str(), std::move(*weight), inputType};
  if (Value bias = op.getBias()) {
    ConstantView view = viewConstant(bias);
    if (!view)
      return refuse(op, "expected a constant bias");
    std::string biasName = (name + ".bias").str();
    taken.insert(biasName);
    llvm::Expected<StoredTensor> tensor = parameter(biasName, view.source, false);
    if (!tensor)
      return tensor.takeError();
    model.others.push_back(std::move(*tensor));
  }
  model.layers.push_back(std::move(layer));
  return llvm::Error::success();
}

llvm::Error Reader::addParameter(onnx::InitializerOp op) {
  if (!isParameter(op.getName()) || !isa<RankedTensorType>(op.getResult().getType()) ||
      !taken.insert(op.getName()).second)
    return llvm::Error::success();
  llvm::Expected<StoredTensor> tensor = parameter(op.getName(), op.getResult(), false);
  if (!tensor)
    return tensor.takeError();
  model.others.push_back(std::move(*tensor));
  return llvm::Error::success();
}

llvm::Error Reader::visit(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return addLayer(linear);
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return checkInput(quantize);
  if (auto embedding = dyn_cast<EmbeddingOp>(op);
      embedding && isa<QuantizedType>(embedding.getTable().getType()))
    return refuse(op, "expected an embedding in floating point");
  if (isa<PackOp, EmbeddingOp>(op) || !isa_and_present<QLLMDialect>(op->getDialect()))
    return llvm::Error::success();
  return refuse(op, "no checkpoint layout has an operation " + op->getName().getStringRef());
}

llvm::Expected<CheckpointModel> Reader::run(ModuleOp module) {
  SmallVector<Operation *> operations;
  module.walk([&](Operation *op) { operations.push_back(op); });
  for (Operation *op : operations)
    if (llvm::Error error = visit(op))
      return error;
  // Layers first, as they know which way their weights lie.
  for (Operation *op : operations)
    if (auto initializer = dyn_cast<onnx::InitializerOp>(op))
      if (llvm::Error error = addParameter(initializer))
        return error;
  if (model.layers.empty())
    return createStringError("expected a model with quantized layers, but got none");
  return std::move(model);
}

llvm::Expected<CheckpointModel> qllm::readCheckpointModel(ModuleOp module) {
  return Reader().run(module);
}
