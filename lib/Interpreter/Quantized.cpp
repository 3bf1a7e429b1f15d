// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Interpreter/Quantized.h"
#include "IntegerRows.h"
#include "Kernels/Axes.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

constexpr int64_t groupGrain = 16 * 1024;

Shape inverse(llvm::ArrayRef<int64_t> permutation) {
  Shape result(permutation.size());
  for (auto [i, axis] : llvm::enumerate(permutation))
    result[axis] = int64_t(i);
  return result;
}

/// Decodes groups [begin, end) into `out`, which starts at group `begin`.
FormatStatus decodeGroups(const QuantizedTensor &tensor, const uint8_t *codes, const float *scales,
                          int64_t begin, int64_t end, float *out) {
  size_t size = size_t(tensor.layout.groupSize), count = size_t(end - begin);
  Span<const int32_t> zeros;
  if (!tensor.zeroPoints.isNull())
    zeros = {tensor.zeroPoints.data<int32_t>() + begin, count};
  return dequantizeGroups(tensor.spec, {codes, count * size}, {scales + begin, count}, zeros, size,
                          {out, count * size}, tensor.tensorScale);
}

} // namespace

llvm::Expected<Tensor> QuantizedTensor::scaleValues() const {
  return cast(scales, ElementType::F32);
}

size_t QuantizedTensor::ownedBytes() const {
  auto own = [](const Tensor &tensor) { return tensor.isUnique() ? tensor.byteSize() : 0; };
  return own(codes) + own(scales) + own(zeroPoints);
}

std::shared_ptr<const IntegerWeight> QuantizedTensor::keptInteger() const {
  std::lock_guard<std::mutex> lock(mutex);
  return integer;
}

void QuantizedTensor::keepInteger(std::shared_ptr<const IntegerWeight> weight) const {
  std::lock_guard<std::mutex> lock(mutex);
  size_t bytes = weight->codes.rawData() == codes.rawData() ? 0 : weight->codes.byteSize();
  bytes += (weight->scales.size() + weight->zeroPoints.size() + weight->sums.size()) * 4;
  if (mayKeep(bytes))
    integer = std::move(weight);
}

llvm::Expected<Tensor> QuantizedTensor::values(ThreadPool &pool) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (!kept.isNull())
    return kept;
  llvm::Expected<Tensor> floatScales = scaleValues();
  if (!floatScales)
    return floatScales;
  llvm::Expected<Tensor> grouped =
      permuteAxes(pool, codes.reshaped(layout.split), layout.permutation);
  if (!grouped)
    return grouped;
  llvm::Expected<Tensor> out = Tensor::allocate(ElementType::F32, grouped->shape());
  if (!out)
    return out;
  int64_t size = layout.groupSize,
          grain = std::max<int64_t>(1, groupGrain / std::max<int64_t>(1, size));
  std::vector<FormatStatus> statuses(size_t((layout.groups + grain - 1) / grain));
  pool.forRange(layout.groups, grain, [&](int64_t begin, int64_t end) {
    statuses[begin / grain] =
        decodeGroups(*this, grouped->data<uint8_t>() + begin * size, floatScales->data<float>(),
                     begin, end, out->mutableData<float>() + begin * size);
  });
  for (const FormatStatus &status : statuses)
    if (!status)
      return llvm::createStringError(status.message());
  llvm::Expected<Tensor> result = permuteAxes(pool, *out, inverse(layout.permutation));
  if (!result)
    return result;
  Tensor whole = result->reshaped(codes.shape());
  if (mayKeep(whole.byteSize()))
    kept = whole;
  return whole;
}

llvm::Expected<Tensor> QuantizedTensor::rows(ThreadPool &pool,
                                             llvm::ArrayRef<int64_t> indices) const {
  int64_t width = codes.dim(1);
  bool inOrder =
      llvm::is_sorted(layout.permutation) && layout.groupSize > 0 && width % layout.groupSize == 0;
  llvm::Expected<Tensor> out = Tensor::allocate(ElementType::F32, {int64_t(indices.size()), width});
  llvm::Expected<Tensor> source = inOrder ? scaleValues() : values(pool);
  if (!out || !source)
    return llvm::joinErrors(out.takeError(), source.takeError());
  int64_t perRow = inOrder ? width / layout.groupSize : 0;
  for (auto [i, index] : llvm::enumerate(indices)) {
    float *to = out->mutableData<float>() + int64_t(i) * width;
    if (!inOrder) {
      std::copy_n(source->data<float>() + index * width, width, to);
      continue;
    }
    FormatStatus status =
        decodeGroups(*this, codes.data<uint8_t>() + index * width, source->data<float>(),
                     index * perRow, (index + 1) * perRow, to);
    if (!status)
      return llvm::createStringError(status.message());
  }
  return out;
}
