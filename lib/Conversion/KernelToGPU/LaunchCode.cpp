// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host's choices, the grid, and arguments in the order of a kernel's binary interface.

#include "LaunchCode.h"

#include "TensorMapCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;

namespace {

Value index(ImplicitLocOpBuilder &builder, int64_t value) {
  return arith::ConstantIndexOp::create(builder, value);
}

Value pointerTo(ImplicitLocOpBuilder &builder, Value buffer) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, buffer);
  Value number = arith::IndexCastOp::create(builder, builder.getI64Type(), address);
  return LLVM::IntToPtrOp::create(builder, LLVM::LLVMPointerType::get(builder.getContext()),
                                  number);
}

class LaunchEmitter {
public:
  LaunchEmitter(ImplicitLocOpBuilder &builder, qk::LaunchOp launch, StringRef target,
                const LaunchBuffers &buffers)
      : builder(builder), launch(launch), target(target), buffers(buffers),
        rows(emitRows(builder, launch, buffers)) {}

  LogicalResult emit();

private:
  LogicalResult emitChoices(ArrayRef<qk::SpecializationAttr> few);
  LogicalResult emitKernel(qk::LaunchOp::Choice choice);
  LogicalResult addArguments(qk::GeometryAttr geometry, SmallVectorImpl<Value> &arguments);
  /// `then` where `left` is so compared to `right`, else `otherwise`.
  LogicalResult branch(arith::CmpIPredicate predicate, Value left, int64_t right,
                       llvm::function_ref<LogicalResult()> then,
                       llvm::function_ref<LogicalResult()> otherwise = nullptr);

  ImplicitLocOpBuilder &builder;
  qk::LaunchOp launch;
  StringRef target;
  const LaunchBuffers &buffers;
  Value rows;
};

LogicalResult LaunchEmitter::branch(arith::CmpIPredicate predicate, Value left, int64_t right,
                                    llvm::function_ref<LogicalResult()> then,
                                    llvm::function_ref<LogicalResult()> otherwise) {
  Value condition = arith::CmpIOp::create(builder, predicate, left, index(builder, right));
  auto choice = scf::IfOp::create(builder, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(choice.thenBlock());
  if (failed(then()))
    return failure();
  if (!otherwise)
    return success();
  builder.setInsertionPointToStart(choice.elseBlock());
  return otherwise();
}

LogicalResult LaunchEmitter::emit() {
  if (std::optional<int64_t> known = getConstantIntValue(rows))
    return *known == 0 ? success() : emitKernel(launch.getKernelOn(target, *known));
  return branch(arith::CmpIPredicate::ne, rows, 0,
                [&] { return emitChoices(launch.getSpecializationList()); });
}

LogicalResult LaunchEmitter::emitChoices(ArrayRef<qk::SpecializationAttr> few) {
  if (few.empty())
    return emitKernel({launch.getKernel(), launch.getGeometry().getAs<qk::GeometryAttr>(target)});
  qk::SpecializationAttr first = few.front();
  return branch(
      arith::CmpIPredicate::ule, rows, first.getMaxRows(),
      [&] {
        return emitKernel({first.getKernel(), first.getGeometry().getAs<qk::GeometryAttr>(target)});
      },
      [&] { return emitChoices(few.drop_front()); });
}

LogicalResult LaunchEmitter::addArguments(qk::GeometryAttr geometry,
                                          SmallVectorImpl<Value> &arguments) {
  for (Value buffer : llvm::concat<const Value>(buffers.operands, buffers.results))
    arguments.push_back(pointerTo(builder, buffer));
  for (qk::TensorMapAttr map : geometry.getMaps()) {
    auto operand = unsigned(map.getOperand());
    auto type = cast<MemRefType>(buffers.operands[operand].getType());
    if (type.getRank() < 2 || llvm::any_of(type.getShape().drop_front(), ShapedType::isDynamic))
      return launch.emitOpError() << "expected static rows for a tensor map of operand " << operand
                                  << ", but got " << launch.getInputs()[operand].getType();
    Value &argument = arguments[operand];
    Value mapRows = emitSize(builder, launch.getInputs()[operand], buffers.operands[operand], 0);
    argument = emitTensorMap(builder, map, buffers.operands[operand], argument, mapRows);
    if (!argument)
      return failure();
  }
  ArrayRef<int64_t> sizes = launch.getSizes();
  for (size_t entry = 0; entry != sizes.size(); entry += 2) {
    Value size = emitSize(builder, launch.getInputs()[sizes[entry]], buffers.operands[sizes[entry]],
                          sizes[entry + 1]);
    arguments.push_back(arith::IndexCastOp::create(builder, builder.getI32Type(), size));
  }
  return success();
}

LogicalResult LaunchEmitter::emitKernel(qk::LaunchOp::Choice choice) {
  qk::GeometryAttr geometry = choice.geometry;
  if (!geometry)
    return launch.emitOpError() << "expected a geometry on '" << target << "'";
  SmallVector<Value> arguments;
  if (failed(addArguments(geometry, arguments)))
    return failure();
  // Rounded up; a ceiling division would need a lowering of its own.
  int64_t rowsOfCluster = geometry.getTileRows() * geometry.getCluster();
  Value covered = arith::AddIOp::create(builder, rows, index(builder, rowsOfCluster - 1));
  Value tiles = arith::DivUIOp::create(builder, covered, index(builder, rowsOfCluster));
  std::optional<gpu::KernelDim3> cluster;
  if (geometry.getCluster() * geometry.getColumnCluster() != 1) {
    tiles = arith::MulIOp::create(builder, tiles, index(builder, geometry.getCluster()));
    cluster = {index(builder, geometry.getCluster()), index(builder, geometry.getColumnCluster()),
               index(builder, 1)};
  }
  Value one = index(builder, 1);
  Value shared =
      arith::ConstantOp::create(builder, builder.getI32IntegerAttr(int32_t(geometry.getShared())));
  auto kernel = SymbolRefAttr::get(builder.getContext(), target,
                                   {FlatSymbolRefAttr::get(builder.getContext(), choice.kernel)});
  gpu::LaunchFuncOp::create(builder, kernel,
                            gpu::KernelDim3{tiles, index(builder, geometry.getColumns()),
                                            index(builder, geometry.getLayers())},
                            gpu::KernelDim3{index(builder, geometry.getThreads()), one, one},
                            shared, arguments, /*asyncTokenType=*/Type(),
                            /*asyncDependencies=*/ValueRange(), cluster);
  return success();
}

} // namespace

Value qllm::emitSize(ImplicitLocOpBuilder &builder, Value tensor, Value buffer, int64_t dimension) {
  int64_t size = cast<RankedTensorType>(tensor.getType()).getDimSize(dimension);
  if (!ShapedType::isDynamic(size))
    return index(builder, size);
  return memref::DimOp::create(builder, buffer, dimension);
}

Value qllm::emitRows(ImplicitLocOpBuilder &builder, qk::LaunchOp launch,
                     const LaunchBuffers &buffers) {
  ArrayRef<int64_t> sizes = launch.getSizes();
  return emitSize(builder, launch.getInputs()[sizes[0]], buffers.operands[sizes[0]], sizes[1]);
}

LogicalResult qllm::emitLaunch(ImplicitLocOpBuilder &builder, qk::LaunchOp launch, StringRef target,
                               const LaunchBuffers &buffers) {
  return LaunchEmitter(builder, launch, target, buffers).emit();
}
