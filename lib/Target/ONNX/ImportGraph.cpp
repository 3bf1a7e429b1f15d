// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graphs, subgraphs and functions.

#include "AttributeConversion.h"
#include "GraphImporter.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qllm::onnx;
using proto::GraphProto;

namespace {

/// The names and types that `graph` declares, and those that inference added to `inferred`.
ValueTypes collectTypes(const GraphProto &graph, const GraphProto &inferred) {
  ValueTypes types;
  for (const auto &info : graph.value_info())
    types.declared[info.name()] = &info;
  for (const auto *infos : {&inferred.value_info(), &inferred.input(), &inferred.output()})
    for (const auto &info : *infos)
      if (info.has_type() && info.type().value_case() != proto::TypeProto::VALUE_NOT_SET)
        types.inferred[info.name()] = &info.type();
  return types;
}

/// `details` with each key behind `onnx.`, as attributes of functions, arguments and results have them.
NamedAttrList prefixed(DictionaryAttr details) {
  NamedAttrList result;
  for (NamedAttribute entry : details)
    result.set(("onnx." + entry.getName().getValue()).str(), entry.getValue());
  return result;
}

std::string printable(StringRef name) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::printEscapedString(name.take_front(200), stream);
  return text;
}

} // namespace

GraphImporter::GraphImporter(MLIRContext *context, Location file, TensorImporter &tensors, const proto::ModelProto &model)
    : context(context), builder(context), file(file), tensors(tensors), irVersion(model.ir_version()),
      opsets(opsetVersions(model.opset_import())) {
  if (irVersion < 3 && opsets.empty())
    opsets[""] = 1;
  for (const auto &function : model.functions())
    functions.insert(function.domain() + ":" + function.name() + ":" + function.overload());
  symbols.insert("main");
}

Value Scope::lookup(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->outer)
    if (Value value = scope->values.lookup(name))
      return value;
  return {};
}

LogicalResult GraphImporter::fail(Location location, const Twine &text) { return emitError(location) << text; }

LogicalResult GraphImporter::define(Location location, Scope &scope, StringRef name, Value value) {
  if ((scope.outer && scope.outer->lookup(name)) || !scope.values.try_emplace(name, value).second)
    return fail(location, "the name '" + printable(name) + "' is given to two values");
  return success();
}

Type GraphImporter::typeOf(StringRef name, const ValueTypes &types) {
  if (const proto::TypeProto *type = types.inferred.lookup(name))
    return importType(*type, context);
  if (const proto::ValueInfoProto *info = types.declared.lookup(name))
    return importType(info->type(), context);
  return UnknownType::get(context);
}

void GraphImporter::addGraphDetails(const GraphProto &graph, StringRef prefix, NamedAttrList &details) {
  auto set = [&](StringRef key, Attribute value) { details.set((prefix + key).str(), value); };
  if (!graph.name().empty())
    set("graph_name", builder.getStringAttr(graph.name()));
  if (!graph.doc_string().empty())
    set("doc_string", builder.getStringAttr(graph.doc_string()));
  if (Attribute metadata = importEntries(graph.metadata_props(), context))
    set("metadata", metadata);
  SmallVector<Attribute> annotations;
  for (const auto &annotation : graph.quantization_annotation()) {
    NamedAttrList entry;
    entry.set("tensor", builder.getStringAttr(annotation.tensor_name()));
    if (Attribute parameters = importEntries(annotation.quant_parameter_tensor_names(), context))
      entry.set("parameters", parameters);
    annotations.push_back(entry.getDictionary(context));
  }
  if (!annotations.empty())
    set("quantization_annotation", builder.getArrayAttr(annotations));
}

LogicalResult GraphImporter::importInitializers(const GraphProto &graph, const ValueTypes &types, Scope &scope) {
  llvm::StringMap<int64_t> inputs;
  for (auto [index, input] : llvm::enumerate(graph.input()))
    inputs[input.name()] = static_cast<int64_t>(index);
  for (const proto::TensorProto &tensor : graph.initializer()) {
    auto input = inputs.find(tensor.name());
    // Such an initializer is the default of an input, and was taken with it.
    if (input != inputs.end() && irVersion >= 4)
      continue;
    Location location = NameLoc::get(builder.getStringAttr(tensor.name()), file);
    llvm::Expected<TypedAttr> value = tensors.import(tensor);
    if (!value)
      return fail(location, "initializer '" + printable(tensor.name()) + "': " + llvm::toString(value.takeError()));
    auto op = InitializerOp::create(builder, location, value->getType(), builder.getStringAttr(tensor.name()), *value);
    if (input != inputs.end())
      op->setAttr("onnx.input_index", builder.getI64IntegerAttr(input->second));
    if (!tensor.doc_string().empty())
      op->setAttr("onnx.doc_string", builder.getStringAttr(tensor.doc_string()));
    if (Attribute metadata = importEntries(tensor.metadata_props(), context))
      op->setAttr("onnx.metadata", metadata);
    if (const proto::ValueInfoProto *info = types.declared.lookup(tensor.name()))
      op->setAttr("onnx.output_info", importValueDetails(*info, value->getType(), context));
    if (failed(define(location, scope, tensor.name(), op.getResult())))
      return failure();
  }
  return importSparseInitializers(graph, scope);
}

