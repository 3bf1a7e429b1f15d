// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-qllm-to-onnx: chooses the form of every operation and replaces it.

#include "qllm/Conversion/QLLMToONNX/Passes.h"

#include "FoldConstants.h"
#include "LowerActivations.h"
#include "LowerChannels.h"
#include "LowerWeights.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace qllm {
#define GEN_PASS_DEF_CONVERTQLLMTOONNX
#include "qllm/Conversion/QLLMToONNX/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// What has been made of one packed weight; every form is made once, however many readers it has.
struct LoweredWeight {
  std::optional<BlockedWeight> blocked;
  Value straight, transposed;
};

struct ConvertQLLMToONNX : qllm::impl::ConvertQLLMToONNXBase<ConvertQLLMToONNX> {
  using ConvertQLLMToONNXBase::ConvertQLLMToONNXBase;

  void runOnOperation() override;

private:
  LogicalResult lower(Operation *op);
  LogicalResult lower(LinearOp op);
  LogicalResult lower(EmbeddingOp op);
  LogicalResult lower(QuantizeOp op);
  LogicalResult lower(DequantizeOp op);
  LogicalResult lower(LowRankOp op);
  FailureOr<Value> lowerChannels(Operation *op);
  FailureOr<Value> floatInput(Value input, Operation *user);
  FailureOr<Value> transposedWeight(Value weight, Operation *user);
  FailureOr<Value> straightWeight(Value weight, Operation *user);
  FailureOr<const BlockedWeight *> blockedWeight(Value weight, Operation *user);
  bool readByBoth(Value weight);
  void replace(Operation *op, Value value);
  void finish();

  GraphBuilder *graph = nullptr;
  DenseMap<Value, LoweredWeight> lowered;
  /// The float tensors that quantized values stand for.
  DenseMap<Value, Value> dequantized;
};

/// Whether integer zero points of the table, as GatherBlockQuantized needs them, can say what the
/// weight has.
bool fitsTable(const PackedWeight &weight) {
  return blockSizeFor(weight) && weight.zeroPointsAreCodes();
}

} // namespace

bool ConvertQLLMToONNX::readByBoth(Value weight) {
  bool linear = llvm::any_of(weight.getUsers(), [](Operation *op) { return isa<LinearOp>(op); });
  bool table = llvm::any_of(weight.getUsers(), [](Operation *op) { return isa<EmbeddingOp>(op); });
  return linear && table;
}

/// Gives the replacement the name and outputs of what it replaces.
void ConvertQLLMToONNX::replace(Operation *op, Value value) {
  if (Operation *replacement = value.getDefiningOp())
    for (StringRef name : {"onnx.node_name", "onnx.output_names"})
      if (Attribute attribute = op->getDiscardableAttr(name))
        replacement->setDiscardableAttr(name, attribute);
  op->getResult(0).replaceAllUsesWith(value);
}

FailureOr<Value> ConvertQLLMToONNX::floatInput(Value input, Operation *user) {
  if (isa<RankedTensorType>(input.getType()))
    return input;
  auto found = dequantized.find(input);
  if (found == dequantized.end())
    return user->emitOpError() << "expected an input quantized by qllm.quantize, but got "
                               << input.getType();
  return found->second;
}

FailureOr<Value> ConvertQLLMToONNX::straightWeight(Value weight, Operation *user) {
  if (isa<RankedTensorType>(weight.getType()))
    return weight;
  Value &result = lowered[weight].straight;
  if (result)
    return result;
  FailureOr<PackedWeight> packed = PackedWeight::read(weight, user);
  if (failed(packed))
    return failure();
  graph->setSite(weight.getDefiningOp());
  ++numDequantized;
  result = lowerDequantized(*graph, *packed, /*transposed=*/false);
  return result;
}

/// The weight as [in, out], which MatMul wants.
FailureOr<Value> ConvertQLLMToONNX::transposedWeight(Value weight, Operation *user) {
  Value &result = lowered[weight].transposed;
  if (result)
    return result;
  auto swap = [&](Value straight) {
    graph->setSite(user);
    auto type = cast<RankedTensorType>(straight.getType());
    return graph->node<onnx::TransposeOp>(
        "transposed", type.clone({type.getDimSize(1), type.getDimSize(0)}), straight,
        {graph->getBuilder().getNamedAttr("perm",
                                          graph->getBuilder().getDenseI64ArrayAttr({1, 0}))});
  };
  if (isa<RankedTensorType>(weight.getType())) {
    ConstantView view = viewConstant(weight);
    return view.transposed ? view.source : swap(weight);
  }
  if (readByBoth(weight)) {
    FailureOr<Value> straight = straightWeight(weight, user);
    if (failed(straight))
      return failure();
    return lowered[weight].transposed = swap(*straight);
  }
  FailureOr<PackedWeight> packed = PackedWeight::read(weight, user);
  if (failed(packed))
    return failure();
  graph->setSite(weight.getDefiningOp());
  ++numDequantized;
  return lowered[weight].transposed = lowerDequantized(*graph, *packed, /*transposed=*/true);
}

