// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The graph in front of a transform is searched first, and what would have to be rewritten is noted
// down; the rewrites run only when the whole way is clear.

#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"

#include "ProducerPatterns.h"
#include "mlir/IR/IRMapping.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <functional>

using namespace mlir;
using namespace qllm;

namespace {

using Obstacle = std::optional<std::string>;

/// The type with the last axis of `like`.
RankedTensorType withChannels(Value value, int64_t channels) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = channels;
  return RankedTensorType::get(shape, type.getElementType());
}

int64_t channelsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

/// d of y = x + d.
Value offsetsOf(OpBuilder &builder, ShiftChannelsOp shift) {
  Value d = shift.getOffsets();
  if (!shift.getInverse())
    return d;
  // d - d - d, which is -d for finite d and needs no constant.
  Value zero = ShiftChannelsOp::create(builder, shift.getLoc(), d, d, /*inverse=*/true);
  return ShiftChannelsOp::create(builder, shift.getLoc(), zero, d, /*inverse=*/true);
}

/// b after the transform; what a shift adds where there is no b.
Value transformBias(OpBuilder &builder, ChannelTransform transform, Value bias) {
  if (bias)
    return applyTransform(builder, transform, bias);
  auto shift = dyn_cast<ShiftChannelsOp>(transform.getOperation());
  return shift ? offsetsOf(builder, shift) : Value();
}

/// Constants that `value` is computed from, and itself, to a place in front of `op`.
void hoist(Value value, Operation *op) {
  Operation *definition = value.getDefiningOp();
  if (!definition || definition->getBlock() != op->getBlock() || definition->isBeforeInBlock(op))
    return;
  for (Value operand : definition->getOperands())
    hoist(operand, op);
  definition->moveBefore(op);
}

/// In front of `op`, which the parameters of the transform come before as well from now on.
OpBuilder builderAt(Operation *op, ChannelTransform map) {
  for (Value parameter : llvm::drop_begin(map->getOperands()))
    hoist(parameter, op);
  return OpBuilder(op);
}

class Folding {
public:
  /// What stands in the way of moving `map` into what computes `value`, which only `map` reads.
  Obstacle visit(Value value, ChannelTransform map);

  void apply(ChannelTransform transform) {
    for (const std::function<void()> &rewrite : rewrites)
      rewrite();
    transform.getTransformResult().replaceAllUsesWith(transform.getTransformInput());
    drop();
    transform->erase();
  }
  /// Takes away what the search made, unless a rewrite uses it.
  void drop() {
    for (Operation *op : llvm::reverse(temporaries))
      if (op->use_empty())
        op->erase();
    temporaries.clear();
  }

private:
  Obstacle visitLinear(LinearOp linear, ChannelTransform map);
  Obstacle visitSum(onnx::AddOp add, ChannelTransform map);
  Obstacle visitProduct(onnx::MulOp product, ChannelTransform map);
  Obstacle visitGather(Value value, ChannelTransform map, Operation *reader);
  Obstacle visitAttention(const AttentionValues &values, ChannelTransform map);
  template <typename NormOp> Obstacle visitNorm(NormOp norm, ChannelTransform map);
  Obstacle visitOnly(Value value, ChannelTransform map);
  Obstacle gatherRegion(Value value, Operation *reader, llvm::SetVector<Value> &region);

  /// A transform that exists only while the graph is rewritten.
  ChannelTransform temporary(Value result) {
    temporaries.push_back(result.getDefiningOp());
    return cast<ChannelTransform>(result.getDefiningOp());
  }
  ChannelTransform repeatOf(ChannelTransform map);
  FailureOr<ChannelTransform> forValueHeads(const AttentionValues &values, ChannelTransform map,
                                            std::string &reason);

  SmallVector<std::function<void()>> rewrites;
  SmallVector<Operation *> temporaries;
};

} // namespace

Obstacle Folding::visitOnly(Value value, ChannelTransform map) {
  auto counts = [&](OpOperand &use) { return !llvm::is_contained(temporaries, use.getOwner()); };
  if (llvm::count_if(value.getUses(), counts) != 1)
    return "a value in front of it is read by other operations as well";
  return visit(value, map);
}

