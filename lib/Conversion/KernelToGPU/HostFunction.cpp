// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memrefs in the place of tensors, operation by operation.

#include "HostFunction.h"

#include "BufferPlan.h"
#include "ConstantCode.h"
#include "DeviceType.h"
#include "LaunchCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace qllm;

namespace {

class HostFunction {
public:
  HostFunction(func::FuncOp function, StringRef target, HostCodeCounts &counts)
      : function(function), target(target), counts(counts), plan(function),
        builder(function.getLoc(), function.getContext()) {}

  LogicalResult convert();

private:
  void convertArguments();
  LogicalResult convertOperation(Operation *op);
  LogicalResult convertConstant(Operation *constant);
  LogicalResult convertLaunch(qk::LaunchOp launch);
  void placeResult(qk::LaunchOp launch, OpResult result, LaunchBuffers &buffers);
  Value allocate(Value tensor, ArrayRef<Value> dynamicSizes);
  Value copy(Value buffer, Value tensor);
  SmallVector<Value> dynamicSizesOf(qk::LaunchOp launch, OpResult result, Value rows);
  void eraseTensors();

  func::FuncOp function;
  StringRef target;
  HostCodeCounts &counts;
  BufferPlan plan;
  ImplicitLocOpBuilder builder;
  llvm::DenseMap<Value, Value> buffers;
  /// What the function consisted of.
  SmallVector<Operation *> tensorOperations;
  /// What is to be freed for a tensor, if that is not its buffer.
  llvm::DenseMap<Value, Value> allocations;
};

void HostFunction::convertArguments() {
  Block &block = function.front();
  unsigned count = block.getNumArguments();
  for (unsigned i = 0; i < count; ++i) {
    Value tensor = block.getArgument(i);
    buffers[tensor] = block.addArgument(deviceTypeOf(tensor.getType()), tensor.getLoc());
  }
}

Value HostFunction::allocate(Value tensor, ArrayRef<Value> dynamicSizes) {
  return gpu::AllocOp::create(builder, deviceTypeOf(tensor.getType()), /*asyncToken=*/Type(),
                              /*asyncDependencies=*/ValueRange(), dynamicSizes,
                              /*symbolOperands=*/ValueRange())
      .getMemref();
}

Value HostFunction::copy(Value buffer, Value tensor) {
  SmallVector<Value> sizes;
  auto type = cast<MemRefType>(buffer.getType());
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(unsigned(i)))
      sizes.push_back(memref::DimOp::create(builder, buffer, i));
  Value result = allocate(tensor, sizes);
  gpu::MemcpyOp::create(builder, /*asyncToken=*/Type(), /*asyncDependencies=*/ValueRange(), result,
                        buffer);
  ++counts.copies;
  return result;
}

/// Dynamic dimensions are the number of rows, or that of groups of rows.
SmallVector<Value> HostFunction::dynamicSizesOf(qk::LaunchOp launch, OpResult result, Value rows) {
  int64_t each = 1;
  if (std::optional<ArrayRef<int64_t>> steps = launch.getRowsOfResults())
    each = (*steps)[result.getResultNumber()];
  SmallVector<Value> sizes;
  for (int64_t size : cast<RankedTensorType>(result.getType()).getShape()) {
    if (!ShapedType::isDynamic(size))
      continue;
    Value count = rows;
    if (each != 1) {
      Value less = arith::ConstantIndexOp::create(builder, each - 1);
      Value covered = arith::AddIOp::create(builder, rows, less);
      count =
          arith::DivUIOp::create(builder, covered, arith::ConstantIndexOp::create(builder, each));
    }
    sizes.push_back(count);
  }
  return sizes;
}

void HostFunction::placeResult(qk::LaunchOp launch, OpResult result, LaunchBuffers &memory) {
  if (std::optional<BufferPlan::Place> place = plan.placeOf(result)) {
    Value &operand = memory.operands[place->operand];
    if (place->isCopied)
      operand = copy(operand, result);
    buffers[result] = operand;
    return;
  }
  Value rows = emitRows(builder, launch, memory);
  memory.results.push_back(allocate(result, dynamicSizesOf(launch, result, rows)));
  buffers[result] = memory.results.back();
}

