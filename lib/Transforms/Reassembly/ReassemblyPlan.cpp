// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing plans of reassembly. Plans are edited by hand, so everything is checked.

#include "ReassemblyPlan.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;

DictionaryAttr ReassemblyPlan::toAttribute(MLIRContext *context) const {
  Builder builder(context);
  NamedAttrList entries;
  entries.append("threshold", builder.getF64FloatAttr(threshold));
  entries.append("parts", builder.getDenseI64ArrayAttr(reassembly.parts));
  if (!reassembly.targets.empty())
    entries.append("targets", builder.getDenseI64ArrayAttr(reassembly.targets));
  entries.append("losses", builder.getDenseF64ArrayAttr({lossBefore, lossAfter}));
  return entries.getDictionary(context);
}

namespace {

/// Whether every channel up to the largest target has a member.
bool coversTargets(ArrayRef<int64_t> targets) {
  if (llvm::any_of(targets,
                   [&](int64_t target) { return target < 0 || target >= int64_t(targets.size()); }))
    return false;
  std::vector<bool> seen(targets.size(), false);
  for (int64_t target : targets)
    seen[target] = true;
  return std::is_sorted(seen.begin(), seen.end(), std::greater<>());
}

} // namespace

FailureOr<ReassemblyPlan> ReassemblyPlan::of(Operation *op, int64_t channels) {
  auto fail = [&](const Twine &text) {
    op->emitOpError() << "expected " << attributeName << " with " << text;
    return failure();
  };
  auto entries = op->getAttrOfType<DictionaryAttr>(attributeName);
  if (!entries)
    return fail("a dictionary, but got " +
                Twine(op->hasAttr(attributeName) ? "another attribute" : "none"));
  auto parts = entries.getAs<DenseI64ArrayAttr>("parts");
  if (!parts)
    return fail("'parts', an array of i64, but found none");
  ReassemblyPlan plan;
  plan.reassembly.parts = parts.asArrayRef().vec();
  if (int64_t(parts.size()) != channels)
    return fail(Twine(channels) + " parts, one for each channel, but got " + Twine(parts.size()));
  constexpr int64_t limit = (int64_t(1) << 31) - 1;
  int64_t width = 0;
  for (auto [channel, part] : llvm::enumerate(parts.asArrayRef())) {
    if (part < 1 || part > limit)
      return fail("parts of at least 1, but got " + Twine(part) + " for channel " + Twine(channel));
    width += part;
  }
  if (width > limit)
    return fail("parts that add up to less than 2^31, but got " + Twine(width));
  if (auto targets = entries.getAs<DenseI64ArrayAttr>("targets")) {
    plan.reassembly.targets = targets.asArrayRef().vec();
    if (int64_t(targets.size()) != width)
      return fail(Twine(width) + " targets, one for each channel behind the split, but got " +
                  Twine(targets.size()));
    if (!coversTargets(targets))
      return fail("targets that are numbered from 0 without gaps");
  }
  if (auto threshold = entries.getAs<FloatAttr>("threshold"))
    plan.threshold = threshold.getValueAsDouble();
  if (auto losses = entries.getAs<DenseF64ArrayAttr>("losses"))
    if (losses.size() == 2) {
      plan.lossBefore = losses[0];
      plan.lossAfter = losses[1];
    }
  return plan;
}
