// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operation a failure is blamed on.

#include "qllm/Validation/Validator.h"
#include "ParsedModule.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace qllm;

static const Claim claims[] = {
    {"test-double-stream", ClaimKind::Equivalent, 2, /*keepsQuantizers=*/false, "powers of two"}};

static constexpr const char *model = R"(
  func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %g = onnx.Initializer "g" = dense<1.0> : tensor<2xf32>
    %two = onnx.Initializer "two" = dense<2.0> : tensor<2xf32>
    %w = onnx.Initializer "w" = dense<[[1.0, 2.0], [3.0, -1.0]]> : tensor<2x2xf32>
    %h = onnx.Mul(%x, %g) {qllm.name = "stream"} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
    %a = qllm.linear %h, %w {qllm.name = "first"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %b = qllm.linear %h, %w {qllm.name = "second"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %s = onnx.Add(%a, %b) {qllm.name = "sum"} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
    return %s : tensor<?x2xf32>
  })";

/// Doubles the stream and halves the weights of the layers named.
static ValidationRecord doubleStream(llvm::ArrayRef<llvm::StringRef> layers,
                                     std::string &messages) {
  registerClaims(claims);
  ParsedModule parsed(model);
  Snapshot before(*parsed.module);
  Value two;
  parsed.module->walk([&](onnx::InitializerOp op) {
    if (op.getName() == "two")
      two = op.getResult();
  });
  parsed.find("stream")->setOperand(1, two);
  for (llvm::StringRef name : layers) {
    auto linear = llvm::cast<LinearOp>(parsed.find(name));
    OpBuilder builder(linear);
    linear.getWeightMutable().assign(ScaleChannelsOp::create(
        builder, linear.getLoc(), linear.getWeight(), two, /*inverse=*/true));
  }
  ScopedDiagnosticHandler handler(&parsed.context, [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    return success();
  });
  ValidationOptions options;
  options.reproducers.clear();
  options.threads = 1;
  std::vector<ValidationRecord> records =
      Validator(options).validate(before, {"test-double-stream", "", *parsed.module});
  EXPECT_EQ(records.size(), 1u);
  return records.front();
}

TEST(Validator, AStreamMayDifferWhereItIsTurnedBack) {
  std::string messages;
  ValidationRecord record = doubleStream({"first", "second"}, messages);
  EXPECT_EQ(record.outcome, Outcome::Held);
  EXPECT_EQ(record.inputSets, 3u);
  EXPECT_EQ(messages, "");
}

TEST(Validator, BlamesTheLayerThatIsWrongNotTheStream) {
  std::string messages;
  ValidationRecord record = doubleStream({"first"}, messages);
  EXPECT_EQ(record.outcome, Outcome::Failed);
  EXPECT_EQ(record.operation, "qllm.linear 'second'");
  EXPECT_NE(messages.find("pass 'test-double-stream' changes what @main computes"),
            std::string::npos);
}

TEST(Validator, APassWithoutAClaimIsNotChecked) {
  ParsedModule parsed(model);
  Snapshot before(*parsed.module);
  std::vector<ValidationRecord> records =
      Validator({}).validate(before, {"no-such-pass", "", *parsed.module});
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records.front().outcome, Outcome::NotChecked);
  EXPECT_EQ(toText(records.front()), "no-such-pass @*: not checked: the pass claims nothing");
}
