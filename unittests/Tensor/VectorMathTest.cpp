// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/VectorMath.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <vector>

using namespace qllm;

namespace {

/// Every 7001st bit pattern of f32, all exponents included.
std::vector<float> samples() {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 7001) {
    uint32_t word = uint32_t(bits);
    float value;
    __builtin_memcpy(&value, &word, sizeof value);
    values.push_back(value);
  }
  return values;
}

void expectNear(float actual, double expected, double relative, float at) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(actual)) << at;
    return;
  }
  if (std::fabs(expected) > std::numeric_limits<float>::max()) {
    EXPECT_TRUE(std::isinf(actual)) << at;
    return;
  }
  EXPECT_LE(std::fabs(actual - expected), relative * std::fabs(expected) + 2e-45) << at;
}

TEST(VectorMath, Exponential) {
  std::vector<float> x = samples(), y(x.size());
  vec::exponential(x.data(), y.data(), int64_t(x.size()));
  for (size_t i = 0; i < x.size(); ++i)
    if (std::fabs(x[i] - 88.72f) > 0.01f) // the last values before infinity may round either way
      expectNear(y[i], std::exp(double(x[i])), 2.5e-7, x[i]);
}

TEST(VectorMath, Tanh) {
  std::vector<float> x = samples(), y(x.size());
  vec::tanh(x.data(), y.data(), int64_t(x.size()));
  for (size_t i = 0; i < x.size(); ++i)
    expectNear(y[i], std::tanh(double(x[i])), 3e-7, x[i]);
}

TEST(VectorMath, SoftmaxOfEqualAndExcludedScores) {
  float inf = std::numeric_limits<float>::infinity();
  std::vector<float> row(19, 3.0f);
  row[4] = -inf;
  vec::softmaxRow(row.data(), row.data(), 19);
  for (size_t i = 0; i < 19; ++i)
    EXPECT_FLOAT_EQ(row[i], i == 4 ? 0.0f : 1.0f / 18);
}

TEST(VectorMath, LogSumExpOfLargeScores) {
  std::vector<float> row(1000, 500.0f);
  EXPECT_NEAR(vec::logSumExpRow(row.data(), 1000), 500 + std::log(1000.0), 1e-6);
}

TEST(VectorMath, MaximumKeepsNaN) {
  std::vector<float> row(40, 1.0f);
  EXPECT_EQ(vec::maximum(row.data(), 40), 1.0f);
  row[17] = NAN;
  EXPECT_TRUE(std::isnan(vec::maximum(row.data(), 40)));
}

} // namespace
