// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands around the mathematics: views that change nothing, shape arithmetic, older operator
// forms.

#include "RaiseUtils.h"
#include "qllm/Transforms/Raise/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_ONNXSIMPLIFY
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

/// The current form of an operator that the importer left opaque because its axes are an attribute.
Value modernize(onnx::CustomOp custom) {
  auto axes = custom->getAttrOfType<DenseI64ArrayAttr>("axes");
  if (!custom.getDomain().empty() || !axes || custom.getInputs().size() != 1 ||
      custom.getOutputs().size() != 1)
    return nullptr;
  OpBuilder builder(custom);
  Location loc = custom.getLoc();
  Value data = custom.getInputs()[0];
  Type type = custom.getOutputs()[0].getType();
  auto keep = custom->getAttrOfType<IntegerAttr>("keepdims");
  for (NamedAttribute attribute : custom->getDiscardableAttrs())
    if (!attribute.getName().strref().starts_with("onnx.") && attribute.getName() != "axes" &&
        attribute.getName() != "keepdims")
      return nullptr;
  StringRef name = custom.getOpType();
  if (name == "Squeeze" && !keep)
    return onnx::SqueezeOp::create(builder, loc, type, data, makeInts(builder, loc, axes));
  if (name == "Unsqueeze" && !keep)
    return onnx::UnsqueezeOp::create(builder, loc, type, data, makeInts(builder, loc, axes));
  if (name == "ReduceMean")
    return onnx::ReduceMeanOp::create(builder, loc, type, data, makeInts(builder, loc, axes), keep,
                                      nullptr);
  if (name == "ReduceSum")
    return onnx::ReduceSumOp::create(builder, loc, type, data, makeInts(builder, loc, axes), keep,
                                     nullptr);
  if (name == "ReduceMax")
    return onnx::ReduceMaxOp::create(builder, loc, type, data, makeInts(builder, loc, axes), keep,
                                     nullptr);
  return nullptr;
}

bool sameElementType(Value a, Value b) {
  auto left = dyn_cast<TensorType>(a.getType()), right = dyn_cast<TensorType>(b.getType());
  return left && right && left.getElementType() == right.getElementType();
}

/// Whether `op` multiplies or divides its first or second operand by one; gives the other operand.
Value timesOne(Operation *op, SymbolicShapes &shapes) {
  for (unsigned i : {1u, 0u}) {
    std::optional<double> number = constantScalar(op->getOperand(i));
    if (!number || *number != 1.0 || (i == 0 && isa<onnx::DivOp>(op)))
      continue;
    // A constant of higher rank would add axes.
    Value other = op->getOperand(1 - i);
    if (shapes.sameShape(other, op->getResult(0)))
      return other;
  }
  return nullptr;
}

bool takesEverything(onnx::SliceOp slice) {
  std::optional<SmallVector<int64_t>> starts = constantInts(slice.getStarts()),
                                      ends = constantInts(slice.getEnds());
  std::optional<SmallVector<int64_t>> steps;
  if (slice.getSteps())
    steps = constantInts(slice.getSteps());
  if (!starts || !ends || (slice.getSteps() && !steps))
    return false;
  // Exporters write the largest integer for "to the end"; no dimension reaches 2^31 - 1.
  constexpr int64_t toTheEnd = std::numeric_limits<int32_t>::max();
  return llvm::all_of(*starts, [](int64_t n) { return n == 0; }) &&
         llvm::all_of(*ends, [&](int64_t n) { return n >= toTheEnd; }) &&
         (!steps || llvm::all_of(*steps, [](int64_t n) { return n == 1; }));
}

bool isIdentity(ArrayRef<int64_t> permutation) {
  for (auto [index, source] : llvm::enumerate(permutation))
    if (static_cast<int64_t>(index) != source)
      return false;
  return true;
}

/// Transpose of Transpose.
Value composeTransposes(onnx::TransposeOp outer) {
  auto inner = outer.getData().getDefiningOp<onnx::TransposeOp>();
  if (!inner || !inner.getPerm() || !outer.getPerm())
    return nullptr;
  ArrayRef<int64_t> first = *inner.getPerm(), second = *outer.getPerm();
  SmallVector<int64_t> permutation;
  for (int64_t source : second) {
    if (source < 0 || source >= static_cast<int64_t>(first.size()))
      return nullptr;
    permutation.push_back(first[source]);
  }
  if (isIdentity(permutation))
    return inner.getData();
  OpBuilder builder(outer);
  return onnx::TransposeOp::create(builder, outer.getLoc(), outer.getType(), inner.getData(),
                                   builder.getDenseI64ArrayAttr(permutation));
}

