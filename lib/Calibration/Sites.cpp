// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups linears by input, and follows products forward to the sites behind.

#include "qllm/Calibration/Sites.h"

#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qllm;

bool qllm::isPlanned(LinearOp linear) {
  auto plan = linear->getAttrOfType<DictionaryAttr>(SitePlan::attributeName);
  return plan && (plan.contains("weight") || plan.contains("operands"));
}

SiteKind qllm::siteKindOf(StringRef layerName, int64_t &layer) {
  struct Pattern {
    StringLiteral suffix;
    SiteKind kind;
  };
  static constexpr Pattern patterns[] = {
      {"q_proj", SiteKind::AttentionInput},       {"k_proj", SiteKind::AttentionInput},
      {"v_proj", SiteKind::AttentionInput},       {"qkv_proj", SiteKind::AttentionInput},
      {"o_proj", SiteKind::AttentionOutput},      {"gate_proj", SiteKind::FeedForwardInput},
      {"up_proj", SiteKind::FeedForwardInput},    {"fc1", SiteKind::FeedForwardInput},
      {"down_proj", SiteKind::FeedForwardOutput}, {"fc2", SiteKind::FeedForwardOutput},
  };
  layer = -1;
  StringRef rest = layerName;
  if (rest.consume_front("layers.") && !rest.consumeInteger(10, layer))
    layer = std::max<int64_t>(layer, -1);
  else
    layer = -1;
  StringRef last = layerName.rsplit('.').second;
  for (const Pattern &pattern : patterns)
    if (last == pattern.suffix)
      return pattern.kind;
  return SiteKind::Other;
}

namespace {

std::string reasonToLeave(LinearOp linear, Block *block) {
  if (linear->getBlock() != block)
    return "it lies in a region or another function, where no calibration run goes";
  if (isa<QuantizedType>(linear.getInput().getType()))
    return "its input is quantized already";
  auto input = dyn_cast<RankedTensorType>(linear.getInput().getType());
  if (!input || input.getRank() == 0)
    return "the rank of its input is not known";
  auto weight = dyn_cast<RankedTensorType>(linear.getWeight().getType());
  if (!weight)
    return "its weight is quantized already";
  if (!isConstantExpression(linear.getWeight()))
    return "its weight is computed at run time";
  if (!weight.hasStaticShape())
    return "the shape of its weight is not known";
  if (linear.getBias() && !isConstantExpression(linear.getBias()))
    return "its bias is computed at run time";
  return "";
}

/// What tells sites apart that read the same value.
Attribute inputPlan(LinearOp linear) {
  auto plan = linear->getAttrOfType<DictionaryAttr>(SitePlan::attributeName);
  return plan ? plan.get("operands") : Attribute();
}

/// `layers.0.q_proj+k_proj+v_proj`: the shared prefix once.
std::string nameOf(ArrayRef<LinearOp> linears) {
  std::string name = siteName(linears.front());
  // A copy: `name` grows below.
  std::string prefix =
      StringRef(name).contains('.') ? StringRef(name).rsplit('.').first.str() : std::string();
  for (LinearOp linear : linears.drop_front()) {
    std::string other = siteName(linear);
    StringRef rest = other;
    if (!prefix.empty() && rest.consume_front(prefix))
      rest = rest.ltrim('.');
    name += "+" + rest.str();
  }
  return name;
}

} // namespace

SiteList qllm::findSites(func::FuncOp function, llvm::function_ref<bool(LinearOp)> isWanted) {
  SiteList list;
  Block *block = function.empty() ? nullptr : &function.getBody().front();
  llvm::MapVector<std::pair<Value, Attribute>, Site> sites;
  function->getParentOp()->walk([&](LinearOp linear) {
    if (!isWanted(linear))
      return;
    std::string reason = reasonToLeave(linear, block);
    if (!reason.empty())
      list.left.push_back({linear, reason});
    else
      sites[{linear.getInput(), inputPlan(linear)}].linears.push_back(linear);
  });
  for (auto &entry : sites) {
    Site &site = entry.second;
    llvm::sort(site.linears,
               [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b.getOperation()); });
    site.name = nameOf(site.linears);
    for (LinearOp linear : site.linears)
      if (auto name = linear->getAttrOfType<StringAttr>("qllm.name"); site.layer < 0 && name)
        site.kind = siteKindOf(name, site.layer);
    list.sites.push_back(std::move(site));
  }
  llvm::stable_sort(list.sites, [](const Site &a, const Site &b) {
    LinearOp first = a.linears.front(), second = b.linears.front();
    return first->isBeforeInBlock(second.getOperation());
  });
  return list;
}

namespace {

/// Everything that the products of a site reach.
llvm::DenseSet<Operation *> reach(const Site &site, bool throughLinears,
                                  const llvm::DenseSet<Operation *> &stops) {
  llvm::DenseSet<Operation *> reached;
  SmallVector<Operation *> worklist;
  for (LinearOp linear : site.linears)
    worklist.push_back(linear);
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    for (Operation *user : op->getUsers()) {
      Operation *outer = site.linears.front()->getBlock()->findAncestorOpInBlock(*user);
      if (!outer || !reached.insert(outer).second)
        continue;
      if (throughLinears || !stops.contains(outer))
        worklist.push_back(outer);
    }
  }
  return reached;
}

} // namespace

SmallVector<const Site *> qllm::nextSites(const SiteList &list, const Site &site) {
  llvm::DenseSet<Operation *> stops;
  for (const Site &other : list.sites)
    for (LinearOp linear : other.linears)
      stops.insert(linear);
  llvm::DenseSet<Operation *> reached = reach(site, /*throughLinears=*/false, stops);
  SmallVector<const Site *> result;
  llvm::DenseSet<Operation *> behind;
  for (const Site &other : list.sites) {
    Operation *first = LinearOp(other.linears.front());
    if (&other == &site || !reached.contains(first) || behind.contains(first))
      continue;
    result.push_back(&other);
    llvm::DenseSet<Operation *> more = reach(other, /*throughLinears=*/true, stops);
    behind.insert(more.begin(), more.end());
  }
  return result;
}
