// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GroupQueryAttention in standard operators. With S tokens a step, P places in the past cache, and
// for each batch entry b a valid length of L[b] = seqlens_k[b] + 1:
//   write[b]    = 0 if total_sequence_length = S (a prompt), else L[b] - S
//   position    = write[b] + i
//   present     = past, padded to max(P, total_sequence_length), with the step's keys at write[b]
//   seen(i, j)  = j <= position
// which holds for caches that grow and for caches of fixed size, with entries of equal and of
// different lengths. What the operator computes for tokens after a padded prompt's end is not
// defined, and is not kept.

#include "RaiseContrib.h"

#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

RankedTensorType ints(OpBuilder &builder, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, builder.getI64Type());
}

/// Size `axis` of `value` as a tensor of one element.
Value sizeOf(OpBuilder &builder, Location loc, Value value, int64_t axis) {
  return onnx::ShapeOp::create(builder, loc, ints(builder, {1}), value,
                               builder.getI64IntegerAttr(axis + 1),
                               builder.getI64IntegerAttr(axis));
}

/// 0, 1, ..., n - 1 for the one element n of `count`.
Value countTo(OpBuilder &builder, Location loc, Value count) {
  Value limit =
      onnx::SqueezeOp::create(builder, loc, ints(builder, {}), count, makeInts(builder, loc, {0}));
  return onnx::RangeOp::create(builder, loc, ints(builder, {ShapedType::kDynamic}),
                               makeInt(builder, loc, 0), limit, makeInt(builder, loc, 1), nullptr);
}

/// `value` as i64 of rank 1.
Value asVector(OpBuilder &builder, Location loc, Value value, int64_t size) {
  Type i64 = builder.getI64Type();
  auto type = cast<TensorType>(value.getType());
  if (type.getElementType() != i64)
    value = onnx::CastOp::create(builder, loc, type.clone(i64), value, nullptr, nullptr,
                                 builder.getI64IntegerAttr(7));
  return onnx::ReshapeOp::create(builder, loc, ints(builder, {size}), value,
                                 makeInts(builder, loc, {-1}), nullptr);
}

int64_t sizeOr(SymbolicDim dim) { return dim.known ? dim.value : ShapedType::kDynamic; }

bool isSet(std::optional<int64_t> attribute, int64_t neutral) {
  return attribute && *attribute != neutral;
}

/// The opset that brought TensorScatter. Typed operations mean the same in every version; the
/// exporter picks one for them.
constexpr int64_t scatterOpset = 24;
/// The key of the default domain in `onnx.opset`.
constexpr llvm::StringLiteral defaultDomain = "ai.onnx";

int64_t defaultOpset(ModuleOp module) {
  auto versions = module->getAttrOfType<DictionaryAttr>("onnx.opset");
  auto version = versions ? versions.getAs<IntegerAttr>(defaultDomain) : IntegerAttr();
  return version ? version.getInt() : 0;
}

void raiseOpset(ModuleOp module) {
  if (defaultOpset(module) >= scatterOpset)
    return;
  Builder builder(module.getContext());
  NamedAttrList versions(module->getAttrOfType<DictionaryAttr>("onnx.opset"));
  versions.set(defaultDomain, builder.getI64IntegerAttr(scatterOpset));
  module->setAttr("onnx.opset", versions.getDictionary(module.getContext()));
}

} // namespace

/// An operator that stayed opaque belongs to the model's opset, so the opset cannot be raised past
/// it.
std::string GroupQueryAttention::opsetObstacle() {
  if (defaultOpset(module) >= scatterOpset)
    return "";
  std::string name;
  module.walk([&](onnx::CustomOp custom) {
    if (custom.getDomain().empty() && custom.getOpType() != "TensorScatter")
      name = custom.getOpType().str();
  });
  return name.empty() ? ""
                      : "the cache needs opset " + std::to_string(scatterOpset) + ", but " + name +
                            " is of an older one";
}

std::string GroupQueryAttention::unsupported(onnx::MicrosoftGroupQueryAttentionOp op) {
  std::optional<SymbolicShape> query = shapes.shape(op.getQuery());
  if (!query || query->size() != 3 || !query->back().known)
    return "the hidden size is not known";
  int64_t heads = op.getNumHeads(), shared = op.getKvNumHeads();
  bool packed = !op.getKey();
  int64_t parts = packed ? heads + 2 * shared : heads;
  if (heads <= 0 || shared <= 0 || heads % shared != 0 || query->back().value % parts != 0)
    return "the head counts do not divide the hidden size";
  if (packed != !op.getValue())
    return "one of key and value is absent";
  if (op.getAttentionBias())
    return "an attention bias";
  if (op.getHeadSink() || isSet(op.getSmoothSoftmax(), 0))
    return "an attention sink";
  if (op.getKScale() || op.getVScale() || isSet(op.getKvCacheBitWidth(), 0))
    return "a quantized cache";
  if (isSet(op.getLocalWindowSize(), -1))
    return "a local window";
  if (op.getOutputQk())
    return "the scores are an output";
  if (!op.getPastKey() != !op.getPastValue())
    return "one of past key and past value is absent";
  if (op.getDoRotary().value_or(0) && (!op.getCosCache() || !op.getSinCache()))
    return "rotary embedding without tables";
  for (Value past : {op.getPastKey(), op.getPastValue()})
    if (past && (!shapes.shape(past) || shapes.shape(past)->size() != 4))
      return "the cache is not known to have rank 4";
  if (!isa<TensorType>(op.getSeqlensK().getType()) ||
      !isa<TensorType>(op.getTotalSequenceLength().getType()))
    return "the lengths have no type";
  return "";
}

