// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// onnx.proto, IR version 14, as far as the wire format goes.

#include "WireFormat.h"

using namespace qllm::onnx;

namespace {

constexpr FieldRule varint{Field::Varint};
constexpr FieldRule fixed32{Field::Fixed32};
constexpr FieldRule bytes{Field::Bytes};
constexpr FieldRule varints{Field::PackedVarint};
constexpr FieldRule floats{Field::PackedFixed32};
constexpr FieldRule doubles{Field::PackedFixed64};
constexpr FieldRule nested(Message message) { return {Field::Nested, message}; }

FieldRule inModel(uint32_t number) {
  switch (number) {
  case 1: case 5: return varint;
  case 2: case 3: case 4: case 6: return bytes;
  case 7: return nested(Message::Graph);
  case 8: return nested(Message::OperatorSet);
  case 14: return nested(Message::Entry);
  case 20: return nested(Message::TrainingInfo);
  case 25: return nested(Message::Function);
  case 26: return nested(Message::DeviceConfiguration);
  default: return {};
  }
}

FieldRule inGraph(uint32_t number) {
  switch (number) {
  case 1: return nested(Message::Node);
  case 2: case 10: return bytes;
  case 5: return nested(Message::Tensor);
  case 11: case 12: case 13: return nested(Message::ValueInfo);
  case 14: return nested(Message::TensorAnnotation);
  case 15: return nested(Message::SparseTensor);
  case 16: return nested(Message::Entry);
  default: return {};
  }
}

FieldRule inNode(uint32_t number) {
  switch (number) {
  case 1: case 2: case 3: case 4: case 6: case 7: case 8: return bytes;
  case 5: return nested(Message::Attribute);
  case 9: return nested(Message::Entry);
  case 10: return nested(Message::NodeDevice);
  default: return {};
  }
}

FieldRule inAttribute(uint32_t number) {
  switch (number) {
  case 1: case 4: case 9: case 13: case 21: return bytes;
  case 2: return fixed32;
  case 3: case 20: return varint;
  case 5: case 10: return nested(Message::Tensor);
  case 6: case 11: return nested(Message::Graph);
  case 7: return floats;
  case 8: return varints;
  case 14: case 15: return nested(Message::Type);
  case 22: case 23: return nested(Message::SparseTensor);
  default: return {};
  }
}

FieldRule inTensor(uint32_t number) {
  switch (number) {
  case 1: case 5: case 7: case 11: return varints;
  case 2: case 14: return varint;
  case 3: return nested(Message::Segment);
  case 4: return floats;
  case 6: case 8: case 9: case 12: return bytes;
  case 10: return doubles;
  case 13: case 16: return nested(Message::Entry);
  default: return {};
  }
}

FieldRule inFunction(uint32_t number) {
  switch (number) {
  case 1: case 4: case 5: case 6: case 8: case 10: case 13: return bytes;
  case 7: return nested(Message::Node);
  case 9: return nested(Message::OperatorSet);
  case 11: return nested(Message::Attribute);
  case 12: return nested(Message::ValueInfo);
  case 14: return nested(Message::Entry);
  default: return {};
  }
}

FieldRule inType(uint32_t number) {
  switch (number) {
  case 1: return nested(Message::TensorType);
  case 4: return nested(Message::SequenceType);
  case 5: return nested(Message::MapType);
  case 6: return bytes;
  case 7: return nested(Message::OpaqueType);
  case 8: return nested(Message::TensorType); // a sparse tensor type has the same fields
  case 9: return nested(Message::OptionalType);
  default: return {};
  }
}

/// Messages of two or three fields: the rule of field 1, 2 and so on.
template <unsigned count> FieldRule inSmall(uint32_t number, const FieldRule (&rules)[count]) {
  return number >= 1 && number <= count ? rules[number - 1] : FieldRule{};
}

} // namespace

