// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What cuTensorMapEncodeTiled does for a launch on a device.

#ifndef QLLM_LIB_TOOLS_EMULATE_TENSORMAPENCODING_H
#define QLLM_LIB_TOOLS_EMULATE_TENSORMAPENCODING_H

#include "LaunchFile.h"
#include "qllm/Emulator/Runtime/TensorMap.h"

namespace qllm::tool {

/// The map of a buffer at `base` with elements of `type` and `shape`. Fails when `given` does not
/// fit it, or when the driver would refuse it.
llvm::Expected<emu::TensorMap> encodeTensorMap(const LaunchTensorMap &given, uint8_t *base,
                                               ElementType type, llvm::ArrayRef<int64_t> shape);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_TENSORMAPENCODING_H