Obstacle Folding::visitLinear(LinearOp linear, ChannelTransform map) {
  if (!map.canFoldIntoProducer(ProducerKind::LinearRows, 0))
    return std::string("a linear layer cannot take it over");
  if (!isa<RankedTensorType>(linear.getWeight().getType()))
    return "the weight of '" + siteName(linear) + "' is quantized";
  if (!isConstantExpression(linear.getWeight()) ||
      (linear.getBias() && !isConstantExpression(linear.getBias())))
    return "the weight of '" + siteName(linear) + "' is computed at run time";
  if (sharesTable(linear.getWeight(), linear))
    return "the weight of '" + siteName(linear) + "' is shared with other operations";
  rewrites.push_back([linear, map]() mutable {
    OpBuilder builder = builderAt(linear, map);
    LinearParameters layer = transformRows(builder, map, {linear.getWeight(), linear.getBias()});
    linear.getWeightMutable().assign(layer.weight);
    if (layer.bias)
      linear.getBiasMutable().assign(layer.bias);
    int64_t rows = cast<RankedTensorType>(layer.weight.getType()).getDimSize(0);
    linear.getResult().setType(withChannels(linear.getResult(), rows));
  });
  return std::nullopt;
}

/// A bias beside the layer, as exporters write it: T(x + b) = T(x) + T(b), less what T adds.
Obstacle Folding::visitSum(onnx::AddOp add, ChannelTransform map) {
  std::optional<unsigned> bias = findBias(add);
  if (!bias)
    return std::string("it is computed by a sum");
  OpOperand &constant = add->getOpOperand(*bias);
  rewrites.push_back([add, &constant, map]() mutable {
    OpBuilder builder = builderAt(add, map);
    constant.set(applyTransform(builder, map, constant.get()));
    add.getResult().setType(withChannels(add.getResult(), channelsOf(constant.get())));
  });
  if (isa<ShiftChannelsOp>(map.getOperation()))
    return std::nullopt;
  return visitOnly(add->getOperand(1 - *bias), map);
}

template <typename NormOp> Obstacle Folding::visitNorm(NormOp norm, ChannelTransform map) {
  constexpr bool hasBias = std::is_same_v<NormOp, onnx::LayerNormalizationOp>;
  if (!map.canFoldIntoProducer(hasBias ? ProducerKind::NormWithBias : ProducerKind::Norm, 0))
    return std::string("a norm cannot take it over");
  int64_t rank = cast<RankedTensorType>(norm.getX().getType()).getRank();
  int64_t axis = norm.getAxis().value_or(-1);
  auto gain = dyn_cast<RankedTensorType>(norm.getScale().getType());
  if ((axis != -1 && axis != rank - 1) || !gain || gain.getRank() != 1)
    return std::string("its norm is not over the channels alone");
  rewrites.push_back([norm, map]() mutable {
    OpBuilder builder = builderAt(norm, map);
    if (!isa<ShiftChannelsOp>(map.getOperation()))
      norm.getScaleMutable().assign(applyTransform(builder, map, norm.getScale()));
    if constexpr (hasBias)
      if (Value bias = transformBias(builder, map, norm.getB()))
        norm.getBMutable().assign(bias);
  });
  return std::nullopt;
}

/// Copies of channels as they are: what the gate needs where the other factor is split.
ChannelTransform Folding::repeatOf(ChannelTransform map) {
  auto split = cast<SplitChannelsOp>(map.getOperation());
  OpBuilder builder(split);
  return temporary(SplitChannelsOp::create(builder, split.getLoc(), split.getInput(),
                                           split.getParts(), /*repeat=*/true,
                                           /*rounding_offsets=*/false));
}

/// silu(g) * u is linear in u: u takes the map over, and the gate only what moves channels.
Obstacle Folding::visitProduct(onnx::MulOp product, ChannelTransform map) {
  Obstacle obstacle = std::string("neither factor of its product is a linear layer of its own");
  for (unsigned factor : {1u, 0u}) {
    Value linear = product->getOperand(factor), gate = product->getOperand(1 - factor);
    if (linear.getType() != gate.getType() || !reachesLinear(linear))
      continue;
    if (!map.canFoldIntoProducer(ProducerKind::GatedProduct, 0))
      return std::string("a gated product cannot take it over");
    size_t mark = rewrites.size();
    obstacle = visitOnly(linear, map);
    if (!obstacle && !isa<ScaleChannelsOp>(map.getOperation()))
      obstacle = visitGather(gate, isa<SplitChannelsOp>(map.getOperation()) ? repeatOf(map) : map,
                             product);
    if (obstacle) {
      rewrites.resize(mark);
      continue;
    }
    rewrites.push_back([product, map]() mutable {
      product.getResult().setType(
          withChannels(product.getResult(), channelsOf(map.getTransformResult())));
    });
    return std::nullopt;
  }
  return obstacle;
}

