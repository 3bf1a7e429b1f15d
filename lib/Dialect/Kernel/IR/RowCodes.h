// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How codes of activations may lie in memory.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_ROWCODES_H
#define QLLM_LIB_DIALECT_KERNEL_IR_ROWCODES_H

#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm::qk {

/// Whether activations of a format of up to 4 bits are given one to a byte.
inline bool areInBytes(IntFormatAttr format, mlir::Value codes) {
  return format.getBits() <= 4 &&
         mlir::cast<mlir::RankedTensorType>(codes.getType()).getElementTypeBitWidth() == 8;
}

/// What the element type of such activations is: the format's, or bytes of its sign.
inline mlir::Type storageOfRows(IntFormatAttr format, mlir::Value codes) {
  auto storage = mlir::cast<mlir::IntegerType>(format.getStorageType());
  return areInBytes(format, codes)
             ? mlir::IntegerType::get(format.getContext(), 8, storage.getSignedness())
             : storage;
}

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_ROWCODES_H
