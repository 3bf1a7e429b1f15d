// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm inspect`: what a model is made of, and which of its products can be quantized.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/API/Report.h"
#include "qllm/Analysis/Coverage.h"
#include "qllm/Analysis/MatrixProducts.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Support/PrintableStream.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;

namespace {

std::string shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

class InspectCommand : public Command {
public:
  InspectCommand() : Command("inspect", "list the layers of a model and how each is stored") {}

  void declare(OptionTable &options) override {
    options.positional("MODEL", model, "an ONNX file, a module or a result directory");
    options.flag("json", json, "print JSON");
    options.flag("operators", operators, "count the operators too");
    options.flag("products", products,
                 "list every matrix product of the raised model instead: quantizable or why not");
  }

  ExitCode run(Session &session) override {
    mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
    if (!module)
      return ExitCode::BadInput;
    if (products)
      return listProducts(session, *module);
    std::map<std::string, int64_t> counts = countOperators(*module);
    // The layers are what a recipe would see.
    mlir::PassManager passes(&session.getContext(), mlir::ModuleOp::getOperationName());
    passes.addPass(createConvertONNXToQLLM());
    if (failed(passes.run(*module)))
      return ExitCode::BadInput;
    Coverage coverage = measureCoverage(*module);
    if (json)
      printJson(coverage, counts);
    else
      print(coverage, counts);
    return ExitCode::Done;
  }

private:
  ExitCode listProducts(Session &session, mlir::ModuleOp module) {
    mlir::PassManager passes(&session.getContext(), mlir::ModuleOp::getOperationName());
    buildRaisePipeline(passes);
    if (failed(passes.run(module)))
      return ExitCode::BadInput;
    std::vector<MatrixProduct> found = findMatrixProducts(module);
    PrintableStream out(outs(), SIZE_MAX);
    if (json)
      out << formatv("{0:2}", llvm::json::Value(toJSON(found))) << "\n";
    else
      printMatrixProducts(out, found);
    return ExitCode::Done;
  }

  static std::map<std::string, int64_t> countOperators(mlir::ModuleOp module) {
    std::map<std::string, int64_t> counts;
    module.walk([&](mlir::Operation *op) {
      if (!isa<mlir::ModuleOp, mlir::func::FuncOp>(op))
        ++counts[op->getName().getStringRef().str()];
    });
    return counts;
  }

  void printJson(const Coverage &coverage, const std::map<std::string, int64_t> &counts) {
    Json report = toJson(coverage);
    report["model"] = model;
    if (operators)
      report["operators"] = counts;
    outs() << toText(report);
  }

  void print(const Coverage &coverage, const std::map<std::string, int64_t> &counts) {
    PrintableStream out(outs(), SIZE_MAX);
    size_t width = 5;
    for (const LayerRecord &layer : coverage.layers)
      width = std::max(width, layer.name.size());
    out << left_justify("layer", width) << "  kind       shape          weights               "
           << "inputs            state\n";
    for (const LayerRecord &layer : coverage.layers) {
      out << left_justify(layer.name, width) << "  " << left_justify(layer.kind, 10) << " "
             << left_justify(shapeText(layer.shape), 14) << " "
             << left_justify(layer.weightFormat, 21) << " "
             << left_justify(layer.inputFormat.empty() ? "-" : layer.inputFormat, 17) << " "
             << stringifyLayerState(layer.state)
             << (layer.reason.empty() ? "" : ": " + layer.reason) << "\n";
    }
    out << "\n";
    coverage.print(out);
    if (!operators)
      return;
    out << "\n";
    for (const auto &[name, count] : counts)
      out << format("%7lld ", static_cast<long long>(count)) << name << "\n";
  }

  std::string model;
  bool json = false, operators = false, products = false;
};

} // namespace

std::unique_ptr<Command> qllm::tool::createInspectCommand() {
  return std::make_unique<InspectCommand>();
}
