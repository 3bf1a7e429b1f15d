// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The messages of onnx.proto as a table: which field has which wire type, and which message lies inside.

#ifndef QLLM_LIB_TARGET_ONNX_WIREFORMAT_H
#define QLLM_LIB_TARGET_ONNX_WIREFORMAT_H

#include <cstdint>

namespace qllm::onnx {

enum class Message : uint8_t {
  Model, Graph, Node, Attribute, Tensor, SparseTensor, Function, TrainingInfo, ValueInfo, TensorAnnotation, Entry,
  OperatorSet, Segment, Type, TensorType, SequenceType, MapType, OptionalType, OpaqueType, Shape, Dimension,
  DeviceConfiguration, NodeDevice, ShardingSpec, IntIntList, ShardedDim, SimpleShardedDim,
};

/// What a field holds. The packed forms also accept one element a field, as protobuf does.
enum class Field : uint8_t { Unknown, Varint, Fixed32, Bytes, PackedVarint, PackedFixed32, PackedFixed64, Nested };

struct FieldRule {
  Field kind = Field::Unknown;
  Message nested = Message::Entry;
};

FieldRule lookupField(Message message, uint32_t number);
const char *messageName(Message message);

/// A field that a message means nothing without; number 0 for messages that do without.
struct RequiredField {
  uint32_t number = 0;
  const char *name = "";
};
RequiredField requiredField(Message message);

/// Whether a message may have no field at all. One of the others costs two bytes in a file and a hundred in memory, so a
/// million of them are refused at the first.
bool mayBeEmpty(Message message);

/// Whether a message can hold tensors whose bytes stay in the file.
bool holdsTensors(Message message);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_WIREFORMAT_H
