// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of the pieces is that of SiteState.h.

#include "qllm/Calibration/SiteIR.h"

#include "SiteWeights.h"
#include "qllm/Analysis/Coverage.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/SiteAttribute.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Numerics/Hadamard.h"

using namespace mlir;
using namespace qllm;
using llvm::Error;
using llvm::Expected;

namespace {

class Emitter {
public:
  Emitter(const Site &site, const SiteState &state)
      : site(site), state(state), builder(LinearOp(site.linears.front())),
        loc(LinearOp(site.linears.front()).getLoc()),
        decisions(toAttribute(builder.getContext(), state.decisions)) {}

  Expected<EmittedSite> run();

private:
  Error check();
  Value withKnownChannels(Value x);
  Expected<Value> emitMap(Value x, const ChannelMap &map, size_t index);
  Expected<Value> emitPrincipal(Value x);
  Expected<Value> emitQuantizer(Value x);
  Expected<Value> emitWeight(LinearOp linear, size_t index);
  Expected<Value> emitBias(LinearOp linear, const SiteProduct &product);
  Expected<Value> emitProduct(LinearOp linear, size_t index, EmittedSite &result);

  std::string named(const llvm::Twine &suffix) const { return (site.name + suffix).str(); }
  bool isSplit() const {
    return llvm::any_of(state.parts, [](int64_t parts) { return parts != 1; });
  }
  ArrayRef<int64_t> parts() const {
    return isSplit() ? ArrayRef<int64_t>(state.parts) : ArrayRef<int64_t>();
  }
  /// Whether weights and biases are still those of the model.
  bool isUntouched() const {
    return state.maps.empty() && !isSplit() && !state.isRewritten &&
           (state.target.empty() || state.target.values() == state.weight.values());
  }
  Type elementType() const { return cast<ShapedType>(site.input().getType()).getElementType(); }

  const Site &site;
  const SiteState &state;
  OpBuilder builder;
  Location loc;
  DictionaryAttr decisions;
  /// The quantized activation and z, as the layers read them.
  Value quantized, principal;
  std::vector<QuantizedParts> packed;
};

} // namespace

/// Everything that can fail is done before the first operation is made.
Error Emitter::check() {
  packed.resize(state.products.size());
  for (auto [index, product] : llvm::enumerate(state.products)) {
    if (!product.format || state.rounded.codes.empty())
      continue;
    FailureOr<SitePlan> plan = SitePlan::of(LinearOp(site.linears[index]));
    if (failed(plan) || !plan->weight)
      return llvm::createStringError("expected a plan of the weight of '" + product.name + "'");
    Expected<QuantizedParts> parts = splitParts(state, product, index, plan->weight);
    if (!parts)
      return llvm::createStringError("'" + product.name +
                                     "': " + llvm::toString(parts.takeError()));
    packed[index] = std::move(*parts);
  }
  return Error::success();
}

/// The number of channels is that of the weights, whether the input's type says so or not; channel
/// operations need it.
Value Emitter::withKnownChannels(Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  if (!type.isDynamicDim(type.getRank() - 1) || (state.maps.empty() && !isSplit()))
    return x;
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = state.weight.columns();
  return onnx::IdentityOp::create(builder, loc, type.clone(shape), x);
}

Expected<Value> Emitter::emitMap(Value x, const ChannelMap &map, size_t index) {
  std::string name = named(".map" + llvm::Twine(index));
  switch (map.kind) {
  case ChannelMap::Kind::Shift: {
    Value values = createConstant(builder, loc, ArrayRef<float>(map.values), name + "_shift");
    return Value(ShiftChannelsOp::create(builder, loc, x.getType(), x, values, /*inverse=*/true));
  }
  case ChannelMap::Kind::Scale: {
    Value values = createConstant(builder, loc, ArrayRef<float>(map.values), name + "_scale");
    return Value(ScaleChannelsOp::create(builder, loc, x.getType(), x, values, /*inverse=*/true));
  }
  case ChannelMap::Kind::Permute:
    return Value(PermuteChannelsOp::create(builder, loc, x.getType(), x,
                                           builder.getDenseI64ArrayAttr(map.indices)));
  case ChannelMap::Kind::Merge: {
    Value values = createConstant(builder, loc, ArrayRef<float>(map.values), name + "_share");
    x = ScaleChannelsOp::create(builder, loc, x.getType(), x, values, /*inverse=*/false);
    return Value(MergeChannelsOp::create(builder, loc, x, map.indices, /*sum=*/true));
  }
  case ChannelMap::Kind::Rotate:
    break;
  }
  for (auto [i, factor] : llvm::enumerate(map.factors)) {
    // Doubled factors need no matrix: m additions for 2^m channels.
    if (isSylvesterHadamard(factor.matrix)) {
      x = RotateChannelsOp::create(builder, loc, x, factor.size, factor.stride);
      continue;
    }
    Value matrix =
        createConstant(builder, loc, factor.matrix, name + "_rotation" + std::to_string(i));
    x = RotateChannelsOp::create(builder, loc, x, matrix, factor.stride);
  }
  return x;
}

