// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operation by operation, all lanes of one before the next, so that lanes share what has no noise.

#include "qllm/Validation/LaneRun.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Interpreter/Quantized.h"
#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace qllm;
using interp::OperationRunner;

namespace {

uint64_t mix(uint64_t x) {
  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Uniform in [-1, 1).
double symmetric(uint64_t seed, int64_t i) {
  return double(int64_t(mix(seed + uint64_t(i)))) * 0x1p-63;
}

template <typename T>
void addNoise(ThreadPool &pool, const T *in, T *out, int64_t count, double size, uint64_t seed) {
  pool.forRange(count, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      out[i] = T(double(in[i]) * (1 + size * symmetric(seed, i)));
  });
}

/// The tensor with noise, in storage of its own.
llvm::Expected<Tensor> noisy(ThreadPool &pool, const Tensor &tensor, unsigned roundings,
                             uint64_t seed) {
  double size = roundings * unitRoundoff(tensor.type());
  if (isHalf(tensor.type())) {
    llvm::Expected<Tensor> wide = cast(tensor, ElementType::F32);
    if (!wide)
      return wide.takeError();
    addNoise(pool, wide->data<float>(), wide->mutableData<float>(), wide->size(), size, seed);
    return cast(*wide, tensor.type());
  }
  llvm::Expected<Tensor> result = Tensor::allocate(tensor.type(), tensor.shape());
  if (!result)
    return result;
  if (tensor.type() == ElementType::F64)
    addNoise(pool, tensor.data<double>(), result->mutableData<double>(), tensor.size(), size, seed);
  else
    addNoise(pool, tensor.data<float>(), result->mutableData<float>(), tensor.size(), size, seed);
  return result;
}

/// Operations whose results are elements of their operands, or what a file says: they round
/// nothing.
bool roundsNothing(Operation *op) {
  return op->getNumOperands() == 0 ||
         isa<onnx::ReshapeOp, onnx::TransposeOp, onnx::UnsqueezeOp, onnx::SqueezeOp,
             onnx::IdentityOp, onnx::SliceOp, onnx::SplitOp, onnx::ConcatOp, onnx::GatherOp,
             onnx::ExpandOp, onnx::WhereOp>(op);
}

class Execution {
public:
  Execution(OperationRunner &runner, const LaneOptions &options, size_t sets)
      : runner(runner), options(options), lanesOfOne(1 + options.noisy), sets(sets) {}

  /// Counts readers, backwards so that operations which nothing reads count for none.
  void plan(Block &block) {
    for (Operation &op : llvm::reverse(block)) {
      bool read =
          llvm::any_of(op.getResults(), [&](Value result) { return uses.contains(result); });
      if (!read && isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>())
        continue;
      live.insert(&op);
      for (Value input : OperationRunner::inputsOf(&op))
        ++uses[input];
    }
  }

  LogicalResult run(Block &block, const LaneObserver &observer) {
    for (Operation &op : block.without_terminator()) {
      ++ordinal;
      if (!live.contains(&op) || isa<onnx::NoneOp>(op))
        continue;
      llvm::SmallVector<Lanes> results;
      if (failed(runOperation(&op, results)))
        return failure();
      if (observer)
        observer(&op, results);
      for (auto [result, lanes] : llvm::zip_equal(op.getResults(), results))
        if (uses.contains(result))
          held[result] = std::move(lanes);
      for (Value input : OperationRunner::inputsOf(&op))
        if (--uses[input] == 0)
          held.erase(input);
    }
    return success();
  }

