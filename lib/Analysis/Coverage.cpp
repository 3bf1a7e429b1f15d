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
  void addBranch(Operation *op, StringRef kind, ArrayRef<Value> weights);
  Value claim(Value part, int64_t &bytes);
  bool claimParts(Value weight, int64_t &bytes);
  void claimWeight(LayerRecord &record, Value weight);
  int64_t claimInput(LayerRecord &record, Value input);
  void countOthers(ModuleOp module);

  CoverageOf what;
  Coverage coverage;
  /// The constants that layers have claimed.
  DenseSet<Value> claimed;
  /// The transforms and quantizers whose attributes a layer has counted.
  DenseSet<Operation *> claimedTables;
};

/// Bytes of the table that an operation holds in its attributes, in the least whole bytes an entry.
int64_t tableBytes(Operation *op) {
  auto bytes = [](ArrayRef<int64_t> table) -> int64_t {
    int64_t largest = table.empty() ? 0 : *llvm::max_element(table);
    return int64_t(table.size()) * (largest < 256 ? 1 : largest < 65536 ? 2 : 4);
  };
  if (auto split = dyn_cast<SplitChannelsOp>(op))
    return bytes(split.getParts());
  if (auto merge = dyn_cast<MergeChannelsOp>(op))
    return bytes(merge.getTargets());
  if (auto permute = dyn_cast<PermuteChannelsOp>(op))
    return bytes(permute.getOrder());
  return 0;
}

int64_t channelsOf(Value value) {
  std::optional<ArrayRef<int64_t>> shape = getTensorShape(value.getType());
  return shape && !shape->empty() && !ShapedType::isDynamic(shape->back()) ? shape->back() : 0;
}

} // namespace

/// Counts the constants behind a value, unless another layer has; returns the value if it did.
Value Meter::claim(Value part, int64_t &bytes) {
  if (!part)
    return {};
  ConstantView view = viewConstant(part);
  if (view) {
    if (!claimed.insert(view.source).second)
      return {};
    bytes += constantBytes(view.source);
    return part;
  }
  // An expression counts as the tensor that it comes to.
  if (!isConstantExpression(part) || !isa<RankedTensorType>(part.getType()) ||
      !claimed.insert(part).second)
    return {};
  bytes += constantBytes(part);
  SmallVector<Operation *> pending{part.getDefiningOp()};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    claimed.insert(op->result_begin(), op->result_end());
    for (Value operand : op->getOperands())
      pending.push_back(operand.getDefiningOp());
  }
  return part;
}

bool Meter::claimParts(Value weight, int64_t &bytes) {
  auto pack = weight.getDefiningOp<PackOp>();
  if (!pack)
    return claim(weight, bytes) != nullptr;
  bool any = false;
  for (Value part : pack->getOperands())
    any |= claim(part, bytes) != nullptr;
  return any;
}

void Meter::claimWeight(LayerRecord &record, Value weight) {
  if (!claimParts(weight, record.bytes))
    return;
  record.weights = 1;
  for (int64_t size : record.shape)
    record.weights *= size;
}

/// Counts what stands between the input and where the model computes it; returns the number of
/// channels there.
int64_t Meter::claimInput(LayerRecord &record, Value input) {
  while (Operation *op = input.getDefiningOp()) {
    bool isResidual = isa<onnx::SubOp>(op) && op->getOperand(1).getDefiningOp() &&
                      op->getOperand(1).getDefiningOp()->hasAttr(branchAttr);
    if (!isResidual && !isa<ChannelTransform, QuantizeOp>(op))
      break;
    if (!isResidual)
      for (Value parameter : op->getOperands().drop_front())
        claim(parameter, record.extraBytes);
    if (claimedTables.insert(op).second)
      record.extraBytes += tableBytes(op);
    input = op->getOperand(0);
  }
  return channelsOf(input);
}

