// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites around attention change nothing but rounding: with the run-time quantizers taken out,
// the model before and after gives the same numbers.

#include "../Solver/RandomMatrix.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "qllm/Calibration/BalanceHeads.h"
#include "qllm/Calibration/CenterAttention.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

// Four query heads on two key heads of four channels; positions matter through the rotary
// embedding.
constexpr char model[] = R"(
func.func @main(%x: tensor<1x5x8xf32>, %wq: tensor<16x8xf32>, %wk: tensor<8x8xf32>, %wv: tensor<8x8xf32>,
                %cos: tensor<1x5x2xf32>, %sin: tensor<1x5x2xf32>) -> tensor<1x5x16xf32> {
  %bias = onnx.Initializer "bias" = dense<[0.5, -1.0, 2.0, 0.0, 1.0, 1.5, -0.5, 3.0]> : tensor<8xf32>
  %qs = onnx.Initializer "qs" = dense<[1, 5, 4, 4]> : tensor<4xi64>
  %ks = onnx.Initializer "ks" = dense<[1, 5, 2, 4]> : tensor<4xi64>
  %ys = onnx.Initializer "ys" = dense<[1, 5, 16]> : tensor<3xi64>
  %q = qllm.linear %x, %wq {qllm.name = "q"} : (tensor<1x5x8xf32>, tensor<16x8xf32>) -> tensor<1x5x16xf32>
  %k = qllm.linear %x, %wk {qllm.name = "k"} : (tensor<1x5x8xf32>, tensor<8x8xf32>) -> tensor<1x5x8xf32>
  %v0 = qllm.linear %x, %wv {qllm.name = "v"} : (tensor<1x5x8xf32>, tensor<8x8xf32>) -> tensor<1x5x8xf32>
  %q1 = onnx.Reshape(%q, %qs) : (tensor<1x5x16xf32>, tensor<4xi64>) -> tensor<1x5x4x4xf32>
  %k1 = onnx.Reshape(%k, %ks) : (tensor<1x5x8xf32>, tensor<4xi64>) -> tensor<1x5x2x4xf32>
  VALUES
  %q2 = onnx.Transpose(%q1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x5x4x4xf32>) -> tensor<1x4x5x4xf32>
  %k2 = onnx.Transpose(%k1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x4xf32>) -> tensor<1x2x5x4xf32>
  %v2 = onnx.Transpose(%v1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x4xf32>) -> tensor<1x2x5x4xf32>
  %q3 = onnx.RotaryEmbedding(%q2, %cos, %sin) : (tensor<1x4x5x4xf32>, tensor<1x5x2xf32>, tensor<1x5x2xf32>) -> tensor<1x4x5x4xf32>
  %k3 = onnx.RotaryEmbedding(%k2, %cos, %sin) : (tensor<1x2x5x4xf32>, tensor<1x5x2xf32>, tensor<1x5x2xf32>) -> tensor<1x2x5x4xf32>
  %q4 = qllm.rotate_channels %q3 hadamard 4 : tensor<1x4x5x4xf32>
  %k4 = qllm.rotate_channels %k3 hadamard 4 : tensor<1x2x5x4xf32>
  %q5 = qllm.quantize %q4 : tensor<1x4x5x4xf32> -> !qllm.quantized<1x4x5x4, #qllm.int<4, asymmetric>, per_token>
  %k5 = qllm.quantize %k4 : tensor<1x2x5x4xf32> -> !qllm.quantized<1x2x5x4, #qllm.int<4, asymmetric>, per_token>
  %v5 = qllm.quantize %v2 : tensor<1x2x5x4xf32> -> !qllm.quantized<1x2x5x4, #qllm.int<4, asymmetric>, per_token>
  %q6 = qllm.dequantize %q5 : !qllm.quantized<1x4x5x4, #qllm.int<4, asymmetric>, per_token> -> tensor<1x4x5x4xf32>
  %k6 = qllm.dequantize %k5 : !qllm.quantized<1x2x5x4, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x5x4xf32>
  %v6 = qllm.dequantize %v5 : !qllm.quantized<1x2x5x4, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x5x4xf32>
  %a = onnx.Attention(%q6, %k6, %v6) {is_causal = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x4x5x4xf32>, tensor<1x2x5x4xf32>, tensor<1x2x5x4xf32>) -> tensor<1x4x5x4xf32>
  %t = onnx.Transpose(%a) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x5x4xf32>) -> tensor<1x5x4x4xf32>
  %y = onnx.Reshape(%t, %ys) : (tensor<1x5x4x4xf32>, tensor<3xi64>) -> tensor<1x5x16xf32>
  onnx.Return %y : tensor<1x5x16xf32>
})";
constexpr llvm::StringLiteral plainValues =
    "%v1 = onnx.Reshape(%v0, %ks) : (tensor<1x5x8xf32>, tensor<4xi64>) -> tensor<1x5x2x4xf32>";
