// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Noise follows what a function does to errors.

#include "qllm/Validation/LaneRun.h"
#include "ParsedModule.h"
#include <gtest/gtest.h>

using namespace qllm;

namespace {

/// The largest relative distance of a noisy lane from the first one, in units of f32's roundoff.
double noiseOf(const char *text, std::vector<float> input, unsigned roundings) {
  ParsedModule parsed(text);
  interp::OperationRunner runner(*parsed.module, 1);
  llvm::SmallVector<Lanes, 1> results;
  LaneOptions options;
  options.roundings = roundings;
  interp::Value x = rows({int64_t(input.size())}, input);
  EXPECT_TRUE(
      succeeded(runLanes(parsed.main, runner, llvm::ArrayRef<interp::Value>(x), options, results)));
  double largest = 0;
  for (const interp::Value &lane : results.front())
    for (auto [a, b] : llvm::zip_equal(floats(results.front().front()), floats(lane)))
      largest = std::max(largest, std::abs(double(a) - b) / std::abs(double(a)));
  return largest / unitRoundoff(ElementType::F32);
}

constexpr const char *product = R"(
  func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
    %y = onnx.Mul(%x, %x) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    return %y : tensor<?xf32>
  })";

/// (x^2 + 1024) - 1024: what is lost in the sum comes out on top.
constexpr const char *cancellation = R"(
  func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
    %c = onnx.Initializer "c" = dense<1024.0> : tensor<f32>
    %y = onnx.Mul(%x, %x) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %z = onnx.Add(%y, %c) : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
    %d = onnx.Sub(%z, %c) : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
    return %d : tensor<?xf32>
  })";

} // namespace

TEST(LaneRun, NoiseIsAsLargeAsTheRoundings) {
  // One operation that rounds: at most so many units, and one for storing the result.
  double noise = noiseOf(product, {1.5f, 2.25f, 3.125f, 7.5f}, 16);
  EXPECT_GT(noise, 4);
  EXPECT_LE(noise, 17.001);
}

TEST(LaneRun, CancellationMakesItLarger) {
  EXPECT_GT(noiseOf(cancellation, {1.5f, 2.25f, 3.125f, 7.5f}, 16), 500);
}

TEST(LaneRun, WhatRoundsNothingHasNone) {
  EXPECT_EQ(noiseOf(R"(
    func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
      %y = onnx.Identity(%x) : (tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    })",
                    {1.5f}, 16),
            0);
}
