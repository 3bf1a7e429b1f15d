// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract between the executor and the kernels that compute operators. Nothing here knows
// MLIR.

#ifndef QLLM_INTERPRETER_KERNEL_H
#define QLLM_INTERPRETER_KERNEL_H

#include "qllm/Interpreter/Value.h"
#include "qllm/Support/ThreadPool.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/LogicalResult.h"

namespace qllm::interp {

/// The attributes of an operator, by their ONNX names.
class Attributes {
public:
  virtual ~Attributes();
  virtual std::optional<int64_t> integer(llvm::StringRef name) const = 0;
  virtual std::optional<double> real(llvm::StringRef name) const = 0;
  virtual std::optional<std::string> string(llvm::StringRef name) const = 0;
  virtual std::optional<Shape> integers(llvm::StringRef name) const = 0;
  virtual std::optional<std::vector<float>> reals(llvm::StringRef name) const = 0;
  virtual std::optional<std::vector<std::string>> strings(llvm::StringRef name) const = 0;
  /// An empty tensor when there is none; an error when its bytes cannot be had.
  virtual llvm::Expected<Tensor> tensor(llvm::StringRef name) const = 0;
};

class Device;

/// One execution of an operator.
class KernelContext {
public:
  KernelContext(const Attributes &attributes, llvm::MutableArrayRef<Value> inputs,
                llvm::MutableArrayRef<Value> outputs, ThreadPool &pool, int64_t opset,
                Device *device = nullptr)
      : attributes(attributes), inputs(inputs), outputs(outputs), threads(pool),
        opsetVersion(opset), kernelDevice(device) {}

  ThreadPool &pool() { return threads; }
  /// Where compiled kernels run, or null.
  Device *device() { return kernelDevice; }
  /// The version of the operator's domain that the module imports.
  int64_t opset() const { return opsetVersion; }

  unsigned inputCount() const { return unsigned(inputs.size()); }
  unsigned outputCount() const { return unsigned(outputs.size()); }
  bool has(unsigned i) const { return i < inputs.size() && !inputs[i].isNone(); }
  /// An input that is there; the executor has checked that it is a tensor, unless the kernel takes
  /// any value.
  const Tensor &in(unsigned i) const { return *inputs[i].tensor(); }
  const Value &value(unsigned i) const { return inputs[i]; }
  Value &value(unsigned i) { return inputs[i]; }

  int64_t attr(llvm::StringRef name, int64_t otherwise) const {
    return attributes.integer(name).value_or(otherwise);
  }
  double attr(llvm::StringRef name, double otherwise) const {
    return attributes.real(name).value_or(otherwise);
  }
  std::string attr(llvm::StringRef name, const char *otherwise) const {
    return attributes.string(name).value_or(otherwise);
  }
  const Attributes &attrs() const { return attributes; }

  /// A new tensor as output i, or null after recording the failure.
  Tensor *allocate(unsigned i, ElementType type, llvm::ArrayRef<int64_t> shape);
  /// The same, but in the storage of input `source` when nobody else needs that and the sizes
  /// agree. Element k may then be written once element k of that input has been read.
  Tensor *allocateOver(unsigned i, unsigned source, ElementType type,
                       llvm::ArrayRef<int64_t> shape);
  /// A tensor of this execution only.
  bool temporary(Tensor &tensor, ElementType type, llvm::ArrayRef<int64_t> shape);
  void set(unsigned i, Value value) { outputs[i] = std::move(value); }
  /// Sets output i, or records the error.
  llvm::LogicalResult setOrFail(unsigned i, llvm::Expected<Tensor> tensor);
  Tensor *out(unsigned i) { return outputs[i].tensor(); }

  /// Records why the operator cannot be computed; lower case, no final stop.
  llvm::LogicalResult fail(const llvm::Twine &reason);
  llvm::LogicalResult fail(llvm::Error error);
  const std::string &failureReason() const { return reason; }

  /// Axis in [-rank, rank) to [0, rank), or failure.
  llvm::LogicalResult normalizeAxis(int64_t &axis, int64_t rank);
  /// The values of an integer tensor of rank 0 or 1 (int32 or int64), or failure.
  llvm::LogicalResult integersOf(unsigned i, Shape &values);

private:
  const Attributes &attributes;
  llvm::MutableArrayRef<Value> inputs, outputs;
  ThreadPool &threads;
  int64_t opsetVersion;
  Device *kernelDevice;
  std::string reason;
};

using KernelFunction = llvm::LogicalResult (*)(KernelContext &);

/// How the executor prepares a kernel's operands.
enum KernelTraits : unsigned {
  plain = 0,
  /// Takes f16 and bf16 as they are; otherwise the executor passes f32 and converts results back.
  keepsHalf = 1,
  /// Takes values that are not tensors, and checks them itself.
  anyValue = 2,
};

struct Kernel {
  KernelFunction run = nullptr;
  unsigned minInputs = 0;
  unsigned maxInputs = 0;
  unsigned traits = plain;
};

/// Kernels by operator name: `MatMul`, `ms.RotaryEmbedding`, `qllm.linear`.
class KernelRegistry {
public:
  static constexpr unsigned variadic = ~0u;

  void add(llvm::StringRef name, KernelFunction run, unsigned minInputs, unsigned maxInputs,
           unsigned traits = plain) {
    kernels[name] = {run, minInputs, maxInputs, traits};
  }
  const Kernel *find(llvm::StringRef name) const {
    auto found = kernels.find(name);
    return found == kernels.end() ? nullptr : &found->second;
  }

  /// All kernels for ONNX operators and the contrib ones; they do not change afterwards.
  static const KernelRegistry &builtin();

private:
  llvm::StringMap<Kernel> kernels;
};

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_KERNEL_H
