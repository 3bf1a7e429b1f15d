// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantize, dequantize, pack and unpack: builders, constraints and folds.

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The operand called `name` has the type `wanted`, up to dimensions that are dynamic on one side.
LogicalResult verifyPart(Operation *op, StringRef name, Type found, RankedTensorType wanted) {
  auto tensor = cast<RankedTensorType>(found);
  if (tensor.getElementType() == wanted.getElementType() &&
      succeeded(verifyCompatibleShape(tensor, wanted)))
    return success();
  return op->emitOpError() << "expected " << name << " of type " << wanted << ", but got " << found;
}

/// The operand called `name` is there exactly when `wanted`; `reason` says what decides it.
LogicalResult verifyPresence(Operation *op, StringRef name, bool found, bool wanted,
                             const Twine &reason) {
  if (found == wanted)
    return success();
  return op->emitOpError() << "expected " << (wanted ? "" : "no ") << name << " for " << reason
                           << ", but got " << (found ? "some" : "none");
}

std::string describe(QuantizedType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "format " << type.getFormat();
  return text;
}

} // namespace

//===------------------------------------------------------------------------------------------===//
// quantize
//===------------------------------------------------------------------------------------------===//

void QuantizeOp::build(OpBuilder &builder, OperationState &state, Type result, Value input) {
  build(builder, state, result, input, /*scales=*/Value(), /*zero_points=*/Value(),
        /*tensor_scale=*/Value(), /*rounding_offsets=*/Value(), /*include_zero=*/false,
        /*clip=*/FloatAttr());
}

void QuantizeOp::build(OpBuilder &builder, OperationState &state, Type result, Value input,
                       Value roundingOffsets, float clip) {
  build(builder, state, result, input, /*scales=*/Value(), /*zero_points=*/Value(),
        /*tensor_scale=*/Value(), roundingOffsets, /*include_zero=*/false,
        clip == 1 ? FloatAttr() : builder.getF32FloatAttr(clip));
}

namespace {

LogicalResult verifyRoundingOffsets(QuantizeOp op) {
  // quantize_c6
  if (!op.getRoundingOffsets())
    return success();
  QuantizedType type = op.getResult().getType();
  if (!isa<IntFormatAttr>(type.getFormat()))
    return op.emitOpError() << "expected an integer format beside rounding_offsets, but got "
                            << type.getFormat();
  int64_t channels = type.getShape().back();
  int64_t offsets = cast<RankedTensorType>(op.getRoundingOffsets().getType()).getDimSize(0);
  if (failed(verifyCompatibleDims({channels, offsets})))
    return op.emitOpError() << "expected " << channels
                            << " rounding_offsets, one for each index of the last axis, but got "
                            << offsets;
  return success();
}

} // namespace

