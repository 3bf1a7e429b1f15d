// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Site/ProductRounding.h"

#include "qllm/Site/FormatBytes.h"
#include "qllm/Site/TaskKind.h"
#include "qllm/Solver/Descent.h"
#include "qllm/Support/TaskRunner.h"
#include "llvm/ADT/STLExtras.h"

using namespace qllm;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

namespace qllm {

template <typename Stream> void transfer(Stream &stream, RangeOptions &options) {
  stream(options.method, options.percentile, options.ratios);
}

template <typename Stream> void transfer(Stream &stream, RoundingOptions &options) {
  stream(options.method, options.damp, options.actOrder, options.block, options.sweeps,
         options.scaleRatios);
}

template <typename Stream> void transfer(Stream &stream, GPTQFactor &factor) {
  stream(factor.order, factor.upper);
}

template <typename Stream> void transfer(Stream &stream, RoundingInputs &inputs) {
  stream(inputs.range, inputs.rounding, inputs.hessian, inputs.factor, inputs.damped);
}

template <typename Stream> void transfer(Stream &stream, ProductToRound &product) {
  stream(product.weight, product.format);
}

template <typename Stream> void transfer(Stream &stream, RoundedMatrix &rounded) {
  stream(rounded.scales.scales, rounded.scales.zeroPoints, rounded.scales.tensorScale,
         rounded.codes, rounded.values, rounded.errors);
}

} // namespace qllm

Expected<RoundedMatrix> qllm::roundProduct(ThreadPool &pool, const RoundingInputs &inputs,
                                           const ProductToRound &product) {
  const auto &[weight, format] = product;
  Expected<WeightScales> scales = chooseScales(pool, weight, format, inputs.range,
                                               inputs.hessian.empty() ? nullptr : &inputs.hessian);
  if (!scales)
    return scales.takeError();
  if (inputs.rounding.method == RoundingMethod::Nearest)
    return roundNearest(pool, weight, format, std::move(*scales));
  Expected<RoundedMatrix> rounded =
      roundGPTQ(pool, weight, format, std::move(*scales), inputs.factor, inputs.rounding);
  if (rounded && !inputs.damped.empty())
    descend(pool, weight, format, inputs.damped, inputs.factor.order, inputs.rounding.sweeps,
            *rounded);
  return rounded;
}

Expected<std::vector<RoundedMatrix>> qllm::roundElsewhere(TaskRunner &runner,
                                                          const RoundingInputs &inputs,
                                                          ArrayRef<ProductToRound> products) {
  std::string shared;
  ByteWriter{shared}(inputs);
  std::vector<std::string> tasks;
  for (const ProductToRound &product : products)
    ByteWriter{tasks.emplace_back()}(TaskKind::Rounding, product);
  Expected<std::vector<std::string>> results = runner.run(shared, tasks);
  if (!results)
    return results.takeError();
  std::vector<RoundedMatrix> all;
  for (auto [product, bytes] : llvm::zip_equal(products, *results)) {
    ByteReader reader(bytes);
    reader(all.emplace_back());
    if (Error error = reader.finish())
      return std::move(error);
    const RoundedMatrix &rounded = all.back();
    int64_t rows = product.weight.rows(), columns = product.weight.columns();
    bool fits = rounded.values.rows() == rows && rounded.values.columns() == columns &&
                rounded.codes.rows() == rows && rounded.codes.columns() == columns &&
                rounded.scales.scales.rows() == rounded.scales.zeroPoints.rows() &&
                rounded.scales.scales.columns() == rounded.scales.zeroPoints.columns();
    if (!fits)
      return llvm::createStringError("expected a rounded weight of " + llvm::Twine(rows) + "x" +
                                     llvm::Twine(columns) +
                                     " from a task, but it told another result");
  }
  return all;
}

/// Sizes that belong together: bytes can say anything.
static Error check(const RoundingInputs &inputs, const ProductToRound &product) {
  int64_t columns = product.weight.columns();
  auto isSquare = [&](const auto &matrix) {
    return matrix.rows() == columns && matrix.columns() == columns;
  };
  bool gptq = inputs.rounding.method == RoundingMethod::GPTQ;
  std::vector<int64_t> order = inputs.factor.order;
  llvm::sort(order);
  bool isOrder = int64_t(order.size()) == columns;
  for (int64_t i = 0; isOrder && i < columns; ++i)
    isOrder = order[size_t(i)] == i;
  if (product.format.spec.element && (inputs.hessian.empty() || isSquare(inputs.hessian)) &&
      (inputs.damped.empty() || isSquare(inputs.damped)) && inputs.rounding.block > 0 &&
      (!gptq || (isSquare(inputs.factor.upper) && isOrder)))
    return Error::success();
  return llvm::createStringError("sizes that do not fit together");
}

Expected<std::string> qllm::runRoundingTask(ArrayRef<char> bytes, ByteReader &task,
                                            ThreadPool &pool) {
  RoundingInputs inputs;
  ByteReader reader(bytes);
  reader(inputs);
  ProductToRound product;
  task(product);
  Error error = llvm::joinErrors(reader.finish(), task.finish());
  if (!error)
    error = check(inputs, product);
  if (error)
    return llvm::createStringError("not the task of a layer: " + llvm::toString(std::move(error)));
  Expected<RoundedMatrix> rounded = roundProduct(pool, inputs, product);
  if (!rounded)
    return rounded.takeError();
  std::string result;
  ByteWriter{result}(*rounded);
  return result;
}
