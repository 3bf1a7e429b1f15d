// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call of the wrapper of cuTensorMapEncodeTiled that MLIR has, for a matrix of bytes.

#include "TensorMapCode.h"

#include "DeviceType.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t mapBytes = 128, mapAlignment = 64;

Value constant(ImplicitLocOpBuilder &builder, Type type, int64_t value) {
  return arith::ConstantOp::create(builder, builder.getIntegerAttr(type, value));
}

/// An array on the stack.
Value array(ImplicitLocOpBuilder &builder, ArrayRef<Value> elements) {
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type type = elements.front().getType();
  Value memory = LLVM::AllocaOp::create(
      builder, pointer, type, constant(builder, builder.getI64Type(), int64_t(elements.size())));
  for (auto [index, element] : llvm::enumerate(elements)) {
    Value address =
        LLVM::GEPOp::create(builder, pointer, type, memory, ArrayRef<LLVM::GEPArg>{int32_t(index)});
    LLVM::StoreOp::create(builder, element, address);
  }
  return memory;
}

/// As the driver numbers them: none, 32, 64 and 128 bytes.
int64_t swizzleNumber(int64_t bytes) { return bytes == 0 ? 0 : llvm::Log2_64(bytes) - 4; }

} // namespace

Value qllm::emitTensorMap(ImplicitLocOpBuilder &builder, qk::TensorMapAttr map, Value matrix,
                          Value pointer, Value rows) {
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  auto pointerType = LLVM::LLVMPointerType::get(builder.getContext());
  auto module = builder.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  SmallVector<Type> parameters = {pointerType, i32,         i32,         pointerType,
                                  pointerType, pointerType, pointerType, pointerType,
                                  i32,         i32,         i32,         i32};
  FailureOr<LLVM::LLVMFuncOp> encode =
      LLVM::lookupOrCreateFn(builder, module, "mgpuTensorMapEncodeTiled", parameters,
                             LLVM::LLVMVoidType::get(builder.getContext()));
  if (failed(encode))
    return nullptr;
  auto memory = LLVM::AllocaOp::create(builder, pointerType, builder.getI8Type(),
                                       constant(builder, i64, mapBytes), unsigned(mapAlignment));
  Value rowBytes = constant(builder, i64, rowBytesOf(cast<MemRefType>(matrix.getType())));
  Value zero = constant(builder, i32, 0), one = constant(builder, i32, 1),
        rank = constant(builder, i32, 2);
  Value sizes = array(builder, {rowBytes, arith::IndexCastOp::create(builder, i64, rows)});
  Value strides = array(builder, {rowBytes});
  Value box = array(
      builder, {constant(builder, i32, map.getRowBytes()), constant(builder, i32, map.getRows())});
  Value steps = array(builder, {one, one});
  Value swizzle = constant(builder, i32, swizzleNumber(map.getSwizzle()));
  LLVM::CallOp::create(builder, *encode,
                       ValueRange{memory, /*type=*/zero, rank, pointer, sizes, strides, box, steps,
                                  /*interleave=*/zero, swizzle, /*promotion=*/zero, /*fill=*/zero});
  auto bytes = LLVM::LLVMArrayType::get(i64, mapBytes / 8);
  return LLVM::LoadOp::create(builder, bytes, memory, unsigned(mapAlignment));
}
