// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One head of one token, spread over lanes: read, rotated and quantized.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_HEADROW_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_HEADROW_H

#include "CodeBuilder.h"
#include "KernelFunction.h"

namespace qllm {

/// Which elements a lane has: `count` from `first` on in each half of a head, so both of a rotated
/// pair.
struct HeadPart {
  int64_t headSize;
  int64_t count;
  mlir::Value first;
};

/// f32 values, those of the first half first.
using HeadValues = llvm::SmallVector<mlir::Value>;

/// Reads the lane's part of the head that begins at element `head` (i64) of a matrix.
HeadValues loadHead(CodeBuilder &code, Buffer matrix, mlir::Value head, const HeadPart &part);

/// Rotates by the angles of a position; nothing without tables.
void rotateHead(CodeBuilder &code, HeadValues &values, Buffer cosines, Buffer sines,
                mlir::Value position, const HeadPart &part);

/// Multiplies by the Hadamard matrix of a head, in the order of sums that qllm.rotate_channels has.
/// Neighbouring lanes have neighbouring parts.
void multiplyHadamard(CodeBuilder &code, HeadValues &values, mlir::Value lane,
                      const HeadPart &part);

/// Takes the lane's part of a head's center off; `head` (i32) is the place of its first element.
/// Returns that part, for who adds it back; nothing without a center.
HeadValues subtractCenter(CodeBuilder &code, HeadValues &values, Buffer center, mlir::Value head,
                          const HeadPart &part);

/// A head quantized by its own range: x = scale * centred, where `centred` is the code minus the
/// zero point. All are f32.
struct QuantizedHead {
  mlir::Value scale, zeroPoint; ///< the zero point of symmetric codes is 0
  llvm::SmallVector<mlir::Value> centred;
};

/// As `qllm.quantize` does, bit for bit. The lanes at all `distances` together have the head.
QuantizedHead quantizeHead(CodeBuilder &code, llvm::ArrayRef<mlir::Value> values,
                           IntFormatAttr format, float clip, llvm::ArrayRef<int64_t> distances);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_HEADROW_H