LogicalResult HostFunction::convertOperation(Operation *op) {
  builder.setInsertionPoint(op);
  builder.setLoc(op->getLoc());
  auto launch = dyn_cast<qk::LaunchOp>(op);
  if (failed(launch ? convertLaunch(launch) : convertConstant(op)))
    return failure();
  for (Value freed : plan.freedAfter(op)) {
    auto allocation = allocations.find(freed);
    gpu::DeallocOp::create(builder, /*asyncToken=*/Type(), /*asyncDependencies=*/ValueRange(),
                           allocation == allocations.end() ? buffers[freed] : allocation->second);
  }
  return success();
}

LogicalResult HostFunction::convertConstant(Operation *constant) {
  FailureOr<DeviceConstant> emitted = emitConstant(builder, constant);
  if (failed(emitted))
    return failure();
  buffers[constant->getResult(0)] = emitted->buffer;
  allocations[constant->getResult(0)] = emitted->allocation;
  return success();
}

LogicalResult HostFunction::convertLaunch(qk::LaunchOp launch) {
  LaunchBuffers memory;
  for (Value operand : launch.getInputs())
    memory.operands.push_back(buffers[operand]);
  for (OpResult result : launch->getResults())
    placeResult(launch, result, memory);
  if (failed(emitLaunch(builder, launch, target, memory)))
    return failure();
  ++counts.launches;
  return success();
}

/// Tensors have no users but each other.
void HostFunction::eraseTensors() {
  Block &block = function.front();
  for (Operation *op : llvm::reverse(tensorOperations))
    op->erase();
  block.eraseArguments(0, block.getNumArguments() / 2);
}

LogicalResult HostFunction::convert() {
  Block &block = function.front();
  convertArguments();
  for (Operation &op : block.without_terminator())
    tensorOperations.push_back(&op);
  for (Operation *op : tensorOperations)
    if (failed(convertOperation(op)))
      return failure();
  Operation *end = block.getTerminator();
  SmallVector<Value> results =
      llvm::map_to_vector(end->getOperands(), [&](Value tensor) { return buffers[tensor]; });
  builder.setInsertionPoint(end);
  builder.setLoc(end->getLoc());
  auto returned = func::ReturnOp::create(builder, results);
  end->erase();
  eraseTensors();
  function.setFunctionType(
      builder.getFunctionType(block.getArgumentTypes(), returned.getOperandTypes()));
  return success();
}

LogicalResult verifyTypes(Operation *op, TypeRange types, StringRef what) {
  for (auto [index, type] : llvm::enumerate(types))
    if (!deviceTypeOf(type))
      return op->emitError() << "expected a type that has a layout in device memory for " << what
                             << ' ' << index << ", but got " << type;
  return success();
}

} // namespace

LogicalResult qllm::verifyHostFunction(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError() << "expected one block of launches, but got "
                                << function.getBody().getBlocks().size();
  if (failed(verifyTypes(function, function.getArgumentTypes(), "argument")))
    return failure();
  for (Operation &op : function.front()) {
    if (&op == function.front().getTerminator())
      continue;
    if (!isa<qk::LaunchOp>(op) && !isTensorConstant(&op))
      return op.emitError() << "expected nothing but launches of kernels and constants in '"
                            << function.getSymName() << "', but got '" << op.getName() << "'";
    if (failed(verifyTypes(&op, op.getResultTypes(), "result")))
      return failure();
  }
  if (!SymbolTable::symbolKnownUseEmpty(function, function->getParentOp()))
    return function.emitError() << "expected no uses of '" << function.getSymName()
                                << "', whose type changes";
  return success();
}

LogicalResult qllm::convertHostFunction(func::FuncOp function, StringRef target,
                                        HostCodeCounts &counts) {
  return HostFunction(function, target, counts).convert();
}
