// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-qllm-to-kernel: goes through the products of a function.

#include "qllm/Conversion/QLLMToKernel/Passes.h"

#include "LowerLinear.h"
#include "mlir/AsmParser/AsmParser.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Dialect/Kernel/IR/TargetNames.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

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
    SmallVector<LinearOp> products;
    getOperation().walk([&](LinearOp op) { products.push_back(op); });
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
    for (LinearOp op : products) {
      std::string explanation;
      Location loc = op.getLoc();
      bool lowered = lowering.lower(op, explanation);
      ++(lowered ? numConverted : numLeft);
      if (explain)
        emitRemark(loc) << (lowered ? "kernel: " : "no kernel: ") << explanation;
    }
    lowering.removeUnused();
  }

private:
  FailureOr<SchedulePolicy> readPolicy();
};

} // namespace

FailureOr<SchedulePolicy> ConvertQLLMToKernel::readPolicy() {
  SchedulePolicy policy;
  Location loc = getOperation().getLoc();
  FailureOr<SmallVector<const kernels::Target *>> found = qk::parseTargets(loc, *targets);
  if (failed(found))
    return failure();
  policy.targets = *found;
  if (rows < 1)
    return emitError(loc) << "expected at least 1 row to choose schedules for, but got "
                          << int64_t(rows);
  policy.rows = rows;
  if (schedule.empty())
    return policy;
  policy.forced = dyn_cast_if_present<qk::ScheduleAttr>(
      parseAttribute(schedule, &getContext(), Type(), nullptr, /*isKnownNullTerminated=*/true));
  if (!policy.forced)
    return emitError(loc) << "expected a #qk.schedule as schedule, but got '" << schedule << "'";
  return policy;
}
