// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-plan-rounding: decides, and writes the decision as attributes. It reads no weight.

#include "qllm/Transforms/Rounding/Passes.h"

#include "WeightFormat.h"
#include "qllm/Analysis/AttentionSites.h"
#include "qllm/Analysis/SiteFilter.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

namespace qllm {
#define GEN_PASS_DEF_PLANROUNDING
#include "qllm/Transforms/Rounding/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// One float weight and everything that reads it in the same orientation.
struct WeightSites {
  RankedTensorType type;
  SmallVector<Operation *> readers;
  bool hasEmbedding = false;
  bool hasHead = false;
};

/// Rows that the graph returns as logits, perhaps cast, sliced or scaled on the way.
bool reachesReturn(Value value, unsigned depth = 0) {
  constexpr StringLiteral passing[] = {"onnx.Cast",    "onnx.Identity", "onnx.Slice",
                                       "onnx.Reshape", "onnx.Squeeze",  "onnx.Add",
                                       "onnx.Mul"};
  for (Operation *user : value.getUsers()) {
    if (user->hasTrait<OpTrait::IsTerminator>())
      return true;
    if (depth < 4 && llvm::is_contained(passing, user->getName().getStringRef()) &&
        llvm::any_of(
            user->getResults(), [&](Value result) { return reachesReturn(result, depth + 1); }))
      return true;
  }
  return false;
}

struct PlanRounding : qllm::impl::PlanRoundingBase<PlanRounding> {
  using PlanRoundingBase::PlanRoundingBase;

  void runOnOperation() override;

private:
  LogicalResult fail(llvm::Error error) {
    return getOperation().emitError() << llvm::toString(std::move(error));
  }
  LogicalResult resolveOptions();
  void collectWeights();
  void markHeads();
  std::string findExclusion(const WeightSites &weight);
  QuantizedType inputType(Operation *op);
  void planWeight(const WeightSites &weight);
  void planAttention(const AttentionSite &site);
  void exclude(const WeightSites &weight, const Twine &reason);
  void skip(const WeightSites &weight, const Twine &reason);

  std::optional<WeightFormat> weightPlan;
  std::optional<WeightFormat> activationPlan;
  /// Of queries, keys and values; null where they stay floats.
  std::array<ElementFormatAttrInterface, 3> attentionFormats;
  SiteFilter targetFilter, ignoreFilter;
  // Keyed by the value that readers use, which tells [out, in] from its transpose; in order of
  // appearance.
  llvm::MapVector<Value, WeightSites> weights;
  std::vector<std::string> allNames;
  /// Rows of the largest table: the size of the vocabulary.
  int64_t vocabulary = 0;
};

} // namespace

LogicalResult PlanRounding::resolveOptions() {
  MLIRContext *context = &getContext();
  if (weightFormat != "int" || weightBits != 16) {
    auto format = resolveWeightFormat(context, {weightBits, weightFormat, granularity, groupSize,
                                                adaptGroups, symmetric, scale, groupAxis});
    if (!format)
      return fail(format.takeError());
    weightPlan = *format;
  }
  auto activations =
      resolveActivationFormat(context, {activationBits, activationFormat, activationGroupSize,
                                        adaptGroups, activationSymmetric});
  if (!activations)
    return fail(activations.takeError());
  activationPlan = *activations;
  const std::tuple<StringRef, int64_t> own[] = {
      {"query-bits", queryBits}, {"key-bits", keyBits}, {"value-bits", valueBits}};
  for (auto [format, option] : llvm::zip_equal(attentionFormats, own)) {
    auto [name, bits] = option;
    if (bits == 0)
      std::tie(name, bits) = std::tuple(StringRef("kv-bits"), int64_t(kvBits));
    format = {};
    if (bits == 16)
      continue;
    auto resolved = resolveIntegerFormat(context, name, bits, kvSymmetric);
    if (!resolved)
      return fail(resolved.takeError());
    format = *resolved;
  }
  for (auto [name, list, filter] : {std::tuple("targets", &targets, &targetFilter),
                                    std::tuple("ignore", &ignore, &ignoreFilter)}) {
    auto globs = SiteFilter::create(name, llvm::to_vector(*list));
    if (!globs)
      return fail(globs.takeError());
    *filter = std::move(*globs);
  }
  return success();
}

