// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations that are quantized when the model runs, with the operations in front of them.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZE_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZE_H

#include "ChannelTable.h"
#include "PrincipalParts.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Kernels/Target.h"

namespace qllm {

/// What a kernel reads of a quantized input, as matrices and vectors over rows; scales and zero
/// points of groups are matrices.
struct QuantizedRows {
  mlir::Value codes, scales;
  mlir::Value zeroPoints, sums; ///< null where nobody needs them

  explicit operator bool() const { return bool(codes); }
};

/// The elements of a row with a scale of their own: the row, or a group along it.
int64_t scaledLength(QuantizedType type);

/// What a kernel gives that quantizes: of the rows, and of a principal part that it takes off.
struct QuantizedInput {
  QuantizedRows rows;
  PrincipalPart part;
  QuantizedRows partRows;
};

/// A qk.quantize in front of `op`, which must be dynamic and per token or in groups of a row, of
/// rows of `depth` codes, the last of which repeat others; one to a byte if `inBytes`, and with
/// sums of codes if `wantsSums`. Channel transforms in front of it become part of it, and so does a
/// principal part that is taken off between them. A residual addition, a norm or a gate that only
/// this tensor comes from becomes part of it; so do the uses of the residual stream behind. Null
/// where no kernel takes such rows on all `targets`.
QuantizedInput lowerQuantize(QuantizeOp op, int64_t depth, bool inBytes, bool wantsSums,
                             ConstantValues &constants,
                             llvm::ArrayRef<const kernels::Target *> targets);

/// A principal part that a kernel may take off what `op` quantizes: at most channels are split
/// behind it.
PrincipalPart principalPartOf(QuantizeOp op, ConstantValues &constants);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZE_H
