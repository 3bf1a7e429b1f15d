// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of what kernels of rows read.

#include "qllm/Dialect/Kernel/IR/RowSource.h"

#include "OperandTypes.h"
#include "RowSourceChecks.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cmath>

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

int64_t RowSource::columns() const { return shapeOf(input)[1]; }

int64_t RowSource::resultColumns() const {
  ArrayRef<int64_t> shape = shapeOf(index ? index : input);
  return shape.empty() ? ShapedType::kDynamic : shape.back();
}

LogicalResult qk::verifyVector(Operation *op, StringRef name, Value vector, int64_t size) {
  return vector ? verifyType(op, name, vector, {size},
                             cast<RankedTensorType>(vector.getType()).getElementType())
                : success();
}

static LogicalResult verifyRows(const RowSource &source, StringRef name, Value rows) {
  return rows ? verifyType(source.op, name, rows, shapeOf(source.input),
                           cast<RankedTensorType>(source.input.getType()).getElementType())
              : success();
}

LogicalResult qk::verifyMatrices(const RowSource &source) {
  if (failed(verifyRows(source, "a residual", source.residual)) ||
      failed(verifyRows(source, "a gate", source.gate)) ||
      failed(verifyRows(source, "a stream", source.stream)))
    return failure();
  return success();
}

static LogicalResult verifyIndex(const RowSource &source, int64_t columns) {
  if (!source.index)
    return success();
  ArrayRef<int64_t> shape = shapeOf(source.index);
  constexpr int64_t mostSources = 16;
  bool isMatrix = shape.size() == 2;
  if ((shape.size() == 1 || (isMatrix && shape[0] >= 1 && shape[0] <= mostSources)) &&
      shape.back() == columns)
    return success();
  return source.op->emitOpError() << "expected an index of shape [" << columns << "] or [sources, "
                                  << columns << "] with 1 to " << mostSources
                                  << " sources, but got " << source.index.getType();
}

LogicalResult qk::verifyTables(const RowSource &source, int64_t columns) {
  if (!source.index && source.columns() != columns)
    return source.op->emitOpError()
           << "expected " << source.columns()
           << " columns of codes where nothing is gathered, but got " << columns;
  if (failed(verifyIndex(source, columns)) ||
      failed(verifyVector(source.op, "factors", source.multiply, columns)) ||
      failed(verifyVector(source.op, "summands", source.add, columns)))
    return failure();
  return success();
}

LogicalResult qk::verifySteps(const RowSource &source) {
  Operation *op = source.op;
  int64_t columns = source.columns();
  bool given = bool(source.norm);
  if (given != bool(source.normWeight) || given != source.epsilon.has_value())
    return op->emitOpError() << "expected a norm, its weight and an epsilon together";
  if (source.normBias && source.norm != NormKind::Layer)
    return op->emitOpError() << "expected a bias beside norm layer only";
  if (failed(verifyVector(op, "a norm's weight", source.normWeight, columns)) ||
      failed(verifyVector(op, "a norm's bias", source.normBias, columns)))
    return failure();
  float epsilon = given ? source.epsilon->convertToFloat() : 0;
  if (!(epsilon >= 0 && std::isfinite(epsilon)))
    return op->emitOpError() << "expected a finite epsilon of at least 0, but got "
                             << op->getAttr("epsilon");
  if (source.gate && (source.residual || given))
    return op->emitOpError() << "expected a gate without a residual and a norm";
  if (source.stream && !source.residual)
    return op->emitOpError() << "expected a residual beside a stream, but got none";
  return success();
}

LogicalResult qk::verifyClip(Operation *op, FloatAttr clip) {
  float value = clip ? clip.getValue().convertToFloat() : 1.0f;
  if (!(value > 0 && std::isfinite(value)))
    return op->emitOpError() << "expected a positive finite clip, but got " << clip;
  return success();
}

SmallVector<Type> qk::typesOfSource(const RowSource &source) {
  SmallVector<Type> types;
  Type none = NoneType::get(source.op->getContext());
  for (Value value : {source.input, source.residual, source.gate, source.stream})
    types.push_back(value ? withoutRows(value.getType()) : none);
  for (Value value :
       {source.normWeight, source.normBias, source.index, source.multiply, source.add})
    types.push_back(value ? value.getType() : none);
  return types;
}

std::string qk::describeSource(const RowSource &source) {
  std::string name;
  if (source.norm)
    name += "_" + stringifyNormKind(*source.norm).str();
  if (source.gate)
    name += "_silu";
  return name + "_k" + std::to_string(source.columns());
}
