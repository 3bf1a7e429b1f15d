// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which transform may move into which producer: a wrong yes would change a model silently.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The kinds of producers that the one transform in `text` folds into, by name.
std::string foldable(const std::string &text, int64_t headSize = 4) {
  MLIRContext context;
  context.loadDialect<QLLMDialect, func::FuncDialect>();
  auto module = parseSourceString<ModuleOp>("func.func @f(%x: tensor<?x8xf32>, %v: tensor<8xf32>, "
                                            "%r: tensor<4x4xf32>, %d: tensor<?x?xf32>) {\n" +
                                                text + "\nreturn }",
                                            &context);
  if (!module)
    return "does not parse";
  std::string kinds;
  module->walk([&](ChannelTransform transform) {
    for (uint64_t kind = 0; kind <= getMaxEnumValForProducerKind(); ++kind)
      if (transform.canFoldIntoProducer(ProducerKind(kind), headSize))
        kinds += (kinds.empty() ? "" : " ") + stringifyEnum(ProducerKind(kind)).str();
  });
  return kinds;
}

TEST(ProducerFolding, ScaleFoldsEverywhereButIntoRotaryPairs) {
  EXPECT_EQ(foldable("qllm.scale_channels %x by %v : tensor<?x8xf32>, tensor<8xf32>"),
            "norm norm_with_bias linear_rows gated_product attention_value");
}

TEST(ProducerFolding, ShiftNeedsABias) {
  EXPECT_EQ(foldable("qllm.shift_channels %x by %v : tensor<?x8xf32>, tensor<8xf32>"),
            "norm_with_bias linear_rows attention_value");
}

TEST(ProducerFolding, PermutationKeepsHeadsApartAndAlike) {
  EXPECT_EQ(foldable("qllm.permute_channels %x order [1, 0, 3, 2, 5, 4, 7, 6] : tensor<?x8xf32>"),
            "linear_rows gated_product attention_value");
  // Channels 3 and 4 change heads.
  EXPECT_EQ(foldable("qllm.permute_channels %x order [0, 1, 2, 4, 3, 5, 6, 7] : tensor<?x8xf32>"),
            "linear_rows gated_product");
  // The second head is ordered in another way than the first.
  EXPECT_EQ(foldable("qllm.permute_channels %x order [1, 0, 2, 3, 4, 5, 6, 7] : tensor<?x8xf32>"),
            "linear_rows gated_product");
  EXPECT_EQ(
      foldable("qllm.permute_channels %x order [1, 0, 3, 2, 5, 4, 7, 6] : tensor<?x8xf32>", 0),
      "linear_rows gated_product");
}

TEST(ProducerFolding, RotationStaysInsideAHead) {
  EXPECT_EQ(foldable("qllm.rotate_channels %x hadamard 4 : tensor<?x8xf32>"),
            "linear_rows attention_value");
  EXPECT_EQ(foldable("qllm.rotate_channels %x hadamard 8 : tensor<?x8xf32>"), "linear_rows");
  EXPECT_EQ(foldable("qllm.rotate_channels %x by(%r : tensor<4x4xf32>) : tensor<?x8xf32>"),
            "linear_rows attention_value");
  // Inside a head with a stride, and across the two heads.
  EXPECT_EQ(foldable("qllm.rotate_channels %x hadamard 2 stride 2 : tensor<?x8xf32>"),
            "linear_rows attention_value");
  EXPECT_EQ(foldable("qllm.rotate_channels %x hadamard 2 stride 4 : tensor<?x8xf32>"),
            "linear_rows");
  // A block of unknown width may cross heads.
  EXPECT_EQ(foldable("qllm.rotate_channels %x by(%d : tensor<?x?xf32>) : tensor<?x8xf32>"),
            "linear_rows");
}

TEST(ProducerFolding, SplitAndMergeChangeTheWidth) {
  EXPECT_EQ(foldable("qllm.split_channels %x parts [1, 2, 1, 1, 1, 1, 1, 1] : tensor<?x8xf32>"),
            "linear_rows gated_product");
  EXPECT_EQ(foldable("qllm.merge_channels %x targets [0, 0, 1, 2, 3, 4, 5, 6] : tensor<?x8xf32>"),
            "linear_rows");
}

} // namespace
