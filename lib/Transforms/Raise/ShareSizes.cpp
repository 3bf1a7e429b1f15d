// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One source for each size.

#include "RaiseUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Transforms/Raise/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_ONNXSHARESIZES
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

/// Sizes that are asked of one value each: the first in the function that has them. What an
/// exporter asks of a late value (a repeated key, say) would keep that value alive for its shape
/// only.
class Sizes {
public:
  explicit Sizes(SymbolicShapes &shapes) : shapes(shapes) {}

  /// Takes note of the sizes of a value that is defined in the body of a function.
  void define(Value value) {
    if (!isa_and_nonnull<func::FuncOp>(value.getParentBlock()->getParentOp()))
      return;
    std::optional<SymbolicShape> shape = shapes.shape(value);
    if (!shape)
      return;
    for (auto [axis, dim] : llvm::enumerate(*shape))
      if (SymbolicDim resolved = shapes.resolve(dim); !resolved.known)
        first.try_emplace({value.getParentBlock(), resolved.value}, value,
                          static_cast<int64_t>(axis));
  }

  /// The same size as the one element of the result of `op`, from the first value that has it; null
  /// if it is that already.
  Value find(Operation *op) {
    auto type = op->getNumResults() == 1 ? dyn_cast<RankedTensorType>(op->getResult(0).getType())
                                         : RankedTensorType();
    if (!type || !type.getElementType().isInteger(64) || type.getRank() > 1)
      return nullptr;
    std::optional<SymbolicShape> elements = shapes.elements(op->getResult(0));
    if (!elements || elements->size() != 1)
      return nullptr;
    SymbolicDim size = shapes.resolve(elements->front());
    auto it = size.known ? first.end() : first.find({op->getBlock(), size.value});
    if (it == first.end() || asksOf(op) == it->second.first)
      return nullptr;
    return make(it->second.first, it->second.second, type.getRank());
  }

private:
  /// Whose shape `op` is one size of, in the form that `make` writes.
  static Value asksOf(Operation *op) {
    if (auto squeeze = dyn_cast<onnx::SqueezeOp>(op))
      op = squeeze.getData().getDefiningOp();
    auto shape = dyn_cast_or_null<onnx::ShapeOp>(op);
    return shape ? shape.getData() : Value();
  }

  Value make(Value source, int64_t axis, int64_t rank) {
    Value &made = sizes[{source, axis * 2 + rank}];
    if (made)
      return made;
    OpBuilder builder(source.getContext());
    builder.setInsertionPointAfterValue(source);
    Location loc = source.getLoc();
    made = onnx::ShapeOp::create(builder, loc, RankedTensorType::get({1}, builder.getI64Type()),
                                 source, builder.getI64IntegerAttr(axis + 1),
                                 builder.getI64IntegerAttr(axis));
    if (rank == 0)
      made = onnx::SqueezeOp::create(builder, loc, RankedTensorType::get({}, builder.getI64Type()),
                                     made, makeInts(builder, loc, {0}));
    return made;
  }

  SymbolicShapes &shapes;
  DenseMap<std::pair<Block *, int64_t>, std::pair<Value, int64_t>> first;
  DenseMap<std::pair<Value, int64_t>, Value> sizes;
};

struct OnnxShareSizes : qllm::impl::OnnxShareSizesBase<OnnxShareSizes> {
  void runOnOperation() override {
    SymbolicShapes shapes(getOperation());
    Sizes sizes(shapes);
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Value argument : function.getArguments())
        sizes.define(argument);
    for (Operation *op : operationsOf(getOperation())) {
      Value size = sizes.find(op);
      if (!size) {
        for (Value result : op->getResults())
          sizes.define(result);
      } else if (!op->use_empty() && mayReplace(op->getResult(0), size)) {
        op->getResult(0).replaceAllUsesWith(size);
        ++numRaised;
      }
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