/// Values between `value` and the linear layers in front of it, element-wise operations only; all
/// of them are read inside the region, or by `reader`.
Obstacle Folding::gatherRegion(Value value, Operation *reader, llvm::SetVector<Value> &region) {
  llvm::SmallPtrSet<Operation *, 8> inside{reader};
  region.insert(value);
  for (size_t i = 0; i < region.size(); ++i) {
    Operation *op = region[i].getDefiningOp();
    if (!op)
      return std::string("it is computed from an argument of the function");
    if (isa<LinearOp>(op))
      continue;
    if (!isElementwise(op))
      return "it is computed by " + op->getName().getStringRef().str();
    inside.insert(op);
    for (Value operand : op->getOperands()) {
      if (isConstantExpression(operand)) {
        if (!isPerChannelOrScalar(operand, channelsOf(value)))
          return std::string("it is computed with a constant of several tokens");
        continue;
      }
      if (operand.getType() != value.getType())
        return std::string("it is computed from values of another shape");
      region.insert(operand);
    }
  }
  for (Value inner : region)
    for (Operation *user : inner.getUsers())
      if (!inside.contains(user))
        return "a value that it is computed from is read by " +
               user->getName().getStringRef().str();
  return std::nullopt;
}

Obstacle Folding::visitGather(Value value, ChannelTransform map, Operation *reader) {
  llvm::SetVector<Value> region;
  if (Obstacle obstacle = gatherRegion(value, reader, region))
    return obstacle;
  for (Value inner : region) {
    if (auto linear = inner.getDefiningOp<LinearOp>()) {
      if (Obstacle obstacle = visitLinear(linear, map))
        return obstacle;
      continue;
    }
    rewrites.push_back([inner, map]() mutable {
      Operation *op = inner.getDefiningOp();
      OpBuilder builder = builderAt(op, map);
      for (OpOperand &operand : op->getOpOperands())
        if (isConstantExpression(operand.get()) && isPerChannel(operand.get()))
          operand.set(applyTransform(builder, map, operand.get()));
      inner.setType(withChannels(inner, channelsOf(map.getTransformResult())));
    });
  }
  return std::nullopt;
}

/// The map on the values' heads instead of the queries', which may be more: heads that share a
/// value head must be mapped alike.
FailureOr<ChannelTransform> Folding::forValueHeads(const AttentionValues &values,
                                                   ChannelTransform map, std::string &reason) {
  int64_t group = values.queryHeads / values.valueHeads, size = values.headSize;
  int64_t channels = values.valueHeads * size;
  OpBuilder builder(map);
  Location loc = map.getLoc();
  if (auto permute = dyn_cast<PermuteChannelsOp>(map.getOperation()))
    // Every head is ordered alike (canFoldIntoProducer), so the first ones are those of the values.
    return temporary(PermuteChannelsOp::create(builder, loc, values.value,
                                               permute.getOrder().take_front(channels)));
  if (group == 1 || isa<RotateChannelsOp>(map.getOperation()))
    return map;
  std::optional<std::vector<float>> all = constantFloats(map->getOperand(1));
  if (!all || int64_t(all->size()) != values.queryHeads * size) {
    reason = "its parameters are not constants, and query heads share value heads";
    return failure();
  }
  std::vector<float> own(channels);
  for (int64_t head = 0; head < values.queryHeads; ++head)
    for (int64_t i = 0; i < size; ++i) {
      float &kept = own[head / group * size + i], value = (*all)[head * size + i];
      if (head % group == 0)
        kept = value;
      else if (kept != value) {
        reason = "query heads " + std::to_string(head - head % group) + " and " +
                 std::to_string(head) + " share values, but are mapped differently";
        return failure();
      }
    }
  Value vector = createVector(builder, loc, own);
  temporaries.push_back(vector.getDefiningOp());
  if (auto scale = dyn_cast<ScaleChannelsOp>(map.getOperation()))
    return temporary(
        ScaleChannelsOp::create(builder, loc, values.value, vector, scale.getInverse()));
  auto shift = cast<ShiftChannelsOp>(map.getOperation());
  return temporary(ShiftChannelsOp::create(builder, loc, values.value, vector, shift.getInverse()));
}

Obstacle Folding::visitAttention(const AttentionValues &values, ChannelTransform map) {
  if (!values.problem.empty())
    return values.problem;
  if (!map.canFoldIntoProducer(ProducerKind::AttentionValue, values.headSize))
    return std::string("it mixes heads of attention, or channels of several");
  std::string reason;
  FailureOr<ChannelTransform> own = forValueHeads(values, map, reason);
  if (failed(own))
    return reason;
  return visitOnly(values.value, *own);
}

