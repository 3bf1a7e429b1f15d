// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// linear(scale(x), w) becomes linear(x, scale(w)).

#include "Validation/TestFoldScales.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Validation/Claim.h"

using namespace mlir;
using namespace qllm;

namespace {

struct TestFoldScales : PassWrapper<TestFoldScales, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestFoldScales)
  TestFoldScales() = default;
  TestFoldScales(const TestFoldScales &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-fold-scales"; }
  StringRef getDescription() const override { return "fold scales of inputs into weights"; }

  void runOnOperation() override {
    getOperation().walk([&](LinearOp linear) {
      auto scale = linear.getInput().getDefiningOp<ScaleChannelsOp>();
      if (!scale)
        return;
      OpBuilder builder(linear);
      bool inverse = scale.getInverse() && !forgetInverse;
      linear.getWeightMutable().assign(ScaleChannelsOp::create(
          builder, linear.getLoc(), linear.getWeight(), scale.getFactors(), inverse));
      linear.getInputMutable().set(scale.getInput());
    });
  }

  Option<bool> forgetInverse{*this, "forget-inverse",
                             llvm::cl::desc("multiply where a scale divides"),
                             llvm::cl::init(false)};
};

const Claim claims[] = {{"test-fold-scales", ClaimKind::Equivalent, 2, /*keepsQuantizers=*/false,
                         "a scale rounds on the weight instead of the input"}};

} // namespace

void qllm::test::registerTestFoldScales() {
  PassRegistration<TestFoldScales>();
  registerClaims(claims);
}
