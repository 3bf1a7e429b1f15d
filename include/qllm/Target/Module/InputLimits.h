// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a module may ask of MLIR's parser and printer, which recurse on nesting, take quadratic time
// for long numbers, and write shared attributes out at each use.

#ifndef QLLM_TARGET_MODULE_INPUTLIMITS_H
#define QLLM_TARGET_MODULE_INPUTLIMITS_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace mlir {
class Operation;
} // namespace mlir

namespace qllm {

/// Each limit is a flag of qllm-opt and qllm-translate, and a refusal names it.
struct InputLimits {
  /// --max-nesting: brackets, regions, attributes and types within each other, through aliases too.
  uint64_t nesting = 512;
  /// --max-literal: digits of a number, and bits of an integer type.
  uint64_t literal = 4096;
  /// --max-expansion: tokens of a text that stand for aliases, once these are written out;
  /// attributes and types of a module with shared ones counted at each use.
  uint64_t expansion = uint64_t(1) << 26;
  /// --max-seconds: of processor time for reading bytecode, which MLIR's reader can be made to do
  /// for ever.
  uint64_t seconds = 60;
};

/// Checks MLIR text in one pass without recursion. Whatever the parser would refuse anyway is left
/// to it. The message has the line and the column. With a `splitMarker` the text is several modules
/// that lines with this marker separate.
llvm::Error checkModuleText(llvm::StringRef text, const InputLimits &limits,
                            llvm::StringRef splitMarker = "");

/// Checks a module that was not read from text: nesting and shared attributes as they would print.
/// The module need not be valid.
llvm::Error checkModule(mlir::Operation *module, const InputLimits &limits);

} // namespace qllm

#endif // QLLM_TARGET_MODULE_INPUTLIMITS_H
