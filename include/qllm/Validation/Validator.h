// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs functions before and after a pass and judges what differs by what the pass claims.

#ifndef QLLM_VALIDATION_VALIDATOR_H
#define QLLM_VALIDATION_VALIDATOR_H

#include "mlir/IR/OwningOpRef.h"
#include "qllm/Calibration/CalibrationData.h"
#include "qllm/Validation/Claim.h"
#include "qllm/Validation/Inputs.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

struct ValidationOptions {
  /// Sets of random inputs, each with other sizes for dimensions that are open.
  int64_t randomInputs = 3;
  uint64_t seed = 0;
  /// Calibration inputs too, for functions that the file fits; none when the path is empty.
  CalibrationFile calibration{"", 2, 16};
  /// A .npz that takes the place of all other inputs; see `readInputs`.
  std::string inputs;
  /// Where reproducers of failures go, a folder each; none are written when empty.
  std::string reproducers = "qllm-reproducers";
  /// Of the interpreter; 0 takes one per core.
  unsigned threads = 0;
};

enum class Outcome {
  Held,
  Failed,
  /// The pass changes the function by design; how far is measured.
  Changed,
  /// Nothing was compared; the text says why.
  NotChecked,
};

/// One function and one pass.
struct ValidationRecord {
  std::string pass, function;
  /// Null for a pass without one.
  const Claim *claim = nullptr;
  Outcome outcome = Outcome::NotChecked;
  /// Of the worst result of the worst inputs; see Difference.
  double error = 0, bound = 0, scale = 0;
  /// How many input sets ran, and the worst of them.
  unsigned inputSets = 0;
  std::string inputs;
  /// Of a failure: the operation from which on nothing agrees, empty when none was found.
  std::string operation;
  /// Of a failure or of NotChecked: what is wrong, or why.
  std::string text;
  /// Of a failure: the folder that repeats it.
  std::string reproducer;
};

/// `qllm-smooth @main: error 1.2e-06 within 4.1e-06 of 13.2 (3 input sets)`
std::string toText(const ValidationRecord &record);

/// A module as it was before a pass.
struct Snapshot {
  explicit Snapshot(mlir::ModuleOp module);

  struct Counterpart {
    mlir::Operation *copy;
    mlir::OperationName name;
    mlir::Location location;
  };

  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// By the operation copied, which a pass may erase: only to be compared with.
  llvm::DenseMap<mlir::Operation *, Counterpart> copies;
};

struct PassRun {
  /// The flag of the pass, and a pipeline for a module that has nothing else.
  std::string pass, pipeline;
  /// The operation that it ran on: a module, or a function of one.
  mlir::Operation *root;
};

class Validator {
public:
  explicit Validator(ValidationOptions options) : options(std::move(options)) {}

  /// Compares `before` with the module as it is now, function by function: `main` alone where there
  /// is one. Failures are emitted as errors at the operation concerned, with notes.
  std::vector<ValidationRecord> validate(const Snapshot &before, const PassRun &run);

private:
  ValidationOptions options;
};

} // namespace qllm

#endif // QLLM_VALIDATION_VALIDATOR_H
