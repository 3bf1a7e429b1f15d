// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arguments, their attributes and the bounds of a launch.

#include "KernelFunction.h"

#include "CodeBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

/// 128 bytes that the kernel uses by their address only.
static void passTensorMap(LLVM::LLVMFuncOp function, unsigned index) {
  Builder builder(function.getContext());
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 128);
  function.setArgAttr(
      index, LLVM::LLVMDialect::getByValAttrName(),
      TypeAttr::get(LLVM::LLVMStructType::getLiteral(function.getContext(), {bytes})));
  function.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(64));
  function.setArgAttr(index, NVVM::NVVMDialect::getGridConstantAttrName(), builder.getUnitAttr());
}

KernelFunction::KernelFunction(OpBuilder &builder, KernelOpInterface op, StringRef name,
                               int64_t threads, ArrayRef<int64_t> mapped) {
  MLIRContext *context = builder.getContext();
  SmallVector<int64_t> inPlace = op.getInPlaceResults();
  llvm::SmallDenseMap<int64_t, int64_t> operandOfResult;
  llvm::SmallDenseSet<Value> written;
  for (size_t entry = 0; entry != inPlace.size(); entry += 2) {
    operandOfResult[inPlace[entry]] = inPlace[entry + 1];
    written.insert(op->getOperand(inPlace[entry + 1]));
  }
  SmallVector<Value> tensors(op->getOperands());
  for (OpResult result : op->getResults())
    if (!operandOfResult.contains(result.getResultNumber())) {
      tensors.push_back(result);
      written.insert(result);
    }
  SmallVector<Type> types(tensors.size(), LLVM::LLVMPointerType::get(context, globalSpace));
  for (int64_t operand : mapped)
    types[operand] = LLVM::LLVMPointerType::get(context, genericSpace);
  types.append(op.getRuntimeSizes().size() / 2, builder.getI32Type());
  auto function = LLVM::LLVMFuncOp::create(
      builder, op.getLoc(), name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    builder.getDenseI32ArrayAttr({int32_t(threads)}));
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    buffers[tensor] = {function.getArgument(index),
                       cast<RankedTensorType>(tensor.getType()).getElementType()};
    if (llvm::is_contained(mapped, int64_t(index))) {
      passTensorMap(function, unsigned(index));
      continue;
    }
    function.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    if (!written.contains(tensor))
      function.setArgAttr(index, LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
  }
  for (auto [result, operand] : operandOfResult)
    buffers[op->getResult(result)] = buffers[op->getOperand(operand)];
  llvm::append_range(sizes, function.getArguments().drop_front(tensors.size()));
}

void qllm::giveAllRegisters(OpBuilder &builder) {
  builder.getInsertionBlock()->getParentOp()->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                                                      builder.getI32IntegerAttr(1));
}
