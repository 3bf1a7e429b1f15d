// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything in f64.

#include "qllm/Validation/Comparison.h"

#include "qllm/Interpreter/Quantized.h"
#include "qllm/Tensor/Convert.h"
#include <cmath>
#include <limits>

using namespace qllm;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Noise is drawn and its largest effect over two lanes seen, while the difference of interest is
/// another draw.
constexpr double margin = 4;

/// The elements as a tensor that can be compared; null for what holds no numbers.
Tensor elementsOf(ThreadPool &pool, const interp::Value &value) {
  if (const interp::QuantizedTensor *quantized = value.quantized()) {
    llvm::Expected<Tensor> values = quantized->values(pool);
    if (values)
      return elementsOf(pool, *values);
    llvm::consumeError(values.takeError());
    return {};
  }
  const Tensor *tensor = value.tensor();
  if (!tensor)
    return {};
  if (!isFloat(tensor->type()) && !isMiniFloat(tensor->type()))
    return *tensor;
  llvm::Expected<Tensor> doubles = cast(*tensor, ElementType::F64);
  if (doubles)
    return *doubles;
  llvm::consumeError(doubles.takeError());
  return {};
}

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  double difference = std::abs(a - b);
  return std::isnan(difference) ? infinity : difference;
}

/// Of two tensors of the same shape; 0 or infinity where they hold no floats.
double distance(const Tensor &a, const Tensor &b) {
  if (a.type() != b.type() || a.shape() != b.shape())
    return infinity;
  if (a.type() == ElementType::String)
    return a.strings() == b.strings() ? 0 : infinity;
  if (a.type() != ElementType::F64)
    return !a.byteSize() || !std::memcmp(a.rawData(), b.rawData(), a.byteSize()) ? 0 : infinity;
  double largest = 0;
  for (auto [x, y] : llvm::zip_equal(a.values<double>(), b.values<double>()))
    largest = std::max(largest, distance(x, y));
  return largest;
}

/// How far noise moves the first lane.
double spread(ThreadPool &pool, const Lanes &lanes) {
  Tensor first = elementsOf(pool, lanes.front());
  double largest = 0;
  for (const interp::Value &lane : llvm::drop_begin(lanes))
    largest = std::max(largest, distance(first, elementsOf(pool, lane)));
  return largest;
}

Difference compareSequences(ThreadPool &pool, const Lanes &before, const Lanes &after) {
  Difference worst;
  size_t count = before.front().sequence()->size();
  if (!after.front().sequence() || after.front().sequence()->size() != count)
    return {infinity, 0, 0, before.front().describe() + " became " + after.front().describe()};
  auto element = [](const Lanes &lanes, size_t i) {
    Lanes result;
    for (const interp::Value &lane : lanes)
      if (i < lane.sequence()->size())
        result.push_back((*lane.sequence())[i]);
    return result;
  };
  for (size_t i = 0; i < count; ++i)
    if (Difference next = compare(pool, element(before, i), element(after, i));
        !i || next.error - next.bound > worst.error - worst.bound)
      worst = next;
  return worst;
}

} // namespace

Difference qllm::compare(ThreadPool &pool, const Lanes &before, const Lanes &after) {
  if (before.front().sequence())
    return compareSequences(pool, before, after);
  Tensor a = elementsOf(pool, before.front()), b = elementsOf(pool, after.front());
  Difference result;
  if (a.type() != b.type() || a.shape() != b.shape())
    return {infinity, 0, 0, before.front().describe() + " became " + after.front().describe()};
  if (a.isNull())
    return result;
  if (a.type() == ElementType::F64)
    for (double x : a.values<double>())
      if (std::isfinite(x))
        result.scale = std::max(result.scale, std::abs(x));
  result.error = distance(a, b);
  if (before.size() == 1 && after.size() == 1)
    return result;
  double rounding = before.front().tensor() ? unitRoundoff(before.front().tensor()->type()) : 0;
  result.bound = margin * (spread(pool, before) + spread(pool, after)) + rounding * result.scale;
  return result;
}