Obstacle Folding::visit(Value value, ChannelTransform map) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::string("its input is an argument of the function");
  if (value != op->getResult(0))
    return std::string("its input is a second result of an operation");
  if (auto linear = dyn_cast<LinearOp>(op))
    return visitLinear(linear, map);
  if (auto norm = dyn_cast<onnx::RMSNormalizationOp>(op))
    return visitNorm(norm, map);
  if (auto norm = dyn_cast<onnx::LayerNormalizationOp>(op))
    return visitNorm(norm, map);
  if (auto add = dyn_cast<onnx::AddOp>(op); add && findBias(add))
    return visitSum(add, map);
  if (auto product = dyn_cast<onnx::MulOp>(op))
    if (Obstacle obstacle = visitProduct(product, map);
        !obstacle || !isa<PermuteChannelsOp>(map.getOperation()))
      return obstacle;
  if (isElementwise(op) && isa<PermuteChannelsOp>(map.getOperation()))
    return visitGather(value, map, map);
  if (std::optional<AttentionValues> values = findAttentionValues(value))
    return visitAttention(*values, map);
  return "its input is computed by " + op->getName().getStringRef().str();
}

//===------------------------------------------------------------------------------------------===//
// the interface
//===------------------------------------------------------------------------------------------===//

static Obstacle search(Folding &folding, ChannelTransform transform) {
  Value input = transform.getTransformInput();
  if (!input.hasOneUse())
    return std::string("its input is read by other operations as well");
  if (!isa<RankedTensorType>(transform.getTransformResult().getType()) ||
      ShapedType::isDynamic(channelsOf(transform.getTransformResult())))
    return std::string("its number of channels is not known");
  for (Value parameter : llvm::drop_begin(transform->getOperands()))
    if (!isa<BlockArgument>(parameter) && !isConstantExpression(parameter))
      return std::string("its parameters are computed at run time");
  return folding.visit(input, transform);
}

Obstacle qllm::foldIntoProducer(ChannelTransform transform) {
  Folding folding;
  if (Obstacle obstacle = search(folding, transform)) {
    folding.drop();
    return obstacle;
  }
  folding.apply(transform);
  return std::nullopt;
}

Obstacle qllm::findProducerObstacle(ChannelTransform transform) {
  Folding folding;
  Obstacle obstacle = search(folding, transform);
  folding.drop();
  return obstacle;
}

Value qllm::applyTransform(OpBuilder &builder, ChannelTransform transform, Value input) {
  IRMapping mapping;
  mapping.map(transform.getTransformInput(), input);
  Operation *clone = builder.clone(*transform, mapping);
  clone->setDiscardableAttrs(ArrayRef<NamedAttribute>());
  Value result = clone->getResult(0);
  // A rotation of the queries' heads is one of fewer value heads too.
  bool keepsWidth =
      channelsOf(transform.getTransformInput()) == channelsOf(transform.getTransformResult());
  result.setType(keepsWidth ? cast<RankedTensorType>(input.getType())
                            : withChannels(input, channelsOf(transform.getTransformResult())));
  return result;
}

Value qllm::transposeMatrix(OpBuilder &builder, Location loc, Value matrix) {
  if (auto transpose = matrix.getDefiningOp<onnx::TransposeOp>()) {
    auto inner = dyn_cast<RankedTensorType>(transpose.getData().getType());
    std::optional<ArrayRef<int64_t>> order = transpose.getPerm();
    if (inner && inner.getRank() == 2 && (!order || order->front() == 1))
      return transpose.getData();
  }
  auto type = cast<RankedTensorType>(matrix.getType());
  auto swapped =
      RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  return onnx::TransposeOp::create(builder, loc, swapped, matrix,
                                   builder.getDenseI64ArrayAttr({1, 0}));
}

void qllm::eraseDeadTransposes(Operation *root) {
  root->walk([](onnx::TransposeOp transpose) {
    if (transpose->use_empty())
      transpose.erase();
  });
}

LinearParameters qllm::transformRows(OpBuilder &builder, ChannelTransform transform,
                                     LinearParameters layer) {
  // x W^T R + b R + d: W is transformed as a matrix of columns, without what is added.
  if (!isa<ShiftChannelsOp>(transform.getOperation())) {
    Value columns = transposeMatrix(builder, transform.getLoc(), layer.weight);
    layer.weight =
        transposeMatrix(builder, transform.getLoc(), applyTransform(builder, transform, columns));
  }
  layer.bias = transformBias(builder, transform, layer.bias);
  return layer;
}
