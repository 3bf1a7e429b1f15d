// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Demand-driven: a request is traced back to what is known, and the operations found on the way run
// in the order of the block. Nothing but the values held is remembered between two requests, which
// is why the IR may change in between.

#include "qllm/Calibration/Walk.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Interpreter/Quantized.h"
#include "qllm/Tensor/Convert.h"
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace qllm;
using interp::OperationRunner;

/// What leads from known values to a request.
struct Walk::Slice {
  /// In the order of the block.
  llvm::SmallVector<Operation *> operations;
  /// How many operations, and requests, still read a value. Values that are missing here are not
  /// needed.
  llvm::DenseMap<Value, unsigned> uses;

  /// Traces `wanted` back to values for which `isKnown` holds. Only if `runs`, the operations are
  /// part of the slice; otherwise their operands are counted as uses, and kept for later.
  void trace(llvm::ArrayRef<Value> wanted, llvm::function_ref<bool(Value)> isKnown, bool runs) {
    llvm::SmallVector<Value> worklist;
    auto use = [&](Value value) {
      ++uses[value];
      if (!isKnown(value))
        worklist.push_back(value);
    };
    llvm::for_each(wanted, use);
    while (!worklist.empty()) {
      Operation *op = worklist.pop_back_val().getDefiningOp();
      if (!op || !visited.insert(op).second)
        continue;
      if (runs)
        operations.push_back(op);
      llvm::for_each(OperationRunner::inputsOf(op), use);
    }
  }

