// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules on the interpreter.

#include "Internal.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "qllm-c/Module.h"
#include "qllm/API/Perplexity.h"
#include "qllm/Interpreter/MissingKernels.h"

using namespace qllm;
using namespace qllm::capi;
using llvm::Error;
using llvm::StringRef;

namespace {

/// Results that share their storage (with an input, which is the caller's, with a weight, or with
/// each other) become copies, so that whoever gets a result may write over it.
llvm::Expected<interp::Value> detach(const interp::Value &value) {
  if (const interp::Sequence *sequence = value.sequence()) {
    interp::Sequence own;
    for (const interp::Value &element : *sequence) {
      llvm::Expected<interp::Value> copy = detach(element);
      if (!copy)
        return copy.takeError();
      own.push_back(std::move(*copy));
    }
    return interp::Value(std::move(own));
  }
  const Tensor *tensor = value.tensor();
  if (!tensor || tensor->type() == ElementType::String || tensor->isUnique())
    return value;
  llvm::Expected<Tensor> copy = Tensor::allocate(tensor->type(), tensor->shape());
  if (!copy)
    return copy.takeError();
  std::memcpy(copy->rawMutableData(), tensor->rawData(), tensor->byteSize());
  return interp::Value(std::move(*copy));
}

Error lookup(mlir::ModuleOp module, StringRef name, mlir::func::FuncOp &function) {
  function = mlir::SymbolTable(module).lookup<mlir::func::FuncOp>(name);
  return function ? Error::success()
                  : llvm::createStringError("expected a function '" + name +
                                            "', but the module has none");
}

template <typename Types, typename NameOf>
QllmStatus *forEachPort(const QllmModule *module, const char *name, Types typesOf, NameOf nameOf,
                        QllmPortCallback callback, void *user) {
  Call call(*module->state, nullptr);
  return call.run([&]() -> Error {
    mlir::func::FuncOp function;
    if (Error error = lookup(module->get(), name, function))
      return error;
    for (auto [i, type] : llvm::enumerate(typesOf(function))) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      auto tensor = llvm::dyn_cast<mlir::TensorType>(type);
      mlir::StringAttr given = nameOf(function, unsigned(i));
      callback(given ? given.str().c_str() : "", text.c_str(),
               tensor ? elementCode(interp::runtimeElementType(tensor.getElementType())) : 0, user);
    }
    return Error::success();
  });
}

} // namespace

QllmStatus *qllmModuleForEachInput(const QllmModule *module, const char *function,
                                   QllmPortCallback callback, void *user) {
  return forEachPort(
      module, function, [](mlir::func::FuncOp op) { return op.getArgumentTypes(); },
      [](mlir::func::FuncOp op, unsigned i) {
        return op.getArgAttrOfType<mlir::StringAttr>(i, "onnx.name");
      },
      callback, user);
}

QllmStatus *qllmModuleForEachOutput(const QllmModule *module, const char *function,
                                    QllmPortCallback callback, void *user) {
  return forEachPort(
      module, function, [](mlir::func::FuncOp op) { return op.getResultTypes(); },
      [](mlir::func::FuncOp op, unsigned i) {
        return op.getResultAttrOfType<mlir::StringAttr>(i, "onnx.name");
      },
      callback, user);
}

QllmStatus *qllmModuleUnsupported(const QllmModule *module, QllmTextCallback callback, void *user) {
  Call call(*module->state, nullptr);
  return call.run([&] {
    for (const std::string &name : interp::findMissingKernels(module->get())) {
      std::string line = name + "\n";
      callback(line.data(), line.size(), user);
    }
    return Error::success();
  });
}

QllmStatus *qllmModulePerplexity(const QllmModule *module, const QllmTensorView *tokens,
                                 const QllmPerplexityOptions *options, const QllmListener *listener,
                                 QllmPerplexity *result) {
  QllmPerplexityOptions given = readOptions(options);
  api::PerplexityOptions protocol;
  if (given.windows)
    protocol.windows = given.windows;
  if (given.window_length)
    protocol.length = given.window_length;
  protocol.threads = module->state->context.threads();
  interp::Loss total;
  Call call(*module->state, listener);
  QllmStatus *status = call.run([&]() -> Error {
    llvm::Expected<Tensor> text = readTokens(*tokens);
    if (!text)
      return text.takeError();
    std::vector<interp::Loss> losses;
    if (failed(api::measureLosses(module->get(), text->values<int64_t>(), protocol, &call, losses)))
      return toError(llvm::failure());
    total = api::sum(losses);
    return Error::success();
  });
  if (!status)
    *result = {total.perplexity(), total.mean(), total.positions};
  return status;
}

QllmStatus *qllmModuleRun(const QllmModule *module, const char *name,
                          const QllmValue *const *inputs, size_t input_count,
                          const QllmListener *listener, QllmValue **outputs, size_t output_count) {
  llvm::SmallVector<interp::Value> values, results, own;
  for (size_t i = 0; i < input_count; ++i)
    values.push_back(inputs[i]->value);
  Call call(*module->state, listener);
  QllmStatus *status = call.run([&]() -> Error {
    mlir::func::FuncOp function;
    if (Error error = lookup(module->get(), name, function))
      return error;
    if (function.getNumResults() != output_count)
      return llvm::createStringError("expected room for " + llvm::Twine(function.getNumResults()) +
                                     " results, but got it for " + llvm::Twine(output_count));
    if (!module->interpreter) {
      interp::InterpreterOptions options;
      options.threads = module->state->context.threads();
      module->interpreter = std::make_unique<interp::Interpreter>(module->get(), options);
    }
    if (failed(module->interpreter->run(name, values, results)))
      return toError(llvm::failure());
    for (const interp::Value &result : results) {
      llvm::Expected<interp::Value> copy = detach(result);
      if (!copy)
        return copy.takeError();
      own.push_back(std::move(*copy));
    }
    return Error::success();
  });
  if (!status)
    for (size_t i = 0; i < output_count; ++i)
      outputs[i] = wrap(std::move(own[i]));
  return status;
}
