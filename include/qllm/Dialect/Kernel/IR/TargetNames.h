// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Targets that an option of a pass names.

#ifndef QLLM_DIALECT_KERNEL_IR_TARGETNAMES_H
#define QLLM_DIALECT_KERNEL_IR_TARGETNAMES_H

#include "mlir/IR/Location.h"
#include "qllm/Kernels/Target.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace qllm::qk {

/// The targets of these names. An unknown name, one that is there twice, and no name at all are
/// errors at `loc`.
mlir::FailureOr<llvm::SmallVector<const kernels::Target *>>
parseTargets(mlir::Location loc, llvm::ArrayRef<std::string> names);

} // namespace qllm::qk

#endif // QLLM_DIALECT_KERNEL_IR_TARGETNAMES_H
