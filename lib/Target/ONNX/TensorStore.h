// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of a model that is being written: remembered while the graph is built, copied file to file at the end.

#ifndef QLLM_LIB_TARGET_ONNX_TENSORSTORE_H
#define QLLM_LIB_TARGET_ONNX_TENSORSTORE_H

#include "Proto.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Support/OutputFile.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm::onnx {

class TensorStore {
public:
  explicit TensorStore(DataFiles &files) : files(files) {}

  /// Fills `out` from the elements attribute. Large values get an empty `segment` as a mark and are remembered; they go
  /// wherever a later call says. `out` must stay where it is.
  llvm::Error add(mlir::TypedAttr value, proto::TensorProto &out);
  /// Bytes of all that is remembered.
  uint64_t largeBytes() const { return total; }

  bool isLarge(const proto::TensorProto &tensor) const { return large.count(&tensor) != 0; }
  uint64_t sizeOf(const proto::TensorProto &tensor) const;
  /// Puts the bytes of a large tensor into `raw_data`.
  llvm::Error moveInline(proto::TensorProto &tensor);
  /// Appends the bytes of a large tensor to `file`.
  llvm::Error stream(const proto::TensorProto &tensor, OutputFile &file);
  /// Appends the bytes to `file`, aligned, once for equal sources, and makes `tensor` refer to them as `location`.
  llvm::Error moveExternal(proto::TensorProto &tensor, OutputFile &file, llvm::StringRef location);

private:
  llvm::Error append(mlir::Attribute value, OutputFile &file);
  DataFiles &files;
  llvm::DenseMap<const proto::TensorProto *, mlir::Attribute> large;
  llvm::DenseMap<mlir::Attribute, uint64_t> placed;
  uint64_t total = 0;
};

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_TENSORSTORE_H