void PlanRounding::collectWeights() {
  weights.clear();
  allNames.clear();
  vocabulary = 0;
  getOperation().walk([&](Operation *op) {
    Value weight;
    if (auto linear = dyn_cast<LinearOp>(op))
      weight = linear.getWeight();
    else if (auto embedding = dyn_cast<EmbeddingOp>(op))
      weight = embedding.getTable();
    auto type = weight ? dyn_cast<RankedTensorType>(weight.getType()) : RankedTensorType();
    if (!type || !type.hasStaticShape() || !isConstantExpression(weight))
      return;
    WeightSites &sites = weights[weight];
    sites.type = type;
    sites.readers.push_back(op);
    llvm::append_range(allNames, siteNames(op));
    if (isa<EmbeddingOp>(op)) {
      sites.hasEmbedding = true;
      vocabulary = std::max(vocabulary, type.getDimSize(0));
    }
  });
}

/// The head shares the embedding's table, or gives one score for each of its rows to the caller.
void PlanRounding::markHeads() {
  for (auto &[value, weight] : weights)
    for (Operation *op : weight.readers)
      if (auto linear = dyn_cast<LinearOp>(op))
        weight.hasHead |= weight.hasEmbedding || (weight.type.getDimSize(0) == vocabulary &&
                                                  reachesReturn(linear.getResult()));
}

/// Why the options leave the weight alone; empty if they do not.
std::string PlanRounding::findExclusion(const WeightSites &weight) {
  // Every name is matched before anything is decided, so that each pattern learns that it was used.
  const std::string *ignored = nullptr;
  bool targeted = targetFilter.empty();
  for (Operation *op : weight.readers) {
    SmallVector<std::string> names = siteNames(op);
    targeted |= targetFilter.match(names) != nullptr;
    if (const std::string *pattern = ignoreFilter.match(names))
      ignored = pattern;
  }
  if (ignored)
    return "ignored by pattern '" + *ignored + "'";
  if (!targeted)
    return "not among the targets";
  if (weight.hasHead && weight.hasEmbedding && !(includeHead && includeEmbedding))
    return "embedding and lm_head share this table, so it needs include-embedding and "
           "include-head; "
           "quantizing it for one alone would store it twice";
  if (weight.hasHead && !includeHead)
    return "lm_head, which needs include-head";
  if (weight.hasEmbedding && !includeEmbedding)
    return "embedding, which needs include-embedding";
  if (weight.hasEmbedding && weight.type.getDimSize(0) != vocabulary)
    return "a table smaller than the vocabulary's";
  return "";
}

void PlanRounding::exclude(const WeightSites &weight, const Twine &reason) {
  SitePlan plan;
  plan.excluded = reason.str();
  for (Operation *op : weight.readers) {
    plan.attachTo(op);
    ++numExcluded;
  }
}

void PlanRounding::skip(const WeightSites &weight, const Twine &reason) {
  SitePlan plan;
  plan.skipped = reason.str();
  for (Operation *op : weight.readers) {
    plan.attachTo(op);
    ++numSkipped;
    op->emitRemark() << "skipped '" << siteName(op) << "': " << reason;
  }
}

/// What the input of a product becomes; null where it stays as it is.
QuantizedType PlanRounding::inputType(Operation *op) {
  auto linear = dyn_cast<LinearOp>(op);
  if (!linear || !activationPlan)
    return {};
  auto input = dyn_cast<RankedTensorType>(linear.getInput().getType());
  if (!input)
    return {};
  // The weight knows the number of channels even where the input's type does not.
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = cast<RankedTensorType>(linear.getWeight().getType()).getDimSize(1);
  std::string note;
  auto type = activationPlan->typeFor(shape, note);
  if (type)
    return type->cloneWithShape(input.getShape());
  llvm::consumeError(type.takeError());
  return {};
}

