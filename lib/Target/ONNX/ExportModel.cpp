// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way out: a ModelProto without weights, then the file.

#include "qllm/Target/ONNX/Export.h"

#include "ExportOpset.h"
#include "GraphExporter.h"
#include "Inference.h"
#include "ModelWriter.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;
using proto::ModelProto;

namespace {

LogicalResult addModelDetails(ModuleOp module, ModelProto &model) {
  auto text = [&](StringRef name) { return module->getAttrOfType<StringAttr>(name); };
  auto number = [&](StringRef name) {
    auto value = module->getAttrOfType<IntegerAttr>(name);
    return value && value.getType().isSignlessInteger(64) ? value : IntegerAttr();
  };
  model.set_ir_version(number("onnx.ir_version") ? number("onnx.ir_version").getInt() : 10);
  if (auto value = text("onnx.producer_name"))
    model.set_producer_name(value.str());
  if (auto value = text("onnx.producer_version"))
    model.set_producer_version(value.str());
  if (auto value = text("onnx.domain"))
    model.set_domain(value.str());
  if (auto value = text("onnx.doc_string"))
    model.set_doc_string(value.str());
  if (auto value = number("onnx.model_version"))
    model.set_model_version(value.getInt());
  exportEntries(module->getAttr("onnx.metadata"), model.mutable_metadata_props());
  exportOpsets(module->getAttrOfType<DictionaryAttr>("onnx.opset"), model.mutable_opset_import());
  auto parse = [&](StringRef name, auto add) -> LogicalResult {
    auto messages = module->getAttrOfType<ArrayAttr>(name);
    for (Attribute message : messages ? messages.getValue() : ArrayRef<Attribute>()) {
      auto bytes = dyn_cast<StringAttr>(message);
      if (!bytes || !add()->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return module->emitError() << "attribute '" << name << "' does not hold serialized ONNX messages";
    }
    return success();
  };
  if (failed(parse("onnx.training_info", [&] { return model.add_training_info(); })))
    return failure();
  return parse("onnx.configuration", [&] { return model.add_configuration(); });
}

LogicalResult buildModel(ModuleOp module, TensorStore &tensors, ModelProto &model) {
  if (failed(addModelDetails(module, model)))
    return failure();
  func::FuncOp main;
  SmallVector<func::FuncOp> functions;
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return op.emitError("'") << op.getName() << "' has no form in ONNX; expected functions only";
    if (function->hasAttr("onnx.function"))
      functions.push_back(function);
    else if (main)
      return function.emitError("expected one function without onnx.function, the main graph, but '")
             << main.getSymName() << "' is another";
    else
      main = function;
  }
  if (!main)
    return module.emitError("expected one function without onnx.function, the main graph, but got none");
  GraphExporter exporter(tensors, model.ir_version());
  exporter.reserveNames(module);
  if (failed(exporter.exportMain(main, *model.mutable_graph())))
    return failure();
  for (func::FuncOp function : functions) {
    if (!isa<DictionaryAttr>(function->getAttr("onnx.function")))
      return function.emitError("expected a dictionary as onnx.function");
    if (failed(exporter.exportFunction(function, *model.add_functions())))
      return failure();
  }
  if (exporter.usesMicrosoftDomain() && !findImport(model, microsoftDomain)) {
    auto *import = model.add_opset_import();
    import->set_domain(microsoftDomain.str());
    import->set_version(1);
  }
  return raiseOpset(exporter.nodes(), model);
}

} // namespace

LogicalResult qllm::onnx::exportModel(ModuleOp module, StringRef path, const ExportOptions &options) {
  try {
    TensorStore tensors(DataFiles::get(module.getContext()));
    ModelProto model;
    if (failed(buildModel(module, tensors, model)))
      return failure();
    if (options.check)
      if (std::string wrong = checkModel(model); !wrong.empty())
        return emitError(module.getLoc()) << "the ONNX checker refuses the model: " << wrong;
    if (llvm::Error error = writeModel(model, tensors, path, options))
      return emitError(module.getLoc()) << llvm::toString(std::move(error));
    return success();
  } catch (const std::exception &error) {
    return emitError(module.getLoc()) << "the ONNX library failed: " << error.what();
  }
}