LogicalResult QuantizeOp::verify() {
  QuantizedType type = getResult().getType();
  // quantize_c1
  if (failed(verifyCompatibleShape(getInput().getType().getShape(), type.getShape())))
    return emitOpError() << "expected a result of the shape of " << getInput().getType()
                         << ", but got " << type;
  // quantize_c2
  if (getScales() &&
      failed(verifyPart(*this, "scales", getScales().getType(), type.getScalesType())))
    return failure();
  // quantize_c3
  std::string given = getScales() ? "given scales and " : "a dynamic range and ";
  if (failed(verifyPresence(*this, "zero_points", !!getZeroPoints(),
                            getScales() && type.hasZeroPoint(), given + describe(type))))
    return failure();
  // quantize_c4
  if (getZeroPoints() &&
      failed(verifyPart(*this, "zero_points", getZeroPoints().getType(), type.getZeroPointsType())))
    return failure();
  // quantize_c5
  if (failed(verifyPresence(
          *this, "tensor_scale", !!getTensorScale(), getScales() && type.hasTensorScale(),
          given + (type.hasTensorScale() ? "a type with one" : "a type without one"))))
    return failure();
  if (failed(verifyRoundingOffsets(*this)))
    return failure();
  // quantize_c7
  if (getIncludeZero() && (getScales() || !type.hasZeroPoint()))
    return emitOpError() << "expected a dynamic range and a format with zero points beside "
                            "include_zero, but got "
                         << given << describe(type);
  // quantize_c8
  if (getClip() && getScales())
    return emitOpError() << "expected no scales beside clip, but got some";
  if (getClip() && !(getRangeClip() > 0 && getClip()->isFinite()))
    return emitOpError() << "expected a positive finite clip, but got " << getClipAttr();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// dequantize
//===------------------------------------------------------------------------------------------===//

LogicalResult DequantizeOp::verify() {
  // dequantize_c1
  if (failed(
          verifyCompatibleShape(getInput().getType().getShape(), getResult().getType().getShape())))
    return emitOpError() << "expected a result of the shape of " << getInput().getType()
                         << ", but got " << getResult().getType();
  return success();
}

//===------------------------------------------------------------------------------------------===//
// pack
//===------------------------------------------------------------------------------------------===//

LogicalResult PackOp::verify() {
  QuantizedType type = getResult().getType();
  // pack_c1
  if (failed(verifyPart(*this, "codes", getCodes().getType(), type.getCodesType())))
    return failure();
  // pack_c2
  if (failed(verifyPart(*this, "scales", getScales().getType(), type.getScalesType())))
    return failure();
  // pack_c3
  if (failed(verifyPresence(*this, "zero_points", !!getZeroPoints(), type.hasZeroPoint(),
                            describe(type))))
    return failure();
  // pack_c4
  if (getZeroPoints()) {
    auto zeroPoints = cast<RankedTensorType>(getZeroPoints().getType());
    if (zeroPoints.getElementType().getIntOrFloatBitWidth() > 32 ||
        failed(verifyCompatibleShape(zeroPoints, type.getZeroPointsType())))
      return emitOpError() << "expected zero_points of type " << type.getZeroPointsType()
                           << " or narrower integers, but got " << zeroPoints;
  }
  // pack_c5
  return verifyPresence(*this, "tensor_scale", !!getTensorScale(), type.hasTensorScale(),
                        type.hasTensorScale() ? "a type with one" : "a type without one");
}

OpFoldResult PackOp::fold(FoldAdaptor) {
  // pack(unpack(q)) -> q, when every part is put back where it came from.
  auto unpack = getCodes().getDefiningOp<UnpackOp>();
  if (!unpack || unpack.getInput().getType() != getResult().getType())
    return {};
  if (getCodes() != unpack.getCodes() || getScales() != unpack.getScales() ||
      getZeroPoints() != unpack.getZeroPoints() || getTensorScale() != unpack.getTensorScale())
    return {};
  return unpack.getInput();
}

//===------------------------------------------------------------------------------------------===//
// unpack
//===------------------------------------------------------------------------------------------===//

LogicalResult UnpackOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &inferred) {
  auto type = dyn_cast<QuantizedType>(adaptor.getInput().getType());
  if (!type)
    return emitOptionalError(location, "expected a quantized tensor, but got ",
                             adaptor.getInput().getType());
  inferred.append({type.getCodesType(), type.getScalesType()});
  if (type.hasZeroPoint())
    inferred.push_back(type.getZeroPointsType());
  if (type.hasTensorScale())
    inferred.push_back(type.getTensorScaleType());
  return success();
}

Value UnpackOp::getZeroPoints() {
  return getInput().getType().hasZeroPoint() ? getParts()[2] : Value();
}

Value UnpackOp::getTensorScale() {
  return getInput().getType().hasTensorScale() ? getParts().back() : Value();
}

LogicalResult UnpackOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  // unpack(pack(parts)) -> parts. Narrow zero points would have to be widened, and dimensions known
  // on one side only cast, so the types must be the same.
  auto pack = getInput().getDefiningOp<PackOp>();
  if (!pack || pack->getOperandTypes() != getOperation()->getResultTypes())
    return failure();
  llvm::append_range(results, pack->getOperands());
  return success();
}