constexpr llvm::StringLiteral biasedValues =
    "%vb = onnx.Add(%v0, %bias) : (tensor<1x5x8xf32>, tensor<8xf32>) -> tensor<1x5x8xf32>\n"
    "%v1 = onnx.Reshape(%vb, %ks) : (tensor<1x5x8xf32>, tensor<4xi64>) -> tensor<1x5x2x4xf32>";

class AttentionTest : public ::testing::Test {
protected:
  AttentionTest() { context.loadDialect<func::FuncDialect, onnx::ONNXDialect, QLLMDialect>(); }

  OwningOpRef<ModuleOp> parse(llvm::StringRef values) {
    std::string text = model;
    size_t at = text.find("VALUES");
    text.replace(at, 6, values.str());
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(bool(module));
    return module;
  }

  LinearOp layer(ModuleOp module, llvm::StringRef name) {
    LinearOp found;
    module.walk([&](LinearOp op) {
      if (op->getAttrOfType<StringAttr>("qllm.name").getValue() == name)
        found = op;
    });
    return found;
  }

  static void dropQuantizers(ModuleOp module) {
    module.walk([](DequantizeOp op) {
      op.getResult().replaceAllUsesWith(op.getInput().getDefiningOp<QuantizeOp>().getInput());
    });
  }

  std::vector<float> run(ModuleOp module, const MatrixF &wq, const MatrixF &wk) {
    EXPECT_TRUE(succeeded(verify(module)));
    MatrixF x = randomMatrix(5, 8, 1), wv = randomMatrix(8, 8, 4), cos(5, 2), sin(5, 2);
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        cos(i, j) = std::cos(float(i) / float(1 + 3 * j));
        sin(i, j) = std::sin(float(i) / float(1 + 3 * j));
      }
    std::vector<interp::Value> inputs;
    auto add = [&](const MatrixF &values, llvm::ArrayRef<int64_t> shape) {
      Tensor tensor = llvm::cantFail(Tensor::allocate(ElementType::F32, shape));
      std::copy(values.values().begin(), values.values().end(), tensor.mutableData<float>());
      inputs.push_back(interp::Value(tensor));
    };
    add(x, {1, 5, 8});
    add(wq, {16, 8});
    add(wk, {8, 8});
    add(wv, {8, 8});
    add(cos, {1, 5, 2});
    add(sin, {1, 5, 2});
    interp::Interpreter interpreter(module, {1});
    llvm::SmallVector<interp::Value> results;
    EXPECT_TRUE(succeeded(interpreter.run("main", inputs, results)));
    llvm::ArrayRef<float> values = results.front().tensor()->values<float>();
    return values.vec();
  }

  static void expectEqual(llvm::ArrayRef<float> got, llvm::ArrayRef<float> wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got[i], wanted[i], 2e-5) << i;
  }

  MLIRContext context;
  MatrixF wq = randomMatrix(16, 8, 2), wk = randomMatrix(8, 8, 3);
};

// Whatever is taken off, it is put back at each position as the rotary embedding turns it.
TEST_F(AttentionTest, CenteringIsExact) {
  for (llvm::StringRef values : {plainValues, biasedValues}) {
    OwningOpRef<ModuleOp> plain = parse(values), centered = parse(values);
    int64_t folded = 0;
    for (auto [name, channels] : {std::pair("q", 16), {"k", 8}, {"v", 8}}) {
      std::vector<float> mean;
      for (int j = 0; j < channels; ++j)
        mean.push_back(float(j % 5) - 1.7f);
      Centered result = centerAttention(layer(*centered, name).getResult(), mean);
      EXPECT_EQ(result.quantizers, 1) << name << result.problem;
      EXPECT_EQ(result.problem, "");
      folded += result.folded;
    }
    // Behind attention goes what is a vector for each head and nothing else.
    EXPECT_EQ(folded, values == plainValues ? 1 : 0);
    dropQuantizers(*plain);
    dropQuantizers(*centered);
    expectEqual(run(*centered, wq, wk), run(*plain, wq, wk));
  }
}

