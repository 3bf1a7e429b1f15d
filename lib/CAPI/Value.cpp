// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm-c/Value.h"
#include "Internal.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::capi;
using llvm::createStringError;

namespace {

/// Numbers of ONNX's types end here.
constexpr int32_t lastElementCode = 28;

QllmStatus *store(llvm::Expected<Tensor> tensor, QllmValue **value) {
  if (!tensor)
    return toStatus(tensor.takeError());
  *value = wrap(std::move(*tensor));
  return nullptr;
}

} // namespace

QllmValue *capi::wrap(interp::Value value) { return new QllmValue{std::move(value)}; }

int32_t capi::elementCode(ElementType type) {
  for (int32_t code = 1; code <= lastElementCode; ++code)
    if (elementTypeOfCode(code) == type)
      return code;
  return 0;
}

llvm::Expected<Tensor> capi::borrow(const QllmTensorView &view) {
  ElementType type = elementTypeOfCode(view.element_type);
  size_t bytes = storageBytes(type);
  if (type == ElementType::Undefined || bytes == 0)
    return createStringError("expected the number of an ONNX element type with a size, but got " +
                             llvm::Twine(view.element_type));
  llvm::ArrayRef<int64_t> shape(view.shape, view.rank);
  std::optional<int64_t> count = elementCount(shape);
  if (!count)
    return createStringError("expected a shape, but got " + describeShape(shape));
  if (reinterpret_cast<uintptr_t>(view.data) % std::min<size_t>(bytes, alignof(double)))
    return createStringError("expected data that is aligned to its elements");
  return Tensor::borrow(type, shape,
                        {static_cast<const char *>(view.data), bytes * size_t(*count)});
}

llvm::Expected<Tensor> capi::readTokens(const QllmTensorView &view) {
  llvm::Expected<Tensor> tensor = borrow(view);
  if (!tensor)
    return tensor.takeError();
  if (!isInteger(tensor->type()))
    return createStringError("expected integers as tokens, but got " + describe(*tensor));
  return cast(*tensor, ElementType::I64);
}

size_t qllmElementSize(int32_t element_type) {
  ElementType type = elementTypeOfCode(element_type);
  return type == ElementType::Undefined ? 0 : storageBytes(type);
}

QllmStatus *qllmValueCreateTensor(const QllmTensorView *view, QllmValue **value) {
  return store(borrow(*view), value);
}

QllmStatus *qllmValueCreateStrings(const int64_t *shape, size_t rank, const char *const *strings,
                                   const size_t *lengths, QllmValue **value) {
  llvm::ArrayRef<int64_t> dims(shape, rank);
  std::optional<int64_t> count = elementCount(dims);
  if (!count)
    return badInput("expected a shape, but got " + describeShape(dims));
  std::vector<std::string> values;
  for (int64_t i = 0; i < *count; ++i)
    values.emplace_back(strings[i], lengths[i]);
  *value = wrap(Tensor::ofStrings(dims, std::move(values)));
  return nullptr;
}

QllmStatus *qllmValueCreateSequence(const QllmValue *const *elements, size_t count,
                                    QllmValue **value) {
  interp::Sequence sequence;
  for (size_t i = 0; i < count; ++i)
    sequence.push_back(elements[i]->value);
  *value = wrap(std::move(sequence));
  return nullptr;
}

QllmValue *qllmValueCreateNone(void) { return wrap({}); }
void qllmValueDestroy(QllmValue *value) { delete value; }

QllmValueKind qllmValueGetKind(const QllmValue *value) {
  return value->value.tensor()      ? QLLM_TENSOR
         : value->value.sequence()  ? QLLM_SEQUENCE
         : value->value.quantized() ? QLLM_QUANTIZED
                                    : QLLM_NONE;
}

QllmStatus *qllmValueGetTensor(const QllmValue *value, QllmTensorView *view) {
  const Tensor *tensor = value->value.tensor();
  if (!tensor)
    return badInput("expected a tensor, but got " + value->value.describe());
  bool strings = tensor->type() == ElementType::String;
  *view = {elementCode(tensor->type()), tensor->shape().size(), tensor->shape().data(),
           strings ? nullptr : tensor->rawData()};
  return nullptr;
}

const char *qllmValueGetString(const QllmValue *value, size_t index, size_t *length) {
  const Tensor *tensor = value->value.tensor();
  if (!tensor || tensor->type() != ElementType::String || index >= tensor->strings().size())
    return nullptr;
  *length = tensor->strings()[index].size();
  return tensor->strings()[index].c_str();
}

size_t qllmValueGetElementCount(const QllmValue *value) {
  const interp::Sequence *sequence = value->value.sequence();
  return sequence ? sequence->size() : 0;
}

QllmValue *qllmValueGetElement(const QllmValue *value, size_t index) {
  const interp::Sequence *sequence = value->value.sequence();
  return sequence && index < sequence->size() ? wrap((*sequence)[index]) : nullptr;
}
