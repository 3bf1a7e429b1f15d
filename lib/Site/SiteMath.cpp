// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Site/SiteMath.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/ProductRounding.h"
#include "qllm/Solver/Descent.h"
#include "qllm/Support/ThreadPool.h"
#include <cmath>

using namespace qllm;

namespace {

/// moment += sign * cross * weight^T.
void addProduct(ThreadPool &pool, MatrixD &moment, double sign, const MatrixD &cross,
                const MatrixD &weight) {
  multiply(pool, cross.rows(), weight.rows(), cross.columns(), sign,
           {cross.data(), cross.columns()}, {weight.data(), weight.columns(), true}, 1,
           moment.data(), moment.columns());
}

/// moment += cross * weight^T, multiplied in float.
void addFloatProduct(ThreadPool &pool, MatrixD &moment, const MatrixD &cross,
                     const MatrixF &weight) {
  MatrixF product = applyWeight(pool, toFloat(cross), weight);
  for (int64_t i = 0; i < moment.size(); ++i)
    moment.data()[i] += product.data()[i];
}

/// The part of `left`^T D that the float model's output brings.
llvm::Error addReference(SiteState &state, bool withResidual, const MatrixF &left,
                         MatrixD &moment) {
  if (state.reference.rows() != state.input.rows())
    return llvm::createStringError(
        "expected the float model's input with %lld tokens at '%s', but got %lld",
        (long long)state.input.rows(), state.name.c_str(), (long long)state.reference.rows());
  ThreadPool &pool = state.pool;
  addProduct(pool, moment, 1, crossMoment(pool, left, state.reference), toDouble(state.weight));
  for (int64_t i = 0; i < left.columns(); ++i) {
    double sum = 0;
    for (int64_t row = 0; row < left.rows(); ++row)
      sum += left(row, i);
    for (int64_t j = 0; j < moment.columns(); ++j)
      moment(i, j) += sum * (double(state.bias[size_t(j)]) - state.outputBias[size_t(j)]);
  }
  if (!state.principal.empty())
    addProduct(pool, moment, -1, crossMoment(pool, left, state.principalCodes()),
               toDouble(state.principalUp.values));
  if (withResidual && !state.residualLoss.empty()) {
    MatrixD loss = crossMoment(pool, left, state.residualLoss);
    for (int64_t i = 0; i < moment.size(); ++i)
      moment.data()[i] += loss.data()[i];
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<MatrixD> qllm::momentOfError(SiteState &state, TargetKind kind, const MatrixF &left,
                                            const MatrixD &weight) {
  ThreadPool &pool = state.pool;
  const MatrixF &x = state.quantized();
  MatrixD moment(left.columns(), weight.rows());
  // x^ as `left` is the common case: its moment is the Hessian.
  MatrixD own = &left == &x ? state.hessian() : crossMoment(pool, left, x);
  switch (kind) {
  case TargetKind::None:
  case TargetKind::Local: {
    MatrixD input = kind == TargetKind::None ? own : crossMoment(pool, left, state.residual());
    MatrixD mapped = toDouble(state.mappedWeight);
    // C W^T - H Q^T as (C - H) W^T + H (W - Q)^T: what the input has lost and what the weight has
    // lost. Nothing large cancels, so float products will do.
    for (int64_t i = 0; i < input.size(); ++i)
      input.data()[i] -= own.data()[i];
    MatrixD lost = mapped;
    for (int64_t i = 0; i < lost.size(); ++i)
      lost.data()[i] -= weight.data()[i];
    bool sameWeight = weight.values() == mapped.values();
    addFloatProduct(pool, moment, input, state.mappedWeight);
    if (!sameWeight)
      addFloatProduct(pool, moment, own, toFloat(lost));
    return moment;
  }
  case TargetKind::Reference:
  case TargetKind::Residual:
    if (llvm::Error error = addReference(state, kind == TargetKind::Residual, left, moment))
      return std::move(error);
    break;
  }
  addProduct(pool, moment, -1, own, weight);
  return moment;
}

MatrixD qllm::effectiveWeight(const SiteState &state) {
  MatrixD weight = toDouble(state.presentWeight());
  if (!state.branchDown.empty()) {
    MatrixD branch =
        product(state.pool, toDouble(state.branchUp.values), toDouble(state.branchDown.values));
    for (int64_t i = 0; i < weight.size(); ++i)
      weight.data()[i] += branch.data()[i];
  }
  return weight;
}

MatrixF qllm::everyRow(const MatrixF &matrix, int64_t stride) {
  MatrixF result((matrix.rows() + stride - 1) / stride, matrix.columns());
  for (int64_t i = 0; i < result.rows(); ++i)
    std::copy_n(matrix.row(i * stride), matrix.columns(), result.row(i));
  return result;
}

bool qllm::hasEnergy(const MatrixD &moment) {
  double trace = 0;
  for (int64_t i = 0; i < moment.rows(); ++i)
    trace += moment(i, i);
  return trace > 0 || std::isnan(trace);
}

namespace {

/// Writes the rows of one product into the arrays of the site.
void put(const RoundedMatrix &part, size_t product, int64_t firstRow, RoundedWeight &all) {
  for (int64_t row = 0; row < part.values.rows(); ++row) {
    std::copy_n(part.values.row(row), part.values.columns(), all.values.row(firstRow + row));
    std::copy_n(part.codes.row(row), part.codes.columns(), all.codes.row(firstRow + row));
    for (int64_t group = 0; group < part.scales.scales.columns(); ++group) {
      all.scales(firstRow + row, group) = part.scales.scales(row, group);
      all.zeroPoints(firstRow + row, group) = part.scales.zeroPoints(row, group);
    }
  }
  all.tensorScales[product] = part.scales.tensorScale;
}

MatrixF weightToRound(const SiteState &state) {
  if (state.branchDown.empty())
    return state.target;
  MatrixF weight = state.target;
  MatrixF branch = toFloat(
      product(state.pool, toDouble(state.branchUp.values), toDouble(state.branchDown.values)));
  for (int64_t i = 0; i < weight.size(); ++i)
    weight.data()[i] -= branch.data()[i];
  return weight;
}

} // namespace

/// What rounding needs of the input, computed once for all layers.
static llvm::Expected<RoundingInputs> roundingInputs(SiteState &state) {
  RoundingInputs inputs{state.range, state.rounding, {}, {}, {}};
  if (state.range.needsHessian())
    inputs.hessian = state.hessian();
  if (state.rounding.method != RoundingMethod::GPTQ)
    return inputs;
  llvm::Expected<GPTQFactor> factor = prepareGPTQ(state.pool, state.hessian(), state.rounding);
  if (!factor)
    return factor.takeError();
  inputs.factor = std::move(*factor);
  if (state.rounding.sweeps > 0) {
    MatrixD square = state.hessian();
    addRelativeDiagonal(square, state.rounding.damp);
    inputs.damped = toFloat(square);
  }
  return inputs;
}

/// All of them, by tasks where somebody runs these and there are several.
static llvm::Expected<std::vector<RoundedMatrix>>
roundProducts(SiteState &state, llvm::ArrayRef<ProductToRound> products) {
  std::vector<RoundedMatrix> all;
  if (products.empty())
    return all;
  llvm::Expected<RoundingInputs> inputs = roundingInputs(state);
  if (!inputs)
    return inputs.takeError();
  if (state.tasks && products.size() > 1 && inputs->isLongWork())
    return roundElsewhere(*state.tasks, *inputs, products);
  for (const ProductToRound &product : products) {
    llvm::Expected<RoundedMatrix> rounded = roundProduct(state.pool, *inputs, product);
    if (!rounded)
      return rounded.takeError();
    all.push_back(std::move(*rounded));
  }
  return all;
}

llvm::Error qllm::roundTarget(SiteState &state) {
  MatrixF weight = weightToRound(state);
  int64_t columns = weight.columns(), groups = 1;
  std::vector<ProductToRound> products;
  for (const SiteProduct &product : state.products)
    if (product.format) {
      groups = std::max(groups, product.format->groupsOf(columns));
      products.push_back({rowsOf(weight, product.firstRow, product.rows), *product.format});
    }
  llvm::Expected<std::vector<RoundedMatrix>> rounded = roundProducts(state, products);
  if (!rounded)
    return rounded.takeError();
  RoundedWeight result;
  result.codes = Matrix<uint8_t>(weight.rows(), columns);
  result.scales = MatrixF(weight.rows(), groups);
  result.zeroPoints = Matrix<int32_t>(weight.rows(), groups);
  result.tensorScales.assign(state.products.size(), 1);
  result.values = std::move(weight);
  auto next = rounded->begin();
  for (size_t i = 0; i < state.products.size(); ++i)
    if (state.products[i].format)
      put(*next++, i, state.products[i].firstRow, result);
  state.rounded = std::move(result);
  return llvm::Error::success();
}
