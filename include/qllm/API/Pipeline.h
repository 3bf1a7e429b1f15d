// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe as a list of passes that can be cut short, watched and written down.

#ifndef QLLM_API_PIPELINE_H
#define QLLM_API_PIPELINE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <string>
#include <vector>

namespace mlir {
class PassManager;
} // namespace mlir

namespace qllm::api {

/// An ordered list of passes with their options, each as text.
class Pipeline {
public:
  /// Passes as `passes` gives them.
  explicit Pipeline(std::vector<std::string> passes) : steps(std::move(passes)) {}
  /// `recipe` is a name, with `options` as "weight-bits=4 ...", or a file with one pass a line (and
  /// comments behind #), as `toText` writes it; a file takes no options.
  static llvm::Expected<Pipeline> create(mlir::MLIRContext *context, llvm::StringRef recipe,
                                         llvm::StringRef options);

  llvm::ArrayRef<std::string> passes() const { return steps; }
  /// The names of the passes, without options: the stages of `--stop-after`.
  std::vector<std::string> stages() const;
  /// Drops what comes after `stage`. Fails if there is no such stage.
  llvm::Error stopAfter(llvm::StringRef stage);
  /// The form of a recipe file.
  std::string toText() const;

  /// Called after each pass with its number, its name and the module.
  using Observer = std::function<void(size_t, llvm::StringRef, mlir::ModuleOp)>;
  /// `setup` may add instrumentations of its own.
  using Setup = std::function<void(mlir::PassManager &)>;
  mlir::LogicalResult run(mlir::ModuleOp module, const Observer &observer,
                          const Setup &setup = {}) const;

private:
  std::vector<std::string> steps;
};

/// Passes in the form of a recipe file.
std::string recipeText(llvm::ArrayRef<std::string> passes);

/// Runs passes until the context's RunListener wants no more, which is a failure; the module is
/// then of no use.
mlir::LogicalResult runStoppable(mlir::PassManager &passes, mlir::ModuleOp module);

} // namespace qllm::api

#endif // QLLM_API_PIPELINE_H
