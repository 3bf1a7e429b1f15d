// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of rows through the format library into resource blobs. Blocks have a fixed size and write
// to places of their own, so the number of threads changes nothing.

#include "WeightWriter.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Threading.h"
#include "qllm/Analysis/QuantizeSpecs.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Format/Packing.h"
#include <mutex>
#include <numeric>

using namespace mlir;
using namespace qllm;
using llvm::Error;
using llvm::Expected;

namespace {

/// The failure with the lowest row, whichever thread met one first.
class FirstFailure {
public:
  void add(int64_t row, std::string text) {
    std::lock_guard<std::mutex> lock(mutex);
    if (message.empty() || row < firstRow) {
      firstRow = row;
      message = std::move(text);
    }
  }
  Error take() {
    if (message.empty())
      return Error::success();
    return llvm::createStringError(message);
  }

private:
  std::mutex mutex;
  int64_t firstRow = 0;
  std::string message;
};

class Rounder {
public:
  Rounder(const WeightReader &weight, QuantizedType type)
      : weight(weight), type(type), spec(quantizeSpecOf(type)), context(type.getContext()) {
    // Eight rows end at a byte whatever their width and the bits of a code.
    blockRows =
        llvm::alignTo<8>(std::max<int64_t>(1, 65536 / std::max<int64_t>(1, weight.columns())));
    GranularityAttr granularity = type.getGranularity();
    perTensor = granularity.isPerTensor();
    groupSize = granularity.isGroup() ? granularity.getGroupSize() : weight.columns();
    downColumns = granularity.isGroup() && granularity.getAxis() == 0;
    if (downColumns)
      blockRows = llvm::alignTo(blockRows, std::lcm<int64_t>(8, groupSize));
  }

  Error run();
  QuantizedWeight take(StringRef name);

private:
  using Block =
      llvm::function_ref<FormatStatus(int64_t first, int64_t rows, ArrayRef<float> values)>;
  Error forBlocks(Block body);
  Error measureTensor();
  FormatStatus roundBlock(int64_t first, int64_t rows, ArrayRef<float> values);
  FormatStatus quantizeBlock(int64_t rows, ArrayRef<float> values, QuantizedGroups out);
  FormatStatus storeCodes(int64_t first, int64_t rows, Span<const uint8_t> bytes);
  TypedAttr blob(RankedTensorType type, AsmResourceBlob data, const Twine &name);
  TypedAttr narrowedZeroPoints(const Twine &name);

  const WeightReader &weight;
  QuantizedType type;
  QuantizeSpec spec;
  MLIRContext *context;
  int64_t blockRows, groupSize;
  bool perTensor;
  /// Groups run down the columns, so a block has whole groups of rows.
  bool downColumns;
  GroupParameters tensorParameters;
  float tensorScale = 1.0f;
  AsmResourceBlob codes, scales;
  std::vector<int32_t> zeroPoints;
};

} // namespace

Error Rounder::forBlocks(Block body) {
  FirstFailure failure;
  int64_t blocks = llvm::divideCeil(weight.rows(), blockRows);
  parallelFor(context, 0, blocks, [&](size_t block) {
    std::vector<float> scratch;
    int64_t first = block * blockRows, rows = std::min(blockRows, weight.rows() - first);
    FormatStatus status = body(first, rows, weight.read(first, rows, scratch));
    if (status.ok())
      return;
    std::string place;
    if (status.index() != FormatStatus::noIndex && weight.columns())
      place = " at [" + std::to_string(first + status.index() / weight.columns()) + ", " +
              std::to_string(status.index() % weight.columns()) + "]";
    failure.add(first, status.message() + place);
  });
  return failure.take();
}

/// One scale for the whole tensor, alone or above the groups' own: takes a pass of its own over the
/// data.
Error Rounder::measureTensor() {
  int64_t blocks = llvm::divideCeil(weight.rows(), blockRows);
  std::vector<qllm::ValueRange> ranges(blocks);
  std::vector<double> sums(blocks);
  if (Error error = forBlocks([&](int64_t first, int64_t, ArrayRef<float> values) {
        double sum = 0;
        for (float value : values)
          sum += std::fabs(value);
        sums[first / blockRows] = sum;
        return scanRange(values, ranges[first / blockRows]);
      }))
    return error;
  qllm::ValueRange range;
  double sum = 0;
  for (auto [blockRange, blockSum] : llvm::zip_equal(ranges, sums)) {
    range.merge(blockRange);
    sum += blockSum;
  }
  tensorScale = tensorScaleFor(spec, range.absMax());
  if (!perTensor)
    return Error::success();
  // Parameters depend on the extremes alone, or on the mean magnitude alone: stand-ins with the
  // same ones will do.
  std::vector<float> standIn{range.min, range.max};
  if (spec.statistic == ScaleStatistic::AbsMean)
    standIn = {static_cast<float>(sum / std::max<int64_t>(1, weight.rows() * weight.columns()))};
  FormatStatus status = computeParameters(spec, standIn, tensorParameters, tensorScale);
  if (!status.ok())
    return llvm::createStringError(status.message());
  return Error::success();
}

FormatStatus Rounder::storeCodes(int64_t first, int64_t rows, Span<const uint8_t> bytes) {
  size_t begin = packedSize(*spec.element, first * weight.columns());
  size_t size = packedSize(*spec.element, rows * weight.columns());
  auto *all = reinterpret_cast<uint8_t *>(codes.getMutableData().data());
  return packCodes(*spec.element, bytes, {all + begin, size});
}

