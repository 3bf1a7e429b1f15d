// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names, graphs and functions on the way out.

#include "AttributeConversion.h"
#include "GraphExporter.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm::onnx;

namespace {

/// The attributes `onnx.x` of an argument or result, as a dictionary with keys `x`.
DictionaryAttr unprefixed(DictionaryAttr attributes, MLIRContext *context) {
  NamedAttrList details;
  for (NamedAttribute entry : attributes ? attributes : DictionaryAttr::get(context)) {
    StringRef name = entry.getName();
    if (name.consume_front("onnx."))
      details.set(name, entry.getValue());
  }
  return details.getDictionary(context);
}

StringRef nameIn(DictionaryAttr details) {
  auto name = details ? details.getAs<StringAttr>("name") : StringAttr();
  return name ? name.getValue() : StringRef();
}

} // namespace

void GraphExporter::reserveNames(Operation *root) {
  auto reserve = [&](Attribute name) {
    if (auto text = dyn_cast_or_null<StringAttr>(name))
      reserved.insert(text.getValue());
  };
  root->walk([&](Operation *op) {
    if (auto outputs = op->getAttrOfType<ArrayAttr>("onnx.output_names"))
      for (Attribute name : outputs)
        reserve(name);
    if (auto initializer = dyn_cast<InitializerOp>(op))
      reserve(initializer.getNameAttr());
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      for (unsigned i = 0; i != function.getNumArguments(); ++i)
        reserve(function.getArgAttr(i, "onnx.name"));
      for (unsigned i = 0; i != function.getNumResults(); ++i)
        reserve(function.getResultAttr(i, "onnx.name"));
    }
    if (auto graphs = op->getAttrOfType<ArrayAttr>("onnx.graphs"))
      for (Attribute graph : graphs)
        if (auto details = dyn_cast<DictionaryAttr>(graph))
          for (StringRef key : {"inputs", "outputs"})
            if (auto values = details.getAs<ArrayAttr>(key))
              for (Attribute value : values)
                reserved.insert(nameIn(dyn_cast<DictionaryAttr>(value)));
  });
}

bool GraphExporter::isFree(StringRef name, const Target &target) const {
  for (const Target *scope = &target; scope; scope = scope->outer)
    if (scope->names.contains(name))
      return false;
  return true;
}

std::string GraphExporter::freshName() {
  std::string name;
  do
    name = "value_" + std::to_string(counter++);
  while (!reserved.insert(name).second);
  return name;
}

std::string GraphExporter::assign(Value value, StringRef wanted, Target &target) {
  // Outputs of the graph got their names before the nodes did.
  auto known = names.find(value);
  if (known != names.end())
    return known->second;
  std::string name = !wanted.empty() && isFree(wanted, target) ? wanted.str() : freshName();
  target.names.insert(name);
  names[value] = name;
  return name;
}

void GraphExporter::addGraphDetails(DictionaryAttr details, StringRef prefix, proto::GraphProto &graph) {
  auto get = [&](StringRef key) { return details.get((prefix + key).str()); };
  if (auto name = dyn_cast_or_null<StringAttr>(get("graph_name")))
    graph.set_name(name.str());
  if (graph.name().empty())
    graph.set_name("graph"); // the checker wants one
  if (auto text = dyn_cast_or_null<StringAttr>(get("doc_string")))
    graph.set_doc_string(text.str());
  exportEntries(get("metadata"), graph.mutable_metadata_props());
  auto annotations = dyn_cast_or_null<ArrayAttr>(get("quantization_annotation"));
  for (Attribute entry : annotations ? annotations.getValue() : ArrayRef<Attribute>()) {
    auto annotation = dyn_cast<DictionaryAttr>(entry);
    auto tensor = annotation ? annotation.getAs<StringAttr>("tensor") : StringAttr();
    if (!tensor)
      continue;
    auto *out = graph.add_quantization_annotation();
    out->set_tensor_name(tensor.str());
    exportEntries(annotation.get("parameters"), out->mutable_quant_parameter_tensor_names());
  }
}

LogicalResult GraphExporter::exportArguments(Block &block, llvm::function_ref<DictionaryAttr(unsigned)> details, Target &target) {
  for (BlockArgument argument : block.getArguments()) {
    DictionaryAttr entry = details(argument.getArgNumber());
    std::string name = assign(argument, nameIn(entry), target);
    proto::ValueInfoProto *input = target.graph->add_input();
    input->set_name(name);
    if (!entry)
      entry = DictionaryAttr::get(argument.getContext());
    if (!exportValueDetails(entry, argument.getType(), *input))
      return emitError(argument.getLoc()) << "input '" << name << "' has type " << argument.getType() << ", which ONNX lacks";
    if (auto value = dyn_cast_or_null<TypedAttr>(entry.get("initializer"))) {
      proto::TensorProto *tensor = target.graph->add_initializer();
      tensor->set_name(name);
      if (llvm::Error error = tensors.add(value, *tensor))
        return emitError(argument.getLoc()) << "initializer '" << name << "': " << llvm::toString(std::move(error));
    }
  }
  return success();
}

