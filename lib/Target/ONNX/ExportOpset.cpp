// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opsets on the way out.

#include "ExportOpset.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm::onnx;
using proto::ModelProto;

namespace {

/// What ONNX published together: an opset and the IR version of that release.
int64_t irVersionOf(int64_t opset) {
  constexpr int64_t versions[] = {8, 9, 9, 10, 10, 11, 12, 12, 13, 14, 14}; // opsets 18 to 28
  return opset < 18 ? 3 : versions[std::min<int64_t>(opset, newestVersion("")) - 18];
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
void countOutputs(proto::NodeProto &node, int64_t opset) {
  if (node.op_type() != "Split" || node.input_size() > 1 || opset < 18 ||
      llvm::any_of(node.attribute(), [](const auto &attribute) { return attribute.name() == "num_outputs"; }))
    return;
  proto::AttributeProto *count = node.add_attribute();
  count->set_name("num_outputs");
  count->set_type(proto::AttributeProto::INT);
  count->set_i(node.output_size());
}

/// The version from which the axes of `operation` are its second input and no longer an attribute; 0 for other operators.
int64_t axesAreInputSince(StringRef operation) {
  if (operation == "ReduceSum" || operation == "Squeeze" || operation == "Unsqueeze")
    return 13;
  return operation.starts_with("Reduce") ? 18 : 0;
}

/// Moves an attribute `axes` to an initializer that is the second input, if that is all that changed.
bool moveAxes(proto::NodeProto &node, int64_t imported, int64_t needed, proto::ModelProto &model) {
  int64_t since = axesAreInputSince(node.op_type());
  if (since == 0 || imported >= since || needed < since || node.input_size() != 1)
    return false;
  auto &attributes = *node.mutable_attribute();
  auto axes = llvm::find_if(attributes, [](const auto &attribute) { return attribute.name() == "axes"; });
  if (axes == attributes.end() || !axes->ref_attr_name().empty())
    return false;
  proto::TensorProto *tensor = model.mutable_graph()->add_initializer();
  // Names of values are unique in a model, so one made from a value's own name is too, up to chance; the checker has the last word.
  tensor->set_name(node.output(0) + "/axes");
  tensor->set_data_type(proto::TensorProto::INT64);
  tensor->add_dims(axes->ints_size());
  tensor->mutable_int64_data()->CopyFrom(axes->ints());
  node.add_input(tensor->name());
  attributes.erase(axes);
  return true;
}

} // namespace

proto::OperatorSetIdProto *qllm::onnx::findImport(ModelProto &model, StringRef domain) {
  for (auto &import : *model.mutable_opset_import())
    if (import.domain() == domain)
      return &import;
  return nullptr;
}

LogicalResult qllm::onnx::raiseOpset(ArrayRef<ExportedNode> nodes, ModelProto &model) {
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
      countOutputs(*entry.node, needed);
    else if (!meansTheSame(entry.node->op_type(), imported, needed) &&
             !moveAxes(*entry.node, imported, needed, model))
      return entry.op->emitError("the model needs opset ") << needed << ", where " << entry.node->op_type() << " is not what it is in opset "
                                                           << imported << "; convert the model to that opset before importing it";
  }
  import->set_version(needed);
  model.set_ir_version(std::max(model.ir_version(), irVersionOf(needed)));
  return success();
}