FormatStatus Rounder::quantizeBlock(int64_t rows, ArrayRef<float> values, QuantizedGroups out) {
  if (!downColumns)
    return quantizeGroups(spec, values, groupSize, out, tensorScale);
  int64_t columns = weight.columns();
  std::vector<float> turned(values.size());
  std::vector<uint8_t> turnedCodes(values.size());
  // Where element (row, column) goes: groups in the order of their scales, one behind the other.
  auto place = [&](int64_t row, int64_t column) {
    return (row / groupSize * columns + column) * groupSize + row % groupSize;
  };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      turned[place(row, column)] = values[row * columns + column];
  FormatStatus status = quantizeGroups(spec, turned, groupSize,
                                       {turnedCodes, out.scales, out.zeroPoints}, tensorScale);
  if (!status.ok())
    return status;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      out.codes[row * columns + column] = turnedCodes[place(row, column)];
  return status;
}

FormatStatus Rounder::roundBlock(int64_t first, int64_t rows, ArrayRef<float> values) {
  std::vector<uint8_t> bytes(values.size());
  if (perTensor) {
    FormatStatus status = encodeGroup(spec, tensorParameters, values, bytes, tensorScale);
    return status.ok() ? storeCodes(first, rows, bytes) : status;
  }
  // Groups before the block, and in it.
  int64_t begin = first * weight.columns() / groupSize;
  int64_t count = rows * weight.columns() / groupSize;
  std::vector<float> blockScales(count);
  Span<int32_t> blockZeroPoints;
  if (type.hasZeroPoint())
    blockZeroPoints = {zeroPoints.data() + begin, static_cast<size_t>(count)};
  FormatStatus status = quantizeBlock(rows, values, {bytes, blockScales, blockZeroPoints});
  if (!status.ok())
    return status;
  size_t scaleSize = scaleBytes(spec.scaleFormat);
  Span<uint8_t> scaleData(reinterpret_cast<uint8_t *>(scales.getMutableData().data()) +
                              begin * scaleSize,
                          count * scaleSize);
  status = encodeScales(spec.scaleFormat, blockScales, scaleData);
  return status.ok() ? storeCodes(first, rows, bytes) : status;
}

Error Rounder::run() {
  if (FormatStatus status = spec.verify(); !status.ok())
    return llvm::createStringError(status.message());
  onnx::DataFiles &files = onnx::DataFiles::get(context);
  auto allocate = [&](size_t size, AsmResourceBlob &blob) -> Error {
    Expected<AsmResourceBlob> allocated = files.allocateBlob(size);
    if (allocated)
      blob = std::move(*allocated);
    return allocated.takeError();
  };
  int64_t count = weight.rows() * weight.columns();
  if (Error error = allocate(packedSize(*spec.element, count), codes))
    return error;
  int64_t numScales = type.getScalesType().getNumElements();
  if (Error error = allocate(numScales * scaleBytes(spec.scaleFormat), scales))
    return error;
  if (type.hasZeroPoint())
    zeroPoints.resize(numScales);
  if (perTensor || spec.hasTensorScale)
    if (Error error = measureTensor())
      return error;
  if (perTensor) {
    if (FormatStatus status = encodeScales(
            spec.scaleFormat, ArrayRef<float>(tensorParameters.scale),
            {reinterpret_cast<uint8_t *>(scales.getMutableData().data()), scales.getData().size()});
        !status.ok())
      return llvm::createStringError(status.message());
    if (type.hasZeroPoint())
      zeroPoints.front() = tensorParameters.zeroPoint;
  }
  return forBlocks([&](int64_t first, int64_t rows, ArrayRef<float> values) {
    return roundBlock(first, rows, values);
  });
}

TypedAttr Rounder::blob(RankedTensorType blobType, AsmResourceBlob data, const Twine &name) {
  return DenseResourceElementsAttr::get(blobType, name.str(), std::move(data));
}

/// Zero points in the smallest type that holds all of them: nearly always one byte.
TypedAttr Rounder::narrowedZeroPoints(const Twine &name) {
  auto [low, high] = std::minmax_element(zeroPoints.begin(), zeroPoints.end());
  bool fits = zeroPoints.empty() || (*low >= 0 && *high <= 255);
  RankedTensorType wide = type.getZeroPointsType();
  if (!fits)
    return blob(wide, HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<int32_t>(zeroPoints)),
                name);
  std::vector<uint8_t> bytes(zeroPoints.begin(), zeroPoints.end());
  Type element = IntegerType::get(context, 8, IntegerType::Unsigned);
  return blob(RankedTensorType::get(wide.getShape(), element),
              HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<uint8_t>(bytes)), name);
}

QuantizedWeight Rounder::take(StringRef name) {
  QuantizedWeight result;
  result.codes = blob(type.getCodesType(), std::move(codes), name + "_codes");
  result.scales = blob(type.getScalesType(), std::move(scales), name + "_scales");
  if (type.hasZeroPoint())
    result.zeroPoints = narrowedZeroPoints(name + "_zero_points");
  if (type.hasTensorScale())
    result.tensorScale = DenseElementsAttr::get(type.getTensorScaleType(), tensorScale);
  return result;
}

Expected<QuantizedWeight> qllm::roundToNearest(const WeightReader &weight, QuantizedType type,
                                               StringRef name) {
  Rounder rounder(weight, type);
  if (Error error = rounder.run())
    return error;
  return rounder.take(name);
}
