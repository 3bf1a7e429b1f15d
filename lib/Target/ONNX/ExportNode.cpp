// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One operation as one node.

#include "AttributeConversion.h"
#include "GraphExporter.h"
#include "GraphImporter.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm::onnx;
using proto::NodeProto;

namespace {

/// Sizes of the groups of operands or results that belong to `parameters`. An operation without a segment attribute has at
/// most one group that is not a single value.
FailureOr<SmallVector<int32_t>> segments(Operation *op, StringRef attribute, ArrayRef<Arity> parameters, unsigned count) {
  if (auto sizes = op->getAttrOfType<DenseI32ArrayAttr>(attribute)) {
    if (sizes.size() != static_cast<int64_t>(parameters.size()))
      return failure();
    return SmallVector<int32_t>(sizes.asArrayRef());
  }
  SmallVector<int32_t> sizes;
  int32_t singles = static_cast<int32_t>(llvm::count(parameters, Arity::Single));
  for (Arity arity : parameters)
    sizes.push_back(arity == Arity::Single ? 1 : static_cast<int32_t>(count) - singles);
  return sizes;
}

/// The names of each group, "" for an absent one, without absent ones at the end.
SmallVector<std::string> spread(ArrayRef<int32_t> sizes, ArrayRef<std::string> names) {
  SmallVector<std::string> result;
  for (int32_t size : sizes) {
    if (size <= 0) {
      result.push_back("");
      continue;
    }
    for (; size > 0 && !names.empty(); --size, names = names.drop_front())
      result.push_back(names.front());
  }
  while (!result.empty() && result.back().empty())
    result.pop_back();
  return result;
}

bool isOperatorAttribute(Operation *op, StringRef name, const OperatorForm *form) {
  if (form)
    return form->attributes.contains(name);
  return name != "domain" && name != "op_type" && unescapeAttributeName(name) != name
             ? true
             : name != "domain" && name != "op_type" && !name.starts_with("onnx.") && !name.starts_with("qllm.");
}

} // namespace

LogicalResult GraphExporter::addOperands(Operation *op, const OperatorForm *form, NodeProto &node) {
  SmallVector<std::string> inputs;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<NoneOp>()) {
      inputs.push_back("");
      continue;
    }
    auto name = names.find(operand);
    if (name == names.end())
      return op->emitOpError("uses a value that has no name in the model");
    inputs.push_back(name->second);
  }
  if (form) {
    FailureOr<SmallVector<int32_t>> sizes = segments(op, "operandSegmentSizes", form->inputs, op->getNumOperands());
    if (failed(sizes))
      return op->emitOpError("has operand segments that are not those of the operator");
    inputs = spread(*sizes, inputs);
  }
  for (std::string &name : inputs)
    node.add_input(std::move(name));
  return success();
}

LogicalResult GraphExporter::addResults(Operation *op, const OperatorForm *form, Target &target, NodeProto &node) {
  auto wanted = op->getAttrOfType<ArrayAttr>("onnx.output_names");
  auto details = op->getAttrOfType<ArrayAttr>("onnx.output_info");
  SmallVector<std::string> outputs;
  for (auto [index, result] : llvm::enumerate(op->getResults())) {
    auto name = wanted && index < wanted.size() ? dyn_cast<StringAttr>(wanted[index]) : StringAttr();
    if (isa<NoneType>(result.getType())) {
      outputs.push_back("");
      continue;
    }
    outputs.push_back(assign(result, name ? name.getValue() : "", target));
    auto info = details && index < details.size() ? dyn_cast<DictionaryAttr>(details[index]) : DictionaryAttr();
    if (!info || !target.graph)
      continue;
    proto::ValueInfoProto *out = target.graph->add_value_info();
    out->set_name(outputs.back());
    if (!exportValueDetails(info, result.getType(), *out))
      return op->emitOpError("has a result of type ") << result.getType() << ", which ONNX lacks";
  }
  if (form) {
    FailureOr<SmallVector<int32_t>> sizes = segments(op, "resultSegmentSizes", form->outputs, op->getNumResults());
    if (failed(sizes))
      return op->emitOpError("has result segments that are not those of the operator");
    outputs = spread(*sizes, outputs);
  }
  for (std::string &name : outputs)
    node.add_output(std::move(name));
  return success();
}

