// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line a pass in the log, one object a pass in the report.

#include "ValidationLog.h"

#include "qllm/Tools/UserTool/Session.h"

using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;

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

void ValidationLog::attachTo(mlir::PassManager &passes, Session &session,
                             llvm::StringRef calibration, llvm::StringRef output) {
  ValidationOptions options;
  options.calibration.path = calibration.str();
  options.threads = session.getThreads();
  options.reproducers = (output + ".reproducers").str();
  addValidation(passes, std::move(options), [&](const ValidationRecord &record) {
    if (record.outcome != Outcome::Failed) // which is an error already
      session.log.info("validate: " + qllm::toText(record));
    records.push_back(record);
  });
}

api::Json ValidationLog::toJson() const {
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