/// The operands of the blocked operators; null if the weight has no such form or another one was
/// asked for.
FailureOr<const BlockedWeight *> ConvertQLLMToONNX::blockedWeight(Value weight, Operation *user) {
  if (isa<RankedTensorType>(weight.getType()) || weights != "matmul-nbits")
    return nullptr;
  LoweredWeight &entry = lowered[weight];
  if (entry.blocked)
    return &*entry.blocked;
  // Once one reader has taken the other form, a second one would store the weight twice.
  if (entry.straight || entry.transposed)
    return nullptr;
  FailureOr<PackedWeight> packed = PackedWeight::read(weight, user);
  if (failed(packed))
    return failure();
  bool isTable =
      llvm::any_of(weight.getUsers(), [](Operation *op) { return isa<EmbeddingOp>(op); });
  // A reader with a quantized input takes DequantizeLinear, and so does one that wants real values.
  bool quantizedInput = llvm::any_of(weight.getUsers(), [](Operation *op) {
    auto linear = dyn_cast<LinearOp>(op);
    return isa<DequantizeOp, LowRankOp>(op) ||
           (linear && isa<QuantizedType>(linear.getInput().getType()));
  });
  if (!blockSizeFor(*packed) || (isTable && !fitsTable(*packed)) || quantizedInput)
    return nullptr;
  graph->setSite(weight.getDefiningOp());
  entry.blocked = lowerBlocked(*graph, *packed, isTable);
  return &*entry.blocked;
}

LogicalResult ConvertQLLMToONNX::lower(LinearOp op) {
  FailureOr<Value> input = floatInput(op.getInput(), op);
  if (failed(input))
    return failure();
  FailureOr<const BlockedWeight *> blocked = blockedWeight(op.getWeight(), op);
  if (failed(blocked))
    return failure();
  Type type = op.getResult().getType();
  Value result;
  if (*blocked) {
    graph->setSite(op);
    const BlockedWeight &weight = **blocked;
    auto shape = cast<QuantizedType>(op.getWeight().getType()).getShape();
    SmallVector<Value> operands{*input, weight.blocks, weight.scales};
    if (weight.zeroPoints)
      operands.push_back(weight.zeroPoints);
    Builder &builder = graph->getBuilder();
    SmallVector<NamedAttribute> attributes{
        graph->attribute("K", shape[1]), graph->attribute("N", shape[0]),
        // Level 1 is f32: with none given the runtime may round activations to 8 bits.
        graph->attribute("accuracy_level", 1), graph->attribute("bits", weight.bits),
        graph->attribute("block_size", weight.blockSize),
        builder.getNamedAttr(
            "operandSegmentSizes",
            builder.getDenseI32ArrayAttr({1, 1, 1, weight.zeroPoints ? 1 : 0, 0, 0}))};
    result = graph->node<onnx::MicrosoftMatMulNBitsOp>("MatMulNBits", type, operands, attributes);
    ++numMatMulNBits;
  } else {
    FailureOr<Value> weight = transposedWeight(op.getWeight(), op);
    if (failed(weight))
      return failure();
    graph->setSite(op);
    result = graph->node<onnx::MatMulOp>("MatMul", type, {*input, *weight});
  }
  if (op.getBias())
    result = graph->node<onnx::AddOp>("bias", type, {result, op.getBias()});
  replace(op, result);
  return success();
}

LogicalResult ConvertQLLMToONNX::lower(EmbeddingOp op) {
  FailureOr<const BlockedWeight *> blocked = blockedWeight(op.getTable(), op);
  if (failed(blocked))
    return failure();
  Type type = op.getResult().getType();
  if (!*blocked) {
    FailureOr<Value> table = straightWeight(op.getTable(), op);
    if (failed(table))
      return failure();
    graph->setSite(op);
    replace(op, graph->node<onnx::GatherOp>("Gather", type, {*table, op.getIndices()},
                                            {graph->attribute("axis", 0)}));
    return success();
  }
  graph->setSite(op);
  const BlockedWeight &weight = **blocked;
  SmallVector<Value> operands{weight.table, op.getIndices(), weight.scales};
  if (weight.zeroPoints)
    operands.push_back(weight.zeroPoints);
  replace(op, graph->node<onnx::MicrosoftGatherBlockQuantizedOp>(
                  "Gather", type, operands,
                  {graph->attribute("bits", weight.bits),
                   graph->attribute("block_size", weight.blockSize),
                   graph->attribute("gather_axis", 0), graph->attribute("quantize_axis", 1)}));
  return success();
}

