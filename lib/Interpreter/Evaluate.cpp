// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Interpreter/Evaluate.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "qllm/Support/DataDirectory.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/NumpyFile.h"
#include "qllm/Tensor/VectorMath.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

llvm::SmallVector<int64_t> interp::windowStarts(int64_t tokens, int64_t windows, int64_t length) {
  llvm::SmallVector<int64_t> starts;
  if (tokens < length || length < 1)
    return starts;
  int64_t spacing = (tokens - length) / std::max<int64_t>(windows - 1, 1);
  for (int64_t i = 0; i < windows; ++i)
    starts.push_back(i * spacing);
  return starts;
}

llvm::Expected<Tensor> interp::readTokens(llvm::StringRef path) {
  llvm::Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::Expected<Tensor> array = parseNumpyArray((*file)->bytes());
  if (!array)
    return llvm::createStringError("'" + path.str() + "': " + llvm::toString(array.takeError()));
  if (!isInteger(array->type()))
    return llvm::createStringError("expected integers in '" + path.str() + "', but got " +
                                   describe(*array));
  return cast(*array, ElementType::I64);
}

namespace {

/// The shape of an input: one batch, `length` positions, nothing in caches.
llvm::Expected<Shape> guessShape(mlir::func::FuncOp function, unsigned i, llvm::StringRef name,
                                 int64_t length) {
  auto type = llvm::dyn_cast<mlir::RankedTensorType>(function.getArgumentTypes()[i]);
  bool isSequence = name == "input_ids" || name == "attention_mask" || name == "position_ids" ||
                    name == "token_type_ids";
  bool isCache = name.starts_with("past") && type && type.getRank() == 4;
  if (!type || !(isCache || (isSequence && type.getRank() == 2)))
    return llvm::createStringError("cannot guess a value for input '" + name + "' of a prefill");
  if (isSequence)
    return Shape{1, length};
  Shape shape{1, type.getDimSize(1), 0, type.getDimSize(3)};
  if (mlir::ShapedType::isDynamic(shape[1]) || mlir::ShapedType::isDynamic(shape[3])) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return llvm::createStringError("expected static heads and sizes of cache '" + name +
                                   "', but got " + text);
  }
  return shape;
}

/// The position of the result named `logits`, or 0.
unsigned logitsPosition(mlir::func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto name = function.getResultAttrOfType<mlir::StringAttr>(i, "onnx.name");
        name && name == "logits")
      return i;
  return 0;
}

mlir::func::FuncOp lookup(Interpreter &interpreter, llvm::StringRef function) {
  auto found = mlir::SymbolTable(interpreter.module()).lookup<mlir::func::FuncOp>(function);
  if (!found)
    interpreter.module().emitError("expected a function '")
        << function << "' to evaluate, but the module has none";
  return found;
}

} // namespace

std::string interp::inputName(mlir::func::FuncOp function, unsigned argument) {
  auto name = function.getArgAttrOfType<mlir::StringAttr>(argument, "onnx.name");
  return name ? name.str() : "arg" + std::to_string(argument);
}

llvm::Expected<Tensor> interp::prefillInput(mlir::func::FuncOp function, unsigned argument,
                                            llvm::ArrayRef<int64_t> tokens) {
  std::string name = inputName(function, argument);
  if (name == "arg0")
    name = "input_ids";
  llvm::Expected<Shape> shape = guessShape(function, argument, name, int64_t(tokens.size()));
  if (!shape)
    return shape.takeError();
  llvm::Expected<Tensor> values = Tensor::allocate(ElementType::I64, *shape);
  for (int64_t k = 0; values && k < values->size(); ++k)
    values->mutableData<int64_t>()[k] = name == "input_ids"        ? tokens[size_t(k)]
                                        : name == "position_ids"   ? k
                                        : name == "token_type_ids" ? 0
                                                                   : 1;
  if (!values)
    return values.takeError();
  return cast(
      *values,
      runtimeElementType(
          llvm::cast<mlir::TensorType>(function.getArgumentTypes()[argument]).getElementType()));
}

LogicalResult interp::prefillInputs(Interpreter &interpreter, llvm::StringRef name,
                                    llvm::ArrayRef<int64_t> tokens,
                                    llvm::SmallVectorImpl<Value> &inputs) {
  mlir::func::FuncOp function = lookup(interpreter, name);
  if (!function)
    return failure();
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    llvm::Expected<Tensor> input = prefillInput(function, i, tokens);
    if (!input)
      return function.emitError(llvm::toString(input.takeError()));
    inputs.push_back(std::move(*input));
  }
  return success();
}

Loss interp::crossEntropy(ThreadPool &pool, const float *logits, int64_t vocabulary,
                          llvm::ArrayRef<int64_t> targets) {
  std::vector<double> losses(targets.size());
  pool.forRange(int64_t(targets.size()), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float *row = logits + i * vocabulary;
      losses[size_t(i)] = vec::logSumExpRow(row, vocabulary) - double(row[targets[size_t(i)]]);
    }
  });
  Loss total;
  for (double loss : losses)
    total.sum += loss;
  total.positions = int64_t(targets.size());
  return total;
}

LogicalResult interp::evaluateWindow(Interpreter &interpreter, llvm::StringRef name,
                                     llvm::ArrayRef<int64_t> tokens, Loss &loss) {
  mlir::func::FuncOp function = lookup(interpreter, name);
  llvm::SmallVector<Value> inputs, results;
  if (!function || failed(prefillInputs(interpreter, name, tokens, inputs)) ||
      failed(interpreter.run(name, inputs, results)))
    return failure();
  unsigned position = logitsPosition(function);
  const Tensor *logits = position < results.size() ? results[position].tensor() : nullptr;
  int64_t length = int64_t(tokens.size());
  if (!logits || logits->rank() != 3 || logits->dim(0) != 1 || logits->dim(1) != length)
    return function.emitError("expected logits of 1 batch and ")
           << length << " positions, but got " << (logits ? describe(*logits) : "nothing");
  for (int64_t token : tokens)
    if (token < 0 || token >= logits->dim(2))
      return function.emitError("expected tokens in [0, ")
             << logits->dim(2) << "), but got " << token;
  llvm::Expected<Tensor> floats = cast(*logits, ElementType::F32);
  if (!floats)
    return function.emitError(llvm::toString(floats.takeError()));
  loss +=
      crossEntropy(interpreter.pool(), floats->data<float>(), logits->dim(2), tokens.drop_front());
  return success();
}