LogicalResult GraphImporter::importSparseInitializers(const GraphProto &graph, Scope &scope) {
  for (const proto::SparseTensorProto &tensor : graph.sparse_initializer()) {
    StringRef name = tensor.values().name();
    Location location = NameLoc::get(builder.getStringAttr(name), file);
    llvm::Expected<DictionaryAttr> value = importSparseTensor(tensor, tensors, context);
    if (!value)
      return fail(location, "sparse initializer '" + printable(name) + "': " + llvm::toString(value.takeError()));
    SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
    if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
      return fail(location, "sparse initializer '" + printable(name) + "': expected sizes that are not negative");
    // A constant of a sparse value is what a sparse initializer is; the mark lets the exporter write it as one again.
    OperationState state(location, ConstantOp::getOperationName());
    state.addAttribute("sparse_value", *value);
    state.addAttribute("onnx.sparse_initializer", builder.getUnitAttr());
    state.addAttribute("onnx.output_names", builder.getStrArrayAttr({name}));
    state.addTypes(RankedTensorType::get(shape, importElementType(tensor.values().data_type(), context)));
    if (failed(define(location, scope, name, builder.create(state)->getResult(0))))
      return failure();
  }
  return success();
}

LogicalResult GraphImporter::addInputs(const GraphProto &graph, const ValueTypes &types, Block &block, Scope &scope,
                                       SmallVectorImpl<Attribute> &details) {
  llvm::StringMap<const proto::TensorProto *> initializers;
  for (const proto::TensorProto &tensor : graph.initializer())
    initializers[tensor.name()] = &tensor;
  for (const proto::ValueInfoProto &input : graph.input()) {
    const proto::TensorProto *initializer = initializers.lookup(input.name());
    if (initializer && irVersion < 4)
      continue;
    Location location = NameLoc::get(builder.getStringAttr(input.name()), file);
    Type type = typeOf(input.name(), types);
    NamedAttrList entry(importValueDetails(input, type, context));
    entry.set("name", builder.getStringAttr(input.name()));
    if (initializer) {
      llvm::Expected<TypedAttr> value = tensors.import(*initializer);
      if (!value)
        return fail(location, "initializer '" + printable(input.name()) + "': " + llvm::toString(value.takeError()));
      entry.set("initializer", *value);
    }
    details.push_back(entry.getDictionary(context));
    if (failed(define(location, scope, input.name(), block.addArgument(type, location))))
      return failure();
  }
  return success();
}

template <typename Names>
LogicalResult GraphImporter::addReturn(const Names &names, Scope &scope, SmallVectorImpl<Value> &values) {
  for (StringRef name : names) {
    Value value = scope.lookup(name);
    if (!value)
      return fail(file, "the graph's output '" + printable(name) + "' is not the name of a value");
    values.push_back(value);
  }
  OperationState state(file, ReturnOp::getOperationName());
  state.addOperands(values);
  builder.create(state);
  return success();
}

DictionaryAttr GraphImporter::outputDetails(const proto::ValueInfoProto &output, Type type) {
  NamedAttrList entry(importValueDetails(output, type, context));
  entry.set("name", builder.getStringAttr(output.name()));
  return entry.getDictionary(context);
}

LogicalResult GraphImporter::importBody(const GraphProto &graph, const GraphProto &inferred, Block &block, Scope &scope,
                                        ValueTypes &types) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&block);
  if (failed(importInitializers(graph, types, scope)))
    return failure();
  for (auto [node, inferredNode] : llvm::zip_equal(graph.node(), inferred.node()))
    if (failed(importNode(node, inferredNode, scope, types)))
      return failure();
  SmallVector<StringRef> names;
  for (const auto &output : graph.output())
    names.push_back(output.name());
  SmallVector<Value> values;
  return addReturn(names, scope, values);
}

LogicalResult GraphImporter::importSubgraph(const GraphProto &graph, const GraphProto &inferred, StringRef attribute, int index,
                                            Scope &outer, Region &region, Attribute &details) {
  Scope scope;
  scope.outer = &outer;
  ValueTypes types = collectTypes(graph, inferred);
  Block &block = region.emplaceBlock();
  SmallVector<Attribute> inputs, outputs;
  if (failed(addInputs(graph, types, block, scope, inputs)) || failed(importBody(graph, inferred, block, scope, types)))
    return failure();
  for (auto [output, value] : llvm::zip_equal(graph.output(), block.back().getOperands()))
    outputs.push_back(outputDetails(output, value.getType()));
  NamedAttrList entry;
  entry.set("attribute", builder.getStringAttr(attribute));
  if (index >= 0)
    entry.set("index", builder.getI64IntegerAttr(index));
  entry.set("inputs", builder.getArrayAttr(inputs));
  entry.set("outputs", builder.getArrayAttr(outputs));
  addGraphDetails(graph, "", entry);
  details = entry.getDictionary(context);
  return success();
}

