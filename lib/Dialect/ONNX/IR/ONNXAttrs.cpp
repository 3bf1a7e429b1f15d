// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes of the onnx dialect.

#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#define GET_ATTRDEF_CLASSES
#include "qllm/Dialect/ONNX/IR/ONNXAttrs.cpp.inc"

using namespace qllm::onnx;

void ONNXDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qllm/Dialect/ONNX/IR/ONNXAttrs.cpp.inc"
      >();
}

llvm::LogicalResult ExternalAttr::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
                                         mlir::RankedTensorType type, llvm::StringRef file, uint64_t offset,
                                         uint64_t size) {
  if (file.empty())
    return emitError() << "expected a file name, but got an empty string";
  std::optional<uint64_t> wanted = storageBytes(type);
  if (!wanted)
    return emitError() << "expected a static shape of elements with a raw layout, but got " << type;
  // external_c1
  if (*wanted != size)
    return emitError() << "expected " << *wanted << " bytes for " << type << ", but got " << size;
  if (offset > UINT64_MAX - size)
    return emitError() << "expected a byte range within 64 bits, but got offset " << offset << " and size " << size;
  return mlir::success();
}
