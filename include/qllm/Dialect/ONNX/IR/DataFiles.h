// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an attribute that stands for the elements of a tensor to its bytes.

#ifndef QLLM_DIALECT_ONNX_IR_DATAFILES_H
#define QLLM_DIALECT_ONNX_IR_DATAFILES_H

#include "mlir/IR/Attributes.h"
#include "qllm/Support/DataDirectory.h"
#include "qllm/Support/SpillFile.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir {
class AsmResourceBlob;
class DialectRegistry;
class MLIRContext;
} // namespace mlir

namespace qllm::onnx {

class ExternalAttr;

/// The files that `#onnx.external` attributes of one context name. A context reads from one directory.
class DataFiles {
public:
  /// The files of the onnx dialect of `context`, which it loads if need be.
  static DataFiles &get(mlir::MLIRContext *context);

  /// Names of `#onnx.external` are relative to `path` from now on. Fails when another directory is in use already.
  llvm::Error setDirectory(llvm::StringRef path);
  /// Null until setDirectory.
  DataDirectory *directory() { return root.get(); }

  /// The mapped file that holds the elements, for copies inside the kernel.
  llvm::Expected<std::shared_ptr<MappedFile>> file(ExternalAttr attribute);

  /// The elements in ONNX's raw layout (see #onnx.external). Accepts `#onnx.external`, `dense_resource` and `dense`; only
  /// the last is copied, into `scratch`, which must then outlive the result. No alignment is promised.
  llvm::Expected<llvm::ArrayRef<char>> bytes(mlir::Attribute elements, llvm::SmallVectorImpl<char> &scratch);
  /// The same for `#onnx.external` and `dense_resource` only.
  llvm::Expected<llvm::ArrayRef<char>> bytes(mlir::Attribute elements);

  /// New weights beyond `inMemory` bytes in all go to a nameless file in `directory` from now on. Until then all of them are
  /// held in memory.
  void setSpillDirectory(llvm::StringRef directory, uint64_t inMemory = uint64_t(128) << 20);
  /// A writable blob for a new weight, aligned to 64 bytes, in memory or spilled. Fails with a `SpillError`. The blob must not
  /// outlive the context.
  llvm::Expected<mlir::AsmResourceBlob> allocateBlob(size_t size);
  /// Lets elements that lie in a file leave memory; they are read again when needed.
  void evict(mlir::Attribute elements);

private:
  std::unique_ptr<DataDirectory> root;
  std::shared_ptr<SpillFile> spill;
  uint64_t leftInMemory = 0;
};

/// Makes every context of `registry` read weights from `path`: for tools that learn the input's path before MLIR reads it.
void setDataDirectory(mlir::DialectRegistry &registry, llvm::StringRef path);

} // namespace qllm::onnx

#endif // QLLM_DIALECT_ONNX_IR_DATAFILES_H
