// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which layers belong together, what they are, and which come next.

#include "qllm/Calibration/Sites.h"
#include "ParsedModule.h"
#include <gtest/gtest.h>

using namespace qllm;

static constexpr llvm::StringLiteral block = R"(
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  %q = qllm.linear %x, %w {qllm.name = "layers.3.q_proj"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %k = qllm.linear %x, %w {qllm.name = "layers.3.k_proj"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %m = onnx.Mul(%q, %k) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %o = qllm.linear %m, %w {qllm.name = "layers.3.o_proj"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %h = onnx.Add(%x, %o) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %g = qllm.linear %h, %w {qllm.name = "layers.3.gate_proj"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %s = onnx.Sigmoid(%g) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %u = qllm.linear %h, %w {qllm.name = "layers.3.up_proj"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %a = onnx.Mul(%s, %u) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %d = qllm.linear %a, %w {qllm.name = "layers.3.down_proj"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %r = onnx.Add(%h, %d) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %l = qllm.linear %r, %w {qllm.name = "lm_head"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  onnx.Return %l : tensor<1x2xf32>
}
)";

TEST(Sites, GroupedByInput) {
  ParsedModule parsed(block);
  SiteList list = findSites(parsed.main, [](LinearOp) { return true; });
  ASSERT_EQ(list.sites.size(), 5u);
  EXPECT_TRUE(list.left.empty());
  EXPECT_EQ(list.sites[0].name, "layers.3.q_proj+k_proj");
  EXPECT_EQ(list.sites[0].kind, SiteKind::AttentionInput);
  EXPECT_EQ(list.sites[0].layer, 3);
  EXPECT_EQ(list.sites[1].kind, SiteKind::AttentionOutput);
  EXPECT_EQ(list.sites[2].name, "layers.3.gate_proj+up_proj");
  EXPECT_EQ(list.sites[2].kind, SiteKind::FeedForwardInput);
  EXPECT_EQ(list.sites[3].kind, SiteKind::FeedForwardOutput);
  EXPECT_EQ(list.sites[4].kind, SiteKind::Other);
  EXPECT_EQ(list.sites[4].layer, -1);
}

TEST(Sites, NextIsTheFirstReached) {
  ParsedModule parsed(block);
  SiteList list = findSites(parsed.main, [](LinearOp) { return true; });
  for (size_t i = 0; i < 4; ++i) {
    llvm::SmallVector<const Site *> next = nextSites(list, list.sites[i]);
    // The residual stream reaches everything behind; only the nearest counts.
    ASSERT_EQ(next.size(), 1u) << i;
    EXPECT_EQ(next.front(), &list.sites[i + 1]);
  }
  EXPECT_TRUE(nextSites(list, list.sites[4]).empty());
}

TEST(Sites, KindsOfNames) {
  int64_t layer = 0;
  EXPECT_EQ(siteKindOf("layers.12.fc2", layer), SiteKind::FeedForwardOutput);
  EXPECT_EQ(layer, 12);
  EXPECT_EQ(siteKindOf("layers.x.q_proj", layer), SiteKind::AttentionInput);
  EXPECT_EQ(layer, -1);
  EXPECT_EQ(siteKindOf("", layer), SiteKind::Other);
}
