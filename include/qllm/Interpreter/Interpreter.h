// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs functions of a module on the CPU: the semantic reference of the dialects, and the engine of
// calibration and evaluation.

#ifndef QLLM_INTERPRETER_INTERPRETER_H
#define QLLM_INTERPRETER_INTERPRETER_H

#include "mlir/IR/BuiltinOps.h"
#include "qllm/Interpreter/Kernel.h"
#include <functional>

namespace qllm::interp {

/// What runs the compiled kernels that a module launches.
class Device {
public:
  virtual ~Device();
  /// Runs a `qk.launch` on its operands and sets its results, or records why that is not possible.
  virtual llvm::LogicalResult launch(mlir::Operation *launch, KernelContext &ctx) = 0;
};

struct InterpreterOptions {
  /// 0 means one per core. Results are the same bits for any number.
  unsigned threads = 0;
  /// Values that depend on weights alone (a dequantized weight, say) are computed once and kept, up
  /// to so many bytes; what does not fit is computed again in each run.
  size_t constantBytes = size_t(1) << 30;
  /// For `qk.launch`; must outlive the interpreter. Without one, launches are errors.
  Device *device = nullptr;
};

/// Sees every operation after it ran: its operands in schema order (nothing for absent ones) and
/// its results. A transposition that feeds only matrix products is fused into them and not seen.
using Observer =
    std::function<void(mlir::Operation *, llvm::ArrayRef<Value>, llvm::ArrayRef<Value>)>;

/// Executes functions. The module must not change while this exists. One run at a time.
class Interpreter {
public:
  explicit Interpreter(mlir::ModuleOp module, InterpreterOptions options = {});
  ~Interpreter();

  /// Runs a function; results replace `results`. Failures are emitted as diagnostics at the
  /// operation concerned.
  llvm::LogicalResult run(llvm::StringRef function, llvm::ArrayRef<Value> inputs,
                          llvm::SmallVectorImpl<Value> &results);

  /// With an observer, operands are never overwritten, so it costs memory. An empty function
  /// removes it.
  void setObserver(Observer observer);

  ThreadPool &pool();
  mlir::ModuleOp module();

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

/// The run-time type of an MLIR element type; Undefined if it has none.
ElementType runtimeElementType(mlir::Type elementType);
/// The MLIR type of a run-time element type.
mlir::Type mlirElementType(ElementType type, mlir::MLIRContext *context);

/// The elements of an attribute (`dense`, `dense_resource`, `#onnx.external`, an array of strings)
/// as a tensor; borrows the bytes where it can.
llvm::Expected<Tensor> tensorOf(mlir::Attribute elements);

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_INTERPRETER_H
