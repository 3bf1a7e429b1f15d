// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver of qllm-emu.

#ifndef QLLM_TOOLS_EMULATEMAIN_H
#define QLLM_TOOLS_EMULATEMAIN_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace qllm {

/// Exit status: 0 done and nothing found, 1 bad input, 2 wrong usage, 3 findings or results that
/// differ from those expected.
int emulateMain(int argc, char **argv, mlir::DialectRegistry &registry);

} // namespace qllm

#endif // QLLM_TOOLS_EMULATEMAIN_H