void Meter::addBranch(Operation *op, StringRef kind, ArrayRef<Value> weights) {
  LayerRecord record;
  record.name = siteName(op);
  record.kind = kind.str();
  record.state = LayerState::Quantized;
  record.weightFormat = formatName(weights.front().getType());
  record.weightBits = formatBits(weights.front().getType());
  record.inputFormat = formatName(op->getOperand(0).getType());
  record.inputBits = formatBits(op->getOperand(0).getType());
  for (Value weight : weights) {
    int64_t elements = 1;
    if (std::optional<ArrayRef<int64_t>> shape = getTensorShape(weight.getType()))
      for (int64_t size : *shape)
        elements *= ShapedType::isDynamic(size) ? 0 : size;
    if (claimParts(weight, record.bytes))
      record.weights += elements;
    record.macs += elements;
  }
  coverage.branches.push_back(std::move(record));
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
    int64_t channels = claimInput(record, input), columns = channelsOf(weight);
    // Where channels were split or merged, the model had as many columns as there are in front.
    bool isReassembled = kind == "linear" && channels > 0 && columns > 0;
    record.sourceMacs = isReassembled ? record.macs / columns * channels : record.macs;
    record.sourceWeights = isReassembled ? record.weights / columns * channels : record.weights;
    if (auto linear = dyn_cast<LinearOp>(op))
      claim(linear.getBias(), record.extraBytes);
  } else {
    record.sourceWeights = record.weights;
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
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (op->hasAttr(branchAttr))
      return addBranch(op, "branch", linear.getWeight());
    return addLayer(op, "linear", linear.getWeight(), linear.getInput());
  }
  if (auto lowRank = dyn_cast<LowRankOp>(op))
    return addBranch(op, "low_rank", {lowRank.getDown(), lowRank.getUp()});
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
  for (const std::vector<LayerRecord> *list : {&layers, &branches})
    for (const LayerRecord &layer : *list)
      total += layer.weights;
  return total;
}

int64_t Coverage::totalBytes() const {
  int64_t total = otherBytes;
  for (const std::vector<LayerRecord> *list : {&layers, &branches})
    for (const LayerRecord &layer : *list)
      total += layer.bytes + layer.extraBytes;
  return total;
}

double qllm::bitsPerWeight(int64_t bytes, int64_t weights) {
  return weights ? 8.0 * static_cast<double>(bytes) / static_cast<double>(weights) : 0.0;
}

double Coverage::quantizedBitsPerWeight() const {
  int64_t bytes = 0, weights = 0;
  for (const LayerRecord &layer : layers) {
    // A product of a quantized activation with a float weight is not one of fewer bits.
    if (layer.state != LayerState::Quantized || layer.weightBits >= 16)
      continue;
    bytes += layer.bytes + layer.extraBytes;
    weights += layer.sourceWeights;
  }
  for (const LayerRecord &branch : branches)
    bytes += branch.bytes;
  return bitsPerWeight(bytes, weights);
}

double Coverage::macOverhead() const {
  double now = 0, before = 0;
  for (const LayerRecord &layer : layers) {
    now += layer.macs;
    before += layer.sourceMacs;
  }
  for (const LayerRecord &branch : branches)
    now += branch.macs;
  return before ? now / before - 1 : 0;
}

std::vector<CoverageRow> Coverage::rows() const {
  llvm::MapVector<std::pair<StringRef, StringRef>, CoverageRow> groups;
  double weights = std::max<int64_t>(1, totalWeights()), macs = 0;
  std::vector<LayerRecord> records(layers);
  for (const LayerRecord &branch : branches) {
    records.push_back(branch);
    records.back().weightFormat += ", branch";
  }
  for (const LayerRecord &layer : records)
    macs += layer.macs;
  for (const LayerRecord &layer : records) {
    CoverageRow &row = groups[{layer.weightFormat, layer.inputFormat}];
    row.bytes += layer.bytes + layer.extraBytes;
    row.sourceWeights += layer.sourceWeights;
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
    result.push_back(
        {"other constants", "-", 0, 0, otherWeights / weights, 0, otherBytes, otherWeights});
  return result;
}

void Coverage::print(llvm::raw_ostream &os) const {
  os << llvm::format("%-24s %-20s %7s %10s %8s %8s\n", "weights", "inputs", "layers", "% weights",
                     "% MACs", "bits");
  for (const CoverageRow &row : rows()) {
    os << llvm::format("%-24s %-20s %7lld %10.2f %8.2f ", row.weightFormat.c_str(),
                       row.inputFormat.c_str(), static_cast<long long>(row.layers),
                       100 * row.shareOfWeights, 100 * row.shareOfMacs);
    if (row.sourceWeights)
      os << llvm::format("%8.3f\n", bitsPerWeight(row.bytes, row.sourceWeights));
    else
      os << llvm::format("%8s\n", "-");
  }
  os << count(LayerState::Quantized) << " of " << layers.size() << " layers quantized, "
     << count(LayerState::Excluded) << " excluded, " << count(LayerState::Skipped) << " skipped";
  if (quantizedAttentionOperands)
    os << "; " << quantizedAttentionOperands << " attention operands quantized";
  if (!skippedAttention.empty())
    os << "; " << skippedAttention.size() << " attentions skipped";
  os << llvm::format("; %.1f MB of weights\n", totalBytes() / 1e6);
  if (double bits = quantizedBitsPerWeight()) {
    os << llvm::format("%.3f bits a quantized weight, all that serves it counted", bits);
    if (double overhead = macOverhead())
      os << llvm::format("; %+.2f %% MACs by split channels and branches", 100 * overhead);
    os << "\n";
  }
}
