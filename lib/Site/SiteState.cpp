// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Intermediate values of a site, each computed when it is first asked for.

#include "qllm/Site/SiteState.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"

using namespace qllm;

/// A change replaces the whole object, with what still holds: copies of the state that had no
/// change keep theirs.
struct SiteState::Cache {
  std::shared_ptr<const MatrixF> mapped, codes, residual, quantized;
  std::shared_ptr<const MatrixD> hessian;
};

void SiteState::begin() {
  mappedWeight = target = weight;
  outputBias = bias;
  outputBias.resize(size_t(weight.rows()));
  mapsChanged();
}

void SiteState::mapsChanged() { cache = std::make_shared<Cache>(); }

void SiteState::principalChanged() {
  auto next = std::make_shared<Cache>();
  if (cache)
    next->mapped = cache->mapped;
  cache = next;
}

void SiteState::inputQuantizerChanged() {
  auto next = std::make_shared<Cache>();
  if (cache) {
    next->mapped = cache->mapped;
    next->codes = cache->codes;
    next->residual = cache->residual;
  }
  cache = next;
}

void SiteState::addMap(ChannelMap map) {
  if (mappedWeight.empty())
    begin();
  std::vector<float> unused(outputBias.size());
  absorbMap(pool, map, target, unused);
  absorbMap(pool, map, mappedWeight, outputBias);
  maps.push_back(std::move(map));
  principal = principalUp = branchDown = branchUp = StoredFactor();
  rounded = RoundedWeight();
  parts.clear();
  mapsChanged();
}

const MatrixF &SiteState::mapped() {
  if (maps.empty())
    return input;
  if (!cache)
    cache = std::make_shared<Cache>();
  if (!cache->mapped) {
    MatrixF values = applyMap(pool, maps.front(), input);
    for (const ChannelMap &map : llvm::ArrayRef(maps).drop_front())
      values = applyMap(pool, map, values);
    cache->mapped = std::make_shared<MatrixF>(std::move(values));
  }
  return *cache->mapped;
}

RowFormat SiteState::principalFormat() const { return integerRows(unsigned(principalBits), true); }

const MatrixF &SiteState::principalCodes() {
  const MatrixF &x = mapped();
  if (!cache)
    cache = std::make_shared<Cache>();
  if (!cache->codes) {
    MatrixF z = applyWeight(pool, x, principal.values);
    if (principalBits <= 8 && !z.empty())
      z = quantizeInput(pool, z, principalFormat(), {}, false, 1);
    cache->codes = std::make_shared<MatrixF>(std::move(z));
  }
  return *cache->codes;
}

const MatrixF &SiteState::residual() {
  if (principal.empty())
    return mapped();
  const MatrixF &z = principalCodes();
  if (!cache->residual) {
    MatrixF values = mapped();
    matmul(pool, values.rows(), values.columns(), z.columns(), -1, {z.data(), z.columns(), false},
           {principal.values.data(), principal.values.columns(), false}, 1, values.data(),
           values.columns());
    cache->residual = std::make_shared<MatrixF>(std::move(values));
  }
  return *cache->residual;
}

/// A run of the model sees one window: ranges of the whole activation are those of a window.
static MatrixF quantizeWindows(const SiteState &state, const MatrixF &x) {
  const RowFormat &format = *state.inputFormat;
  auto quantize = [&](const MatrixF &values) {
    return quantizeInput(state.pool, values, format, state.parts, state.offsets, state.clip);
  };
  bool whole = format.perTensor || format.spec.hasTensorScale;
  if (!whole || state.windows.size() < 2 || state.windows.back() != x.rows())
    return quantize(x);
  MatrixF result(x.rows(), x.columns());
  for (size_t i = 0; i + 1 < state.windows.size(); ++i) {
    int64_t first = state.windows[i];
    MatrixF window = quantize(rowsOf(x, first, state.windows[i + 1] - first));
    std::copy_n(window.data(), window.size(), result.row(first));
  }
  return result;
}

const MatrixF &SiteState::quantized() {
  const MatrixF &x = residual();
  if (!inputFormat)
    return x;
  if (!cache)
    cache = std::make_shared<Cache>();
  if (!cache->quantized)
    cache->quantized = std::make_shared<MatrixF>(quantizeWindows(*this, x));
  return *cache->quantized;
}

const MatrixD &SiteState::hessian() {
  const MatrixF &x = quantized();
  if (!cache)
    cache = std::make_shared<Cache>();
  if (!cache->hessian)
    cache->hessian = std::make_shared<MatrixD>(gram(pool, x));
  return *cache->hessian;
}

const MatrixF &SiteState::presentWeight() const {
  return rounded.values.empty() ? target : rounded.values;
}

MatrixF SiteState::output() {
  const MatrixF &x = quantized();
  MatrixF y = applyWeight(pool, x, presentWeight());
  auto add = [&](const MatrixF &left, const MatrixF &weight) {
    matmul(pool, y.rows(), y.columns(), left.columns(), 1, {left.data(), left.columns(), false},
           {weight.data(), weight.columns(), true}, 1, y.data(), y.columns());
  };
  if (!branchDown.empty())
    add(applyWeight(pool, x, branchDown.values), branchUp.values);
  if (!principal.empty())
    add(principalCodes(), principalUp.values);
  pool.forRange(y.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t j = 0; j < y.columns(); ++j)
        y(row, j) += outputBias[size_t(j)];
  });
  return y;
}