/// z = Q(x P^T), and x - z P: what the layers' low-bit products see.
Expected<Value> Emitter::emitPrincipal(Value x) {
  MLIRContext *context = builder.getContext();
  Expected<Value> down =
      createFactor(builder, loc, state.principal.values, state.principal.bits, named(".principal"));
  if (!down)
    return down;
  auto name = [&](Operation *op, StringRef suffix) {
    op->setDiscardableAttr("qllm.name", builder.getStringAttr(named(suffix)));
    op->setDiscardableAttr(branchAttr, builder.getUnitAttr());
  };
  auto product = LinearOp::create(builder, loc, x, *down, Value(), elementType());
  name(product, ".principal");
  principal = product;
  if (state.principalBits < 16) {
    auto shape = cast<RankedTensorType>(product.getType()).getShape();
    auto type = QuantizedType::get(
        shape, IntFormatAttr::get(context, unsigned(state.principalBits), Symmetry::Symmetric),
        GranularityAttr::perToken(context));
    principal = QuantizeOp::create(builder, loc, type, principal);
  }
  Value up = *down;
  if (auto type = dyn_cast<QuantizedType>(up.getType()))
    up = DequantizeOp::create(builder, loc, type.getDequantizedType(builder.getF32Type()), up);
  auto upType = cast<RankedTensorType>(up.getType());
  auto transposed =
      RankedTensorType::get({upType.getDimSize(1), upType.getDimSize(0)}, builder.getF32Type());
  up =
      onnx::TransposeOp::create(builder, loc, transposed, up, builder.getDenseI64ArrayAttr({1, 0}));
  auto back = LinearOp::create(builder, loc, principal, up, Value(), elementType());
  name(back, ".principal_part");
  return Value(onnx::SubOp::create(builder, loc, x.getType(), x, back));
}

Expected<Value> Emitter::emitQuantizer(Value x) {
  Value offsets;
  if (isSplit()) {
    auto split = SplitChannelsOp::create(builder, loc, x, builder.getDenseI64ArrayAttr(state.parts),
                                         /*repeat=*/false, state.offsets);
    if (state.offsets && state.inputFormat) {
      SmallVector<float> values = split.computeRoundingOffsets();
      offsets = createConstant(builder, loc, ArrayRef<float>(values), named(".offsets"));
    }
    x = split;
  }
  if (!state.inputFormat)
    return x;
  FailureOr<SitePlan> plan = SitePlan::of(LinearOp(site.linears.front()));
  QuantizedType type;
  if (succeeded(plan) && !plan->operands.empty() && plan->operands.front())
    type = plan->operands.front().cloneWithShape(cast<RankedTensorType>(x.getType()).getShape());
  if (!type)
    return llvm::createStringError(
        "expected a plan that fits an input of " + llvm::Twine(state.parts.size()) +
        " channels; a group size has to divide the number of split channels");
  return Value(QuantizeOp::create(builder, loc, type, x, offsets, state.clip));
}

Expected<Value> Emitter::emitWeight(LinearOp linear, size_t index) {
  const SiteProduct &product = state.products[index];
  ConstantView view = viewConstant(linear.getWeight());
  std::string name = weightName(view.source).str();
  if (name.empty())
    name = product.name;
  OpBuilder at(builder.getContext());
  at.setInsertionPoint(linear);
  if (product.format && !state.rounded.codes.empty()) {
    QuantizedType type = SitePlan::of(linear)->weight;
    int64_t width = int64_t(packed[index].codes.size()) / std::max<int64_t>(1, product.rows);
    type = type.cloneWithShape({product.rows, width});
    return createPacked(at, linear.getLoc(), type, packed[index], name);
  }
  if (isUntouched())
    return linear.getWeight();
  const MatrixF &values = !state.rounded.values.empty() ? state.rounded.values : state.target;
  return createConstant(at, linear.getLoc(),
                        repeatColumns(rowsOf(values, product.firstRow, product.rows), parts()),
                        name);
}

