// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of MatMulNBits, and DequantizeLinear with what it cannot express beside it.

#include "LowerWeights.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Format/ElementFormat.h"

using namespace mlir;
using namespace qllm;

//===------------------------------------------------------------------------------------------===//
// MatMulNBits and GatherBlockQuantized
//===------------------------------------------------------------------------------------------===//

int64_t qllm::blockSizeFor(const PackedWeight &weight) {
  if (!weight.isInteger() || (weight.bits() != 4 && weight.bits() != 8))
    return 0;
  int64_t block = 1;
  while (block < 256 && weight.groupSize % (block * 2) == 0)
    block *= 2;
  return block < 16 ? 0 : block;
}

namespace {

/// Every group's value once for each block in it.
template <typename T> std::vector<T> repeated(const std::vector<T> &values, int64_t times) {
  std::vector<T> result;
  result.reserve(values.size() * times);
  for (T value : values)
    result.insert(result.end(), times, value);
  return result;
}

/// Zero points as MatMulNBits has them: packed like codes, every row starting at a byte.
std::vector<uint8_t> packedZeroPoints(const std::vector<int32_t> &zeroPoints, int64_t rows,
                                      int64_t blocks, unsigned bits) {
  std::vector<uint8_t> result;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<uint8_t> line(zeroPoints.begin() + row * blocks,
                              zeroPoints.begin() + (row + 1) * blocks);
    llvm::append_range(result, bits == 4 ? packNibbles(line) : line);
  }
  return result;
}

} // namespace

BlockedWeight qllm::lowerBlocked(GraphBuilder &graph, const PackedWeight &weight, bool asTable) {
  BlockedWeight result;
  result.bits = weight.bits();
  result.blockSize = blockSizeFor(weight);
  Builder &builder = graph.getBuilder();
  Type byte = builder.getIntegerType(8, /*isSigned=*/false);
  auto tensor = [&](ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  };

  // Both layouts put the first code into the low half of a byte; MatMulNBits has unsigned codes,
  // whose zero is in the middle where no zero points are given.
  std::vector<uint8_t> bytes(weight.codeBytes.begin(), weight.codeBytes.end());
  if (!weight.type.hasZeroPoint())
    for (uint8_t &value : bytes)
      value ^= result.bits == 4 ? 0x88 : 0x80;
  int64_t blocks = weight.columns / result.blockSize;
  int64_t rowBytes = weight.columns * result.bits / 8;
  SmallVector<int64_t> blockShape{weight.rows, blocks, rowBytes / blocks};
  if (asTable) {
    auto type = tensor({weight.rows, rowBytes}, byte);
    result.table = graph.initializer(weight.name + "_codes", makeBlob(type, bytes, weight.name));
    result.blocks = graph.node<onnx::ReshapeOp>("blocks", tensor(blockShape, byte),
                                                {result.table, graph.integers(blockShape)});
  } else {
    result.blocks = graph.initializer(weight.name + "_codes",
                                      makeBlob(tensor(blockShape, byte), bytes, weight.name));
  }

  int64_t times = weight.groupSize / result.blockSize;
  auto scalesType = tensor({weight.rows, blocks}, builder.getF32Type());
  result.scales = graph.initializer(
      weight.name + "_scales", makeBlob(scalesType, repeated(weight.scales, times), weight.name));
  if (!weight.type.hasZeroPoint())
    return result;
  std::vector<int32_t> zeroPoints = repeated(weight.zeroPoints, times);
  std::string name = weight.name + "_zero_points";
  if (!weight.zeroPointsAreCodes()) {
    std::vector<float> values(zeroPoints.begin(), zeroPoints.end());
    result.zeroPoints = graph.initializer(name, makeBlob(scalesType, values, name));
    return result;
  }
  std::vector<uint8_t> packed = packedZeroPoints(zeroPoints, weight.rows, blocks, result.bits);
  auto type = tensor({weight.rows, static_cast<int64_t>(packed.size()) / weight.rows}, byte);
  result.zeroPoints = graph.initializer(name, makeBlob(type, packed, name));
  return result;
}