// The quantizers really see a centered value: a constant added to every token is gone.
TEST_F(AttentionTest, QuantizersSeeNoMean) {
  OwningOpRef<ModuleOp> module = parse(plainValues);
  std::vector<float> mean(8, 3.0f);
  ASSERT_EQ(centerAttention(layer(*module, "k").getResult(), mean).quantizers, 1);
  int64_t shifts = 0;
  module->walk([&](ShiftChannelsOp op) {
    ++shifts;
    EXPECT_TRUE(op.getInverse());
    EXPECT_EQ(op.getInput(), layer(*module, "k").getResult());
  });
  EXPECT_EQ(shifts, 1);
}

// One constant off keys at all positions: exact whatever it is, and they never get it back.
TEST_F(AttentionTest, CenteringForCacheIsExact) {
  OwningOpRef<ModuleOp> plain = parse(plainValues), centered = parse(plainValues);
  // Averages of two angles.
  std::vector<float> cosines = {0.5f, -0.25f}, sines = {0.75f, 0.125f};
  auto averageRow = [&](Value table) -> FailureOr<std::vector<float>> {
    return cast<BlockArgument>(table).getArgNumber() == 4 ? cosines : sines;
  };
  std::vector<float> keyMean;
  for (auto [name, channels] : {std::pair("q", 16), {"v", 8}, {"k", 8}}) {
    std::vector<float> mean;
    for (int j = 0; j < channels; ++j)
      mean.push_back(float(j % 5) - 1.7f);
    FailureOr<Centered> result =
        centerAttentionForCache(layer(*centered, name).getResult(), mean, averageRow);
    ASSERT_TRUE(succeeded(result));
    EXPECT_EQ(result->quantizers, 1) << name << result->problem;
    EXPECT_EQ(result->folded, name == llvm::StringRef("v") ? 1 : 0);
    keyMean = mean;
  }
  onnx::AttentionOp attention;
  centered->walk([&](onnx::AttentionOp op) { attention = op; });
  EXPECT_TRUE(attention.getQ().getDefiningOp<onnx::AddOp>());
  auto keys = attention.getK().getDefiningOp<DequantizeOp>();
  ASSERT_TRUE(keys);
  // The embedding with averaged tables, and the matrix of four channels, of each head's mean.
  auto quantizer = keys.getInput().getDefiningOp<QuantizeOp>();
  Value center = quantizer.getInput().getDefiningOp<onnx::SubOp>().getB();
  auto values = cast<DenseElementsAttr>(center.getDefiningOp<onnx::InitializerOp>().getValue());
  EXPECT_EQ(values.getType().getShape(), (llvm::ArrayRef<int64_t>{2, 1, 4}));
  for (size_t head = 0; head < 2; ++head) {
    const float *m = &keyMean[head * 4];
    float turned[4];
    for (size_t i = 0; i < 2; ++i) {
      turned[i] = cosines[i] * m[i] - sines[i] * m[i + 2];
      turned[i + 2] = sines[i] * m[i] + cosines[i] * m[i + 2];
    }
    for (size_t j = 0; j < 4; ++j) {
      float sum = 0;
      for (size_t i = 0; i < 4; ++i)
        sum += (i & j) == 1 || (i & j) == 2 ? -turned[i] : turned[i];
      EXPECT_NEAR(values.getValues<float>()[head * 4 + j], sum / 2, 1e-6) << head << " " << j;
    }
  }
  dropQuantizers(*plain);
  dropQuantizers(*centered);
  expectEqual(run(*centered, wq, wk), run(*plain, wq, wk));
}

// What else reads the scores sees a constant off every key, so it is added back.
TEST_F(AttentionTest, KeysGetTheirConstantBackBehindACap) {
  OwningOpRef<ModuleOp> plain = parse(plainValues), centered = parse(plainValues);
  for (ModuleOp module : {*plain, *centered})
    module.walk([&](onnx::AttentionOp op) {
      op.setSoftcapAttr(FloatAttr::get(Float32Type::get(&context), 2.0));
    });
  auto averageRow = [](Value) -> FailureOr<std::vector<float>> { return std::vector{0.5f, 0.25f}; };
  ASSERT_TRUE(succeeded(centerAttentionForCache(layer(*centered, "k").getResult(),
                                                std::vector<float>(8, 3.0f), averageRow)));
  dropQuantizers(*plain);
  dropQuantizers(*centered);
  expectEqual(run(*centered, wq, wk), run(*plain, wq, wk));
}