  void sort() {
    llvm::sort(operations, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  }

private:
  llvm::DenseSet<Operation *> visited;
};

Walk::Walk(func::FuncOp function, OperationRunner &runner,
           std::vector<std::vector<interp::Value>> inputs)
    : function(function), operations(runner), windowCount(inputs.size()), allWindows(windowCount) {
  std::iota(allWindows.begin(), allWindows.end(), size_t(0));
  for (BlockArgument argument : function.getArguments()) {
    std::vector<interp::Value> values;
    for (std::vector<interp::Value> &window : inputs)
      values.push_back(std::move(window[argument.getArgNumber()]));
    frame[argument] = WindowValues(std::move(values));
  }
}

const WindowValues *Walk::known(const Frame *local, Value value) const {
  if (local)
    if (auto found = local->find(value); found != local->end())
      return &found->second;
  return nullptr;
}

LogicalResult Walk::runOperation(Operation *op, const Frame &values, const Frame *below,
                                 llvm::ArrayRef<size_t> which,
                                 llvm::SmallVectorImpl<WindowValues> &results) {
  // `values` counts its windows as `which` does, `below` has all of them.
  bool shared = isMemoryEffectFree(op);
  for (Value input : OperationRunner::inputsOf(op)) {
    const WindowValues *held = known(&values, input);
    if (!held)
      held = known(below, input);
    if (!held)
      return op->emitError("its operands lie outside the function that a calibration run walks");
    shared &= held->isShared();
  }
  operations.prepare(op);
  std::vector<std::vector<interp::Value>> columns(op->getNumResults());
  llvm::SmallVector<interp::Value> outputs;
  for (size_t i = 0; i < (shared ? 1 : which.size()); ++i) {
    auto valueOf = [&](Value input) -> const interp::Value & {
      const WindowValues *held = known(&values, input);
      return held ? held->of(i) : known(below, input)->of(which[i]);
    };
    if (failed(operations.run(valueOf, outputs)))
      return failure();
    for (auto [column, output] : llvm::zip_equal(columns, outputs)) {
      // Windows read a shared quantized weight one after the other: decoding it once is enough.
      if (shared)
        if (const interp::QuantizedTensor *quantized = output.quantized())
          quantized->keepsWithin = std::make_shared<interp::KeepBudget>(SIZE_MAX);
      column.push_back(std::move(output));
    }
  }
  results.clear();
  for (std::vector<interp::Value> &column : columns)
    results.emplace_back(std::move(column), shared);
  return success();
}

LogicalResult Walk::runSlice(Slice &slice, Frame &values, const Frame *below,
                             llvm::ArrayRef<size_t> which, bool observed) {
  llvm::SmallVector<WindowValues> results;
  for (Operation *op : slice.operations) {
    if (op->getBlock() != &function.getBody().front())
      return op->emitError("expected an operation of the function that a calibration run walks");
    if (failed(runOperation(op, values, below, which, results)))
      return failure();
    if (observed && observer)
      observer(op, results);
    for (auto [result, contents] : llvm::zip_equal(op->getResults(), results))
      if (slice.uses.contains(result))
        values[result] = std::move(contents);
    for (Value input : OperationRunner::inputsOf(op)) {
      unsigned &left = slice.uses[input];
      if (--left == 0 && !isa<BlockArgument>(input))
        values.erase(input);
    }
  }
  return success();
}

const WindowValues *Walk::advance(Value target, llvm::ArrayRef<Value> later) {
  auto isKnown = [&](Value value) { return frame.contains(value); };
  Slice slice;
  slice.trace(target, isKnown, /*runs=*/true);
  slice.trace(later, isKnown, /*runs=*/false);
  slice.sort();
  llvm::SmallVector<Value> unneeded;
  for (auto &entry : frame)
    if (!isa<BlockArgument>(entry.first) && !slice.uses.contains(entry.first))
      unneeded.push_back(entry.first);
  for (Value value : unneeded)
    frame.erase(value);
  if (failed(runSlice(slice, frame, nullptr, allWindows, /*observed=*/true)))
    return nullptr;
  return known(&frame, target);
}

LogicalResult Walk::evaluate(llvm::ArrayRef<Replacement> given, llvm::ArrayRef<Value> wanted,
                             llvm::SmallVectorImpl<WindowValues> &results,
                             llvm::ArrayRef<size_t> which) {
  Frame local;
  for (const Replacement &replacement : given)
    local[replacement.value] = replacement.contents;
  Slice slice;
  slice.trace(
      wanted, [&](Value value) { return local.contains(value) || frame.contains(value); },
      /*runs=*/true);
  slice.sort();
  if (which.empty())
    which = allWindows;
  if (failed(runSlice(slice, local, &frame, which, /*observed=*/false)))
    return failure();
  results.clear();
  for (Value value : wanted) {
    if (const WindowValues *computed = known(&local, value)) {
      results.push_back(*computed);
      continue;
    }
    const WindowValues *held = known(&frame, value);
    std::vector<interp::Value> selected;
    for (size_t window : which)
      selected.push_back(held->of(window));
    results.emplace_back(std::move(selected));
  }
  return success();
}

size_t Walk::bytesHeld() const {
  size_t bytes = 0;
  for (const auto &entry : frame)
    for (const interp::Value &value : entry.second.all()) {
      if (const Tensor *tensor = value.tensor())
        bytes += tensor->isUnique() ? tensor->byteSize() : 0;
      if (const interp::QuantizedTensor *quantized = value.quantized())
        bytes += quantized->ownedBytes();
    }
  return bytes;
}

llvm::Expected<MatrixF> qllm::toMatrix(const WindowValues &values, std::vector<int64_t> &borders) {
  std::vector<Tensor> windows;
  borders.assign(1, 0);
  int64_t channels = -1;
  for (const interp::Value &value : values.all()) {
    const Tensor *tensor = value.tensor();
    if (!tensor || tensor->rank() < 1 || !isFloat(tensor->type()))
      return llvm::createStringError("expected a float tensor with channels, but got " +
                                     value.describe());
    int64_t width = tensor->dim(tensor->rank() - 1);
    if (channels >= 0 && width != channels)
      return llvm::createStringError("expected %lld channels in every window, but got %lld",
                                     (long long)channels, (long long)width);
    channels = width;
    llvm::Expected<Tensor> floats = cast(*tensor, ElementType::F32);
    if (!floats)
      return floats.takeError();
    borders.push_back(borders.back() + (width ? floats->size() / width : 0));
    windows.push_back(std::move(*floats));
  }
  MatrixF matrix(borders.back(), std::max<int64_t>(channels, 0));
  for (auto [i, window] : llvm::enumerate(windows))
    if (window.size())
      std::memcpy(matrix.row(borders[i]), window.data<float>(), window.byteSize());
  return matrix;
}

llvm::Expected<WindowValues> qllm::fromMatrix(const MatrixF &matrix, const WindowValues &like) {
  std::vector<interp::Value> values;
  int64_t first = 0;
  for (const interp::Value &value : like.all()) {
    const Tensor *model = value.tensor();
    if (!model || model->rank() < 1)
      return llvm::createStringError("expected a tensor with channels, but got " +
                                     value.describe());
    Shape shape(model->shape());
    int64_t rows = shape.back() ? model->size() / shape.back() : 0;
    shape.back() = matrix.columns();
    if (first + rows > matrix.rows())
      return llvm::createStringError("expected at least %lld rows, but got %lld",
                                     (long long)(first + rows), (long long)matrix.rows());
    llvm::Expected<Tensor> tensor = Tensor::allocate(ElementType::F32, shape);
    if (!tensor)
      return tensor.takeError();
    if (tensor->size())
      std::memcpy(tensor->mutableData<float>(), matrix.row(first), tensor->byteSize());
    first += rows;
    llvm::Expected<Tensor> typed = cast(*tensor, model->type());
    if (!typed)
      return typed.takeError();
    values.emplace_back(std::move(*typed));
  }
  return WindowValues(std::move(values), like.isShared());
}
