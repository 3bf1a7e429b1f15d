// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way out: one ModelProto without weights, then the file, with weights copied behind or beside it.

#include "qllm/Target/ONNX/Export.h"

#include "GraphExporter.h"
#include "Inference.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <climits>

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;
using proto::ModelProto;

namespace {

/// What ONNX published together: an opset and the IR version of that release.
int64_t irVersionOf(int64_t opset) {
  constexpr int64_t versions[] = {8, 9, 9, 10, 10, 11, 12, 12, 13, 14, 14}; // opsets 18 to 28
  return opset < 18 ? 3 : versions[std::min<int64_t>(opset, newestVersion("")) - 18];
}

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

proto::OperatorSetIdProto *findImport(ModelProto &model, StringRef domain) {
  for (auto &import : *model.mutable_opset_import())
    if (import.domain() == domain)
      return &import;
  return nullptr;
}

SmallVector<int32_t> operandElements(Operation *op) {
  SmallVector<int32_t> elements;
  // Absent optional operands shift what follows, so only a list without gaps tells element types by position.
  if (op->hasTrait<OpTrait::AttrSizedOperandSegments>())
    return elements;
  for (Type type : op->getOperandTypes()) {
    auto tensor = dyn_cast<TensorType>(type);
    elements.push_back(tensor ? exportElementType(tensor.getElementType()) : 0);
  }
  return elements;
}

/// From opset 18 on, a split in equal parts says how many.
void adaptToOpset(proto::NodeProto &node, int64_t opset) {
  if (node.op_type() != "Split" || node.input_size() > 1 || opset < 18 ||
      llvm::any_of(node.attribute(), [](const auto &attribute) { return attribute.name() == "num_outputs"; }))
    return;
  proto::AttributeProto *count = node.add_attribute();
  count->set_name("num_outputs");
  count->set_type(proto::AttributeProto::INT);
  count->set_i(node.output_size());
}

/// Raises the version of the default domain to what typed operations need.
LogicalResult raiseOpset(ArrayRef<ExportedNode> nodes, ModelProto &model, ModuleOp module) {
  proto::OperatorSetIdProto *import = findImport(model, "");
  auto isStandard = [](const ExportedNode &entry) { return entry.node->domain().empty() && !isa<CustomOp>(entry.op); };
  if (!import) {
    if (llvm::none_of(nodes, [](const ExportedNode &entry) { return entry.node->domain().empty(); }))
      return success();
    import = model.add_opset_import();
    import->set_version(18);
  }
  int64_t imported = import->version(), needed = imported;
  for (const ExportedNode &entry : nodes) {
    if (!isStandard(entry) || entry.node->op_type() == "SimplifiedLayerNormalization")
      continue;
    int64_t first = firstOpsetAccepting(*entry.node, operandElements(entry.op), imported);
    // Element types that no version lists are the model's own affair: the checker does not look at them either.
    if (first == 0)
      first = firstOpsetAccepting(*entry.node, {}, imported);
    if (first == 0)
      return entry.op->emitError("no opset from ") << imported << " to " << newestVersion("") << " has this form of " << entry.node->op_type();
    needed = std::max(needed, first);
  }
  if (needed == imported)
    return success();
  for (const ExportedNode &entry : nodes) {
    if (!entry.node->domain().empty())
      continue;
    if (isStandard(entry))
      adaptToOpset(*entry.node, needed);
    else if (sinceVersion("", entry.node->op_type(), imported) != sinceVersion("", entry.node->op_type(), needed))
      return entry.op->emitError("the model needs opset ") << needed << ", where " << entry.node->op_type() << " is not what it is in opset "
                                                           << imported << "; convert the model to that opset before importing it";
  }
  import->set_version(needed);
  model.set_ir_version(std::max(model.ir_version(), irVersionOf(needed)));
  return success();
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
  return raiseOpset(exporter.nodes(), model, module);
}

uint64_t varintSize(uint64_t value) {
  uint64_t size = 1;
  for (; value >= 0x80; value >>= 7)
    ++size;
  return size;
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// The wire form of a model whose large initializers are copied straight into the file: protobuf would hold them in memory.
class ModelWriter {
public:
  ModelWriter(ModelProto &model, TensorStore &tensors) : tensors(tensors) {
    initializers.Swap(model.mutable_graph()->mutable_initializer());
    graph = model.graph().SerializeAsString();
    model.clear_graph();
    rest = model.SerializeAsString();
    graphSize = graph.size();
    for (proto::TensorProto &tensor : initializers) {
      bool large = tensors.isLarge(tensor) && tensor.has_segment();
      if (large)
        tensor.clear_segment();
      Piece piece{&tensor, tensor.SerializeAsString(), large ? tensors.sizeOf(tensor) : 0, large};
      piece.size = piece.head.size() + (large ? 1 + varintSize(piece.data) + piece.data : 0);
      graphSize += 1 + varintSize(piece.size) + piece.size;
      pieces.push_back(std::move(piece));
    }
  }

  uint64_t fileSize() const { return rest.size() + 1 + varintSize(graphSize) + graphSize; }

  llvm::Error write(OutputFile &file) {
    std::string pending = rest;
    pending.push_back(7 << 3 | 2); // ModelProto.graph
    appendVarint(pending, graphSize);
    pending += graph;
    for (const Piece &piece : pieces) {
      pending.push_back(5 << 3 | 2); // GraphProto.initializer
      appendVarint(pending, piece.size);
      pending += piece.head;
      if (!piece.large)
        continue;
      pending.push_back(9 << 3 | 2); // TensorProto.raw_data
      appendVarint(pending, piece.data);
      if (llvm::Error error = file.write(pending))
        return error;
      pending.clear();
      if (llvm::Error error = tensors.stream(*piece.tensor, file))
        return error;
    }
    return file.write(pending);
  }

private:
  struct Piece {
    const proto::TensorProto *tensor;
    std::string head;
    uint64_t data;
    bool large;
    uint64_t size = 0;
  };
  TensorStore &tensors;
  google::protobuf::RepeatedPtrField<proto::TensorProto> initializers;
  std::string graph, rest;
  uint64_t graphSize;
  std::vector<Piece> pieces;
};

/// Tensors outside the main graph's initializers go into the file itself: few readers look for external data there.
template <typename Nodes> llvm::Error moveAttributesInline(Nodes &nodes, TensorStore &tensors) {
  for (proto::NodeProto &node : nodes) {
    for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
      SmallVector<proto::TensorProto *> large;
      if (attribute.has_t())
        large.push_back(attribute.mutable_t());
      for (proto::TensorProto &tensor : *attribute.mutable_tensors())
        large.push_back(&tensor);
      SmallVector<proto::GraphProto *> graphs;
      if (attribute.has_g())
        graphs.push_back(attribute.mutable_g());
      for (proto::GraphProto &graph : *attribute.mutable_graphs())
        graphs.push_back(&graph);
      for (proto::GraphProto *graph : graphs) {
        for (proto::TensorProto &tensor : *graph->mutable_initializer())
          large.push_back(&tensor);
        if (llvm::Error error = moveAttributesInline(*graph->mutable_node(), tensors))
          return error;
      }
      for (proto::TensorProto *tensor : large)
        if (tensors.isLarge(*tensor))
          if (llvm::Error error = tensors.moveInline(*tensor))
            return error;
    }
  }
  return llvm::Error::success();
}

llvm::Error writeModel(ModelProto &model, TensorStore &tensors, StringRef path, const ExportOptions &options) {
  bool external = options.externalData == ExternalData::Always ||
                  (options.externalData == ExternalData::Auto && tensors.largeBytes() > options.largestSingleFile);
  if (llvm::Error error = moveAttributesInline(*model.mutable_graph()->mutable_node(), tensors))
    return error;
  for (auto &function : *model.mutable_functions())
    if (llvm::Error error = moveAttributesInline(*function.mutable_node(), tensors))
      return error;
  std::unique_ptr<OutputFile> data;
  if (external) {
    std::string dataPath = (path + ".data").str();
    llvm::Expected<std::unique_ptr<OutputFile>> created = OutputFile::create(dataPath);
    if (!created)
      return created.takeError();
    data = std::move(*created);
    for (proto::TensorProto &tensor : *model.mutable_graph()->mutable_initializer())
      if (tensors.isLarge(tensor))
        if (llvm::Error error = tensors.moveExternal(tensor, *data, llvm::sys::path::filename(dataPath)))
          return error;
  }
  ModelWriter writer(model, tensors);
  if (writer.fileSize() > INT_MAX)
    return llvm::createStringError(llvm::formatv("'{0}': the model takes {1} bytes, more than the 2147483647 that a file without "
                                                 "external data can have", path, writer.fileSize()).str());
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = writer.write(**file))
    return error;
  if (data)
    if (llvm::Error error = data->commit())
      return error;
  return (*file)->commit();
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
