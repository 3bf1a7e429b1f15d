// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape inference by the onnx library, through a registry that puts bounds on what each operator may do.

#include "Inference.h"
#include "MicrosoftSchemas.h"
#include "OperatorForms.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"
#include "onnx/shape_inference/implementation.h"

using namespace qllm::onnx;
using proto::DataPropagationContext;
using proto::InferenceContext;
using proto::ModelProto;
using proto::OpSchema;

namespace {

/// Propagated data are shapes; a longer value is not one. Without the bound, a chain of concatenations doubles its length
/// with each node, and a declared length of 2^40 is materialized.
constexpr int64_t longestShape = 1024;
/// Function bodies are inferred once per call; calls of calls multiply.
constexpr uint64_t mostExpandedNodes = 1 << 20;

bool isShort(const proto::TypeProto *type) {
  if (!type || !type->has_tensor_type() || !type->tensor_type().has_shape())
    return true;
  const auto &shape = type->tensor_type().shape();
  return shape.dim_size() == 0 || (shape.dim_size() == 1 && shape.dim(0).dim_value() <= longestShape);
}

void propagateShortData(const OpSchema &schema, DataPropagationContext &context) {
  int64_t total = 0;
  for (size_t i = 0; i != context.getNumInputs(); ++i) {
    if (!isShort(context.getInputType(i)))
      return;
    if (const proto::TensorShapeProto *data = context.getInputData(i))
      total += data->dim_size();
  }
  if (total <= longestShape)
    schema.GetDataPropagationFunction()(context);
}

/// The library leaves the result of Reshape without a rank unless it knows the sizes, but the length of the sizes is the rank.
void addReshapeRank(InferenceContext &context) {
  constexpr int64_t highestRank = 64;
  const proto::TypeProto *sizes = context.getNumInputs() == 2 ? context.getInputType(1) : nullptr;
  proto::TypeProto *output = context.getOutputType(0);
  if (!sizes || !sizes->has_tensor_type() || sizes->tensor_type().shape().dim_size() != 1 || output->tensor_type().has_shape())
    return;
  const auto &length = sizes->tensor_type().shape().dim(0);
  if (!length.has_dim_value() || length.dim_value() < 0 || length.dim_value() > highestRank)
    return;
  proto::TensorShapeProto *shape = output->mutable_tensor_type()->mutable_shape();
  for (int64_t i = 0; i != length.dim_value(); ++i)
    shape->add_dim();
}

/// What an operator's own inference throws concerns that node alone: its results stay unknown.
void inferGuarded(const OpSchema &schema, InferenceContext &context) {
  try {
    schema.GetTypeAndShapeInferenceFunction()(context);
    if (schema.Name() == "Reshape")
      addReshapeRank(context);
  } catch (const proto::InferenceError &) {
    throw;
  } catch (const std::exception &error) {
    fail_shape_inference(error.what());
  }
}

class GuardedRegistry : public proto::ISchemaRegistry {
public:
  const OpSchema *GetSchema(const std::string &name, int version, const std::string &domain) const override {
    if (domain == microsoftDomain)
      return microsoftSchema(name);
    const OpSchema *original = proto::OpSchemaRegistry::Instance()->GetSchema(name, version, canonicalDomain(domain).str());
    if (!original)
      return canonicalDomain(domain).empty() && name == "SimplifiedLayerNormalization" ? microsoftSchema(name) : nullptr;
    auto [entry, isNew] = guarded.try_emplace(original);
    if (isNew)
      entry->second = std::make_unique<OpSchema>(guard(*original));
    return entry->second.get();
  }

private:
  static OpSchema guard(const OpSchema &original) {
    OpSchema schema = original;
    if (original.has_type_and_shape_inference_function())
      schema.TypeAndShapeInferenceFunction([&original](InferenceContext &context) { inferGuarded(original, context); });
    if (original.has_data_propagation_function())
      schema.PartialDataPropagationFunction([&original](DataPropagationContext &context) { propagateShortData(original, context); });
    return schema;
  }
  mutable llvm::DenseMap<const OpSchema *, std::unique_ptr<OpSchema>> guarded;
};

std::string functionKey(const std::string &domain, const std::string &name, const std::string &overload) {
  return domain + ":" + name + ":" + overload;
}

/// How many nodes inference would visit, calls expanded; saturates.
class ExpansionCounter {
public:
  explicit ExpansionCounter(const ModelProto &model) {
    for (const auto &function : model.functions())
      functions[functionKey(function.domain(), function.name(), function.overload())] = &function;
  }

  template <typename Nodes> uint64_t count(const Nodes &nodes) {
    uint64_t total = 0;
    for (const proto::NodeProto &node : nodes) {
      uint64_t here = 1;
      for (const auto &attribute : node.attribute()) {
        here = llvm::SaturatingAdd(here, attribute.has_g() ? count(attribute.g().node()) : 0);
        for (const auto &graph : attribute.graphs())
          here = llvm::SaturatingAdd(here, count(graph.node()));
      }
      here = llvm::SaturatingAdd(here, countCall(node));
      total = llvm::SaturatingAdd(total, here);
    }
    return total;
  }

private:
  uint64_t countCall(const proto::NodeProto &node) {
    std::string key = functionKey(node.domain(), node.op_type(), node.overload());
    auto function = functions.find(key);
    if (function == functions.end())
      return 0;
    auto [known, isNew] = counts.try_emplace(key, UINT64_MAX);
    // A function that is being counted calls itself: it expands without end.
    if (!isNew)
      return known->second;
    uint64_t total = count(function->second->node());
    counts[key] = total;
    return total;
  }
  llvm::StringMap<const proto::FunctionProto *> functions;
  llvm::StringMap<uint64_t> counts;
};

} // namespace

std::string qllm::onnx::inferShapes(ModelProto &model) {
  try {
    if (ExpansionCounter(model).count(model.graph().node()) > mostExpandedNodes)
      model.clear_functions();
    // Tensors in segments are ours, not the library's idea of a tensor: it must not look for their bytes.
    GuardedRegistry registry;
    proto::shape_inference::DataValueMap shapes;
    proto::ShapeInferenceOptions options(/*check_type=*/false, /*error_mode=*/0, /*data_prop=*/true);
    proto::shape_inference::InferShapes(model, &registry, options, &shapes);
    return "";
  } catch (const std::exception &error) {
    return error.what();
  }
}