/// Reshape [.., m, n] to [r, m, n], Transpose of the last two, Reshape to [.., n, m]: a Transpose.
Value swapOfLastTwo(onnx::ReshapeOp outer, SymbolicShapes &shapes) {
  auto transpose = outer.getData().getDefiningOp<onnx::TransposeOp>();
  auto inner = transpose ? transpose.getData().getDefiningOp<onnx::ReshapeOp>() : onnx::ReshapeOp();
  if (!inner || !transpose.getPerm() || *transpose.getPerm() != ArrayRef<int64_t>{0, 2, 1})
    return nullptr;
  std::optional<SymbolicShape> from = shapes.shape(inner.getData()),
                               middle = shapes.shape(inner.getResult()),
                               to = shapes.shape(outer.getResult());
  if (!from || !middle || !to || from->size() < 2 || middle->size() != 3 ||
      from->size() != to->size())
    return nullptr;
  size_t rank = from->size();
  if (!shapes.equal((*middle)[1], (*from)[rank - 2]) ||
      !shapes.equal((*middle)[2], (*from)[rank - 1]) ||
      !shapes.equal((*to)[rank - 1], (*from)[rank - 2]) ||
      !shapes.equal((*to)[rank - 2], (*from)[rank - 1]))
    return nullptr;
  SmallVector<int64_t> permutation;
  for (size_t i = 0; i < rank; ++i) {
    if (i + 2 < rank && !shapes.equal((*from)[i], (*to)[i]))
      return nullptr;
    permutation.push_back(i);
  }
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  OpBuilder builder(outer);
  return onnx::TransposeOp::create(builder, outer.getLoc(), typeFor(inner.getData(), *to),
                                   inner.getData(), builder.getDenseI64ArrayAttr(permutation));
}

/// Integers on shapes whose value is known.
Value foldIntegers(Operation *op, SymbolicShapes &shapes) {
  if (op->getNumResults() != 1 || op->getNumRegions() ||
      isa<onnx::ConstantOp, onnx::InitializerOp>(op))
    return nullptr;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || type.getRank() > 1 ||
      !(type.getElementType().isInteger(64) || type.getElementType().isInteger(32)))
    return nullptr;
  std::optional<SymbolicShape> elements = shapes.elements(op->getResult(0));
  if (!elements || !llvm::all_of(*elements, [](SymbolicDim dim) { return dim.known; }))
    return nullptr;
  if (type.getRank() == 1 && type.getDimSize(0) != static_cast<int64_t>(elements->size()))
    return nullptr;
  if (type.getRank() == 0 && elements->size() != 1)
    return nullptr;
  SmallVector<APInt> numbers;
  unsigned width = type.getElementTypeBitWidth();
  for (SymbolicDim dim : *elements) {
    if (width < 64 && !llvm::isIntN(width, dim.value))
      return nullptr;
    numbers.push_back(APInt(width, dim.value, /*isSigned=*/true));
  }
  OpBuilder builder(op);
  return onnx::ConstantOp::create(builder, op->getLoc(), type, nullptr,
                                  DenseElementsAttr::get(type, numbers), nullptr, nullptr, nullptr,
                                  nullptr, nullptr, nullptr);
}

/// What replaces the first result of `op`, or null.
Value simplify(Operation *op, SymbolicShapes &shapes) {
  if (auto custom = dyn_cast<onnx::CustomOp>(op))
    return modernize(custom);
  if (Value constant = foldIntegers(op, shapes))
    return constant;
  if (isa<onnx::IdentityOp>(op))
    return op->getOperand(0);
  if (isa<onnx::CastOp, onnx::CastLikeOp>(op))
    return sameElementType(op->getOperand(0), op->getResult(0)) ? op->getOperand(0) : Value();
  if (auto dropout = dyn_cast<onnx::DropoutOp>(op)) {
    bool inference = !dropout.getTrainingMode() && op->getResult(1).use_empty();
    return inference ? dropout.getData() : Value();
  }
  if (isa<onnx::MulOp, onnx::DivOp>(op))
    return timesOne(op, shapes);
  if (auto concat = dyn_cast<onnx::ConcatOp>(op))
    return op->getNumOperands() == 1 ? op->getOperand(0) : Value();
  if (auto slice = dyn_cast<onnx::SliceOp>(op))
    return takesEverything(slice) ? slice.getData() : Value();
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op)) {
    if (transpose.getPerm() && isIdentity(*transpose.getPerm()))
      return transpose.getData();
    return composeTransposes(transpose);
  }
  if (isa<onnx::ReshapeOp, onnx::ExpandOp>(op)) {
    if (shapes.sameShape(op->getOperand(0), op->getResult(0)))
      return op->getOperand(0);
    if (auto reshape = dyn_cast<onnx::ReshapeOp>(op))
      return swapOfLastTwo(reshape, shapes);
  }
  return nullptr;
}

struct OnnxSimplify : qllm::impl::OnnxSimplifyBase<OnnxSimplify> {
  void runOnOperation() override {
    // A rewrite can open another one behind it (a cast between two transposes); a handful of rounds
    // is more than any exporter needs, and each is a walk.
    for (int round = 0; round < 4; ++round) {
      SymbolicShapes shapes(getOperation());
      bool changed = false;
      for (Operation *op : operationsOf(getOperation())) {
        if (op->getNumResults() == 0 || op->getResult(0).use_empty())
          continue;
        Value replacement = simplify(op, shapes);
        if (!replacement || !mayReplace(op->getResult(0), replacement))
          continue;
        replaceValue(op->getResult(0), replacement);
        ++numRaised;
        changed = true;
      }
      eraseDeadOps(getOperation());
      // Custom operations count as having effects; the one that was modernized is known not to have
      // any.
      for (Operation *op : operationsOf(getOperation()))
        if (auto custom = dyn_cast<onnx::CustomOp>(op);
            custom && custom.use_empty() && custom.getDomain().empty() && custom->hasAttr("axes") &&
            custom->getNumRegions() == 0)
          custom.erase();
      if (!changed)
        break;
    }
  }
};

} // namespace
