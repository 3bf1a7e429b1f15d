// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-qllm-to-kernel: goes through the products of a function.

#include "qllm/Conversion/QLLMToKernel/Passes.h"

#include "LowerLinear.h"
#include "StreamArrivals.h"
#include "mlir/AsmParser/AsmParser.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Dialect/Kernel/IR/TargetNames.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Kernels/LaunchLimits.h"

namespace qllm {
#define GEN_PASS_DEF_CONVERTQLLMTOKERNEL
#include "qllm/Conversion/QLLMToKernel/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct ConvertQLLMToKernel : qllm::impl::ConvertQLLMToKernelBase<ConvertQLLMToKernel> {
  using ConvertQLLMToKernelBase::ConvertQLLMToKernelBase;

  void runOnOperation() override {
    FailureOr<SchedulePolicy> policy = readPolicy();
    if (failed(policy))
      return signalPassFailure();
    FloatType half;
    if (floatType == "f16")
      half = Float16Type::get(&getContext());
    else if (floatType == "bf16")
      half = BFloat16Type::get(&getContext());
    else if (floatType != "none") {
      emitError(getOperation().getLoc())
          << "expected a float-type of f16, bf16 or none, but got '" << floatType << "'";
      return signalPassFailure();
    }
    LinearLowering lowering(getOperation(), *policy, fuse, half);
    SmallVector<LinearOp> products = lowerBranches(lowering);
    lowering.findPrincipalParts(getOperation());
    SmallVector<LinearOp> parts = lowering.partProducts();
    getOperation().walk([&](LinearOp op) {
      if (!llvm::is_contained(products, op) && !llvm::is_contained(parts, op) &&
          !llvm::is_contained(lowering.branches(), op))
        products.push_back(op);
    });
    for (LinearOp op : products)
      lower(lowering, op);
    for (LinearOp op : lowering.partProducts())
      lower(lowering, op);
    for (Operation *op : llvm::to_vector(lowering.branches()))
      lower(lowering, cast<LinearOp>(op));
    lowering.removeUnused();
    shareArrivals(getOperation());
  }

private:
  FailureOr<SchedulePolicy> readPolicy();
  SmallVector<LinearOp> lowerBranches(LinearLowering &lowering);
  void lower(LinearLowering &lowering, LinearOp op);
  void tell(Location loc, bool lowered, const std::string &explanation);
};

} // namespace

/// Returns the thin products of those that have kernels.
SmallVector<LinearOp> ConvertQLLMToKernel::lowerBranches(LinearLowering &lowering) {
  SmallVector<LinearOp> thin;
  SmallVector<LowRankOp> branches;
  getOperation().walk([&](LowRankOp op) { branches.push_back(op); });
  for (LowRankOp op : branches) {
    std::string explanation =
        "expected round-branches for a low-rank branch, whose kernels take eight bits";
    Location loc = op.getLoc();
    if (roundBranches)
      if (BranchProducts products = lowering.lowerBranch(op, explanation)) {
        thin.push_back(products.thin);
        continue;
      }
    ++numLeft;
    tell(loc, /*lowered=*/false, explanation);
  }
  return thin;
}

void ConvertQLLMToKernel::lower(LinearLowering &lowering, LinearOp op) {
  std::string explanation;
  Location loc = op.getLoc();
  bool lowered = lowering.lower(op, explanation);
  ++(lowered ? numConverted : numLeft);
  tell(loc, lowered, explanation);
}

/// Who asks for a schedule hears of products that do not get it.
void ConvertQLLMToKernel::tell(Location loc, bool lowered, const std::string &explanation) {
  bool isMissed = !lowered && !schedule.empty();
  if (explain || isMissed)
    (isMissed ? emitWarning(loc) : emitRemark(loc))
        << (lowered ? "kernel: " : "no kernel: ") << explanation;
}

FailureOr<SchedulePolicy> ConvertQLLMToKernel::readPolicy() {
  SchedulePolicy policy;
  Location loc = getOperation().getLoc();
  FailureOr<SmallVector<const kernels::Target *>> found = qk::parseTargets(loc, *targets);
  if (failed(found))
    return failure();
  policy.targets = *found;
  policy.rows.assign(rows.begin(), rows.end());
  if (policy.rows.empty())
    policy.rows.push_back(2048);
  int64_t before = 0;
  for (int64_t given : policy.rows) {
    if (given > kernels::maxRows)
      return emitError(loc) << "expected at most " << kernels::maxRows
                            << " rows to choose schedules for, but got " << given;
    if (given <= before)
      return emitError(loc) << "expected ascending numbers of rows from 1 on, to choose schedules "
                               "for, but got "
                            << given << (before ? " after " + std::to_string(before) : "");
    before = given;
  }
  if (schedule.empty())
    return policy;
  policy.forced = dyn_cast_if_present<qk::ScheduleAttr>(
      parseAttribute(schedule, &getContext(), Type(), nullptr, /*isKnownNullTerminated=*/true));
  if (!policy.forced)
    return emitError(loc) << "expected a #qk.schedule as schedule, but got '" << schedule << "'";
  return policy;
}