//===------------------------------------------------------------------------------------------===//
// DequantizeLinear
//===------------------------------------------------------------------------------------------===//

namespace {

class Dequantizer {
public:
  Dequantizer(GraphBuilder &graph, const PackedWeight &weight, bool transposed)
      : graph(graph), weight(weight), transposed(transposed),
        shape(transposed ? SmallVector<int64_t>{weight.columns, weight.rows}
                         : SmallVector<int64_t>{weight.rows, weight.columns}),
        f32(graph.getBuilder().getF32Type()) {}

  Value run();

private:
  RankedTensorType tensor(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }
  bool isGrouped() const { return weight.groups() != 1; }
  /// The shape of scales beside the codes: one axis for ONNX's per-axis form, two for its blocked
  /// one.
  SmallVector<int64_t> parameterShape() const {
    if (!isGrouped())
      return {weight.rows};
    if (transposed)
      return {weight.groups(), weight.rows};
    return {weight.rows, weight.groups()};
  }
  /// Parameters lie [rows, groups]; turns them to the layout of the codes.
  template <typename T> std::vector<T> turned(const std::vector<T> &values) const {
    if (!transposed || !isGrouped())
      return values;
    std::vector<T> result(values.size());
    for (int64_t row = 0; row < weight.rows; ++row)
      for (int64_t group = 0; group < weight.groups(); ++group)
        result[group * weight.rows + row] = values[row * weight.groups() + group];
    return result;
  }
  Value parameter(StringRef suffix, const std::vector<float> &values) {
    std::string name = weight.name + suffix.str();
    return graph.initializer(name, makeBlob(tensor(parameterShape(), f32), turned(values), name));
  }
  Value codes(Type &element);
  Value dequantizeLinear(Value codes, Value scales, Value zeroPoints);
  template <typename OpTy> Value withParameters(StringRef role, Value value, Value parameters);
  Value integers();
  Value lookedUp();

  GraphBuilder &graph;
  const PackedWeight &weight;
  bool transposed;
  SmallVector<int64_t> shape;
  Type f32;
};

} // namespace

/// Codes in the smallest type of ONNX that holds them: 4 bits two to a byte, else one to a byte.
Value Dequantizer::codes(Type &element) {
  bool isSigned =
      weight.type.getFormat().isSigned() && !isa<FloatFormatAttr>(weight.type.getFormat());
  unsigned width = weight.bits() <= 4 ? 4 : 8;
  element = IntegerType::get(f32.getContext(), width,
                             isSigned ? IntegerType::Signless : IntegerType::Unsigned);
  std::vector<uint8_t> data = transposed ? weight.transposedCodes() : weight.codes();
  if (width == 4)
    data = packNibbles(data);
  std::string name = weight.name + "_codes";
  return graph.initializer(name, makeBlob(tensor(shape, element), data, name));
}

Value Dequantizer::dequantizeLinear(Value codes, Value scales, Value zeroPoints) {
  SmallVector<Value> operands{codes, scales};
  if (zeroPoints)
    operands.push_back(zeroPoints);
  SmallVector<NamedAttribute> attributes;
  auto scaleType = cast<RankedTensorType>(scales.getType());
  if (scaleType.getRank() == 2) {
    attributes.push_back(graph.attribute("axis", transposed ? 0 : 1));
    attributes.push_back(graph.attribute("block_size", weight.groupSize));
  } else if (scaleType.getRank() == 1) {
    attributes.push_back(graph.attribute("axis", transposed ? 1 : 0));
  }
  return graph.node<onnx::DequantizeLinearOp>("weight", tensor(shape, f32), operands, attributes);
}

