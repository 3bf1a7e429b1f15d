// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Interpreter/MissingKernels.h"
#include "Executor.h"
#include <set>

using namespace qllm;
using namespace qllm::interp;

mlir::func::FuncOp interp::findModelFunction(mlir::ModuleOp module, mlir::Operation *custom) {
  auto text = [&](llvm::StringRef name) {
    auto attribute = custom->getAttrOfType<mlir::StringAttr>(name);
    return attribute ? attribute.getValue() : llvm::StringRef();
  };
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    auto details = function->getAttrOfType<mlir::DictionaryAttr>("onnx.function");
    auto is = [&](llvm::StringRef key, llvm::StringRef wanted) {
      auto attribute = details.getAs<mlir::StringAttr>(key);
      return (attribute ? attribute.getValue() : llvm::StringRef()) == wanted;
    };
    if (details && is("domain", text("domain")) && is("name", text("op_type")) &&
        is("overload", text("onnx.overload")))
      return function;
  }
  return {};
}

static bool isControlFlow(llvm::StringRef name) {
  return llvm::is_contained({"If", "Loop", "Scan", "SequenceMap", "func.call"}, name);
}

static void collect(mlir::ModuleOp module, const BlockPlan &plan, std::set<std::string> &names) {
  for (const Step &step : plan.steps) {
    std::string name = kernelName(step.op);
    bool flows = step.kind == Step::Kind::Structured && isControlFlow(name);
    if (flows && name == "Scan" && step.opset < 9)
      names.insert("Scan before opset 9");
    else if (step.kind == Step::Kind::Missing ||
             (step.kind == Step::Kind::Structured && !flows && !findModelFunction(module, step.op)))
      names.insert(name);
    for (const std::unique_ptr<BlockPlan> &region : step.regions)
      if (region)
        collect(module, *region, names);
  }
}

std::vector<std::string> interp::findMissingKernels(mlir::ModuleOp module) {
  std::set<std::string> names;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (llvm::hasSingleElement(function.getBody()))
      collect(module, *planBlock(function.getBody().front()), names);
  return {names.begin(), names.end()};
}