LogicalResult GraphImporter::importMain(const GraphProto &graph, const GraphProto &inferred, ModuleOp module) {
  builder.setInsertionPointToEnd(module.getBody());
  auto main = func::FuncOp::create(builder, file, "main", builder.getFunctionType({}, {}));
  NamedAttrList attributes(main->getAttrDictionary());
  addGraphDetails(graph, "onnx.", attributes);
  main->setAttrs(attributes.getDictionary(context));

  Scope scope;
  ValueTypes types = collectTypes(graph, inferred);
  Block &block = main.getBody().emplaceBlock();
  SmallVector<Attribute> inputs;
  if (failed(addInputs(graph, types, block, scope, inputs)) || failed(importBody(graph, inferred, block, scope, types)))
    return failure();
  auto results = block.back().getOperandTypes();
  main.setFunctionType(builder.getFunctionType(block.getArgumentTypes(), results));
  for (auto [index, details] : llvm::enumerate(inputs))
    main.setArgAttrs(index, prefixed(cast<DictionaryAttr>(details)).getDictionary(context));
  for (auto [index, output] : llvm::enumerate(graph.output()))
    main.setResultAttrs(index, prefixed(outputDetails(output, results[index])).getDictionary(context));
  return success();
}

LogicalResult GraphImporter::importFunction(const proto::FunctionProto &function, ModuleOp module) {
  OpsetVersions ofModel = opsets;
  opsets = opsetVersions(function.opset_import());
  builder.setInsertionPointToEnd(module.getBody());
  std::string symbol = function.domain() + "::" + function.name() + (function.overload().empty() ? "" : "::" + function.overload());
  for (int i = 1; !symbols.insert(symbol).second; ++i)
    symbol += "." + std::to_string(i);

  NamedAttrList details;
  details.set("domain", builder.getStringAttr(function.domain()));
  details.set("name", builder.getStringAttr(function.name()));
  if (!function.overload().empty())
    details.set("overload", builder.getStringAttr(function.overload()));
  details.set("opset", importOpsets(opsets, context));
  SmallVector<StringRef> parameters(function.attribute().begin(), function.attribute().end());
  details.set("attributes", builder.getStrArrayAttr(parameters));
  NamedAttrList defaults;
  for (const proto::AttributeProto &attribute : function.attribute_proto()) {
    llvm::Expected<Attribute> value = importAttribute(attribute, tensors, context);
    if (!value)
      return fail(file, "function '" + printable(function.name()) + "': default of attribute '" + printable(attribute.name()) +
                            "': " + llvm::toString(value.takeError()));
    if (attribute.name().empty())
      return fail(file, "function '" + printable(function.name()) + "': expected a name for each attribute");
    defaults.set(attribute.name(), *value);
  }
  if (!defaults.empty())
    details.set("defaults", defaults.getDictionary(context));
  if (!function.doc_string().empty())
    details.set("doc_string", builder.getStringAttr(function.doc_string()));
  if (Attribute metadata = importEntries(function.metadata_props(), context))
    details.set("metadata", metadata);

  ValueTypes types;
  for (const auto &info : function.value_info())
    types.declared[info.name()] = &info;
  auto op = func::FuncOp::create(builder, file, symbol, builder.getFunctionType({}, {}));
  op->setAttr("onnx.function", details.getDictionary(context));
  Block &block = op.getBody().emplaceBlock();
  Scope scope;
  for (StringRef name : function.input())
    if (failed(define(file, scope, name, block.addArgument(typeOf(name, types), file))))
      return failure();
  builder.setInsertionPointToEnd(&block);
  for (const auto &node : function.node())
    if (failed(importNode(node, node, scope, types)))
      return failure();
  SmallVector<Value> values;
  if (failed(addReturn(SmallVector<StringRef>(function.output().begin(), function.output().end()), scope, values)))
    return failure();
  op.setFunctionType(builder.getFunctionType(block.getArgumentTypes(), ValueRange(values).getTypes()));
  auto setName = [&](StringRef name) { return builder.getDictionaryAttr(builder.getNamedAttr("onnx.name", builder.getStringAttr(name))); };
  for (auto [index, name] : llvm::enumerate(function.input()))
    op.setArgAttrs(index, setName(name));
  for (auto [index, name] : llvm::enumerate(function.output()))
    op.setResultAttrs(index, setName(name));
  opsets = std::move(ofModel);
  return success();
}