Expected<Value> Emitter::emitBias(LinearOp linear, const SiteProduct &product) {
  if (state.outputBias.empty())
    return linear.getBias();
  ArrayRef<float> bias =
      ArrayRef<float>(state.outputBias).slice(size_t(product.firstRow), size_t(product.rows));
  ArrayRef<float> own =
      ArrayRef<float>(state.bias).slice(size_t(product.firstRow), size_t(product.rows));
  bool isZero = llvm::all_of(bias, [](float value) { return value == 0; });
  if (bias == own && (!state.isRewritten || (isZero && !linear.getBias())))
    return linear.getBias();
  OpBuilder at(linear);
  return createConstant(at, linear.getLoc(), bias, product.name + ".bias");
}

Expected<Value> Emitter::emitProduct(LinearOp linear, size_t index, EmittedSite &result) {
  const SiteProduct &product = state.products[index];
  Expected<Value> weight = emitWeight(linear, index), bias = emitBias(linear, product);
  if (!weight)
    return weight;
  OpBuilder at(linear);
  Type element = cast<ShapedType>(linear.getType()).getElementType();
  auto main = LinearOp::create(at, linear.getLoc(), quantized, *weight, *bias, element);
  main->setDiscardableAttrs(linear->getDiscardableAttrDictionary());
  SitePlan plan = *SitePlan::of(linear);
  plan.operands.clear();
  if (isa<QuantizedType>(weight->getType()))
    plan.weight = {};
  else if (plan.weight)
    plan.weight = plan.weight.cloneWithShape(cast<RankedTensorType>(weight->getType()).getShape());
  plan.attachTo(main);
  if (decisions)
    main->setDiscardableAttr(siteAttr, decisions);
  result.linears.push_back(main);
  Value output = main;
  auto add = [&](Operation *branch, const llvm::Twine &suffix) {
    branch->setDiscardableAttr("qllm.name", at.getStringAttr(product.name + suffix));
    branch->setDiscardableAttr(branchAttr, at.getUnitAttr());
    output =
        onnx::AddOp::create(at, linear.getLoc(), linear.getType(), output, branch->getResult(0));
  };
  if (!state.principalUp.empty()) {
    Expected<Value> up = createFactor(
        at, linear.getLoc(), rowsOf(state.principalUp.values, product.firstRow, product.rows),
        state.principalUp.bits, product.name + ".principal_up");
    if (!up)
      return up;
    add(LinearOp::create(at, linear.getLoc(), principal, *up, Value(), element), ".principal_up");
  }
  if (!state.branchDown.empty()) {
    Expected<Value> down =
        createFactor(at, linear.getLoc(), repeatColumns(state.branchDown.values, parts()),
                     state.branchDown.bits, product.name + ".branch_down");
    Expected<Value> up = createFactor(at, linear.getLoc(),
                                      rowsOf(state.branchUp.values, product.firstRow, product.rows),
                                      state.branchUp.bits, product.name + ".branch_up");
    if (!down || !up)
      return llvm::joinErrors(down.takeError(), up.takeError());
    add(LowRankOp::create(at, linear.getLoc(), linear.getType(), quantized, *down, *up), ".branch");
  }
  return output;
}

Expected<EmittedSite> Emitter::run() {
  if (Error error = check())
    return error;
  Value x = withKnownChannels(site.input());
  for (auto [index, map] : llvm::enumerate(state.maps)) {
    Expected<Value> mapped = emitMap(x, map, index);
    if (!mapped)
      return mapped.takeError();
    x = *mapped;
  }
  if (!state.principal.empty()) {
    Expected<Value> residual = emitPrincipal(x);
    if (!residual)
      return residual.takeError();
    x = *residual;
  }
  Expected<Value> codes = emitQuantizer(x);
  if (!codes)
    return codes.takeError();
  quantized = *codes;
  EmittedSite result;
  for (auto [index, linear] : llvm::enumerate(site.linears)) {
    Expected<Value> output = emitProduct(linear, index, result);
    if (!output)
      return output.takeError();
    result.outputs.push_back(*output);
  }
  SmallVector<Value> constants;
  for (auto [linear, output] : llvm::zip_equal(site.linears, result.outputs)) {
    constants.push_back(LinearOp(linear).getWeight());
    if (Value bias = LinearOp(linear).getBias())
      constants.push_back(bias);
    LinearOp(linear).getResult().replaceAllUsesWith(output);
    LinearOp(linear)->erase();
  }
  eraseDeadConstants(constants);
  return result;
}

Expected<EmittedSite> qllm::emitSite(const Site &site, const SiteState &state) {
  return Emitter(site, state).run();
}