LogicalResult GraphExporter::addAttributes(Operation *op, const OperatorForm *form, NodeProto &node) {
  auto documents = op->getAttrOfType<DictionaryAttr>("onnx.attribute_doc_strings");
  auto tensorNames = op->getAttrOfType<DictionaryAttr>("onnx.tensor_names");
  auto document = [&](proto::AttributeProto &attribute) {
    if (auto text = documents ? documents.getAs<StringAttr>(attribute.name()) : StringAttr())
      attribute.set_doc_string(text.str());
  };
  auto write = [&](TypedAttr value, proto::TensorProto &out) { return tensors.add(value, out); };
  for (NamedAttribute entry : op->getAttrDictionary()) {
    if (!isOperatorAttribute(op, entry.getName(), form))
      continue;
    proto::AttributeProto *attribute = node.add_attribute();
    attribute->set_name((form ? entry.getName().getValue() : unescapeAttributeName(entry.getName())).str());
    if (llvm::Error error = exportAttribute(entry.getValue(), write, *attribute))
      return op->emitOpError("attribute '") << entry.getName().getValue() << "': " << llvm::toString(std::move(error));
    document(*attribute);
    if (auto text = tensorNames && attribute->has_t() ? tensorNames.getAs<StringAttr>(attribute->name()) : StringAttr())
      attribute->mutable_t()->set_name(text.str());
  }
  if (auto references = op->getAttrOfType<DictionaryAttr>("onnx.attribute_references")) {
    for (NamedAttribute entry : references) {
      auto pair = dyn_cast<ArrayAttr>(entry.getValue());
      auto parameter = pair && pair.size() == 2 ? dyn_cast<StringAttr>(pair[0]) : StringAttr();
      auto kind = parameter ? dyn_cast<IntegerAttr>(pair[1]) : IntegerAttr();
      if (!kind || !proto::AttributeProto::AttributeType_IsValid(static_cast<int>(kind.getInt())))
        return op->emitOpError("expected a parameter and a kind for the referring attribute '") << entry.getName().getValue() << "'";
      proto::AttributeProto *attribute = node.add_attribute();
      attribute->set_name(entry.getName().str());
      attribute->set_ref_attr_name(parameter.str());
      attribute->set_type(static_cast<proto::AttributeProto::AttributeType>(kind.getInt()));
      document(*attribute);
    }
  }
  return success();
}

LogicalResult GraphExporter::addSubgraphs(Operation *op, Target &target, NodeProto &node) {
  auto graphs = op->getAttrOfType<ArrayAttr>("onnx.graphs");
  if (op->getNumRegions() != (graphs ? graphs.size() : 0))
    return op->emitOpError("expected an entry of onnx.graphs for each of ")
           << op->getNumRegions() << " regions, but got " << (graphs ? graphs.size() : 0);
  for (auto [index, region] : llvm::enumerate(op->getRegions())) {
    auto details = dyn_cast<DictionaryAttr>(graphs[index]);
    auto name = details ? details.getAs<StringAttr>("attribute") : StringAttr();
    if (!name || !region.hasOneBlock() || region.front().empty())
      return op->emitOpError("expected an attribute name and one block for subgraph ") << index;
    proto::GraphProto *graph = nullptr;
    if (!details.contains("index")) {
      proto::AttributeProto *attribute = node.add_attribute();
      attribute->set_name(name.str());
      attribute->set_type(proto::AttributeProto::GRAPH);
      graph = attribute->mutable_g();
    } else {
      auto known = llvm::find_if(*node.mutable_attribute(), [&](auto &attribute) { return attribute.name() == name.getValue(); });
      proto::AttributeProto *attribute = known != node.mutable_attribute()->end() ? &*known : node.add_attribute();
      attribute->set_name(name.str());
      attribute->set_type(proto::AttributeProto::GRAPHS);
      graph = attribute->add_graphs();
    }
    Target inner{graph->mutable_node(), graph, &target, {}, {}};
    addGraphDetails(details, "", *graph);
    auto entries = [details = details](StringRef key) {
      return [list = details.getAs<ArrayAttr>(key)](unsigned i) {
        auto entry = list && i < list.size() ? dyn_cast<DictionaryAttr>(list[i]) : DictionaryAttr();
        return entry;
      };
    };
    if (failed(exportArguments(region.front(), entries("inputs"), inner)) || failed(exportOutputs(region.front(), entries("outputs"), inner)))
      return failure();
  }
  return success();
}

LogicalResult GraphExporter::exportNode(Operation *op, Target &target) {
  StringRef name = op->getName().getStringRef();
  std::string domain, type;
  if (auto custom = dyn_cast<CustomOp>(op)) {
    domain = custom.getDomain().str();
    type = custom.getOpType().str();
  } else if (name.consume_front("onnx.")) {
    domain = name.consume_front("ms.") ? microsoftDomain.str() : "";
    type = name.str();
  }
  const OperatorForm *form = isa<CustomOp>(op) ? nullptr : lookupForm(domain, type);
  if (type.empty() || (!isa<CustomOp>(op) && !form))
    return op->emitError("'") << op->getName() << "' has no form in ONNX; lower it before exporting";
  if (auto kept = op->getAttrOfType<StringAttr>("onnx.domain"))
    domain = kept.str();
  sawMicrosoft |= domain == microsoftDomain;

  NodeProto *node = target.nodes->Add();
  node->set_op_type(type);
  if (!domain.empty())
    node->set_domain(domain);
  auto text = [&](StringRef key) { return op->getAttrOfType<StringAttr>(key); };
  if (auto value = text("onnx.node_name"))
    node->set_name(value.str());
  if (auto value = text("onnx.overload"))
    node->set_overload(value.str());
  if (auto value = text("onnx.doc_string"))
    node->set_doc_string(value.str());
  exportEntries(op->getAttr("onnx.metadata"), node->mutable_metadata_props());
  if (auto devices = op->getAttrOfType<ArrayAttr>("onnx.device_configurations"))
    for (Attribute device : devices)
      if (auto bytes = dyn_cast<StringAttr>(device))
        node->add_device_configurations()->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (!inFunction)
    exported.push_back({node, op});
  // Subgraphs see what came before the node, not its results.
  if (failed(addOperands(op, form, *node)) || failed(addAttributes(op, form, *node)) || failed(addSubgraphs(op, target, *node)))
    return failure();
  return addResults(op, form, target, *node);
}
