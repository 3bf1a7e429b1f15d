// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading the constants of qllm.pack.

#include "qllm/Analysis/PackedWeight.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Format/Packing.h"
#include "qllm/Format/ScaleFormat.h"

using namespace mlir;
using namespace qllm;

namespace {

llvm::Expected<std::vector<float>> readScales(ArrayRef<char> bytes, ScaleEncoding encoding) {
  std::optional<ScaleFormat> format;
  for (ScaleFormat candidate : {ScaleFormat::F32, ScaleFormat::F16, ScaleFormat::BF16,
                                ScaleFormat::UE8M0, ScaleFormat::E4M3})
    if (scaleFormatName(candidate) == std::string_view(stringifyEnum(encoding)))
      format = candidate;
  std::vector<float> scales(bytes.size() / scaleBytes(*format));
  Span<const uint8_t> data(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  if (FormatStatus status = decodeScales(*format, data, scales); !status.ok())
    return llvm::createStringError(status.message());
  return scales;
}

/// Integers of any width as i32. Narrow ones are stored in whole bytes here, except for 2 and 4
/// bits.
llvm::Expected<std::vector<int32_t>> readIntegers(ArrayRef<char> bytes, Type element,
                                                  size_t count) {
  unsigned width = element.getIntOrFloatBitWidth();
  bool isUnsigned = element.isUnsignedInteger();
  std::vector<int32_t> values(count);
  for (size_t i = 0; i < count; ++i) {
    uint64_t raw = 0;
    if (width < 8 && 8 % width == 0)
      raw = (static_cast<uint8_t>(bytes[i * width / 8]) >> (i * width % 8)) & ((1u << width) - 1);
    else
      std::memcpy(&raw, bytes.data() + i * llvm::divideCeil(width, 8), llvm::divideCeil(width, 8));
    values[i] = isUnsigned ? static_cast<int32_t>(raw) : llvm::SignExtend64(raw, width);
  }
  return values;
}

llvm::Expected<ArrayRef<char>> constantBytes(Value value, SmallVectorImpl<char> &scratch) {
  ConstantView view = viewConstant(value);
  if (!view || view.transposed)
    return llvm::createStringError("expected the parts of a packed weight to be constants");
  return onnx::DataFiles::get(value.getContext()).bytes(constantData(view.source), scratch);
}

} // namespace

bool PackedWeight::zeroPointsAreCodes() const {
  int64_t limit = int64_t(1) << bits();
  return llvm::all_of(zeroPoints, [&](int32_t zero) { return zero >= 0 && zero < limit; });
}

std::vector<uint8_t> PackedWeight::codes() const {
  std::vector<uint8_t> result(rows * columns);
  const ElementFormat *format = ElementFormat::lookup(type.getFormat().getFormatName());
  Span<const uint8_t> bytes(reinterpret_cast<const uint8_t *>(codeBytes.data()), codeBytes.size());
  // `read` has checked the size, the only thing that can be wrong.
  (void)unpackCodes(*format, bytes, result).ok();
  return result;
}

std::vector<uint8_t> PackedWeight::transposedCodes() const {
  std::vector<uint8_t> straight = codes(), result(straight.size());
  constexpr int64_t tile = 64;
  for (int64_t row0 = 0; row0 < rows; row0 += tile)
    for (int64_t column = 0; column < columns; ++column)
      for (int64_t row = row0; row < std::min(rows, row0 + tile); ++row)
        result[column * rows + row] = straight[row * columns + column];
  return result;
}

FailureOr<PackedWeight> PackedWeight::read(Value value, Operation *user) {
  auto pack = value.getDefiningOp<PackOp>();
  if (!pack)
    return user->emitOpError() << "expected a weight made by qllm.pack of constants";
  auto fail = [&](llvm::Error error) {
    return user->emitOpError() << llvm::toString(std::move(error));
  };
  PackedWeight weight;
  weight.type = cast<QuantizedType>(pack.getResult().getType());
  GranularityAttr granularity = weight.type.getGranularity();
  bool byRow = granularity.isPerChannel() && granularity.getAxis() == 0;
  bool byGroup = granularity.isGroup() && granularity.getAxis() == 1;
  if (weight.type.getRank() != 2 || !(byRow || byGroup || granularity.isPerTensor()))
    return user->emitOpError()
           << "expected a weight per tensor, per channel of axis 0 or in groups of axis 1, but got "
           << weight.type;
  weight.rows = weight.type.getDimSize(0);
  weight.columns = weight.type.getDimSize(1);
  weight.groupSize = byGroup ? granularity.getGroupSize() : weight.columns;
  weight.name = weightName(value);

  weight.owned = std::make_shared<SmallVector<char>>();
  auto codes = constantBytes(pack.getCodes(), *weight.owned);
  if (!codes)
    return fail(codes.takeError());
  weight.codeBytes = *codes;
  const ElementFormat *format = ElementFormat::lookup(weight.type.getFormat().getFormatName());
  size_t wanted = packedSize(*format, weight.rows * weight.columns);
  if (weight.codeBytes.size() != wanted)
    return user->emitOpError() << "expected " << wanted << " bytes of codes, but got "
                               << weight.codeBytes.size();
  SmallVector<char> scratch;
  auto scaleData = constantBytes(pack.getScales(), scratch);
  if (!scaleData)
    return fail(scaleData.takeError());
  auto scales = readScales(*scaleData, weight.type.getScaleEncoding());
  if (!scales)
    return fail(scales.takeError());
  weight.scales = std::move(*scales);
  if (pack.getTensorScale()) {
    auto factor = constantBytes(pack.getTensorScale(), scratch);
    if (!factor)
      return fail(factor.takeError());
    float tensorScale;
    std::memcpy(&tensorScale, factor->data(), sizeof(tensorScale));
    for (float &scale : weight.scales)
      scale *= tensorScale;
  }
  if (pack.getZeroPoints()) {
    auto data = constantBytes(pack.getZeroPoints(), scratch);
    if (!data)
      return fail(data.takeError());
    auto type = cast<RankedTensorType>(pack.getZeroPoints().getType());
    auto zeroPoints = readIntegers(*data, type.getElementType(), weight.scales.size());
    if (!zeroPoints)
      return fail(zeroPoints.takeError());
    weight.zeroPoints = std::move(*zeroPoints);
  }
  if (granularity.isPerTensor()) {
    weight.scales.assign(weight.rows, weight.scales.front());
    if (!weight.zeroPoints.empty())
      weight.zeroPoints.assign(weight.rows, weight.zeroPoints.front());
  }
  return weight;
}

TypedAttr qllm::makeBlob(RankedTensorType type, ArrayRef<char> bytes, StringRef name) {
  constexpr size_t alignment = 64;
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes.size(), alignment);
  if (!bytes.empty())
    std::memcpy(blob.getMutableData().data(), bytes.data(), bytes.size());
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

std::vector<uint8_t> qllm::packNibbles(ArrayRef<uint8_t> values) {
  std::vector<uint8_t> packed(llvm::divideCeil(values.size(), 2));
  for (size_t i = 0; i < values.size(); ++i)
    packed[i / 2] |= (values[i] & 0xf) << (i % 2 * 4);
  return packed;
}
