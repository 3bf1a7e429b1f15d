// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that the result of a run depends on.

#ifndef QLLM_LIB_API_RUNIDENTITY_H
#define QLLM_LIB_API_RUNIDENTITY_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <set>
#include <string>

namespace qllm::api {

/// What a file holds, in hexadecimal: size and a digest of all its bytes, or, beyond 1 GiB, of a
/// MiB of every so many, together with its inode and its time of change.
llvm::Expected<std::string> digestOfFile(llvm::StringRef path);

/// Files with weights that a module names, relative to where it was read from.
std::set<std::string> externalFilesOf(mlir::ModuleOp module);

struct RunInputs {
  /// The file that the module was read from, empty for none, and the module, which names further
  /// ones.
  std::string model;
  mlir::ModuleOp module;
  /// Passes with all options.
  std::string passes;
  /// Empty where there is none.
  std::string calibration;
  /// The name of the calibration that counts; empty for that of the file.
  std::string calibrationName;
  std::string plan;
};

/// Lines `label: value` for a journal: version and build of every library, the processor, the
/// passes and the files. Not the number of threads, which nothing depends on.
llvm::Expected<std::string> identityOf(const RunInputs &inputs);

} // namespace qllm::api

#endif // QLLM_LIB_API_RUNIDENTITY_H
