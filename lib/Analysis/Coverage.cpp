// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counting layers, weights and multiply-accumulates.

#include "qllm/Analysis/Coverage.h"

#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace qllm;

namespace {

std::string typeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::string granularityName(GranularityAttr granularity) {
  if (granularity.isPerTensor())
    return "per tensor";
  if (granularity.isPerToken())
    return "per token";
  if (granularity.isGroup())
    return "group " + std::to_string(granularity.getGroupSize());
  return "per channel";
}

std::string formatName(Type type) {
  if (auto quantized = dyn_cast<QuantizedType>(type))
    return quantized.getFormat().getFormatName() + " " +
           granularityName(quantized.getGranularity());
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return typeName(tensor.getElementType());
  return "unknown";
}

unsigned formatBits(Type type) {
  if (auto quantized = dyn_cast<QuantizedType>(type))
    return quantized.getFormat().getBitWidth();
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isIntOrFloat()
             ? tensor.getElementType().getIntOrFloatBitWidth()
             : 0;
}

int64_t constantBytes(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? onnx::storageBytes(type).value_or(0) : 0;
}

/// Bytes of the parts of a weight in `type`; zero points are nearly always stored in one byte.
int64_t plannedBytes(QuantizedType type) {
  int64_t bytes = onnx::storageBytes(type.getCodesType()).value_or(0) +
                  onnx::storageBytes(type.getScalesType()).value_or(0);
  return bytes + (type.hasZeroPoint() ? type.getScalesType().getNumElements() : 0);
}

class Meter {
public:
  explicit Meter(CoverageOf what) : what(what) {}
  Coverage run(ModuleOp module);

private:
  void visit(Operation *op);
  void addLayer(Operation *op, StringRef kind, Value weight, Value input);
  void claimWeight(LayerRecord &record, Value weight);
  void countOthers(ModuleOp module);

  CoverageOf what;
  Coverage coverage;
  /// The constants that layers have claimed.
  DenseSet<Value> claimed;
};

} // namespace

/// Counts the constants behind a weight, unless another layer has.
void Meter::claimWeight(LayerRecord &record, Value weight) {
  Value first;
  auto claim = [&](Value part) {
    if (!part)
      return;
    Value source = viewConstant(part).source;
    if (!source || !claimed.insert(source).second)
      return;
    first = first ? first : part;
    record.bytes += constantBytes(source);
  };
  if (auto pack = weight.getDefiningOp<PackOp>()) {
    claim(pack.getCodes());
    claim(pack.getScales());
    claim(pack.getZeroPoints());
    claim(pack.getTensorScale());
  } else {
    claim(weight);
  }
  if (!first)
    return;
  record.weights = 1;
  for (int64_t size : record.shape)
    record.weights *= size;
}

void Meter::addLayer(Operation *op, StringRef kind, Value weight, Value input) {
  LayerRecord record;
  record.name = siteName(op);
  record.kind = kind.str();
  if (std::optional<ArrayRef<int64_t>> shape = getTensorShape(weight.getType()))
    record.shape.assign(shape->begin(), shape->end());
  if (llvm::any_of(record.shape, ShapedType::isDynamic))
    record.shape.clear();
  ConstantView view = viewConstant(weight);
  record.weightName = weightName(view ? view.source : weight).str();
  // A hand-edited plan may be malformed; the pass that applies it reports that.
  ScopedDiagnosticHandler silence(op->getContext(), [](Diagnostic &) { return success(); });
  FailureOr<SitePlan> read = SitePlan::of(op);
  SitePlan plan = succeeded(read) ? *read : SitePlan();
  Type weightType = weight.getType(), inputType = input ? input.getType() : Type();
  claimWeight(record, weight);
  if (what == CoverageOf::Plan) {
    if (plan.weight) {
      weightType = plan.weight;
      record.bytes = record.bytes ? plannedBytes(plan.weight) : 0;
    }
    if (input && !plan.operands.empty() && plan.operands.front())
      inputType = plan.operands.front();
  }
  record.weightFormat = formatName(weightType);
  record.weightBits = formatBits(weightType);
  if (input) {
    record.inputFormat = formatName(inputType);
    record.inputBits = formatBits(inputType);
    record.macs = 1;
    for (int64_t size : record.shape)
      record.macs *= size;
  }
  bool isQuantized = isa<QuantizedType>(weightType) || isa_and_present<QuantizedType>(inputType);
  if (!plan.skipped.empty()) {
    record.state = LayerState::Skipped;
    record.reason = plan.skipped;
  } else if (isQuantized) {
    record.state = LayerState::Quantized;
  } else if (!plan.excluded.empty()) {
    record.state = LayerState::Excluded;
    record.reason = plan.excluded;
  }
  coverage.layers.push_back(std::move(record));
}