LogicalResult ConvertQLLMToONNX::lower(QuantizeOp op) {
  FailureOr<Value> value = lowerQuantize(*graph, op);
  if (failed(value))
    return failure();
  dequantized[op.getResult()] = *value;
  ++numActivations;
  return success();
}

LogicalResult ConvertQLLMToONNX::lower(DequantizeOp op) {
  auto found = dequantized.find(op.getInput());
  if (found != dequantized.end()) {
    op.getResult().replaceAllUsesWith(found->second);
    return success();
  }
  FailureOr<Value> weight = straightWeight(op.getInput(), op);
  if (failed(weight))
    return failure();
  replace(op, *weight);
  return success();
}

/// (x A) B, each with the transposed factor.
LogicalResult ConvertQLLMToONNX::lower(LowRankOp op) {
  FailureOr<Value> input = floatInput(op.getInput(), op);
  if (failed(input))
    return failure();
  FailureOr<Value> down = transposedWeight(op.getDown(), op);
  if (failed(down))
    return failure();
  FailureOr<Value> up = transposedWeight(op.getUp(), op);
  if (failed(up))
    return failure();
  graph->setSite(op);
  auto type = op.getResult().getType();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = cast<RankedTensorType>((*down).getType()).getDimSize(1);
  Value inner = graph->node<onnx::MatMulOp>("down", type.clone(shape), {*input, *down});
  replace(op, graph->node<onnx::MatMulOp>("up", type, {inner, *up}));
  return success();
}

/// Null for anything but a transform of channels, and for a split that its readers take along.
FailureOr<Value> ConvertQLLMToONNX::lowerChannels(Operation *op) {
  if (auto split = dyn_cast<SplitChannelsOp>(op))
    return isReadByMergesOnly(split) ? Value() : lowerSplit(*graph, split);
  return TypeSwitch<Operation *, FailureOr<Value>>(op)
      .Case([&](MergeChannelsOp merge) { return lowerMerge(*graph, merge); })
      .Case([&](PermuteChannelsOp permute) { return lowerPermute(*graph, permute); })
      .Case([&](ScaleChannelsOp scale) { return lowerScale(*graph, scale); })
      .Case([&](ShiftChannelsOp shift) { return lowerShift(*graph, shift); })
      .Case([&](RotateChannelsOp rotate) { return lowerRotate(*graph, rotate); })
      .Default(FailureOr<Value>(Value()));
}

LogicalResult ConvertQLLMToONNX::lower(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return lower(linear);
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    return lower(embedding);
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return lower(quantize);
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    return lower(dequantize);
  if (auto lowRank = dyn_cast<LowRankOp>(op))
    return lower(lowRank);
  if (isa<PackOp>(op))
    return success();
  FailureOr<Value> channels = lowerChannels(op);
  if (failed(channels))
    return failure();
  if (*channels) {
    replace(op, *channels);
    ++numChannelTransforms;
    return success();
  }
  if (auto split = dyn_cast<SplitChannelsOp>(op); split && isReadByMergesOnly(split))
    return success();
  return op->emitOpError()
         << "expected an operation that has a form in ONNX: qllm.linear, qllm.low_rank, "
            "qllm.embedding, qllm.quantize, qllm.dequantize, qllm.pack or a transform of channels";
}

/// Takes out what nobody reads any more: the lowered operations and the constants that only they
/// read.
void ConvertQLLMToONNX::finish() {
  SmallVector<Operation *> operations;
  getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
    op->removeDiscardableAttr(SitePlan::attributeName);
    operations.push_back(op);
  });
  for (Operation *op : llvm::reverse(operations)) {
    bool ours = isa_and_present<QLLMDialect>(op->getDialect());
    if (op->use_empty() && (ours || isa<onnx::InitializerOp, onnx::TransposeOp>(op)))
      op->erase();
  }
}

void ConvertQLLMToONNX::runOnOperation() {
  lowered.clear();
  dequantized.clear();
  if (weights != "matmul-nbits" && weights != "qdq") {
    getOperation().emitError() << "expected matmul-nbits or qdq as weights, but got '" << weights
                               << "'";
    return signalPassFailure();
  }
  GraphBuilder builder(getOperation());
  graph = &builder;
  FailureOr<unsigned> folded = foldConstantExpressions(getOperation(), builder);
  if (failed(folded))
    return signalPassFailure();
  numConstants += *folded;
  finish(); // what only constants read would have no form in ONNX
  SmallVector<Operation *> operations;
  getOperation().walk([&](Operation *op) {
    if (isa_and_present<QLLMDialect>(op->getDialect()))
      operations.push_back(op);
  });
  for (Operation *op : operations)
    if (failed(lower(op)))
      return signalPassFailure();
  finish();
}
