// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks: what is computed, kept, replaced, and seen after a rewrite.

#include "ParsedModule.h"
#include "mlir/IR/Builders.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include <gtest/gtest.h>

using namespace qllm;

static constexpr llvm::StringLiteral chain = R"(
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = onnx.Initializer "w" = dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w2 = onnx.Add(%w, %w) {qllm.name = "w2"} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %a = onnx.Add(%x, %w2) {qllm.name = "a"} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %b = onnx.Mul(%a, %a) {qllm.name = "b"} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %c = onnx.Sub(%b, %a) {qllm.name = "c"} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %unused = onnx.Neg(%c) {qllm.name = "unused"} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  onnx.Return %unused : tensor<1x2xf32>
}
)";

namespace {

class WalkTest : public testing::Test {
protected:
  WalkTest() : parsed(chain), runner(*parsed.module, 1) {
    walk = std::make_unique<Walk>(
        parsed.main, runner,
        std::vector<std::vector<interp::Value>>{{rows({1, 2}, {0, 0})}, {rows({1, 2}, {1, 1})}});
    walk->setObserver([&](mlir::Operation *op, llvm::ArrayRef<WindowValues>) {
      if (auto name = op->getAttrOfType<mlir::StringAttr>("qllm.name"))
        ran.push_back(name.str());
    });
  }

  ParsedModule parsed;
  interp::OperationRunner runner;
  std::unique_ptr<Walk> walk;
  std::vector<std::string> ran;
};

} // namespace

TEST_F(WalkTest, ComputesWhatIsAskedForOnce) {
  const WindowValues *a = walk->advance(parsed.value("a"), {parsed.value("c")});
  ASSERT_TRUE(a);
  EXPECT_FALSE(a->isShared());
  EXPECT_EQ(floats(a->of(0)), (std::vector<float>{2, 4}));
  EXPECT_EQ(floats(a->of(1)), (std::vector<float>{3, 5}));
  const WindowValues *c = walk->advance(parsed.value("c"), {});
  ASSERT_TRUE(c);
  EXPECT_EQ(floats(c->of(1)), (std::vector<float>{6, 20}));
  // `a` was kept for `c`, and nothing behind `c` ran.
  EXPECT_EQ(ran, (std::vector<std::string>{"w2", "a", "b", "c"}));
}

TEST_F(WalkTest, FreesWhatNobodyNeeds) {
  ASSERT_TRUE(walk->advance(parsed.value("c"), {}));
  size_t bytes = walk->bytesHeld();
  // Two windows of the arguments and of `c`.
  EXPECT_EQ(bytes, 4 * 2 * sizeof(float));
}

TEST_F(WalkTest, WeightsAreShared) {
  const WindowValues *w = walk->advance(parsed.value("w2"), {});
  ASSERT_TRUE(w);
  EXPECT_TRUE(w->isShared());
  EXPECT_EQ(w->all().size(), 1u);
  EXPECT_EQ(floats(w->of(1)), (std::vector<float>{2, 4}));
}

TEST_F(WalkTest, SeesWhatWasRewrittenAhead) {
  ASSERT_TRUE(walk->advance(parsed.value("a"), {parsed.value("c")}));
  mlir::Operation *c = parsed.find("c"), *b = parsed.find("b");
  c->setOperand(0, b->getOperand(0)); // c = a - a
  const WindowValues *result = walk->advance(c->getResult(0), {});
  ASSERT_TRUE(result);
  EXPECT_EQ(floats(result->of(1)), (std::vector<float>{0, 0}));
  EXPECT_EQ(ran, (std::vector<std::string>{"w2", "a", "c"}));
}

TEST_F(WalkTest, EvaluatesSlicesWithoutMoving) {
  ASSERT_TRUE(walk->advance(parsed.value("a"), {parsed.value("c")}));
  llvm::SmallVector<WindowValues> results;
  Replacement b{parsed.value("b"), WindowValues({rows({1, 2}, {10, 20})})};
  ASSERT_TRUE(succeeded(walk->evaluate(b, parsed.value("c"), results, {size_t(1)})));
  ASSERT_EQ(results.front().all().size(), 1u);
  EXPECT_EQ(floats(results.front().of(0)), (std::vector<float>{7, 15})); // - a of window 1
  const WindowValues *c = walk->advance(parsed.value("c"), {});
  ASSERT_TRUE(c);
  EXPECT_EQ(floats(c->of(0)), (std::vector<float>{2, 12}));
}

TEST_F(WalkTest, ReportsWhatCannotBeComputed) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&parsed.context, [&](mlir::Diagnostic &diagnostic) {
    message += diagnostic.str();
    return mlir::success();
  });
  mlir::Operation *b = parsed.find("b");
  mlir::OpBuilder builder(b);
  mlir::OperationState state(b->getLoc(), "onnx.Custom", b->getOperands(), b->getResultTypes());
  state.addAttribute("domain", builder.getStringAttr("nobody"));
  state.addAttribute("op_type", builder.getStringAttr("Knows"));
  mlir::Operation *custom = builder.create(state);
  EXPECT_EQ(walk->advance(custom->getResult(0), {}), nullptr);
  EXPECT_NE(message.find("Knows"), std::string::npos) << message;
}

TEST(Matrices, RowsOfWindowsAndBack) {
  WindowValues values({rows({1, 2, 2}, {1, 2, 3, 4}), rows({1, 1, 2}, {5, 6})});
  std::vector<int64_t> borders;
  llvm::Expected<MatrixF> matrix = toMatrix(values, borders);
  ASSERT_TRUE(bool(matrix));
  EXPECT_EQ(borders, (std::vector<int64_t>{0, 2, 3}));
  EXPECT_EQ(std::vector<float>(matrix->values()), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  MatrixF wider(3, 1, {7.0f, 8.0f, 9.0f});
  llvm::Expected<WindowValues> back = fromMatrix(wider, values);
  ASSERT_TRUE(bool(back));
  EXPECT_EQ(std::vector<int64_t>(back->of(0).tensor()->shape()), (std::vector<int64_t>{1, 2, 1}));
  EXPECT_EQ(floats(back->of(1)), (std::vector<float>{9}));
}

TEST(Constants, ExpressionsAreEvaluated) {
  ParsedModule parsed(R"(
func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %w = onnx.Initializer "w" = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf16>
  %c = onnx.Cast(%w) {to = 1 : i64} : (tensor<2x2xf16>) -> tensor<2x2xf32>
  %t = onnx.Transpose(%c) {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %p = qllm.permute_channels %t order [1, 0] {qllm.name = "p"} : tensor<2x2xf32>
  %y = onnx.Add(%x, %p) {qllm.name = "y"} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  onnx.Return %y : tensor<2x2xf32>
}
)");
  interp::OperationRunner runner(*parsed.module, 1);
  llvm::Expected<MatrixF> matrix = evaluateConstantMatrix(runner, parsed.value("p"));
  ASSERT_TRUE(bool(matrix));
  EXPECT_EQ(std::vector<float>(matrix->values()), (std::vector<float>{3, 1, 4, 2}));
  llvm::Expected<Tensor> computed = evaluateConstant(runner, parsed.value("y"));
  EXPECT_EQ(llvm::toString(computed.takeError()),
            "expected a constant, but got a value computed at run time");
}
