// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing of `qllm.plan`. Plans are edited by hand, so reading trusts nothing.

#include "qllm/Analysis/SitePlan.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;
using namespace qllm;

bool SitePlan::empty() const {
  return !weight && operands.empty() && excluded.empty() && skipped.empty();
}

namespace {

FailureOr<QuantizedType> readType(Operation *op, StringRef key, Attribute attribute) {
  auto typeAttr = dyn_cast<TypeAttr>(attribute);
  auto type = typeAttr ? dyn_cast<QuantizedType>(typeAttr.getValue()) : QuantizedType();
  if (!type)
    return op->emitOpError() << "expected a quantized type as '" << key << "' of its plan, but got "
                             << attribute;
  return type;
}

LogicalResult readOperands(Operation *op, Attribute attribute, SitePlan &plan) {
  auto array = dyn_cast<ArrayAttr>(attribute);
  if (!array || array.size() > op->getNumOperands())
    return op->emitOpError() << "expected an array of at most " << op->getNumOperands()
                             << " entries as 'operands' of its plan, but got " << attribute;
  for (Attribute entry : array) {
    if (isa<UnitAttr>(entry)) {
      plan.operands.push_back({});
      continue;
    }
    FailureOr<QuantizedType> type = readType(op, "operands", entry);
    if (failed(type))
      return failure();
    plan.operands.push_back(*type);
  }
  return success();
}

LogicalResult readReason(Operation *op, StringRef key, Attribute attribute, std::string &reason) {
  auto text = dyn_cast<StringAttr>(attribute);
  if (!text || text.empty())
    return op->emitOpError() << "expected a reason as '" << key << "' of its plan, but got "
                             << attribute;
  reason = text.str();
  return success();
}

} // namespace

FailureOr<SitePlan> SitePlan::of(Operation *op) {
  SitePlan plan;
  Attribute attribute = op->getDiscardableAttr(attributeName);
  if (!attribute)
    return plan;
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  if (!dictionary)
    return op->emitOpError() << "expected a dictionary as its plan, but got " << attribute;
  for (NamedAttribute entry : dictionary) {
    StringRef key = entry.getName();
    LogicalResult result = failure();
    if (key == "weight") {
      FailureOr<QuantizedType> type = readType(op, key, entry.getValue());
      if (succeeded(type))
        plan.weight = *type;
      result = type;
    } else if (key == "operands") {
      result = readOperands(op, entry.getValue(), plan);
    } else if (key == "excluded") {
      result = readReason(op, key, entry.getValue(), plan.excluded);
    } else if (key == "skipped") {
      result = readReason(op, key, entry.getValue(), plan.skipped);
    } else {
      return op->emitOpError() << "expected 'weight', 'operands', 'excluded' or 'skipped' in its "
                                  "plan, but got '"
                               << key << "'";
    }
    if (failed(result))
      return failure();
  }
  return plan;
}

void SitePlan::attachTo(Operation *op) const {
  if (empty()) {
    op->removeDiscardableAttr(attributeName);
    return;
  }
  Builder builder(op->getContext());
  NamedAttrList entries;
  if (weight)
    entries.set("weight", TypeAttr::get(weight));
  if (!operands.empty()) {
    SmallVector<Attribute> types;
    for (QuantizedType type : operands)
      types.push_back(type ? Attribute(TypeAttr::get(type)) : builder.getUnitAttr());
    entries.set("operands", builder.getArrayAttr(types));
  }
  if (!excluded.empty())
    entries.set("excluded", builder.getStringAttr(excluded));
  if (!skipped.empty())
    entries.set("skipped", builder.getStringAttr(skipped));
  op->setDiscardableAttr(attributeName, entries.getDictionary(op->getContext()));
}