void Meter::visit(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return addLayer(op, "linear", linear.getWeight(), linear.getInput());
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    return addLayer(op, "embedding", embedding.getTable(), {});
  if (auto dequantize = dyn_cast<DequantizeOp>(op)) {
    coverage.quantizedAttentionOperands +=
        isa_and_present<QuantizeOp>(dequantize.getInput().getDefiningOp());
    return;
  }
  auto plan = dyn_cast_or_null<DictionaryAttr>(op->getDiscardableAttr(SitePlan::attributeName));
  auto reason = plan ? dyn_cast_or_null<StringAttr>(plan.get("skipped")) : StringAttr();
  if (!reason)
    return;
  bool isProduct =
      isa<onnx::MatMulOp, onnx::GemmOp, onnx::ConvOp, onnx::MicrosoftMatMulNBitsOp>(op);
  for (Value operand : op->getOperands())
    if (isProduct && isConstantExpression(operand) && isa<RankedTensorType>(operand.getType()))
      return addLayer(op, op->getName().getStringRef(), operand,
                      op->getOperand(operand == op->getOperand(0) && op->getNumOperands() > 1));
  LayerRecord record;
  record.name = siteName(op);
  record.kind = op->getName().getStringRef().str();
  record.state = LayerState::Skipped;
  record.reason = reason.str();
  coverage.skippedAttention.push_back(std::move(record));
}

void Meter::countOthers(ModuleOp module) {
  module.walk([&](onnx::InitializerOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getResult().getType());
    if (!type || claimed.contains(op.getResult()))
      return;
    if (isa<FloatType>(type.getElementType()))
      coverage.otherWeights += type.getNumElements();
    coverage.otherBytes += constantBytes(op.getResult());
  });
}

Coverage Meter::run(ModuleOp module) {
  module.walk([&](Operation *op) { visit(op); });
  countOthers(module);
  return std::move(coverage);
}

Coverage qllm::measureCoverage(ModuleOp module, CoverageOf what) { return Meter(what).run(module); }

StringRef qllm::stringifyLayerState(LayerState state) {
  switch (state) {
  case LayerState::Quantized:
    return "quantized";
  case LayerState::Float:
    return "float";
  case LayerState::Excluded:
    return "excluded";
  case LayerState::Skipped:
    return "skipped";
  }
  llvm_unreachable("all states are listed");
}

int64_t Coverage::count(LayerState state) const {
  return llvm::count_if(layers, [&](const LayerRecord &layer) { return layer.state == state; });
}

int64_t Coverage::totalWeights() const {
  int64_t total = otherWeights;
  for (const LayerRecord &layer : layers)
    total += layer.weights;
  return total;
}

int64_t Coverage::totalBytes() const {
  int64_t total = otherBytes;
  for (const LayerRecord &layer : layers)
    total += layer.bytes;
  return total;
}

std::vector<CoverageRow> Coverage::rows() const {
  llvm::MapVector<std::pair<StringRef, StringRef>, CoverageRow> groups;
  double weights = std::max<int64_t>(1, totalWeights()), macs = 0;
  for (const LayerRecord &layer : layers)
    macs += layer.macs;
  for (const LayerRecord &layer : layers) {
    CoverageRow &row = groups[{layer.weightFormat, layer.inputFormat}];
    row.weightFormat = layer.weightFormat;
    row.inputFormat = layer.inputFormat.empty() ? "-" : layer.inputFormat;
    row.weightBits = layer.weightBits;
    ++row.layers;
    row.shareOfWeights += layer.weights / weights;
    row.shareOfMacs += macs ? layer.macs / macs : 0;
  }
  std::vector<CoverageRow> result;
  for (auto &[key, row] : groups)
    result.push_back(row);
  llvm::stable_sort(result, [](const CoverageRow &a, const CoverageRow &b) {
    return a.weightBits > b.weightBits;
  });
  if (otherWeights)
    result.push_back({"other constants", "-", 0, 0, otherWeights / weights, 0});
  return result;
}

void Coverage::print(llvm::raw_ostream &os) const {
  os << llvm::format("%-24s %-20s %7s %10s %8s\n", "weights", "inputs", "layers", "% weights",
                     "% MACs");
  for (const CoverageRow &row : rows())
    os << llvm::format("%-24s %-20s %7lld %10.2f %8.2f\n", row.weightFormat.c_str(),
                       row.inputFormat.c_str(), static_cast<long long>(row.layers),
                       100 * row.shareOfWeights, 100 * row.shareOfMacs);
  os << count(LayerState::Quantized) << " of " << layers.size() << " layers quantized, "
     << count(LayerState::Excluded) << " excluded, " << count(LayerState::Skipped) << " skipped";
  if (quantizedAttentionOperands)
    os << "; " << quantizedAttentionOperands << " attention operands quantized";
  if (!skippedAttention.empty())
    os << "; " << skippedAttention.size() << " attentions skipped";
  os << llvm::format("; %.1f MB of weights\n", totalBytes() / 1e6);
}
