// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the kernel put together around the loop over the depth.

#include "EmitLinear.h"

#include "Epilogue.h"
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
  LinearArguments makeFunction(StringRef name);
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

/// The function with the arguments of the operation's binary interface; the builder moves into it.
LinearArguments LinearEmitter::makeFunction(StringRef name) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext(), globalSpace);
  LinearArguments arguments;
  SmallVector<std::pair<Buffer *, Value>> buffers = {
      {&arguments.input, op.getInput()},
      {&arguments.weight, op.getWeight()},
      {&arguments.inputScales, op.getInputScales()},
      {&arguments.weightScales, op.getWeightScales()},
      {&arguments.inputZeroPoints, op.getInputZeroPoints()},
      {&arguments.weightSums, op.getWeightSums()},
      {&arguments.weightZeroPoints, op.getWeightZeroPoints()},
      {&arguments.inputSums, op.getInputSums()},
      {&arguments.bias, op.getBias()},
      {&arguments.branchInput, op.getBranchInput()},
      {&arguments.branchInputScales, op.getBranchInputScales()},
      {&arguments.branchWeight, op.getBranchWeight()},
      {&arguments.branchWeightScales, op.getBranchWeightScales()},
      {&arguments.result, op.getResult()}};
  llvm::erase_if(buffers, [](auto &entry) { return !entry.second; });
  SmallVector<Type> types(buffers.size(), pointer);
  types.push_back(builder.getI32Type());
  auto function = LLVM::LLVMFuncOp::create(
      builder, op.getLoc(), name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), types));
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    builder.getDenseI32ArrayAttr({int32_t(kernel.schedule.threads())}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), builder.getI32IntegerAttr(1));
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  for (auto [index, entry] : llvm::enumerate(buffers)) {
    auto [buffer, value] = entry;
    *buffer = {function.getArgument(index),
               cast<RankedTensorType>(value.getType()).getElementType()};
    function.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    if (buffer != &arguments.result)
      function.setArgAttr(index, LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
  }
  arguments.rows = function.getArgument(buffers.size());
  return arguments;
}

void LinearEmitter::makeParts(CodeBuilder &code, const LinearArguments &arguments, Value shared) {
  place = std::make_unique<LinearPlace>(code, kernel, arguments.rows);
  loop = makeProductLoop(code, *place, kernel, arguments.input.pointer, arguments.weight.pointer,
                         arguments.rows, shared, /*unpacked=*/kernel.scaleLog2(form) == 8);
  MmaAtom atom{form, kernel.input.isSigned, kernel.weight.isSigned};
  loop.accumulators = kernel.isGrouped() ? accumulateGroups(code, *place, atom, kernel, accumulator,
                                                            arguments.weightScales)
                                         : accumulateWhole(code, *place, atom);
}

void LinearEmitter::emit(StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  LinearArguments arguments = makeFunction(name);
  CodeBuilder code(builder, loc);
  Value shared = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), sharedName);
  makeParts(code, arguments, shared);
  SmallVector<Value> sums = loop.emit(code, kernel);
  emitEpilogue(code, *place, kernel, arguments, sums, kernel.scaleLog2(form));
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}

LogicalResult qllm::verifyLinear(LinearOp op, const kernels::Target &target) {
  ScheduleAttr schedule = findPlainSchedule(op, op.getSchedule(), target);
  if (!schedule)
    return failure();
  if (FormatStatus status = op.getKernel(schedule).verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitLinear(OpBuilder &builder, LinearOp op, const kernels::Target &target,
                      StringRef name, StringRef shared) {
  LinearEmitter(builder, op, target).emit(name, shared);
}
