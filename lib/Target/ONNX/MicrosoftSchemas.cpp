// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape inference of com.microsoft operators, which the onnx library has no schemas for. Without it every type after the
// first such operator of a model would be unknown.

#include "MicrosoftSchemas.h"

#include "onnx/defs/shape_inference.h"

using namespace qllm::onnx;
using proto::InferenceContext;
using proto::OpSchema;
using proto::TensorShapeProto;

namespace {

const TensorShapeProto *inputShape(InferenceContext &context, size_t index) {
  if (index >= context.getNumInputs() || !context.getInputType(index) || !context.getInputType(index)->has_tensor_type() ||
      !context.getInputType(index)->tensor_type().has_shape())
    return nullptr;
  return &context.getInputType(index)->tensor_type().shape();
}

void setType(InferenceContext &context, size_t output, size_t likeInput) {
  if (output < context.getNumOutputs() && likeInput < context.getNumInputs())
    proto::propagateElemTypeFromInputToOutput(context, likeInput, output);
}

TensorShapeProto *setShape(InferenceContext &context, size_t output) {
  return context.getOutputType(output)->mutable_tensor_type()->mutable_shape();
}

/// Outputs that have the type and shape of input 0.
template <size_t... outputs> void likeFirstInput(InferenceContext &context) {
  auto infer = [&](size_t output) {
    if (output >= context.getNumOutputs() || !context.hasOutput(output))
      return;
    setType(context, output, 0);
    if (const TensorShapeProto *shape = inputShape(context, 0))
      *setShape(context, output) = *shape;
  };
  (infer(outputs), ...);
}

int64_t intAttribute(InferenceContext &context, const char *name, int64_t otherwise) {
  const proto::AttributeProto *attribute = context.getAttribute(name);
  return attribute && attribute->has_i() ? attribute->i() : otherwise;
}

void matMulNBits(InferenceContext &context) {
  setType(context, 0, 0);
  const TensorShapeProto *a = inputShape(context, 0);
  int64_t columns = intAttribute(context, "N", 0);
  if (!a || a->dim_size() == 0 || columns <= 0)
    return;
  TensorShapeProto *shape = setShape(context, 0);
  *shape = *a;
  shape->mutable_dim(a->dim_size() - 1)->clear_dim_param();
  shape->mutable_dim(a->dim_size() - 1)->set_dim_value(columns);
}

/// The caches, [batch, key-value heads, positions, head size]; positions grow by those of the query.
void caches(InferenceContext &context, size_t pastInput, int64_t heads, int64_t headSize) {
  for (size_t output : {1, 2}) {
    if (output >= context.getNumOutputs() || !context.hasOutput(output))
      continue;
    size_t past = pastInput + output - 1;
    bool hasPast = past < context.getNumInputs() && context.getInputType(past);
    setType(context, output, hasPast ? past : 0);
    TensorShapeProto *shape = setShape(context, output);
    if (const TensorShapeProto *query = inputShape(context, 0); query && query->dim_size() > 0)
      *shape->add_dim() = query->dim(0);
    else
      shape->add_dim();
    for (int64_t size : {heads, int64_t(0), headSize}) {
      auto *dim = shape->add_dim();
      if (size > 0)
        dim->set_dim_value(size);
    }
  }
}

void groupQueryAttention(InferenceContext &context) {
  setType(context, 0, 0);
  int64_t heads = intAttribute(context, "num_heads", 0), shared = intAttribute(context, "kv_num_heads", 0);
  const TensorShapeProto *query = inputShape(context, 0);
  if (!query || query->dim_size() != 3 || heads <= 0 || shared <= 0 || heads > 65536 || shared > heads)
    return;
  bool packed = !context.hasInput(1);
  TensorShapeProto *shape = setShape(context, 0);
  *shape = *query;
  int64_t width = query->dim(2).has_dim_value() ? query->dim(2).dim_value() : 0;
  int64_t headSize = width / (packed ? heads + 2 * shared : heads);
  if (packed) {
    shape->mutable_dim(2)->Clear();
    if (headSize > 0)
      shape->mutable_dim(2)->set_dim_value(headSize * heads);
  }
  caches(context, 3, shared, headSize);
}

void multiHeadAttention(InferenceContext &context) {
  setType(context, 0, 0);
  const TensorShapeProto *query = inputShape(context, 0), *value = inputShape(context, 2);
  if (!query || query->dim_size() != 3)
    return;
  TensorShapeProto *shape = setShape(context, 0);
  *shape = *query;
  shape->mutable_dim(2)->Clear();
  if (value && value->dim_size() == 3)
    *shape->mutable_dim(2) = value->dim(2);
}

void elementTypeOf(InferenceContext &context, size_t input) {
  if (input < context.getNumInputs())
    setType(context, 0, input);
}

std::unordered_map<std::string, OpSchema> makeSchemas() {
  std::unordered_map<std::string, OpSchema> schemas;
  auto add = [&](const char *name, proto::InferenceFunction infer) {
    OpSchema schema(name, __FILE__, __LINE__);
    schema.SetDomain(microsoftDomain.str()).SinceVersion(1).TypeAndShapeInferenceFunction(std::move(infer));
    schemas.emplace(name, std::move(schema));
  };
  for (const char *name : {"FastGelu", "Gelu", "QuickGelu", "BiasGelu", "RotaryEmbedding", "SimplifiedLayerNormalization"})
    add(name, likeFirstInput<0>);
  for (const char *name : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"})
    add(name, likeFirstInput<0, 3>);
  add("MatMulNBits", matMulNBits);
  add("GroupQueryAttention", groupQueryAttention);
  add("MultiHeadAttention", multiHeadAttention);
  add("FusedMatMul", [](InferenceContext &context) { elementTypeOf(context, 0); });
  add("GatherBlockQuantized", [](InferenceContext &context) { elementTypeOf(context, 2); });
  return schemas;
}

} // namespace

const OpSchema *qllm::onnx::microsoftSchema(const std::string &name) {
  static const std::unordered_map<std::string, OpSchema> schemas = makeSchemas();
  auto found = schemas.find(name);
  return found == schemas.end() ? nullptr : &found->second;
}
