// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an SSA value holds at run time.

#ifndef QLLM_INTERPRETER_VALUE_H
#define QLLM_INTERPRETER_VALUE_H

#include "qllm/Tensor/Tensor.h"
#include <variant>

namespace qllm::interp {

class Value;

/// A sequence of values of one type; shared, and copied when changed.
using Sequence = std::vector<Value>;

/// A value of `!qllm.quantized` type: one code per element, with parameters that broadcast against
/// the code tensor once its quantized axis is split into groups. Defined in Quantized.h, which only
/// the qllm kernels need.
struct QuantizedTensor;

/// A tensor, a sequence, a quantized tensor, or nothing. Nothing stands for an absent optional
/// operand, and for an ONNX optional without an element; one with an element is that element.
class Value {
public:
  Value() = default;
  Value(Tensor tensor) : content(std::move(tensor)) {}
  Value(Sequence sequence) : content(std::make_shared<Sequence>(std::move(sequence))) {}
  Value(std::shared_ptr<const QuantizedTensor> quantized) : content(std::move(quantized)) {}

  bool isNone() const { return std::holds_alternative<std::monostate>(content); }
  const Tensor *tensor() const { return std::get_if<Tensor>(&content); }
  Tensor *tensor() { return std::get_if<Tensor>(&content); }
  const Sequence *sequence() const {
    auto *shared = std::get_if<std::shared_ptr<Sequence>>(&content);
    return shared ? shared->get() : nullptr;
  }
  const QuantizedTensor *quantized() const {
    auto *shared = std::get_if<std::shared_ptr<const QuantizedTensor>>(&content);
    return shared ? shared->get() : nullptr;
  }
  /// For messages: `tensor<2x3xf32>`, `a sequence`, ...
  std::string describe() const;

private:
  std::variant<std::monostate, Tensor, std::shared_ptr<Sequence>,
               std::shared_ptr<const QuantizedTensor>>
      content;
};

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_VALUE_H
