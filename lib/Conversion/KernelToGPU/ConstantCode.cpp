// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A global holds the bytes as kernels read them, whatever they stand for.

#include "ConstantCode.h"

#include "DeviceType.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "qllm/Analysis/PackedWeight.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Format/Packing.h"
#include "qllm/Interpreter/Interpreter.h"

using namespace mlir;
using namespace qllm;

/// In the layout of device memory.
static llvm::Expected<std::vector<char>> bytesOf(Operation *constant) {
  llvm::Expected<Tensor> elements = interp::tensorOf(constant->getAttr("value"));
  if (!elements)
    return elements.takeError();
  auto type = cast<RankedTensorType>(constant->getResult(0).getType());
  if (type.getElementTypeBitWidth() != 4)
    return std::vector<char>(elements->rawData(), elements->rawData() + elements->byteSize());
  std::vector<char> halves(size_t(elements->size() + 1) / 2);
  const ElementFormat &format =
      *ElementFormat::integer(4, /*isSigned=*/elements->type() == ElementType::I4);
  FormatStatus packed = packCodes(format, {elements->data<uint8_t>(), size_t(elements->size())},
                                  {reinterpret_cast<uint8_t *>(halves.data()), halves.size()});
  if (!packed)
    return llvm::createStringError(packed.message());
  return halves;
}

static memref::GlobalOp createGlobal(Operation *constant, ArrayRef<char> bytes) {
  auto module = constant->getParentOfType<ModuleOp>();
  SymbolTable symbols(module);
  OpBuilder builder(module.getContext());
  auto type = RankedTensorType::get({int64_t(bytes.size())}, builder.getI8Type());
  auto global = memref::GlobalOp::create(
      builder, constant->getLoc(), "constant", builder.getStringAttr("private"),
      MemRefType::get(type.getShape(), type.getElementType()), makeBlob(type, bytes, "constant"),
      /*constant=*/true, /*alignment=*/builder.getI64IntegerAttr(64));
  symbols.insert(global, module.begin()); // which makes its name unique
  return global;
}

bool qllm::isTensorConstant(Operation *op) {
  return isa<onnx::InitializerOp, arith::ConstantOp>(op) &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

FailureOr<DeviceConstant> qllm::emitConstant(ImplicitLocOpBuilder &builder, Operation *constant) {
  llvm::Expected<std::vector<char>> bytes = bytesOf(constant);
  if (!bytes)
    return constant->emitOpError() << llvm::toString(bytes.takeError());
  memref::GlobalOp global = createGlobal(constant, *bytes);
  MemRefType type = global.getType();
  Value host = memref::GetGlobalOp::create(builder, type, global.getSymName());
  Value allocation =
      gpu::AllocOp::create(builder, type, /*asyncToken=*/Type(), /*asyncDependencies=*/ValueRange(),
                           /*dynamicSizes=*/ValueRange(), /*symbolOperands=*/ValueRange())
          .getMemref();
  gpu::MemcpyOp::create(builder, /*asyncToken=*/Type(), /*asyncDependencies=*/ValueRange(),
                        allocation, host);
  Value first = arith::ConstantIndexOp::create(builder, 0);
  Value buffer = memref::ViewOp::create(builder, deviceTypeOf(constant->getResult(0).getType()),
                                        allocation, first, /*sizes=*/ValueRange());
  return DeviceConstant{allocation, buffer};
}
