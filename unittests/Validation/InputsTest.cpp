// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random inputs are what a function can be run on.

#include "qllm/Validation/Inputs.h"
#include "ParsedModule.h"
#include <gtest/gtest.h>

using namespace qllm;

TEST(Inputs, TheSameForTheSameSeed) {
  ParsedModule parsed("func.func @main(%x: tensor<?x8xf32>) { return }");
  auto values = [&](uint64_t seed) {
    return floats(llvm::cantFail(randomInputs(parsed.main, seed, 3)).values.front());
  };
  EXPECT_EQ(values(1).size(), 24u);
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
}

TEST(Inputs, TokensAreRowsOfTheTable) {
  ParsedModule parsed(R"(
    func.func @main(%ids: tensor<?x?xi64> {onnx.name = "input_ids"}) {
      %t = onnx.Initializer "t" = dense<1.0> : tensor<5x2xf32>
      %x = qllm.embedding %ids, %t : (tensor<?x?xi64>, tensor<5x2xf32>) -> tensor<?x?x2xf32>
      return
    })");
  InputSet set = llvm::cantFail(randomInputs(parsed.main, 0, 40));
  const Tensor &ids = *set.values.front().tensor();
  EXPECT_EQ(ids.shape(), llvm::ArrayRef<int64_t>({1, 40}));
  bool isVaried = false;
  for (int64_t id : ids.values<int64_t>()) {
    EXPECT_LT(id, 5);
    isVaried |= id != ids.values<int64_t>().front();
  }
  EXPECT_TRUE(isVaried);
}

TEST(Inputs, RotationsAreOrthogonal) {
  ParsedModule parsed(R"(
    func.func @main(%x: tensor<?x4xf32>, %r: tensor<4x4xf32>) {
      %y = qllm.rotate_channels %x by(%r : tensor<4x4xf32>) : tensor<?x4xf32>
      return
    })");
  std::vector<float> r = floats(llvm::cantFail(randomInputs(parsed.main, 0, 3)).values[1]);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j) {
      double product = 0;
      for (size_t k = 0; k < 4; ++k)
        product += double(r[4 * i + k]) * r[4 * j + k];
      EXPECT_NEAR(product, i == j, 1e-6);
    }
}

TEST(Inputs, WhatHasNoNumbersIsRefused) {
  ParsedModule parsed("func.func @main(%x: tensor<2x!onnx.string>) { return }");
  llvm::Expected<InputSet> set = randomInputs(parsed.main, 0, 3);
  ASSERT_FALSE(bool(set));
  EXPECT_EQ(llvm::toString(set.takeError()), "no random values are made for argument 'arg0'");
}
