// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data into resource blobs, in the layout that docs/formats/packing.md draws.

#include "qllm/Calibration/PackedConstants.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Analysis/QuantizeSpecs.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Format/Packing.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr size_t alignment = 64;

Value initializer(OpBuilder &builder, Location loc, TypedAttr value, const llvm::Twine &name) {
  return onnx::InitializerOp::create(builder, loc, value.getType(), builder.getStringAttr(name),
                                     value);
}

Value resource(OpBuilder &builder, Location loc, RankedTensorType type, AsmResourceBlob blob,
               const llvm::Twine &name) {
  std::string key = name.str();
  return initializer(builder, loc, DenseResourceElementsAttr::get(type, key, std::move(blob)),
                     name);
}

template <typename T> AsmResourceBlob copyOf(ArrayRef<T> values) {
  return HeapAsmResourceBlob::allocateAndCopyInferAlign(values);
}

Span<uint8_t> bytesOf(AsmResourceBlob &blob) {
  return {reinterpret_cast<uint8_t *>(blob.getMutableData().data()), blob.getData().size()};
}

/// Nearly always one byte is enough.
Value zeroPoints(OpBuilder &builder, Location loc, RankedTensorType wide, ArrayRef<int32_t> values,
                 const llvm::Twine &name) {
  bool fits = llvm::all_of(values, [](int32_t value) { return value >= 0 && value <= 255; });
  if (!fits)
    return resource(builder, loc, wide, copyOf(values), name);
  std::vector<uint8_t> bytes(values.begin(), values.end());
  Type element = builder.getIntegerType(8, /*isSigned=*/false);
  return resource(builder, loc, RankedTensorType::get(wide.getShape(), element),
                  copyOf(ArrayRef<uint8_t>(bytes)), name);
}

} // namespace

Value qllm::createConstant(OpBuilder &builder, Location loc, const MatrixF &values,
                           const llvm::Twine &name) {
  auto type = RankedTensorType::get({values.rows(), values.columns()}, builder.getF32Type());
  return resource(builder, loc, type, copyOf(values.values()), name);
}

Value qllm::createConstant(OpBuilder &builder, Location loc, ArrayRef<float> values,
                           const llvm::Twine &name) {
  return createConstant(builder, loc, values, {int64_t(values.size())}, name);
}

Value qllm::createConstant(OpBuilder &builder, Location loc, ArrayRef<float> values,
                           ArrayRef<int64_t> shape, const llvm::Twine &name) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return initializer(builder, loc, DenseElementsAttr::get(type, values), name);
}

Value qllm::createConstant(OpBuilder &builder, Location loc, ArrayRef<int32_t> values,
                           const llvm::Twine &name) {
  auto type = RankedTensorType::get({int64_t(values.size())}, builder.getI32Type());
  return initializer(builder, loc, DenseElementsAttr::get(type, values), name);
}

Value qllm::createPacked(OpBuilder &builder, Location loc, QuantizedType type,
                         const QuantizedParts &parts, const llvm::Twine &name) {
  QuantizeSpec spec = quantizeSpecOf(type);
  AsmResourceBlob codes =
      HeapAsmResourceBlob::allocate(packedSize(*spec.element, parts.codes.size()), alignment);
  AsmResourceBlob scales =
      HeapAsmResourceBlob::allocate(parts.scales.size() * scaleBytes(spec.scaleFormat), alignment);
  // Both only fail on sizes, which have just been made to fit.
  (void)packCodes(*spec.element, {parts.codes.data(), parts.codes.size()}, bytesOf(codes));
  (void)encodeScales(spec.scaleFormat, {parts.scales.data(), parts.scales.size()}, bytesOf(scales));
  Value codesValue = resource(builder, loc, type.getCodesType(), std::move(codes), name + "_codes");
  Value scalesValue =
      resource(builder, loc, type.getScalesType(), std::move(scales), name + "_scales");
  Value zeros, tensorScale;
  if (type.hasZeroPoint())
    zeros =
        zeroPoints(builder, loc, type.getZeroPointsType(), parts.zeroPoints, name + "_zero_points");
  if (type.hasTensorScale())
    tensorScale = initializer(builder, loc,
                              DenseElementsAttr::get(type.getTensorScaleType(), parts.tensorScale),
                              name + "_tensor_scale");
  return PackOp::create(builder, loc, type, codesValue, scalesValue, zeros, tensorScale);
}

llvm::Expected<Value> qllm::createIntegerRows(OpBuilder &builder, Location loc,
                                              const MatrixF &values, unsigned bits,
                                              const llvm::Twine &name) {
  MLIRContext *context = builder.getContext();
  auto type = QuantizedType::get({values.rows(), values.columns()},
                                 IntFormatAttr::get(context, bits, Symmetry::Symmetric),
                                 GranularityAttr::perChannel(context, 0));
  QuantizedParts parts;
  parts.codes.resize(size_t(values.size()));
  parts.scales.resize(size_t(values.rows()));
  FormatStatus status = quantizeGroups(
      quantizeSpecOf(type), {values.data(), size_t(values.size())},
      size_t(std::max<int64_t>(1, values.columns())),
      {{parts.codes.data(), parts.codes.size()}, {parts.scales.data(), parts.scales.size()}, {}});
  if (!status.ok())
    return llvm::createStringError(status.message());
  return createPacked(builder, loc, type, parts, name);
}

void qllm::eraseDeadConstants(ArrayRef<Value> values) {
  llvm::DenseSet<Operation *> visited;
  std::vector<Operation *> order; // operands first
  auto collect = [&](auto &&self, Operation *op) -> void {
    if (!op || op->getNumRegions() || !isMemoryEffectFree(op) || !visited.insert(op).second)
      return;
    for (Value operand : op->getOperands())
      self(self, operand.getDefiningOp());
    order.push_back(op);
  };
  for (Value value : values)
    collect(collect, value.getDefiningOp());
  for (Operation *op : llvm::reverse(order))
    if (op->use_empty())
      op->erase();
}
