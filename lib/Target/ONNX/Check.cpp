// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ONNX checker and version converter on a skeleton.

#include "Inference.h"
#include "OperatorForms.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "onnx/checker.h"
#include "onnx/version_converter/convert.h"

using namespace qllm::onnx;

namespace {

/// The bytes of large tensors were checked when they were read; here such a tensor stands for itself as an empty one.
void emptyLargeTensor(proto::TensorProto &tensor) {
  if (!tensor.has_segment() && tensor.data_location() != proto::TensorProto::EXTERNAL)
    return;
  tensor.clear_segment();
  tensor.clear_data_location();
  tensor.clear_external_data();
  tensor.clear_raw_data();
  tensor.clear_dims();
  tensor.add_dims(0);
}

void prepareGraph(proto::GraphProto &graph);

void prepareNode(proto::NodeProto &node) {
  // ONNX Runtime defines this operator in the default domain, where the checker does not know it.
  if (canonicalDomain(node.domain()).empty() && node.op_type() == "SimplifiedLayerNormalization")
    node.set_domain(microsoftDomain.str());
  for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_t())
      emptyLargeTensor(*attribute.mutable_t());
    for (proto::TensorProto &tensor : *attribute.mutable_tensors())
      emptyLargeTensor(tensor);
    if (attribute.has_g())
      prepareGraph(*attribute.mutable_g());
    for (proto::GraphProto &graph : *attribute.mutable_graphs())
      prepareGraph(graph);
  }
}

void prepareGraph(proto::GraphProto &graph) {
  for (proto::TensorProto &tensor : *graph.mutable_initializer())
    emptyLargeTensor(tensor);
  for (proto::NodeProto &node : *graph.mutable_node())
    prepareNode(node);
}

/// One sentence without line breaks, whatever the checker wrote.
std::string oneLine(const char *text) {
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words, " \n\t");
  return llvm::join(words, " ");
}

} // namespace

std::string qllm::onnx::checkModel(const proto::ModelProto &model) {
  try {
    google::protobuf::Arena arena;
    auto &prepared = *google::protobuf::Arena::CreateMessage<proto::ModelProto>(&arena);
    prepared.CopyFrom(model);
    prepareGraph(*prepared.mutable_graph());
    for (proto::FunctionProto &function : *prepared.mutable_functions())
      for (proto::NodeProto &node : *function.mutable_node())
        prepareNode(node);
    auto imports = prepared.opset_import();
    if (llvm::none_of(imports, [](const auto &import) { return import.domain() == microsoftDomain; })) {
      auto *import = prepared.add_opset_import();
      import->set_domain(microsoftDomain.str());
      import->set_version(1);
    }
    prepared.clear_training_info();
    proto::checker::check_model(prepared);
    return "";
  } catch (const std::exception &error) {
    return oneLine(error.what());
  }
}

std::string qllm::onnx::convertOpset(proto::ModelProto &model, int64_t opset) {
  // The converter's own representation has no functions and would drop them.
  if (model.functions_size() != 0)
    return "a model with functions cannot be converted";
  try {
    proto::ModelProto converted = proto::version_conversion::ConvertVersion(model, static_cast<int>(opset));
    // Nor does it have metadata of the model and training information.
    converted.mutable_metadata_props()->CopyFrom(model.metadata_props());
    converted.mutable_training_info()->CopyFrom(model.training_info());
    converted.mutable_graph()->set_doc_string(model.graph().doc_string());
    for (const auto &import : model.opset_import())
      if (llvm::none_of(converted.opset_import(), [&](const auto &kept) { return kept.domain() == import.domain(); }))
        *converted.add_opset_import() = import;
    model.Swap(&converted);
    return "";
  } catch (const std::exception &error) {
    return oneLine(error.what());
  }
}
