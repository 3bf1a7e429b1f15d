// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One node as one operation: typed where its form fits, onnx.Custom otherwise.

#include "AttributeConversion.h"
#include "GraphImporter.h"
#include "OperatorForms.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qllm::onnx;
using proto::AttributeProto;
using proto::NodeProto;

namespace {

constexpr llvm::StringLiteral escapePrefix = "onnx.attr.";

std::string describe(const NodeProto &node, int64_t opset) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "node '";
  llvm::printEscapedString(StringRef(node.name()).take_front(200), stream);
  stream << "' (";
  llvm::printEscapedString(StringRef(node.op_type()).take_front(200), stream);
  if (!node.domain().empty()) {
    stream << " of ";
    llvm::printEscapedString(StringRef(node.domain()).take_front(200), stream);
  }
  stream << ", opset " << opset << ')';
  return text;
}

template <typename Names> size_t countWithoutTrailingAbsent(const Names &names) {
  size_t count = static_cast<size_t>(names.size());
  while (count > 0 && names[static_cast<int>(count) - 1].empty())
    --count;
  return count;
}

/// How many of `names` each parameter takes: absent optional ones none, a variadic one all that are left.
template <typename Names> SmallVector<int32_t> segmentSizes(const Names &names, ArrayRef<Arity> parameters) {
  SmallVector<int32_t> sizes;
  size_t count = countWithoutTrailingAbsent(names);
  for (auto [index, arity] : llvm::enumerate(parameters)) {
    if (arity == Arity::Variadic)
      sizes.push_back(static_cast<int32_t>(count > index ? count - index : 0));
    else
      sizes.push_back(index < count && !names[static_cast<int>(index)].empty());
  }
  return sizes;
}

} // namespace

std::string qllm::onnx::escapeAttributeName(StringRef name) {
  bool reserved = name == "domain" || name == "op_type" || name.starts_with("onnx.");
  return (reserved ? escapePrefix + name : llvm::Twine(name)).str();
}

StringRef qllm::onnx::unescapeAttributeName(StringRef name) {
  name.consume_front(escapePrefix);
  return name;
}

struct GraphImporter::NodeParts {
  NodeParts(Location location, StringRef name, const OperatorForm *form, const NodeProto &node, int64_t opset)
      : state(location, name), form(form), node(node), opset(opset) {}
  OperationState state;
  /// Null for onnx.Custom.
  const OperatorForm *form;
  const NodeProto &node;
  int64_t opset;
  /// For messages.
  std::string description() const { return describe(node, opset); }
  /// Names of the results, in order; "" for one that nobody named.
  SmallVector<StringRef> results;
};

Location GraphImporter::locationOf(const NodeProto &node) {
  StringRef name = !node.name().empty() ? StringRef(node.name()) : node.output_size() ? StringRef(node.output(0)) : StringRef(node.op_type());
  return NameLoc::get(builder.getStringAttr(name), file);
}

LogicalResult GraphImporter::addOperands(const NodeProto &node, Scope &scope, NodeParts &parts) {
  size_t count = parts.form ? countWithoutTrailingAbsent(node.input()) : static_cast<size_t>(node.input_size());
  for (size_t i = 0; i != count; ++i) {
    StringRef name = node.input(static_cast<int>(i));
    if (name.empty()) {
      if (!parts.form)
        parts.state.operands.push_back(NoneOp::create(builder, parts.state.location, builder.getNoneType()));
      continue;
    }
    Value value = scope.lookup(name);
    if (!value)
      return fail(parts.state.location, parts.description() + ": input '" + name + "' is not the name of an earlier value");
    parts.state.operands.push_back(value);
  }
  if (parts.form && parts.state.name.hasTrait<OpTrait::AttrSizedOperandSegments>())
    parts.state.addAttribute("operandSegmentSizes", builder.getDenseI32ArrayAttr(segmentSizes(node.input(), parts.form->inputs)));
  return success();
}

void GraphImporter::addResults(const NodeProto &node, const ValueTypes &types, NodeParts &parts) {
  SmallVector<Attribute> details;
  bool declared = false;
  for (StringRef name : node.output()) {
    if (name.empty() && parts.form)
      continue;
    Type type = name.empty() ? Type(builder.getNoneType()) : typeOf(name, types);
    parts.state.addTypes(type);
    parts.results.push_back(name);
    const proto::ValueInfoProto *info = name.empty() ? nullptr : types.declared.lookup(name);
    declared |= info != nullptr;
    details.push_back(info ? Attribute(importValueDetails(*info, type, context)) : builder.getUnitAttr());
  }
  parts.state.addAttribute("onnx.output_names", builder.getStrArrayAttr(parts.results));
  // The presence of an entry says that the model declares the value; a unit says that it does not.
  if (declared)
    parts.state.addAttribute("onnx.output_info", builder.getArrayAttr(details));
  if (parts.form && parts.state.name.hasTrait<OpTrait::AttrSizedResultSegments>())
    parts.state.addAttribute("resultSegmentSizes", builder.getDenseI32ArrayAttr(segmentSizes(node.output(), parts.form->outputs)));
}

