// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.quantize to qk.quantize: looks backwards from the tensor that is quantized.

#include "LowerQuantize.h"

#include "RowMatrix.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Kernels/QuantizeKernel.h"

using namespace mlir;
using namespace qllm;

namespace {

RankedTensorType typeOf(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

/// Whether an operation reads the value's last axis and nothing else of its shape.
bool isLastAxis(std::optional<int64_t> axis, Value value) {
  int64_t last = typeOf(value).getRank() - 1, given = axis.value_or(-1);
  return given == -1 || given == last;
}

/// The operands of the kernel, found step by step.
class Producers {
public:
  /// What comes before `x`, from which `op` gets its channels.
  Producers(QuantizeOp op, Value x) : op(op), input(x), channels(x) {
    if (!matchGate() && matchNorm())
      matchResidual();
  }

  QuantizeOp op;
  Value input, gate, weight, bias, residual;
  std::optional<qk::NormKind> norm;
  FloatAttr epsilon;
  onnx::AddOp stream; ///< whose result the kernel stores as well

private:
  Value channels;

  /// x * (g * sigmoid(g)), in any order of its factors.
  bool matchGate() {
    auto product = input.getDefiningOp<onnx::MulOp>();
    if (!product || !product->hasOneUse())
      return false;
    for (auto [silu, other] :
         {std::pair(product.getA(), product.getB()), std::pair(product.getB(), product.getA())}) {
      auto inner = silu.getDefiningOp<onnx::MulOp>();
      if (!inner || !inner->hasOneUse() || other.getType() != input.getType())
        continue;
      for (auto [value, sigmoid] :
           {std::pair(inner.getA(), inner.getB()), std::pair(inner.getB(), inner.getA())}) {
        auto sigma = sigmoid.getDefiningOp<onnx::SigmoidOp>();
        if (!sigma || !sigma->hasOneUse() || sigma.getX() != value ||
            value.getType() != input.getType())
          continue;
        gate = value;
        input = other;
        return true;
      }
    }
    return false;
  }

  bool matchNorm() {
    Operation *producer = input.getDefiningOp();
    if (!producer || !producer->hasOneUse())
      return false;
    if (auto rms = dyn_cast<onnx::RMSNormalizationOp>(producer)) {
      if (!isLastAxis(rms.getAxis(), rms.getX()))
        return false;
      setNorm(qk::NormKind::RMS, rms.getX(), rms.getScale(), Value(), rms.getEpsilonAttr());
      return true;
    }
    auto layer = dyn_cast<onnx::LayerNormalizationOp>(producer);
    if (!layer || !isLastAxis(layer.getAxis(), layer.getX()) || layer.getMean() ||
        layer.getInvStdDev())
      return false;
    setNorm(qk::NormKind::Layer, layer.getX(), layer.getScale(), layer.getB(),
            layer.getEpsilonAttr());
    return true;
  }

  void setNorm(qk::NormKind kind, Value x, Value scale, Value shift, FloatAttr given) {
    norm = kind;
    input = x;
    weight = scale;
    bias = shift;
    // The default of ONNX.
    epsilon = given ? given : Builder(op.getContext()).getF32FloatAttr(1e-5f);
  }

  /// The stream may be read by others as well, if all of them come later.
  void matchResidual() {
    auto add = input.getDefiningOp<onnx::AddOp>();
    if (!add || add.getA().getType() != input.getType() || add.getB().getType() != input.getType())
      return;
    Operation *reader = channels.getDefiningOp();
    for (Operation *user : add->getUsers())
      if (user->getBlock() != op->getBlock() || (user != reader && !op->isBeforeInBlock(user)))
        return;
    stream = add;
    input = add.getA();
    residual = add.getB();
  }
};

} // namespace

namespace {

/// The operands that say what is done to channels; null where nothing is.
struct TableOperands {
  Value index, multiply, add, offsets;
};

/// Sources as a matrix, with an index behind the row for none.
Value indexOf(OpBuilder &builder, Location loc, const ChannelTable &table) {
  size_t most = 1, count = table.sources.size();
  for (ArrayRef<int32_t> sources : table.sources)
    most = std::max(most, sources.size());
  std::vector<int32_t> index(most * count, int32_t(table.columns));
  for (auto [j, sources] : llvm::enumerate(table.sources))
    for (auto [i, source] : llvm::enumerate(sources))
      index[i * count + j] = source;
  SmallVector<int64_t> shape = {int64_t(count)};
  if (most > 1)
    shape.insert(shape.begin(), int64_t(most));
  return initializer(builder, loc, RankedTensorType::get(shape, builder.getI32Type()),
                     ArrayRef<int32_t>(index), table.input, "channel_sources");
}

TableOperands operandsOf(OpBuilder &builder, QuantizeOp op, const ChannelTable &table,
                         std::optional<std::vector<float>> offsets) {
  TableOperands operands;
  Location loc = op.getLoc();
  auto type = RankedTensorType::get({int64_t(table.sources.size())}, builder.getF32Type());
  auto constant = [&](ArrayRef<float> values, StringRef name) {
    return initializer(builder, loc, type, values, table.input, name);
  };
  if (table.gathers())
    operands.index = indexOf(builder, loc, table);
  if (llvm::any_of(table.factors, [](float f) { return f != 1; }))
    operands.multiply = constant(table.factors, "channel_factors");
  if (llvm::any_of(table.offsets, [](float d) { return d != 0; }))
    operands.add = constant(table.offsets, "channel_offsets");
  if (offsets)
    operands.offsets = constant(*offsets, "rounding_offsets");
  return operands;
}

} // namespace

int64_t qllm::scaledLength(QuantizedType type) {
  GranularityAttr granularity = type.getGranularity();
  return granularity.isGroup() ? granularity.getGroupSize() : type.getShape().back();
}

QuantizedRows qllm::lowerQuantize(QuantizeOp op, int64_t depth, bool inBytes, bool wantsSums,
                                  ConstantValues &constants) {
  ChannelTable table = matchChannels(op.getInput(), constants);
  if (ShapedType::isDynamic(table.columns))
    return {};
  std::optional<std::vector<float>> roundingOffsets;
  if (op.getRoundingOffsets()) {
    roundingOffsets = constants.get(op.getRoundingOffsets());
    if (!roundingOffsets)
      return {};
    repeatLast(*roundingOffsets, table.hadamard, depth);
  }
  table.repeatUpTo(depth);
  // qk.quantize_c9: what else there is stays with the interpreter's form.
  kernels::QuantizeKernel wanted;
  auto type = cast<QuantizedType>(op.getType());
  auto format = cast<IntFormatAttr>(type.getFormat());
  wanted.codes = {format.getBits(), !format.isAsymmetric()};
  wanted.columns = table.columns;
  wanted.resultColumns = wanted.groupLength = int64_t(table.sources.size());
  int64_t groupLength = scaledLength(type);
  bool grouped = groupLength != type.getShape().back();
  if (grouped)
    wanted.groupLength = groupLength;
  wanted.hadamard = table.hadamard;
  wanted.gathers = table.gathers();
  if (wanted.resultColumns != depth || !wanted.verify())
    return {};
  Producers producers(op, table.input);
  RankedTensorType input = typeOf(producers.input);
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto rows = [&](Value value) { return value ? toRows(builder, loc, value) : Value(); };
  Value matrix = rows(producers.input);
  int64_t count = typeOf(matrix).getDimSize(0);
  auto vector = [&](Type element) { return RankedTensorType::get({count}, element); };
  auto scaled = [&](Type element) {
    return grouped ? RankedTensorType::get({count, wanted.groups()}, element) : vector(element);
  };
  Type i32 = builder.getI32Type();
  auto storage = cast<IntegerType>(format.getStorageType());
  if (inBytes)
    storage = IntegerType::get(op.getContext(), 8, storage.getSignedness());
  TableOperands channels = operandsOf(builder, op, table, roundingOffsets);
  IntegerAttr hadamard = table.hadamard > 1 ? builder.getI64IntegerAttr(table.hadamard) : nullptr;
  auto kernel = qk::QuantizeOp::create(
      builder, loc, RankedTensorType::get({count, depth}, storage), scaled(builder.getF32Type()),
      format.isAsymmetric() ? scaled(i32) : Type(), wantsSums ? vector(i32) : Type(),
      producers.stream ? matrix.getType() : Type(), matrix, rows(producers.residual),
      producers.weight, producers.bias, rows(producers.gate), channels.index, channels.multiply,
      channels.add, channels.offsets,
      producers.norm ? qk::NormKindAttr::get(op.getContext(), *producers.norm) : qk::NormKindAttr(),
      producers.epsilon, hadamard, format,
      grouped ? builder.getI64IntegerAttr(groupLength) : IntegerAttr(), op.getIncludeZeroAttr(),
      op.getClipAttr());
  if (producers.stream) {
    Value whole = fromRows(builder, loc, kernel.getStream(), producers.input, input);
    producers.stream.getResult().replaceAllUsesExcept(whole, table.input.getDefiningOp());
  }
  return {kernel.getCodes(), kernel.getScales(), kernel.getZeroPoints(), kernel.getSums()};
}
