// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rule for attention sinks.

#include "qllm/Calibration/Sinks.h"
#include "ParsedModule.h"
#include <gtest/gtest.h>

using namespace qllm;

/// Tokens of two channels with the given sizes, a window of four each.
static WindowValues tokens(llvm::ArrayRef<float> sizes) {
  std::vector<interp::Value> windows;
  for (size_t first = 0; first < sizes.size(); first += 4) {
    std::vector<float> values;
    for (float size : sizes.slice(first, 4))
      values.insert(values.end(), {size, -size});
    windows.push_back(rows({1, 4, 2}, values));
  }
  return WindowValues(std::move(windows));
}

TEST(Sinks, FarAboveTheMedianAnywhere) {
  SinkFinder finder(16);
  finder.observe(tokens({1, 2, 3, 1, 2, 3, 1, 2}));
  EXPECT_EQ(finder.count(), 0);
  finder.observe(tokens({100, 2, 3, 1, 2, 3, 90, 2}));
  EXPECT_EQ(finder.count(), 2);
  // It stays one, also where later activations are ordinary again.
  finder.observe(tokens({1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(finder.rows({0, 4, 8}),
            (std::vector<bool>{true, false, false, false, false, false, true, false}));
}

TEST(Sinks, OnlyOfRowsLikeThose) {
  SinkFinder finder(16);
  finder.observe(tokens({100, 2, 3, 1}));
  // Rows of another number are about other tokens.
  EXPECT_EQ(finder.rows({0, 2}), (std::vector<bool>{false, false}));
  // Weights and vectors have no tokens.
  finder.observe(WindowValues({rows({2, 2}, {1, 1, 999, 999})}, /*shared=*/true));
  finder.observe(WindowValues({rows({2}, {1, 999})}));
  EXPECT_EQ(finder.rows({0, 2}), (std::vector<bool>{false, false}));
}