GroupQueryAttention::Frame GroupQueryAttention::frameFor(OpBuilder &builder,
                                                         onnx::MicrosoftGroupQueryAttentionOp op,
                                                         SymbolicDim step) {
  Key key{op.getSeqlensK().getAsOpaquePointer(), op.getTotalSequenceLength().getAsOpaquePointer(),
          step, op->getBlock()};
  if (auto it = frames.find(key); it != frames.end())
    return it->second;
  Location loc = op.getLoc();
  int64_t batch = sizeOr(*shapes.dim(op.getQuery(), 0));
  Value length = asVector(builder, loc, op.getSeqlensK(), batch),
        total = asVector(builder, loc, op.getTotalSequenceLength(), 1);
  Value tokens = sizeOf(builder, loc, op.getQuery(), 1);
  // L - S = seqlens_k - (S - 1).
  Value before =
      onnx::SubOp::create(builder, loc, ints(builder, {1}), tokens, makeInts(builder, loc, {1}));
  Value start = onnx::SubOp::create(builder, loc, ints(builder, {batch}), length, before);
  Value isPrompt = onnx::EqualOp::create(
      builder, loc, RankedTensorType::get({1}, builder.getI1Type()), total, tokens);
  Value past = onnx::WhereOp::create(builder, loc, ints(builder, {batch}), isPrompt,
                                     makeInts(builder, loc, {0}), start);
  Value column = onnx::UnsqueezeOp::create(builder, loc, ints(builder, {batch, 1}), past,
                                           makeInts(builder, loc, {1}));
  Value positions = onnx::AddOp::create(builder, loc, ints(builder, {batch, sizeOr(step)}), column,
                                        countTo(builder, loc, tokens));
  return frames[key] = {past, positions};
}

Value GroupQueryAttention::maskFor(OpBuilder &builder, Location loc, Value positions, Value keys,
                                   SymbolicDim batch, SymbolicDim step, SymbolicDim length) {
  Value column =
      onnx::UnsqueezeOp::create(builder, loc, ints(builder, {sizeOr(batch), 1, sizeOr(step), 1}),
                                positions, makeInts(builder, loc, {1, 3}));
  Value indices = countTo(builder, loc, sizeOf(builder, loc, keys, 2));
  auto type =
      RankedTensorType::get({sizeOr(batch), 1, sizeOr(step), sizeOr(length)}, builder.getI1Type());
  return onnx::LessOrEqualOp::create(builder, loc, type, indices, column);
}

Value GroupQueryAttention::toHeads(OpBuilder &builder, Location loc, Value value, int64_t heads,
                                   int64_t size) {
  SymbolicDim batch = *shapes.dim(value, 0), step = *shapes.dim(value, 1);
  SymbolicShape split = {batch, step, SymbolicDim::number(heads), SymbolicDim::number(size)};
  Value reshaped = onnx::ReshapeOp::create(builder, loc, typeFor(value, split), value,
                                           makeInts(builder, loc, {0, 0, heads, size}), nullptr);
  std::swap(split[1], split[2]);
  return onnx::TransposeOp::create(builder, loc, typeFor(value, split), reshaped,
                                   builder.getDenseI64ArrayAttr({0, 2, 1, 3}));
}

Value GroupQueryAttention::cached(OpBuilder &builder, Location loc, Value past, Value step,
                                  Value total, Value writeAt, Type type) {
  Value missing =
      onnx::SubOp::create(builder, loc, ints(builder, {1}), total, sizeOf(builder, loc, past, 2));
  Value zero = makeInts(builder, loc, {0});
  Value extra = onnx::MaxOp::create(builder, loc, ints(builder, {1}), ValueRange{missing, zero});
  Value pads = onnx::ConcatOp::create(builder, loc, ints(builder, {2}), ValueRange{zero, extra},
                                      builder.getI64IntegerAttr(0));
  Value room = onnx::PadOp::create(builder, loc, type, past, pads, Value(),
                                   makeInts(builder, loc, {2}), nullptr);
  auto scatter = onnx::CustomOp::create(builder, loc, TypeRange{type}, builder.getStringAttr(""),
                                        builder.getStringAttr("TensorScatter"),
                                        ValueRange{room, step, writeAt}, 0u);
  scatter->setAttr("axis", builder.getI64IntegerAttr(2));
  return scatter.getOutputs()[0];
}

