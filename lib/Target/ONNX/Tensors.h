// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TensorProto to and from attributes.

#ifndef QLLM_LIB_TARGET_ONNX_TENSORS_H
#define QLLM_LIB_TARGET_ONNX_TENSORS_H

#include "Proto.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"

namespace qllm::onnx {

/// Turns tensors of one model into attributes.
class TensorImporter {
public:
  /// `self` are the bytes of the model's own file, which the skeleton's segments point into. `selfName` is the file's name
  /// in `files`; empty when the model has no file, so that its bytes must be copied.
  TensorImporter(mlir::MLIRContext *context, DataFiles &files, llvm::ArrayRef<char> self, llvm::StringRef selfName, bool inlineWeights)
      : context(context), files(files), self(self), selfName(selfName), inlineWeights(inlineWeights) {}

  /// The elements of `tensor`. Bytes of strings and of at most largestInlineTensor bytes become `dense`.
  llvm::Expected<mlir::TypedAttr> import(const proto::TensorProto &tensor);

private:
  llvm::Expected<mlir::TypedAttr> importStrings(const proto::TensorProto &tensor, mlir::RankedTensorType type);
  llvm::Expected<mlir::TypedAttr> importExternal(const proto::TensorProto &tensor, mlir::RankedTensorType type, uint64_t size);
  mlir::TypedAttr fromFile(mlir::RankedTensorType type, llvm::StringRef name, llvm::StringRef file, llvm::ArrayRef<char> bytes,
                           uint64_t offset);
  mlir::TypedAttr fromBytes(mlir::RankedTensorType type, llvm::StringRef name, llvm::ArrayRef<char> bytes);

  mlir::MLIRContext *context;
  DataFiles &files;
  llvm::ArrayRef<char> self;
  llvm::StringRef selfName;
  bool inlineWeights;
};

/// The type of `tensor`, with dimensions and element type checked.
llvm::Expected<mlir::RankedTensorType> importTensorProtoType(const proto::TensorProto &tensor, mlir::MLIRContext *context);

/// A `dense` attribute from ONNX's raw layout. `bytes` has the size that the type wants.
mlir::TypedAttr denseFromRaw(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes);

/// The typed data of `tensor` (float_data, int32_data, ...) in raw layout.
llvm::Expected<std::string> typedDataToRaw(const proto::TensorProto &tensor, unsigned bits, uint64_t elements);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_TENSORS_H