void GraphExporter::addIdentity(Value value, StringRef name, Target &target) {
  proto::NodeProto *node = target.nodes->Add();
  node->set_op_type("Identity");
  node->add_input(names.lookup(value));
  node->add_output(name.str());
}

LogicalResult GraphExporter::reserveOutputs(Block &block, ReturnOp end, llvm::function_ref<DictionaryAttr(unsigned)> details,
                                            Target &target, SmallVectorImpl<std::string> &outputs) {
  for (auto [index, value] : llvm::enumerate(end.getOperands())) {
    std::string wanted = nameIn(details(index)).str();
    auto initializer = value.getDefiningOp<InitializerOp>();
    bool ofThisGraph = value.getParentBlock() == &block;
    bool alreadyNamed = names.count(value) != 0;
    if (initializer && wanted.empty())
      wanted = initializer.getName().str();
    // A graph's outputs keep their names whatever computes them now; another name of the same value takes an Identity.
    if (ofThisGraph && alreadyNamed && (wanted.empty() || names[value] == wanted) && !llvm::is_contained(outputs, names[value]))
      outputs.push_back(names[value]);
    else if (ofThisGraph && !alreadyNamed && (!initializer || initializer.getName() == wanted))
      outputs.push_back(assign(value, wanted, target));
    else
      outputs.push_back(!wanted.empty() && isFree(wanted, target) ? wanted : freshName());
    target.names.insert(outputs.back());
  }
  return success();
}

LogicalResult GraphExporter::exportBody(Block &block, llvm::function_ref<DictionaryAttr(unsigned)> details, Target &target,
                                        SmallVectorImpl<std::string> &outputs) {
  auto end = block.empty() ? ReturnOp() : dyn_cast<ReturnOp>(block.back());
  if (!end)
    return block.getParentOp()->emitError("expected each graph to end in onnx.Return");
  if (failed(reserveOutputs(block, end, details, target, outputs)))
    return failure();
  for (Operation &op : block.without_terminator()) {
    if (isa<NoneOp>(op))
      continue;
    LogicalResult result = isa<InitializerOp>(op)                     ? exportInitializer(&op, target)
                           : op.hasAttr("onnx.sparse_initializer") ? exportSparseInitializer(&op, target)
                                                                      : exportNode(&op, target);
    if (failed(result))
      return failure();
  }
  for (auto [value, name] : llvm::zip_equal(end.getOperands(), outputs)) {
    auto known = names.find(value);
    if (known == names.end())
      return end.emitOpError("returns a value that has no name in the model");
    if (known->second != name)
      addIdentity(value, name, target);
  }
  return success();
}

LogicalResult GraphExporter::exportOutputs(Block &block, llvm::function_ref<DictionaryAttr(unsigned)> details, Target &target) {
  SmallVector<std::string> outputs;
  if (failed(exportBody(block, details, target, outputs)))
    return failure();
  for (auto [index, value] : llvm::enumerate(block.back().getOperands())) {
    proto::ValueInfoProto *output = target.graph->add_output();
    output->set_name(outputs[index]);
    DictionaryAttr entry = details(index);
    if (!exportValueDetails(entry ? entry : DictionaryAttr::get(value.getContext()), value.getType(), *output))
      return block.back().emitOpError("output '") << outputs[index] << "' has type " << value.getType() << ", which ONNX lacks";
  }
  // Old models list their initializers among the inputs: put them back where they were.
  llvm::stable_sort(target.initializerInputs, llvm::less_first());
  for (auto &[place, input] : target.initializerInputs) {
    auto *inputs = target.graph->mutable_input();
    *inputs->Add() = input;
    for (int i = inputs->size() - 1; i > std::max<int64_t>(place, 0); --i)
      inputs->SwapElements(i, i - 1);
  }
  return success();
}

LogicalResult GraphExporter::exportInitializer(Operation *op, Target &target) {
  auto initializer = cast<InitializerOp>(op);
  std::string name = assign(initializer.getResult(), initializer.getName(), target);
  proto::TensorProto *tensor = nullptr;
  if (target.graph) {
    tensor = target.graph->add_initializer();
    tensor->set_name(name);
  } else {
    // A function has no initializers.
    proto::NodeProto *node = target.nodes->Add();
    node->set_op_type("Constant");
    node->add_output(name);
    proto::AttributeProto *attribute = node->add_attribute();
    attribute->set_name("value");
    attribute->set_type(proto::AttributeProto::TENSOR);
    tensor = attribute->mutable_t();
  }
  if (llvm::Error error = tensors.add(initializer.getValue(), *tensor))
    return op->emitOpError("'") << name << "': " << llvm::toString(std::move(error));
  if (auto text = op->getAttrOfType<StringAttr>("onnx.doc_string"))
    tensor->set_doc_string(text.str());
  exportEntries(op->getAttr("onnx.metadata"), tensor->mutable_metadata_props());
  if (auto details = op->getAttrOfType<DictionaryAttr>("onnx.output_info"); details && target.graph) {
    proto::ValueInfoProto *info = target.graph->add_value_info();
    info->set_name(name);
    exportValueDetails(details, initializer.getResult().getType(), *info);
  }
  if (irVersion < 4 && target.graph && !target.outer) {
    auto place = op->getAttrOfType<IntegerAttr>("onnx.input_index");
    proto::ValueInfoProto input;
    input.set_name(name);
    exportType(initializer.getResult().getType(), *input.mutable_type());
    target.initializerInputs.emplace_back(place ? place.getInt() : INT32_MAX, std::move(input));
  }
  return success();
}