/// Applies one parameter a group: beside rows directly, beside groups with the groups as an axis of
/// their own.
template <typename OpTy>
Value Dequantizer::withParameters(StringRef role, Value value, Value parameters) {
  auto flat = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> split, beside;
  if (!isGrouped()) {
    beside =
        transposed ? SmallVector<int64_t>{1, weight.rows} : SmallVector<int64_t>{weight.rows, 1};
  } else if (transposed) {
    split = {weight.groups(), weight.groupSize, weight.rows};
    beside = {weight.groups(), 1, weight.rows};
  } else {
    split = {weight.rows, weight.groups(), weight.groupSize};
    beside = {weight.rows, weight.groups(), 1};
  }
  std::string name = role.str();
  parameters = graph.node<onnx::ReshapeOp>(name + "_parameters", tensor(beside, f32),
                                           {parameters, graph.integers(beside)});
  if (!isGrouped())
    return graph.binary<OpTy>(name, value, parameters);
  value = graph.node<onnx::ReshapeOp>(name + "_groups", tensor(split, f32),
                                      {value, graph.integers(split)});
  value = graph.binary<OpTy>(name, value, parameters);
  return graph.node<onnx::ReshapeOp>(name + "_joined", flat, {value, graph.integers(shape)});
}

Value Dequantizer::integers() {
  Type element;
  Value codeValue = codes(element);
  Value scales = parameter("_scales", weight.scales);
  if (!weight.type.hasZeroPoint())
    return dequantizeLinear(codeValue, scales, {});
  // ONNX's zero points are codes. What is left of one that is not moves the result by a constant.
  int32_t limit = element.getIntOrFloatBitWidth() == 4 ? 15 : 255;
  std::vector<uint8_t> zeroPoints;
  std::vector<float> offsets;
  bool needsOffset = false;
  for (auto [zero, scale] : llvm::zip_equal(weight.zeroPoints, weight.scales)) {
    int32_t clamped = std::clamp(zero, 0, limit);
    needsOffset |= clamped != zero;
    zeroPoints.push_back(clamped);
    offsets.push_back(scale * static_cast<float>(zero - clamped));
  }
  zeroPoints = turned(zeroPoints);
  if (limit == 15)
    zeroPoints = packNibbles(zeroPoints);
  std::string name = weight.name + "_zero_points";
  Value zeroValue =
      graph.initializer(name, makeBlob(tensor(parameterShape(), element), zeroPoints, name));
  Value result = dequantizeLinear(codeValue, scales, zeroValue);
  if (!needsOffset)
    return result;
  return withParameters<onnx::SubOp>("offset", result, parameter("_offsets", offsets));
}

/// Formats that ONNX Runtime has no operator for: the value of every code in a table.
Value Dequantizer::lookedUp() {
  const ElementFormat *format = ElementFormat::lookup(weight.type.getFormat().getFormatName());
  int64_t size = int64_t(1) << weight.bits();
  Value table = graph.floats({format->decodeTable(), static_cast<size_t>(size)});
  Type element;
  Value index = codes(element);
  // Casts from 4 bits to integers are less widely implemented than this one.
  if (element.getIntOrFloatBitWidth() == 4)
    index = dequantizeLinear(index, graph.scalar(1.0f), {});
  Builder &builder = graph.getBuilder();
  constexpr int64_t onnxInt32 = 6;
  index = graph.node<onnx::CastOp>("index", tensor(shape, builder.getI32Type()), index,
                                   {graph.attribute("to", onnxInt32)});
  Value result = graph.node<onnx::GatherOp>("value", tensor(shape, f32), {table, index});
  return withParameters<onnx::MulOp>("weight_scaled", result, parameter("_scales", weight.scales));
}

Value Dequantizer::run() {
  bool isTernary = isa<TernaryFormatAttr>(weight.type.getFormat());
  return weight.isInteger() || isTernary ? integers() : lookedUp();
}

Value qllm::lowerDequantized(GraphBuilder &graph, const PackedWeight &weight, bool transposed) {
  return Dequantizer(graph, weight, transposed).run();
}