FieldRule qllm::onnx::lookupField(Message message, uint32_t number) {
  switch (message) {
  case Message::Model: return inModel(number);
  case Message::Graph: return inGraph(number);
  case Message::Node: return inNode(number);
  case Message::Attribute: return inAttribute(number);
  case Message::Tensor: return inTensor(number);
  case Message::SparseTensor: return inSmall(number, {nested(Message::Tensor), nested(Message::Tensor), varints});
  case Message::Function: return inFunction(number);
  case Message::TrainingInfo:
    return inSmall(number, {nested(Message::Graph), nested(Message::Graph), nested(Message::Entry), nested(Message::Entry)});
  case Message::ValueInfo: return inSmall(number, {bytes, nested(Message::Type), bytes, nested(Message::Entry)});
  case Message::TensorAnnotation: return inSmall(number, {bytes, nested(Message::Entry)});
  case Message::Entry: return inSmall(number, {bytes, bytes});
  case Message::OperatorSet: return inSmall(number, {bytes, varint});
  case Message::Segment: return inSmall(number, {varint, varint});
  case Message::Type: return inType(number);
  case Message::TensorType: return inSmall(number, {varint, nested(Message::Shape)});
  case Message::SequenceType: return inSmall(number, {nested(Message::Type)});
  case Message::MapType: return inSmall(number, {varint, nested(Message::Type)});
  case Message::OptionalType: return inSmall(number, {nested(Message::Type)});
  case Message::OpaqueType: return inSmall(number, {bytes, bytes});
  case Message::Shape: return inSmall(number, {nested(Message::Dimension)});
  case Message::Dimension: return inSmall(number, {varint, bytes, bytes});
  case Message::DeviceConfiguration: return inSmall(number, {bytes, varint, bytes});
  case Message::NodeDevice: return inSmall(number, {bytes, nested(Message::ShardingSpec), varint});
  case Message::ShardingSpec:
    return inSmall(number, {bytes, varints, nested(Message::IntIntList), nested(Message::ShardedDim)});
  case Message::IntIntList: return inSmall(number, {varint, varints});
  case Message::ShardedDim: return inSmall(number, {varint, nested(Message::SimpleShardedDim)});
  case Message::SimpleShardedDim: return inSmall(number, {varint, bytes, varint});
  }
  return {};
}

const char *qllm::onnx::messageName(Message message) {
  constexpr const char *names[] = {"model", "graph", "node", "attribute", "tensor", "sparse tensor", "function", "training info",
    "value info", "tensor annotation", "entry", "operator set", "segment", "type", "tensor type", "sequence type", "map type",
    "optional type", "opaque type", "shape", "dimension", "device configuration", "node device", "sharding spec",
    "device group", "sharded dimension", "simple sharded dimension"};
  return names[static_cast<unsigned>(message)];
}

RequiredField qllm::onnx::requiredField(Message message) {
  switch (message) {
  case Message::Node: return {4, "op_type"};
  case Message::Attribute: case Message::ValueInfo: return {1, "name"};
  case Message::Tensor: return {2, "data_type"};
  case Message::SparseTensor: return {1, "values"};
  case Message::Function: return {1, "name"};
  case Message::OperatorSet: return {2, "version"};
  default: return {};
  }
}

bool qllm::onnx::mayBeEmpty(Message message) {
  switch (message) {
  case Message::Model: case Message::Graph: case Message::Type: case Message::TensorType: case Message::SequenceType:
  case Message::MapType: case Message::OptionalType: case Message::OpaqueType: case Message::Shape: case Message::Dimension:
    return true;
  default:
    return false;
  }
}

bool qllm::onnx::holdsTensors(Message message) {
  switch (message) {
  case Message::Model: case Message::Graph: case Message::Node: case Message::Attribute: case Message::Tensor:
  case Message::Function:
    return true;
  default:
    // Sparse tensors and training information are carried whole.
    return false;
  }
}
