// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files with the contents of buffers.

#ifndef QLLM_LIB_TOOLS_EMULATE_ELEMENTFILE_H
#define QLLM_LIB_TOOLS_EMULATE_ELEMENTFILE_H

#include "qllm/Tensor/Tensor.h"

namespace qllm::tool {

/// Elements of type `type` and shape `shape`, which the file has to agree with. With type Undefined
/// they are what the file says, bytes if it is not a .npy file.
llvm::Expected<Tensor> readElementFile(llvm::StringRef path, ElementType type,
                                       llvm::ArrayRef<int64_t> shape);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_ELEMENTFILE_H
