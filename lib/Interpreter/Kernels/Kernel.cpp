// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Interpreter/Kernel.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

Attributes::~Attributes() = default;

std::string Value::describe() const {
  if (const Tensor *held = tensor())
    return qllm::describe(*held);
  if (sequence())
    return "a sequence";
  return quantized() ? "a quantized tensor" : "nothing";
}

Tensor *KernelContext::allocate(unsigned i, ElementType type, llvm::ArrayRef<int64_t> shape) {
  llvm::Expected<Tensor> tensor = Tensor::allocate(type, shape);
  if (!tensor) {
    (void)fail(tensor.takeError());
    return nullptr;
  }
  outputs[i] = std::move(*tensor);
  return outputs[i].tensor();
}

Tensor *KernelContext::allocateOver(unsigned i, unsigned source, ElementType type,
                                    llvm::ArrayRef<int64_t> shape) {
  if (!has(source) || !in(source).isUnique() || type == ElementType::String ||
      storageBytes(type) != storageBytes(in(source).type()) ||
      elementCount(shape) != in(source).size())
    return allocate(i, type, shape);
  outputs[i] = in(source).reinterpreted(type).reshaped(shape);
  return outputs[i].tensor();
}

bool KernelContext::temporary(Tensor &tensor, ElementType type, llvm::ArrayRef<int64_t> shape) {
  llvm::Expected<Tensor> allocated = Tensor::allocate(type, shape);
  if (!allocated) {
    (void)fail(allocated.takeError());
    return false;
  }
  tensor = std::move(*allocated);
  return true;
}

LogicalResult KernelContext::setOrFail(unsigned i, llvm::Expected<Tensor> tensor) {
  if (!tensor)
    return fail(tensor.takeError());
  outputs[i] = std::move(*tensor);
  return success();
}

LogicalResult KernelContext::fail(const llvm::Twine &text) {
  if (reason.empty())
    reason = text.str();
  return failure();
}

LogicalResult KernelContext::fail(llvm::Error error) {
  return fail(llvm::toString(std::move(error)));
}

LogicalResult KernelContext::normalizeAxis(int64_t &axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return fail("expected an axis in [" + llvm::Twine(-rank) + ", " + llvm::Twine(rank) +
                "), but got " + llvm::Twine(axis));
  if (axis < 0)
    axis += rank;
  return success();
}

LogicalResult KernelContext::integersOf(unsigned i, Shape &values) {
  const Tensor &tensor = in(i);
  if (!isInteger(tensor.type()) || tensor.rank() > 1)
    return fail("expected operand " + llvm::Twine(i) + " to be a list of integers, but got " +
                describe(tensor));
  llvm::Expected<Tensor> wide = cast(tensor, ElementType::I64);
  if (!wide)
    return fail(wide.takeError());
  values.assign(wide->values<int64_t>().begin(), wide->values<int64_t>().end());
  return success();
}
