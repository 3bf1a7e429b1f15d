// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An instrumentation that copies the module in front of each pass.

#include "qllm/Validation/ValidateRewrites.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"

using namespace mlir;
using namespace qllm;

namespace {

ModuleOp moduleOf(Operation *root) {
  auto module = dyn_cast<ModuleOp>(root);
  return module ? module : root->getParentOfType<ModuleOp>();
}

/// `builtin.module(func.func(cse))`
std::string pipelineOf(Pass *pass, Operation *root) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "builtin.module(";
  if (!isa<ModuleOp>(root))
    os << root->getName() << '(';
  pass->printAsTextualPipeline(os);
  os << (isa<ModuleOp>(root) ? ")" : "))");
  return text;
}

class ValidateRewrites : public PassInstrumentation {
public:
  ValidateRewrites(ValidationOptions options, ValidationListener listener)
      : validator(std::move(options)), listener(std::move(listener)) {}

  void runBeforePass(Pass *pass, Operation *root) override {
    if (isChecked(pass, root))
      snapshots.push_back(std::make_unique<Snapshot>(moduleOf(root)));
  }

  void runAfterPass(Pass *pass, Operation *root) override {
    if (!isChecked(pass, root))
      return;
    std::unique_ptr<Snapshot> before = snapshots.pop_back_val();
    for (const ValidationRecord &record :
         validator.validate(*before, {pass->getArgument().str(), pipelineOf(pass, root), root})) {
      listener(record);
      if (record.outcome == Outcome::Failed)
        signalPassFailure(pass);
    }
  }

  void runAfterPassFailed(Pass *pass, Operation *root) override {
    if (isChecked(pass, root))
      snapshots.pop_back();
  }

private:
  /// Adaptors have no flag: they run other passes.
  static bool isChecked(Pass *pass, Operation *root) {
    return !pass->getArgument().empty() && moduleOf(root);
  }

  Validator validator;
  ValidationListener listener;
  /// A pass may run others.
  SmallVector<std::unique_ptr<Snapshot>> snapshots;
};

} // namespace

void qllm::addValidation(PassManager &passes, ValidationOptions options,
                         ValidationListener listener) {
  passes.getContext()->disableMultithreading();
  passes.addInstrumentation(
      std::make_unique<ValidateRewrites>(std::move(options), std::move(listener)));
}
