// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/ChannelMap.h"
#include "RandomMatrix.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace qllm;

namespace {

RotationFactor givens(int64_t stride, float angle) {
  float c = std::cos(angle), s = std::sin(angle);
  return {2, stride, MatrixF(2, 2, {c, s, -s, c})};
}

std::vector<ChannelMap> everyKind() {
  ChannelMap shift, scale, permute, rotate;
  shift.kind = ChannelMap::Kind::Shift;
  shift.values = {1, 2, 3, -4, 5, 0, 0.5f, 8};
  scale.kind = ChannelMap::Kind::Scale;
  scale.values = {1, 2, 4, 0.5f, 3, 1, 7, 8};
  permute.kind = ChannelMap::Kind::Permute;
  permute.indices = {3, 1, 2, 0, 7, 6, 5, 4};
  rotate.kind = ChannelMap::Kind::Rotate;
  rotate.factors = {givens(4, 0.3f), givens(1, 1.1f), givens(2, -0.7f)};
  return {shift, scale, permute, rotate};
}

// Absorbed into the weight, a map leaves the product as it was.
TEST(ChannelMap, AbsorbedIntoAWeightIsExact) {
  ThreadPool pool(2);
  MatrixF x = randomMatrix(70, 8, 1), weight = randomMatrix(5, 8, 2);
  MatrixF wanted = applyWeight(pool, x, weight);
  for (const ChannelMap &map : everyKind()) {
    MatrixF changed = weight;
    std::vector<float> bias(5);
    absorbMap(pool, map, changed, bias);
    MatrixF y = applyWeight(pool, applyMap(pool, map, x), changed);
    for (int64_t row = 0; row < y.rows(); ++row)
      for (int64_t j = 0; j < 5; ++j)
        EXPECT_NEAR(y(row, j) + bias[size_t(j)], wanted(row, j), 1e-4);
  }
}

// y[(i size + j) stride + t] = sum over k of x[(i size + k) stride + t] matrix(k, j).
TEST(ChannelMap, RotationsMixChannelsAStrideApart) {
  ThreadPool pool(1);
  ChannelMap map;
  map.kind = ChannelMap::Kind::Rotate;
  map.factors = {{2, 2, MatrixF(2, 2, {1.0f, 2.0f, 3.0f, 4.0f})}};
  MatrixF y = applyMap(pool, map, MatrixF(1, 4, {1.0f, 10.0f, 100.0f, 1000.0f}));
  EXPECT_EQ(y.values(), llvm::ArrayRef<float>({301.0f, 3010.0f, 402.0f, 4020.0f}));
}

} // namespace