bool GroupQueryAttention::raise(onnx::MicrosoftGroupQueryAttentionOp op, std::string &reason) {
  reason = unsupported(op);
  if (reason.empty() && op.getPastKey())
    reason = opsetObstacle();
  if (!reason.empty())
    return false;
  if (op.getPastKey())
    raiseOpset(module);
  OpBuilder builder(op);
  Location loc = op.getLoc();
  int64_t heads = op.getNumHeads(), shared = op.getKvNumHeads();
  SymbolicShape query = *shapes.shape(op.getQuery());
  int64_t size = query.back().value / (op.getKey() ? heads : heads + 2 * shared);

  Value q = op.getQuery(), k = op.getKey(), v = op.getValue();
  if (!k) {
    SymbolicShape part = query;
    SmallVector<Type, 3> types;
    for (int64_t width : {heads * size, shared * size, shared * size}) {
      part.back() = SymbolicDim::number(width);
      types.push_back(typeFor(q, part));
    }
    Value widths = makeInts(builder, loc, {heads * size, shared * size, shared * size});
    auto split = onnx::SplitOp::create(builder, loc, types, q, widths,
                                       builder.getI64IntegerAttr(-1), nullptr);
    q = split->getResult(0);
    k = split->getResult(1);
    v = split->getResult(2);
  }
  q = toHeads(builder, loc, q, heads, size);
  k = toHeads(builder, loc, k, shared, size);
  v = toHeads(builder, loc, v, shared, size);

  SymbolicDim batch = query[0], step = query[1];
  Frame frame = frameFor(builder, op, step);
  if (op.getDoRotary().value_or(0)) {
    Value positions = op.getPositionIds() ? op.getPositionIds() : frame.positions;
    auto half = shapes.dim(op.getCosCache(), -1);
    // Tables narrower than half a head turn only the front of it.
    IntegerAttr width = half && half->known && half->value * 2 < size
                            ? builder.getI64IntegerAttr(half->value * 2)
                            : nullptr;
    for (Value *heads : {&q, &k})
      *heads = onnx::RotaryEmbeddingOp::create(builder, loc, heads->getType(), *heads,
                                               op.getCosCache(), op.getSinCache(), positions,
                                               op.getRotaryInterleavedAttr(), nullptr, width);
  }
  SymbolicDim length = step;
  if (op.getPastKey()) {
    Value total = asVector(builder, loc, op.getTotalSequenceLength(), 1);
    auto present = [&](Value past, Value declared) {
      SymbolicShape shape = *shapes.shape(past);
      auto grown = RankedTensorType::get(
          {sizeOr(shape[0]), sizeOr(shape[1]), ShapedType::kDynamic, sizeOr(shape[3])},
          cast<TensorType>(past.getType()).getElementType());
      return declared ? declared.getType() : Type(grown);
    };
    length = *shapes.dim(op.getPastKey(), 2);
    k = cached(builder, loc, op.getPastKey(), k, total, frame.past,
               present(op.getPastKey(), op.getPresentKey()));
    v = cached(builder, loc, op.getPastValue(), v, total, frame.past,
               present(op.getPastValue(), op.getPresentValue()));
  }
  Key key{frame.positions.getAsOpaquePointer(), op.getTotalSequenceLength().getAsOpaquePointer(),
          length, op->getBlock()};
  auto [mask, isNew] = masks.try_emplace(key);
  if (isNew) {
    auto keys = dyn_cast<RankedTensorType>(k.getType());
    SymbolicDim known = keys && keys.getRank() == 4 && !keys.isDynamicDim(2)
                            ? SymbolicDim::number(keys.getDimSize(2))
                            : SymbolicDim{false, -1};
    mask->second = maskFor(builder, loc, frame.positions, k, batch, step, known);
  }
  float scale = op.getScale() ? op.getScale()->convertToFloat() : 0.0f;
  auto scaleAttr =
      builder.getF32FloatAttr(scale == 0.0f ? 1.0f / std::sqrt(static_cast<float>(size)) : scale);
  FloatAttr softcap = op.getSoftcap() && !op.getSoftcap()->isZero() ? op.getSoftcapAttr() : nullptr;
  auto attention = onnx::AttentionOp::create(
      builder, loc, q.getType(), Type(), Type(), Type(), q, k, v, mask->second, Value(), Value(),
      Value(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, scaleAttr, softcap, nullptr);
  if (Attribute name = op->getAttr("onnx.node_name"))
    attention->setAttr("onnx.node_name", name);
  SymbolicShape rows = {batch, step, SymbolicDim::number(heads), SymbolicDim::number(size)};
  Value gathered = onnx::TransposeOp::create(builder, loc, typeFor(q, rows), attention.getY(),
                                             builder.getDenseI64ArrayAttr({0, 2, 1, 3}));
  Value y = onnx::ReshapeOp::create(builder, loc, op.getY().getType(), gathered,
                                    makeInts(builder, loc, {0, 0, heads * size}), nullptr);
  op.getY().replaceAllUsesWith(y);
  if (op.getPresentKey())
    op.getPresentKey().replaceAllUsesWith(k);
  if (op.getPresentValue())
    op.getPresentValue().replaceAllUsesWith(v);
  return true;
}