void PlanRounding::planWeight(const WeightSites &weight) {
  numMatched += weight.readers.size();
  std::string exclusion = findExclusion(weight);
  if (!exclusion.empty())
    return exclude(weight, exclusion);
  QuantizedType weightType;
  std::string note;
  if (weightPlan) {
    auto type = weightPlan->typeFor(weight.type.getShape(), note);
    if (!type)
      return skip(weight, llvm::toString(type.takeError()));
    weightType = *type;
  }
  if (activationPlan && llvm::any_of(weight.readers, llvm::IsaPred<LinearOp>)) {
    // Columns of the weight are channels of the input: what divides one divides the other.
    std::string inputNote;
    if (auto input = activationPlan->typeFor(weight.type.getShape(), inputNote); !input)
      return skip(weight, "of its input, " + llvm::toString(input.takeError()));
    if (note.empty())
      note = inputNote;
  }
  if (!note.empty())
    weight.readers.front()->emitRemark()
        << "planned '" << siteName(weight.readers.front()) << "': " << note;
  for (Operation *op : weight.readers) {
    SitePlan plan;
    plan.weight = weightType;
    if (QuantizedType input = inputType(op))
      plan.operands = {input};
    plan.attachTo(op);
    ++numPlanned;
  }
}

/// One operand of attention: per token and head. Heads that lie side by side are groups of the last
/// axis.
static QuantizedType attentionType(const AttentionOperand &operand,
                                   ElementFormatAttrInterface format) {
  auto type = dyn_cast<RankedTensorType>(operand.operand->get().getType());
  if (!type || type.getRank() < 2)
    return {};
  MLIRContext *context = format.getContext();
  GranularityAttr granularity = GranularityAttr::perToken(context);
  if (operand.heads != 1) {
    int64_t width = type.getShape().back();
    if (ShapedType::isDynamic(width) || width % operand.heads != 0)
      return {};
    granularity = GranularityAttr::group(context, type.getRank() - 1, width / operand.heads);
  }
  return QuantizedType::get(type.getShape(), format, granularity);
}

void PlanRounding::planAttention(const AttentionSite &site) {
  std::string problem = site.problem;
  SmallVector<QuantizedType> types;
  for (auto [operand, format] : llvm::zip(site.operands, attentionFormats)) {
    types.push_back(format ? attentionType(operand, format) : QuantizedType());
    if (format && !types.back() && problem.empty())
      problem = "expected queries, keys and values of known rank and head size";
  }
  if (!problem.empty()) {
    SitePlan plan;
    plan.skipped = problem;
    plan.attachTo(site.op);
    ++numSkipped;
    site.op->emitRemark() << "skipped '" << siteName(site.op) << "': " << problem;
    return;
  }
  for (auto [operand, type] : llvm::zip_equal(site.operands, types)) {
    if (!type)
      continue;
    Operation *reader = operand.operand->getOwner();
    FailureOr<SitePlan> plan = SitePlan::of(reader);
    if (failed(plan))
      return signalPassFailure();
    plan->operands.resize(
        std::max<size_t>(plan->operands.size(), operand.operand->getOperandNumber() + 1));
    plan->operands[operand.operand->getOperandNumber()] = type;
    plan->attachTo(reader);
  }
  ++numAttention;
}

void PlanRounding::runOnOperation() {
  if (failed(resolveOptions()))
    return signalPassFailure();
  collectWeights();
  markHeads();
  for (auto &[value, weight] : weights)
    planWeight(weight);
  for (const SiteFilter *filter : {&targetFilter, &ignoreFilter})
    if (llvm::Error error = filter->checkAllUsed(allNames)) {
      (void)fail(std::move(error));
      return signalPassFailure();
    }
  if (llvm::none_of(attentionFormats, [](auto format) { return bool(format); }))
    return;
  for (const AttentionSite &site : findAttention(getOperation()))
    planAttention(site);
}
