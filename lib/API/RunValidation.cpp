// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line a pass in the log, one object a pass in the report.

#include "RunValidation.h"

using namespace qllm;
using namespace qllm::api;

static const char *nameOf(Outcome outcome) {
  switch (outcome) {
  case Outcome::Held:
    return "held";
  case Outcome::Failed:
    return "failed";
  case Outcome::Changed:
    return "changed";
  case Outcome::NotChecked:
    return "not checked";
  }
  llvm_unreachable("unknown outcome");
}

void RunValidation::attachTo(mlir::PassManager &passes) {
  if (!options.validate)
    return;
  mlir::MLIRContext *context = passes.getContext();
  ValidationOptions validation;
  validation.calibration.path = options.calibration;
  validation.threads = context->isMultithreadingEnabled() ? context->getNumThreads() : 1;
  validation.reproducers = options.reproducers;
  addValidation(passes, std::move(validation), [this, context](const ValidationRecord &record) {
    if (record.outcome != Outcome::Failed) // which is an error already
      emitRemark(mlir::UnknownLoc::get(context)) << "validate: " << qllm::toText(record);
    records.push_back(record);
  });
}

Json RunValidation::toJson() const {
  Json list = Json::array();
  for (const ValidationRecord &record : records) {
    Json row = {{"pass", record.pass},
                {"function", record.function},
                {"outcome", ::nameOf(record.outcome)}};
    if (record.claim)
      row["claim"] = qllm::nameOf(record.claim->kind).str();
    if (record.inputSets) {
      row["error"] = record.error;
      row["bound"] = record.bound;
      row["largest"] = record.scale;
      row["input_sets"] = record.inputSets;
      row["worst_inputs"] = record.inputs;
    }
    if (!record.text.empty())
      row["text"] = record.text;
    list.push_back(std::move(row));
  }
  return list;
}
