// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --validate of qllm-opt.

#ifndef QLLM_TOOLS_VALIDATEOPTIONS_H
#define QLLM_TOOLS_VALIDATEOPTIONS_H

namespace mlir {
class MlirOptMainConfig;
} // namespace mlir

namespace qllm {

/// Adds --validate, its options, and --list-claims; before the command line is parsed.
void registerValidateOptions();

/// Has every pass validated that `config` sets up, if the command line asks for it. Records go to
/// stderr, a line each.
void setupValidation(mlir::MlirOptMainConfig &config);

/// Prints the claims of all passes if the command line asks for them, and says whether it did.
bool listClaims();

} // namespace qllm

#endif // QLLM_TOOLS_VALIDATEOPTIONS_H
