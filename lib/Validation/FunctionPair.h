// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function before and after a pass, and which values of the two are meant to be the same.

#ifndef QLLM_LIB_VALIDATION_FUNCTIONPAIR_H
#define QLLM_LIB_VALIDATION_FUNCTIONPAIR_H

#include "qllm/Validation/Comparison.h"
#include "qllm/Validation/Validator.h"

namespace qllm {

class FunctionPair {
public:
  /// `current` is copied, so that quantizers can be taken out of both where the claim says so.
  FunctionPair(const Snapshot &before, mlir::ModuleOp current, llvm::StringRef name,
               const Claim &claim, unsigned threads);
  ~FunctionPair();

  mlir::func::FuncOp beforeFunction() const { return before.function; }
  mlir::func::FuncOp afterFunction() const { return after.function; }

  /// Runs both on each set of inputs. `ran` is false where the function before does not run on
  /// these inputs, which says nothing about the pass; `text` then has the reason. Fails, with
  /// `text`, where only the function after does not.
  struct Comparison {
    bool ran = false;
    Difference worst;
    unsigned result = 0;
    std::string text;
  };
  std::vector<Comparison> run(llvm::ArrayRef<InputSet> inputs);

  /// The operation after the pass (of the module that was given) from which on nothing agrees on
  /// these inputs: its value has a counterpart that differs, and so have all later ones that depend
  /// on it. Null where there is none.
  mlir::Operation *firstWrong(const InputSet &inputs);

private:
  struct Side {
    mlir::OwningOpRef<mlir::ModuleOp> module;
    mlir::func::FuncOp function;
    std::unique_ptr<interp::OperationRunner> runner;
  };

  Comparison runOne(const InputSet &inputs);
  Comparison compareResults(llvm::ArrayRef<Lanes> old, llvm::ArrayRef<Lanes> now, size_t set);
  llvm::LogicalResult runSide(Side &side, llvm::ArrayRef<InputSet> inputs,
                              llvm::SmallVectorImpl<Lanes> &results, std::string &text,
                              const LaneObserver &observer = {});
  void pairOperations(const Snapshot &snapshot, const mlir::IRMapping &ofSnapshot,
                      const mlir::IRMapping &ofCurrent, mlir::ModuleOp current);

  Side before, after;
  LaneOptions lanes;
  /// From operations of `after` to their counterparts, and to those of the module that was given.
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> counterparts, originals;
};

} // namespace qllm

#endif // QLLM_LIB_VALIDATION_FUNCTIONPAIR_H
