// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that tools, plugins and bindings register. Each function also serves alone.

#ifndef QLLM_INITALL_H
#define QLLM_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace qllm {

/// Adds our dialects (not MLIR's own) and their extensions to `registry`.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers our passes with MLIR's global pass registry. Safe to call more than once.
void registerAllPasses();

/// Registers the recipes as named pass pipelines. Safe to call more than once.
void registerAllPipelines();

} // namespace qllm

#endif // QLLM_INITALL_H
