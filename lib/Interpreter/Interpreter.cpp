// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Interpreter/Interpreter.h"
#include "Executor.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

struct Interpreter::Implementation : Executor {
  using Executor::Executor;
};

Interpreter::Interpreter(mlir::ModuleOp module, InterpreterOptions options)
    : implementation(std::make_unique<Implementation>(module, options)) {}
Interpreter::~Interpreter() = default;

void Interpreter::setObserver(Observer observer) { implementation->observer = std::move(observer); }
ThreadPool &Interpreter::pool() { return implementation->pool(); }
mlir::ModuleOp Interpreter::module() { return implementation->module; }

static std::string argumentName(mlir::func::FuncOp function, unsigned i) {
  auto name = function.getArgAttrOfType<mlir::StringAttr>(i, "onnx.name");
  return name ? "'" + name.str() + "'" : std::to_string(i);
}

/// The type, rank and static dimensions that the function declares.
static LogicalResult checkInput(mlir::func::FuncOp function, unsigned i, const Value &value) {
  auto type = llvm::dyn_cast<mlir::TensorType>(function.getArgumentTypes()[i]);
  if (!type)
    return success();
  const Tensor *tensor = value.tensor();
  bool fits = tensor && tensor->type() == runtimeElementType(type.getElementType());
  if (fits && type.hasRank()) {
    fits = tensor->rank() == type.getRank();
    for (int64_t d = 0; fits && d < type.getRank(); ++d)
      fits = type.isDynamicDim(d) || type.getDimSize(d) == tensor->dim(d);
  }
  if (fits)
    return success();
  return function.emitError("expected ")
         << type << " for input " << argumentName(function, i) << ", but got " << value.describe();
}

LogicalResult Interpreter::run(llvm::StringRef name, llvm::ArrayRef<Value> inputs,
                               llvm::SmallVectorImpl<Value> &results) {
  mlir::func::FuncOp function = implementation->lookup(name);
  if (!function)
    return implementation->module.emitError("expected a function '")
           << name << "' to run, but the module has none";
  if (inputs.size() != function.getNumArguments())
    return function.emitError("expected ") << function.getNumArguments() << " inputs for function '"
                                           << name << "', but got " << inputs.size();
  for (auto [i, value] : llvm::enumerate(inputs))
    if (failed(checkInput(function, i, value)))
      return failure();
  Values values;
  if (failed(implementation->callFunction(function, inputs, nullptr, values)))
    return failure();
  results.assign(values.begin(), values.end());
  return success();
}