LogicalResult GraphImporter::addAttributes(const NodeProto &node, NodeParts &parts) {
  NamedAttrList references, documents, tensorNames;
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.name().empty())
      return fail(parts.state.location, parts.description() + ": expected a name for each attribute");
    int kind = attributeKind(attribute);
    if (!attribute.doc_string().empty())
      documents.set(attribute.name(), builder.getStringAttr(attribute.doc_string()));
    if (attribute.has_t() && !attribute.t().name().empty())
      tensorNames.set(attribute.name(), builder.getStringAttr(attribute.t().name()));
    if (!attribute.ref_attr_name().empty()) {
      references.set(attribute.name(), builder.getArrayAttr({builder.getStringAttr(attribute.ref_attr_name()), builder.getI64IntegerAttr(kind)}));
      continue;
    }
    if (kind == AttributeProto::GRAPH || attribute.graphs_size() != 0)
      continue;
    llvm::Expected<Attribute> value = importAttribute(attribute, tensors, context);
    if (!value)
      return fail(parts.state.location,
                  parts.description() + ": attribute '" + attribute.name() + "': " + llvm::toString(value.takeError()));
    parts.state.attributes.set(parts.form ? attribute.name() : escapeAttributeName(attribute.name()), *value);
  }
  if (!references.empty())
    parts.state.addAttribute("onnx.attribute_references", references.getDictionary(context));
  if (!documents.empty())
    parts.state.addAttribute("onnx.attribute_doc_strings", documents.getDictionary(context));
  if (!tensorNames.empty())
    parts.state.addAttribute("onnx.tensor_names", tensorNames.getDictionary(context));
  return success();
}

LogicalResult GraphImporter::addSubgraphs(const NodeProto &node, const NodeProto &inferred, Scope &scope, NodeParts &parts) {
  SmallVector<Attribute> details;
  auto add = [&](const proto::GraphProto &graph, const proto::GraphProto &inferredGraph, StringRef name, int index) {
    details.emplace_back();
    return importSubgraph(graph, inferredGraph, name, index, scope, *parts.state.addRegion(), details.back());
  };
  for (auto [attribute, inferredAttribute] : llvm::zip_equal(node.attribute(), inferred.attribute())) {
    int kind = attributeKind(attribute);
    if (!attribute.ref_attr_name().empty())
      continue;
    if (kind == AttributeProto::GRAPH && failed(add(attribute.g(), inferredAttribute.g(), attribute.name(), -1)))
      return failure();
    if (kind == AttributeProto::GRAPHS)
      for (int i = 0; i != attribute.graphs_size(); ++i)
        if (failed(add(attribute.graphs(i), inferredAttribute.graphs(i), attribute.name(), i)))
          return failure();
  }
  if (!details.empty())
    parts.state.addAttribute("onnx.graphs", builder.getArrayAttr(details));
  return success();
}

void GraphImporter::addNodeDetails(const NodeProto &node, NodeParts &parts) {
  if (!node.name().empty())
    parts.state.addAttribute("onnx.node_name", builder.getStringAttr(node.name()));
  if (!node.overload().empty())
    parts.state.addAttribute("onnx.overload", builder.getStringAttr(node.overload()));
  if (!node.doc_string().empty())
    parts.state.addAttribute("onnx.doc_string", builder.getStringAttr(node.doc_string()));
  if (Attribute metadata = importEntries(node.metadata_props(), context))
    parts.state.addAttribute("onnx.metadata", metadata);
  SmallVector<Attribute> devices;
  for (const auto &configuration : node.device_configurations())
    devices.push_back(builder.getStringAttr(configuration.SerializeAsString()));
  if (!devices.empty())
    parts.state.addAttribute("onnx.device_configurations", builder.getArrayAttr(devices));
}

LogicalResult GraphImporter::importNode(const NodeProto &node, const NodeProto &inferred, Scope &scope, const ValueTypes &types) {
  StringRef domain = canonicalDomain(node.domain());
  auto opset = opsets.find(domain);
  Location location = locationOf(node);
  if (opset == opsets.end())
    return fail(location, describe(node, 0) + ": the model imports no version of its domain");
  bool callsFunction = !functions.empty() && functions.contains(node.domain() + ":" + node.op_type() + ":" + node.overload());
  const OperatorForm *form = callsFunction ? nullptr : lookupForm(domain, node.op_type());
  if (form && !fitsForm(node, opset->second, *form))
    form = nullptr;
  bool misplaced = domain.empty() && node.op_type() == "SimplifiedLayerNormalization";
  std::string name = !form ? CustomOp::getOperationName().str()
                           : (domain.empty() && !misplaced ? "onnx." : "onnx.ms.") + node.op_type();

  NodeParts parts(location, name, form, node, opset->second);
  if (!form) {
    parts.state.addAttribute("domain", builder.getStringAttr(domain));
    parts.state.addAttribute("op_type", builder.getStringAttr(node.op_type()));
  } else if (misplaced) {
    parts.state.addAttribute("onnx.domain", builder.getStringAttr(""));
  }
  if (failed(addOperands(node, scope, parts)) || failed(addAttributes(node, parts)) || failed(addSubgraphs(node, inferred, scope, parts)))
    return failure();
  addResults(node, types, parts);
  addNodeDetails(node, parts);
  Operation *op = builder.create(parts.state);
  for (auto [result, resultName] : llvm::zip_equal(op->getResults(), parts.results))
    if (!resultName.empty() && failed(define(location, scope, resultName, result)))
      return failure();
  return success();
}
