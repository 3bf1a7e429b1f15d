// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading trusts nothing; writing is the inverse.

#include "qllm/Calibration/SiteAttribute.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

class Reader {
public:
  Reader(Operation *op, int64_t channels, SiteDecisions &decisions)
      : op(op), channels(channels), decisions(decisions) {}

  LogicalResult read(NamedAttribute entry) {
    StringRef key = entry.getName();
    Attribute value = entry.getValue();
    if (key == "transform")
      return readTransform(value);
    if (key == "parts")
      return readChannels(key, value, decisions.parts, 1, std::numeric_limits<int32_t>::max());
    if (key == "order")
      return readOrder(value);
    if (key == "offsets")
      return readFlag(value);
    if (key == "clip")
      return readNumber(key, value, decisions.clip);
    if (key == "alpha")
      return readNumber(key, value, decisions.alpha);
    if (key == "beta")
      return readNumber(key, value, decisions.beta);
    if (key == "rank")
      return readCount(key, value, decisions.rank);
    if (key == "principal_rank")
      return readCount(key, value, decisions.principalRank);
    if (key == "scores")
      return readScores(value);
    return op->emitOpError()
           << "expected 'transform', 'parts', 'offsets', 'clip', 'alpha', "
              "'beta', 'order', 'rank', 'principal_rank' or 'scores' in its decisions, "
              "but got '"
           << key << "'";
  }

private:
  LogicalResult unexpected(StringRef key, const llvm::Twine &wanted, Attribute value) {
    return op->emitOpError() << "expected " << wanted << " as '" << key
                             << "' of its decisions, but got " << value;
  }

  LogicalResult readTransform(Attribute value) {
    auto text = dyn_cast<StringAttr>(value);
    if (!text || !llvm::is_contained({"none", "split", "rotate"}, text.getValue()))
      return unexpected("transform", "\"none\", \"split\" or \"rotate\"", value);
    decisions.transform = text.str();
    return success();
  }

  LogicalResult readFlag(Attribute value) {
    auto flag = dyn_cast<BoolAttr>(value);
    if (!flag)
      return unexpected("offsets", "true or false", value);
    decisions.offsets = flag.getValue();
    return success();
  }

  LogicalResult readNumber(StringRef key, Attribute value, std::optional<double> &result) {
    auto number = dyn_cast<FloatAttr>(value);
    if (!number || !number.getType().isF64() || !std::isfinite(number.getValueAsDouble()) ||
        number.getValueAsDouble() < 0)
      return unexpected(key, "a finite f64 of at least 0", value);
    result = number.getValueAsDouble();
    return success();
  }

  LogicalResult readCount(StringRef key, Attribute value, std::optional<int64_t> &result) {
    auto number = dyn_cast<IntegerAttr>(value);
    if (!number || !number.getType().isInteger(64) || number.getInt() < 0 ||
        number.getInt() > channels)
      return unexpected(key, "an i64 from 0 to " + llvm::Twine(channels), value);
    result = number.getInt();
    return success();
  }

  LogicalResult readChannels(StringRef key, Attribute value,
                             std::optional<std::vector<int64_t>> &result, int64_t low,
                             int64_t high) {
    auto array = dyn_cast<DenseI64ArrayAttr>(value);
    if (!array || array.size() != channels)
      return unexpected(key, "an array<i64> of " + llvm::Twine(channels) + " elements", value);
    int64_t sum = 0;
    for (int64_t element : array.asArrayRef()) {
      if (element < low || element > high || (sum += element) > std::numeric_limits<int32_t>::max())
        return unexpected(key,
                          "elements from " + llvm::Twine(low) + " to " + llvm::Twine(high) +
                              " with a sum below 2^31",
                          value);
    }
    result = std::vector<int64_t>(array.asArrayRef());
    return success();
  }

  LogicalResult readOrder(Attribute value) {
    if (failed(readChannels("order", value, decisions.order, 0, channels - 1)))
      return failure();
    std::vector<bool> seen(static_cast<size_t>(channels));
    for (int64_t channel : *decisions.order) {
      if (seen[size_t(channel)])
        return unexpected("order", "every channel once", value);
      seen[size_t(channel)] = true;
    }
    return success();
  }

  LogicalResult readScores(Attribute value) {
    auto scores = dyn_cast<DictionaryAttr>(value);
    if (!scores)
      return unexpected("scores", "a dictionary", value);
    for (NamedAttribute score : scores) {
      auto number = dyn_cast<FloatAttr>(score.getValue());
      if (!number)
        return unexpected("scores", "numbers", value);
      decisions.scores.push_back({score.getName().str(), number.getValueAsDouble()});
    }
    return success();
  }

  Operation *op;
  int64_t channels;
  SiteDecisions &decisions;
};

} // namespace

LogicalResult qllm::readDecisions(Operation *op, int64_t channels, SiteDecisions &decisions) {
  Attribute attribute = op->getDiscardableAttr(siteAttr);
  if (!attribute)
    return success();
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  if (!dictionary)
    return op->emitOpError() << "expected a dictionary as its decisions, but got " << attribute;
  Reader reader(op, channels, decisions);
  for (NamedAttribute entry : dictionary)
    if (failed(reader.read(entry)))
      return failure();
  return success();
}

DictionaryAttr qllm::toAttribute(MLIRContext *context, const SiteDecisions &decisions) {
  Builder builder(context);
  NamedAttrList entries;
  if (decisions.transform)
    entries.set("transform", builder.getStringAttr(*decisions.transform));
  if (decisions.parts)
    entries.set("parts", builder.getDenseI64ArrayAttr(*decisions.parts));
  if (decisions.offsets)
    entries.set("offsets", builder.getBoolAttr(*decisions.offsets));
  if (decisions.clip)
    entries.set("clip", builder.getF64FloatAttr(*decisions.clip));
  if (decisions.alpha)
    entries.set("alpha", builder.getF64FloatAttr(*decisions.alpha));
  if (decisions.beta)
    entries.set("beta", builder.getF64FloatAttr(*decisions.beta));
  if (decisions.order)
    entries.set("order", builder.getDenseI64ArrayAttr(*decisions.order));
  if (decisions.rank)
    entries.set("rank", builder.getI64IntegerAttr(*decisions.rank));
  if (decisions.principalRank)
    entries.set("principal_rank", builder.getI64IntegerAttr(*decisions.principalRank));
  NamedAttrList scores;
  for (const auto &[name, score] : decisions.scores)
    scores.set(name, builder.getF64FloatAttr(score));
  if (!scores.empty())
    entries.set("scores", scores.getDictionary(context));
  return entries.empty() ? DictionaryAttr() : entries.getDictionary(context);
}

int64_t qllm::copyDecisions(Operation *from, Operation *to, bool plans) {
  llvm::StringMap<LinearOp> sources;
  from->walk([&](LinearOp linear) {
    auto [entry, isNew] = sources.try_emplace(siteName(linear), linear);
    if (!isNew)
      entry->second = nullptr;
  });
  int64_t copied = 0;
  to->walk([&](LinearOp linear) {
    LinearOp source = sources.lookup(siteName(linear));
    if (!source)
      return;
    for (StringRef name : {StringRef(siteAttr), StringRef(SitePlan::attributeName)})
      if (Attribute value = source->getDiscardableAttr(name); value && (plans || name == siteAttr))
        linear->setDiscardableAttr(name, value);
    ++copied;
  });
  return copied;
}