  void set(Value value, Lanes lanes) { held[value] = std::move(lanes); }
  Lanes take(Value value) { return held.lookup(value); }

private:
  LogicalResult runOperation(Operation *op, llvm::SmallVectorImpl<Lanes> &results) {
    bool pure = isMemoryEffectFree(op);
    size_t widest = pure ? 1 : sets * lanesOfOne;
    for (Value input : OperationRunner::inputsOf(op)) {
      auto found = held.find(input);
      if (found == held.end())
        return op->emitError("expected operands of the function's own block");
      widest = std::max(widest, found->second.size());
    }
    runner.prepare(op);
    results.assign(op->getNumResults(), {});
    llvm::SmallVector<interp::Value> outputs;
    bool shared = widest == 1;
    for (size_t lane = 0; lane < std::max(widest, lanesOfOne); ++lane) {
      size_t noise = lane % lanesOfOne;
      // What has no results, as a check of a value, is not for noise.
      if (noise && results.empty())
        continue;
      auto valueOf = [&](Value value) -> const interp::Value & {
        const Lanes &lanes = held.find(value)->second;
        return lanes[lanes.size() == 1 ? 0 : lane % lanes.size()];
      };
      if ((lane == 0 || !shared) && failed(runner.run(valueOf, outputs)))
        return failure();
      for (auto [i, column] : llvm::enumerate(results)) {
        column.push_back(outputs[i]);
        if (noise && !roundsNothing(op) && failed(disturb(op, i, lane, column.back())))
          return failure();
      }
    }
    if (shared)
      llvm::for_each(results, [&](Lanes &column) { shareEqual(op, column); });
    return success();
  }

  LogicalResult disturb(Operation *op, size_t result, size_t lane, interp::Value &value) {
    const Tensor *tensor = value.tensor();
    if (!tensor || !isFloat(tensor->type()))
      return success();
    uint64_t seed = mix(options.seed ^ mix((ordinal << 20) ^ (lane << 10) ^ result));
    llvm::Expected<Tensor> changed = noisy(runner.pool(), *tensor, options.roundings, seed);
    if (!changed)
      return op->emitError(llvm::toString(changed.takeError()));
    value = std::move(*changed);
    return success();
  }

  /// One element where no lane was disturbed.
  void shareEqual(Operation *op, Lanes &column) {
    const Tensor *tensor = column.front().tensor();
    if (!roundsNothing(op) && tensor && isFloat(tensor->type()))
      return;
    column.resize(1);
    // Lanes read a shared quantized weight one after the other: decoding it once is enough.
    if (const interp::QuantizedTensor *quantized = column.front().quantized())
      quantized->keepsWithin = std::make_shared<interp::KeepBudget>(SIZE_MAX);
  }

  OperationRunner &runner;
  LaneOptions options;
  size_t lanesOfOne, sets;
  uint64_t ordinal = 0;
  llvm::DenseMap<Value, Lanes> held;
  llvm::DenseMap<Value, unsigned> uses;
  llvm::DenseSet<Operation *> live;
};

} // namespace

double qllm::unitRoundoff(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return 0x1p-53;
  case ElementType::F32:
    return 0x1p-24;
  case ElementType::F16:
    return 0x1p-11;
  case ElementType::BF16:
    return 0x1p-8;
  default:
    return 0;
  }
}

Lanes qllm::lanesOfSet(const Lanes &lanes, size_t set, size_t lanesOfOne) {
  if (lanes.size() <= lanesOfOne)
    return lanes;
  auto first = lanes.begin() + ptrdiff_t(set * lanesOfOne);
  return Lanes(first, first + ptrdiff_t(lanesOfOne));
}

LogicalResult qllm::runLanes(func::FuncOp function, OperationRunner &runner,
                             llvm::ArrayRef<llvm::ArrayRef<interp::Value>> inputs,
                             const LaneOptions &options, llvm::SmallVectorImpl<Lanes> &results,
                             const LaneObserver &observer) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("expected a function of one block");
  Block &block = function.getBody().front();
  Execution execution(runner, options, inputs.size());
  execution.plan(block);
  for (BlockArgument argument : block.getArguments()) {
    Lanes lanes;
    for (llvm::ArrayRef<interp::Value> set : inputs)
      lanes.insert(lanes.end(), inputs.size() == 1 ? 1 : 1 + options.noisy,
                   set[argument.getArgNumber()]);
    execution.set(argument, std::move(lanes));
  }
  if (failed(execution.run(block, observer)))
    return failure();
  results.clear();
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(execution.take(value));
  return success();
}