LogicalResult GraphExporter::exportSparseInitializer(Operation *op, Target &target) {
  auto value = op->getAttrOfType<DictionaryAttr>("sparse_value");
  if (!value || !target.graph || op->getNumResults() != 1)
    return op->emitOpError("expected a sparse value in a graph");
  auto wanted = op->getAttrOfType<ArrayAttr>("onnx.output_names");
  auto name = wanted && !wanted.empty() ? dyn_cast<StringAttr>(wanted[0]) : StringAttr();
  proto::SparseTensorProto *tensor = target.graph->add_sparse_initializer();
  auto write = [&](TypedAttr elements, proto::TensorProto &out) -> llvm::Error {
    if (llvm::Error error = tensors.add(elements, out))
      return error;
    return tensors.isLarge(out) ? tensors.moveInline(out) : llvm::Error::success();
  };
  if (llvm::Error error = exportSparseTensor(value, write, *tensor))
    return op->emitOpError() << llvm::toString(std::move(error));
  tensor->mutable_values()->set_name(assign(op->getResult(0), name ? name.getValue() : "", target));
  return success();
}

LogicalResult GraphExporter::exportMain(func::FuncOp function, proto::GraphProto &graph) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("expected a body of one block");
  Target target{graph.mutable_node(), &graph, nullptr, {}, {}};
  addGraphDetails(function->getAttrDictionary(), "onnx.", graph);
  MLIRContext *context = function.getContext();
  auto arguments = [&](unsigned i) { return unprefixed(function.getArgAttrDict(i), context); };
  auto results = [&](unsigned i) {
    return unprefixed(i < function.getNumResults() ? function.getResultAttrDict(i) : DictionaryAttr(), context);
  };
  if (failed(exportArguments(function.getBody().front(), arguments, target)))
    return failure();
  return exportOutputs(function.getBody().front(), results, target);
}

LogicalResult GraphExporter::exportFunction(func::FuncOp function, proto::FunctionProto &out) {
  auto details = function->getAttrOfType<DictionaryAttr>("onnx.function");
  auto text = [&](StringRef key) {
    auto value = details.getAs<StringAttr>(key);
    return value ? value.str() : std::string();
  };
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("expected a body of one block");
  out.set_domain(text("domain"));
  out.set_name(text("name"));
  if (details.contains("overload"))
    out.set_overload(text("overload"));
  if (details.contains("doc_string"))
    out.set_doc_string(text("doc_string"));
  exportEntries(details.get("metadata"), out.mutable_metadata_props());
  if (auto parameters = details.getAs<ArrayAttr>("attributes"))
    for (Attribute parameter : parameters)
      if (auto name = dyn_cast<StringAttr>(parameter))
        out.add_attribute(name.str());
  auto write = [&](TypedAttr value, proto::TensorProto &tensor) { return tensors.add(value, tensor); };
  if (auto defaults = details.getAs<DictionaryAttr>("defaults")) {
    for (NamedAttribute entry : defaults) {
      proto::AttributeProto *attribute = out.add_attribute_proto();
      attribute->set_name(entry.getName().str());
      if (llvm::Error error = exportAttribute(entry.getValue(), write, *attribute))
        return function.emitOpError("default of '") << attribute->name() << "': " << llvm::toString(std::move(error));
    }
  }
  exportOpsets(details.getAs<DictionaryAttr>("opset"), out.mutable_opset_import());

  inFunction = true;
  Target target{out.mutable_node(), nullptr, nullptr, {}, {}};
  MLIRContext *context = function.getContext();
  for (BlockArgument argument : function.getArguments())
    out.add_input(assign(argument, nameIn(unprefixed(function.getArgAttrDict(argument.getArgNumber()), context)), target));
  SmallVector<std::string> outputs;
  auto results = [&](unsigned i) {
    return unprefixed(i < function.getNumResults() ? function.getResultAttrDict(i) : DictionaryAttr(), context);
  };
  LogicalResult result = exportBody(function.getBody().front(), results, target, outputs);
  inFunction = false;
  for (std::string &name : outputs)
    out.add_output(std::move(name));
  return result;
}

void qllm::onnx::exportOpsets(DictionaryAttr versions, google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> *out) {
  for (NamedAttribute entry : versions ? versions.getValue() : ArrayRef<NamedAttribute>()) {
    auto version = dyn_cast<IntegerAttr>(entry.getValue());
    if (!version || !version.getType().isSignlessInteger(64))
      continue;
    auto *import = out->Add();
    import->set_domain(canonicalDomain(entry.getName().getValue()).str());
    import->set_version(version.getInt());
  }
}
