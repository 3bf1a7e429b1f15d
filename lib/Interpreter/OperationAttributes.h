// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attributes of an operation as kernels see them.

#ifndef QLLM_LIB_INTERPRETER_OPERATIONATTRIBUTES_H
#define QLLM_LIB_INTERPRETER_OPERATIONATTRIBUTES_H

#include "mlir/IR/Operation.h"
#include "qllm/Interpreter/Kernel.h"

namespace qllm::interp {

/// The call that a function body runs for: nodes of an ONNX function may refer to attributes of the
/// call.
struct CallScope {
  const CallScope *caller = nullptr;
  mlir::Operation *call = nullptr;
  mlir::Operation *function = nullptr;
  unsigned depth = 0;

  /// The value of a function's attribute parameter, or null.
  mlir::Attribute lookup(llvm::StringRef parameter) const;
};

/// The attribute that an operation has under an ONNX name, references to the call resolved; null if
/// there is none.
mlir::Attribute attributeOf(mlir::Operation *op, llvm::StringRef name, const CallScope *scope);

class OperationAttributes : public Attributes {
public:
  OperationAttributes(mlir::Operation *op, const CallScope *scope) : op(op), scope(scope) {}
  std::optional<int64_t> integer(llvm::StringRef name) const override;
  std::optional<double> real(llvm::StringRef name) const override;
  std::optional<std::string> string(llvm::StringRef name) const override;
  std::optional<Shape> integers(llvm::StringRef name) const override;
  std::optional<std::vector<float>> reals(llvm::StringRef name) const override;
  std::optional<std::vector<std::string>> strings(llvm::StringRef name) const override;
  llvm::Expected<Tensor> tensor(llvm::StringRef name) const override;

private:
  mlir::Attribute get(llvm::StringRef name) const { return attributeOf(op, name, scope); }
  mlir::Operation *op;
  const CallScope *scope;
};

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_OPERATIONATTRIBUTES_H
