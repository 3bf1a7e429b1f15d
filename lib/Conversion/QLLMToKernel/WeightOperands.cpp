// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows that are filled up, fragments and sums of codes.

#include "WeightOperands.h"

#include "RowMatrix.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;

static RankedTensorType tensorOf(ArrayRef<int64_t> shape, Type elementType) {
  return RankedTensorType::get(shape, elementType);
}

static Type elementTypeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

/// Operations come one behind the other, so that each finds what was made before it.
Value WeightOperands::once(PackOp pack, Part part, int64_t depth, Make make) {
  auto key = std::make_tuple(pack.getOperation(), int(part), depth);
  if (Value value = made.lookup(key))
    return value;
  OpBuilder builder(pack->getContext());
  Operation *behind = last.lookup(pack);
  builder.setInsertionPointAfter(behind ? behind : pack.getOperation());
  Value value = make(builder);
  if (!llvm::is_contained(pack->getOperands(), value))
    last[pack] = value.getDefiningOp();
  made[key] = value;
  return value;
}

Value WeightOperands::paddedCodes(PackOp pack, const kernels::LinearKernel &kernel,
                                  Value zeroPoints) {
  Value codes = pack.getCodes();
  if (cast<RankedTensorType>(codes.getType()).getDimSize(1) == kernel.depth)
    return codes;
  return once(pack, PaddedCodes, kernel.depth, [&](OpBuilder &builder) {
    return qk::PadWeightOp::create(builder, pack.getLoc(),
                                   tensorOf({kernel.columns, kernel.depth}, elementTypeOf(codes)),
                                   codes, zeroPoints);
  });
}

Value WeightOperands::shuffledCodes(PackOp pack, const kernels::LinearKernel &kernel, Value codes) {
  return once(pack, ShuffledCodes, kernel.depth, [&](OpBuilder &builder) {
    kernels::WeightLayout layout = kernels::WeightLayout::int4Fragments();
    return qk::ShuffleWeightOp::create(
        builder, pack.getLoc(),
        tensorOf({layout.rowTiles(kernel.columns), layout.columnTiles(kernel.depth),
                  layout.tileSize() / 2},
                 builder.getI8Type()),
        codes, qk::LayoutAttr::get(pack.getContext(), layout));
  });
}

/// Sums of the codes of each group of a weight, [groups, columns].
static Value sumsOfGroups(OpBuilder &builder, Location loc, Value codes,
                          const kernels::LinearKernel &kernel) {
  int64_t rows = kernel.columns * kernel.groups();
  Type element = elementTypeOf(codes), i32 = builder.getI32Type();
  Value groups =
      onnx::ReshapeOp::create(builder, loc, tensorOf({rows, kernel.groupLength}, element), codes,
                              integers(builder, loc, {rows, kernel.groupLength}), nullptr);
  Value sums = qk::CodeSumsOp::create(builder, loc, tensorOf({rows}, i32), groups, Value());
  Value matrix =
      onnx::ReshapeOp::create(builder, loc, tensorOf({kernel.columns, kernel.groups()}, i32), sums,
                              integers(builder, loc, {kernel.columns, kernel.groups()}), nullptr);
  return groupsFirst(builder, loc, matrix);
}

/// `parts.codes` are those before shuffling.
Value WeightOperands::sums(PackOp pack, const kernels::LinearKernel &kernel,
                           const WeightParts &parts) {
  Location loc = pack.getLoc();
  if (kernel.hasInputGroups)
    return once(pack, SumsOfGroups, kernel.depth, [&](OpBuilder &builder) {
      return sumsOfGroups(builder, loc, parts.codes, kernel);
    });
  return once(pack, SumsOfRows, kernel.depth, [&](OpBuilder &builder) {
    Type element = kernel.isGrouped() ? Type(builder.getF32Type()) : builder.getI32Type();
    return qk::CodeSumsOp::create(builder, loc, tensorOf({kernel.columns}, element), parts.codes,
                                  kernel.isGrouped() ? parts.scales : Value());
  });
}

static bool inHalfBytes(kernels::Interval zeroPoints) {
  return zeroPoints.low == 0 && zeroPoints.high == 15;
}

static Value castTo(OpBuilder &builder, Location loc, Value integers, unsigned bits,
                    bool isUnsigned, int64_t onnxType) {
  auto type = cast<RankedTensorType>(integers.getType());
  auto signedness = isUnsigned ? IntegerType::Unsigned : IntegerType::Signless;
  return onnx::CastOp::create(builder, loc,
                              type.clone(IntegerType::get(builder.getContext(), bits, signedness)),
                              integers, nullptr, nullptr, builder.getI64IntegerAttr(onnxType));
}

/// Zero points as kernels read them: codes of four bits where they are that, else whole bytes.
static Value storedZeroPoints(OpBuilder &builder, Location loc, Value zeroPoints,
                              const kernels::LinearKernel &kernel) {
  constexpr int64_t onnxUInt8 = 2, onnxInt8 = 3, onnxUInt4 = 21;
  if (inHalfBytes(kernel.weightZero))
    return castTo(builder, loc, zeroPoints, 4, /*isUnsigned=*/true, onnxUInt4);
  Type type = elementTypeOf(zeroPoints);
  if (type.getIntOrFloatBitWidth() >= 8)
    return zeroPoints;
  bool isUnsigned = type.isUnsignedInteger();
  return castTo(builder, loc, zeroPoints, 8, isUnsigned, isUnsigned ? onnxUInt8 : onnxInt8);
}

WeightParts WeightOperands::get(PackOp pack, const kernels::LinearKernel &kernel) {
  packs.insert(pack);
  WeightParts parts;
  Location loc = pack.getLoc();
  parts.scales = once(pack, Scales, 0, [&](OpBuilder &builder) {
    return groupsFirst(builder, loc, pack.getScales());
  });
  if (pack.getZeroPoints())
    parts.zeroPoints = once(pack, ZeroPoints, 0, [&](OpBuilder &builder) {
      return storedZeroPoints(builder, loc, groupsFirst(builder, loc, pack.getZeroPoints()),
                              kernel);
    });
  parts.codes = paddedCodes(pack, kernel, parts.zeroPoints);
  if (!kernel.input.isSigned)
    parts.sums = sums(pack, kernel, parts);
  if (kernel.isWeightShuffled())
    parts.codes = shuffledCodes(pack, kernel, parts.codes);
  return parts;
}

void WeightOperands::removeUnused() {
  for (Operation *pack : packs)
    if (pack->use_empty())
      pack->erase();
  packs.clear();
  made.clear();
  last.clear();
}