// Pairs of neighbours are no halves.
TEST_F(AttentionTest, CenteringForCacheSaysWhatItMisses) {
  OwningOpRef<ModuleOp> module = parse(plainValues);
  module->walk([](onnx::RotaryEmbeddingOp op) {
    op.setInterleavedAttr(IntegerAttr::get(IntegerType::get(op.getContext(), 64), 1));
  });
  auto unread = [](Value) -> FailureOr<std::vector<float>> { return failure(); };
  FailureOr<Centered> result =
      centerAttentionForCache(layer(*module, "k").getResult(), std::vector<float>(8, 1.0f), unread);
  ASSERT_TRUE(succeeded(result));
  EXPECT_EQ(result->quantizers, 0);
  EXPECT_NE(result->problem, "");
}

TEST_F(AttentionTest, CenteringSaysWhatItMisses) {
  OwningOpRef<ModuleOp> module = parse(plainValues);
  LinearOp linear = layer(*module, "k");
  EXPECT_NE(centerAttention(linear.getResult(), {1, 2, 3}).problem, "");
  dropQuantizers(*module);
  module->walk([](DequantizeOp op) { op.erase(); });
  module->walk([](QuantizeOp op) { op.erase(); });
  Centered result = centerAttention(linear.getResult(), std::vector<float>(8));
  EXPECT_EQ(result.quantizers, 0);
  EXPECT_NE(result.problem, "");
}

TEST_F(AttentionTest, BalanceIsExact) {
  OwningOpRef<ModuleOp> module = parse(plainValues);
  ThreadPool pool(1);
  SiteState state(pool);
  Site site;
  site.linears = {layer(*module, "q"), layer(*module, "k"), layer(*module, "v")};
  state.input = activations(64, 8, 7);
  state.products = {{"q", 0, 16, integerRows(4, false)},
                    {"k", 16, 8, integerRows(4, false)},
                    {"v", 24, 8, integerRows(4, false)}};
  state.weight = MatrixF(32, 8);
  MatrixF wv = randomMatrix(8, 8, 4);
  for (int64_t row = 0; row < 32; ++row)
    for (int64_t j = 0; j < 8; ++j)
      state.weight(row, j) = row < 16 ? wq(row, j) : row < 24 ? wk(row - 16, j) : wv(row - 24, j);
  state.bias.assign(32, 0);
  ASSERT_EQ(balanceHeads(site, state), "");
  MatrixF q(16, 8), k(8, 8);
  for (int64_t j = 0; j < 8; ++j) {
    for (int64_t row = 0; row < 16; ++row)
      q(row, j) = state.weight(row, j);
    for (int64_t row = 0; row < 8; ++row) {
      k(row, j) = state.weight(16 + row, j);
      EXPECT_EQ(state.weight(24 + row, j), wv(row, j));
    }
  }
  EXPECT_NE(k.values(), wk.values());
  // Both channels that the rotary embedding turns together have one factor.
  for (int64_t head = 0; head < 2; ++head)
    for (int64_t j = 0; j < 2; ++j)
      EXPECT_NEAR(k(head * 4 + j, 0) / wk(head * 4 + j, 0),
                  k(head * 4 + j + 2, 0) / wk(head * 4 + j + 2, 0), 1e-5);
  dropQuantizers(*module);
  expectEqual(run(*module, q, k), run(*module, wq, wk));
}

// Keys that something else reads as well cannot be scaled.
TEST_F(AttentionTest, BalanceNeedsKeysForItself) {
  OwningOpRef<ModuleOp> module = parse(plainValues);
  LinearOp keys = layer(*module, "k");
  OpBuilder builder(&context);
  builder.setInsertionPointAfter(keys);
  onnx::IdentityOp::create(builder, keys.getLoc(), keys.getType(), keys.getResult());
  ThreadPool pool(1);
  SiteState state(pool);
  Site site;
  site.linears = {layer(*module, "q"), keys};
  state.input = activations(16, 8, 7);
  state.products = {{"q", 0, 16, integerRows(4, false)}, {"k", 16, 8, integerRows(4, false)}};
  state.weight = randomMatrix(24, 8, 5);
  MatrixF before = state.weight;
  EXPECT_NE(balanceHeads(site, state), "");
  EXPECT_EQ(state.weight.values(), before.values());
}

} // namespace
