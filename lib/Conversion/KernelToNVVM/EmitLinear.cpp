// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the kernel put together around the loop over the depth.

#include "EmitLinear.h"

#include "EmitWarpgroupLinear.h"
#include "Epilogue.h"
#include "LinearFunction.h"
#include "PlainSchedule.h"
#include "ProductLoop.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

class LinearEmitter {
public:
  LinearEmitter(OpBuilder &builder, LinearOp op, const kernels::Target &target)
      : builder(builder), op(op), kernel(op.getKernelOn(target)), form(kernel.formOn(target)),
        accumulator(*kernel.proveAccumulator(form).accumulator) {}

  void emit(StringRef name, StringRef shared);

private:
  void makeParts(CodeBuilder &code, const LinearArguments &arguments, Value shared);

  OpBuilder &builder;
  LinearOp op;
  kernels::LinearKernel kernel;
  kernels::MmaForm form;
  kernels::Accumulator accumulator;
  std::unique_ptr<LinearPlace> place;
  ProductLoop loop;
};

} // namespace

void LinearEmitter::makeParts(CodeBuilder &code, const LinearArguments &arguments, Value shared) {
  place = std::make_unique<LinearPlace>(code, kernel, arguments.rows);
  loop = makeProductLoop(code, *place, kernel, arguments.input.pointer, arguments.weight.pointer,
                         arguments.rows, shared, /*unpacked=*/kernel.scaleLog2(form) == 8);
  MmaAtom atom{form, kernel.input.isSigned, kernel.weight.isSigned};
  loop.accumulators = kernel.isGrouped() ? accumulateGroups(code, *place, atom, kernel, accumulator,
                                                            arguments, kernel.scaleLog2(form))
                                         : accumulateWhole(code, *place, atom);
}

void LinearEmitter::emit(StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  LinearArguments arguments = makeLinearFunction(builder, op, kernel, name);
  CodeBuilder code(builder, loc);
  Value shared = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), sharedName);
  makeParts(code, arguments, shared);
  SmallVector<Value> sums = loop.emit(code, kernel);
  emitEpilogue(code, *place, kernel, arguments, sums, kernel.scaleLog2(form));
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}

LogicalResult qllm::verifyLinear(LinearOp op, const kernels::Target &target) {
  ScheduleAttr schedule = findPlainSchedule(op, op.getSchedule(), target, /*producers=*/true);
  if (!schedule)
    return failure();
  if (FormatStatus status = op.getKernel(schedule).verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitLinear(OpBuilder &builder, LinearOp op, const kernels::Target &target,
                      StringRef name, StringRef shared) {
  if (op.getKernelOn(target).isWarpSpecialized())
    emitWarpgroupLinear(builder, op, target, name, shared);
  else
    LinearEmitter(builder, op, target).emit(name, shared);
}
