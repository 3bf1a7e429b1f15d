// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The frame of a walk as bytes. What is left out is computed again when something asks for it: the
// walk is driven by demand.

#include "qllm/Calibration/Walk.h"

#include "qllm/Interpreter/Quantized.h"
#include "qllm/Site/FormatBytes.h"

using namespace mlir;
using namespace qllm;

namespace {

bool hasBytes(const Tensor &tensor) { return tensor.type() != ElementType::String; }

bool hasBytes(const interp::Value &value) {
  if (const Tensor *tensor = value.tensor())
    return hasBytes(*tensor);
  if (const interp::Sequence *sequence = value.sequence())
    return llvm::all_of(*sequence, [](const interp::Value &each) { return hasBytes(each); });
  return true;
}

} // namespace

// Transfers of what the library behind has; found in its own namespaces.
namespace qllm {

static void transfer(ByteWriter &writer, Tensor &tensor) {
  writer(tensor.type(), Shape(tensor.shape()));
  writer.raw(tensor.rawData(), tensor.byteSize());
}

static void transfer(ByteReader &reader, Tensor &tensor) {
  ElementType type;
  Shape shape;
  reader(type, shape);
  tensor = Tensor();
  std::optional<int64_t> count = elementCount(shape);
  if (reader.hasFailed() || type == ElementType::Undefined)
    return;
  if (type == ElementType::String || type > ElementType::F6E3M2 || !count)
    return reader.fail("expected a tensor");
  llvm::ArrayRef<char> bytes = reader.raw(storageBytes(type) * uint64_t(*count));
  if (reader.hasFailed())
    return;
  llvm::Expected<Tensor> made = Tensor::allocate(type, shape);
  if (!made)
    return reader.fail(llvm::toString(made.takeError()));
  if (!bytes.empty())
    std::memcpy(made->rawMutableData(), bytes.data(), bytes.size());
  tensor = std::move(*made);
}

} // namespace qllm

namespace qllm::interp {

template <typename Stream> static void transfer(Stream &stream, GroupLayout &layout) {
  stream(layout.split, layout.permutation, layout.scaleShape, layout.groupSize, layout.groups);
}

template <typename Stream> static void transfer(Stream &stream, QuantizedTensor &tensor) {
  stream(tensor.spec, tensor.layout, tensor.codes, tensor.scales, tensor.zeroPoints,
         tensor.tensorScale);
}

enum class Kind : uint8_t { None, Tensor, Sequence, Quantized };

static void transfer(ByteWriter &writer, Value &value) {
  if (qllm::Tensor *tensor = value.tensor())
    writer(Kind::Tensor, *tensor);
  else if (const interp::Sequence *sequence = value.sequence())
    writer(Kind::Sequence, *sequence);
  else if (const QuantizedTensor *quantized = value.quantized())
    writer(Kind::Quantized, *quantized);
  else
    writer(Kind::None);
}

static void transfer(ByteReader &reader, Value &value) {
  Kind kind;
  reader(kind);
  value = Value();
  if (kind == Kind::Tensor) {
    qllm::Tensor tensor;
    reader(tensor);
    value = Value(std::move(tensor));
  } else if (kind == Kind::Sequence) {
    interp::Sequence sequence;
    reader(sequence);
    value = Value(std::move(sequence));
  } else if (kind == Kind::Quantized) {
    auto quantized = std::make_shared<QuantizedTensor>();
    reader(*quantized);
    value = Value(std::shared_ptr<const QuantizedTensor>(std::move(quantized)));
  } else if (kind != Kind::None) {
    reader.fail("expected the kind of a value");
  }
}

} // namespace qllm::interp

bool Walk::save(std::string &bytes) const {
  llvm::DenseMap<Operation *, uint64_t> places;
  for (auto [place, op] : llvm::enumerate(func::FuncOp(function).getBody().front()))
    places[&op] = place;
  // In the order of the block, not of a map.
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, const WindowValues *>> entries;
  for (auto &[value, held] : frame) {
    auto place = places.find(value.getDefiningOp());
    if (held.isShared() || place == places.end())
      continue;
    if (!llvm::all_of(held.all(), [](const interp::Value &each) { return hasBytes(each); }))
      return false;
    entries.push_back({{place->second, cast<OpResult>(value).getResultNumber()}, &held});
  }
  llvm::sort(entries, llvm::less_first());
  ByteWriter writer(bytes);
  writer(uint64_t(places.size()), uint64_t(windowCount), uint64_t(entries.size()));
  for (auto &[place, held] : entries) {
    writer(place);
    for (const interp::Value &value : held->all())
      writer(value);
  }
  return true;
}

llvm::Error Walk::restore(llvm::ArrayRef<char> bytes) {
  std::vector<Operation *> operations;
  for (Operation &op : function.getBody().front())
    operations.push_back(&op);
  ByteReader reader(bytes);
  uint64_t places = 0, windows = 0, entries = 0;
  reader(places, windows, entries);
  if (places != operations.size() || windows != windowCount)
    reader.fail("expected " + llvm::Twine(operations.size()) + " operations and " +
                llvm::Twine(windowCount) + " windows, but got " + llvm::Twine(places) + " and " +
                llvm::Twine(windows));
  Frame restored;
  for (uint64_t i = 0; i < entries && !reader.hasFailed(); ++i) {
    uint64_t place = 0, result = 0;
    reader(place, result);
    if (place >= places || result >= operations[place]->getNumResults()) {
      reader.fail("expected the place of a value");
      break;
    }
    std::vector<interp::Value> values(windowCount);
    for (interp::Value &value : values)
      reader(value);
    restored[operations[place]->getResult(unsigned(result))] = WindowValues(std::move(values));
  }
  if (llvm::Error error = reader.finish())
    return llvm::createStringError("not the state of this walk: " +
                                   llvm::toString(std::move(error)));
  for (auto &[value, held] : restored)
    frame[value] = std::move(held);
  return llvm::Error::success();
}
