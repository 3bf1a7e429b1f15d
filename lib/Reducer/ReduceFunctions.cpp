// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-reduce-functions: cuts are tried on copies of the module.

#include "qllm/Reducer/Passes.h"

#include "Cuts.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Reducer/Tester.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"

namespace qllm {
#define GEN_PASS_DEF_REDUCEFUNCTIONS
#include "qllm/Reducer/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// The smallest module so far, and what is tried on copies of it.
class Reduction {
public:
  Reduction(ModuleOp module, StringRef test) : module(module), tester(test, {}) {}

  bool isInteresting(ModuleOp candidate) const {
    return tester.isInteresting(candidate).first == Tester::Interestingness::True;
  }

  /// Applies `cut` to a copy and keeps that if it is still interesting.
  bool attempt(function_ref<void(ModuleOp)> cut) {
    OwningOpRef<ModuleOp> copy = module.clone();
    cut(*copy);
    for (auto function : copy->getOps<func::FuncOp>())
      if (!function.isExternal())
        dropUnused(function);
    ScopedDiagnosticHandler silent(module.getContext(), [](Diagnostic &) { return success(); });
    if (failed(verify(*copy)) || !isInteresting(*copy))
      return false;
    module.getBodyRegion().takeBody(copy->getBodyRegion());
    return true;
  }

  /// Every function is named by its place, as operations are: copies have them in the same order.
  unsigned countFunctions() { return unsigned(llvm::range_size(module.getOps<func::FuncOp>())); }
  static func::FuncOp functionAt(ModuleOp in, unsigned i) {
    return *std::next(in.getOps<func::FuncOp>().begin(), i);
  }
  static Operation *operationAt(ModuleOp in, unsigned function, unsigned i) {
    return &*std::next(functionAt(in, function).getBody().front().begin(), i);
  }
  unsigned countOperations(unsigned function) {
    return unsigned(functionAt(module, function).getBody().front().getOperations().size());
  }

  bool dropFunctions() {
    bool changed = false;
    for (unsigned i = countFunctions(); i-- > 0;)
      changed |=
          countFunctions() > 1 && attempt([&](ModuleOp copy) { functionAt(copy, i).erase(); });
    return changed;
  }

  bool returnOneResult(unsigned f) {
    unsigned results = functionAt(module, f).getNumResults();
    for (unsigned i = 0; results > 1 && i < results; ++i)
      if (attempt([&](ModuleOp copy) {
            func::FuncOp function = functionAt(copy, f);
            returnOnly(function, function.getBody().front().getTerminator()->getOperand(i));
          }))
        return true;
    return false;
  }

  /// Below: the earliest operation whose result shows the failure when it is returned.
  bool cutBelow(unsigned f) {
    bool changed = false;
    for (unsigned low = 0, high = returned(f); low < high;) {
      unsigned middle = low + (high - low) / 2;
      if (canBeReturned(operationAt(module, f, middle)) && attempt([&](ModuleOp copy) {
            returnOnly(functionAt(copy, f), operationAt(copy, f, middle)->getResult(0));
          })) {
        changed = true;
        low = 0;
        high = returned(f);
      } else {
        low = middle + 1;
      }
    }
    return changed;
  }

  /// Above: the latest operation in front of which everything may be given.
  bool cutAbove(unsigned f) {
    bool changed = false;
    for (unsigned low = 1, high = countOperations(f); low < high;) {
      unsigned middle = low + (high - low) / 2;
      unsigned before = countOperations(f);
      if (attempt([&](ModuleOp copy) {
            qllm::cutAbove(functionAt(copy, f), operationAt(copy, f, middle));
          })) {
        unsigned gone = before - countOperations(f);
        changed |= gone > 0;
        low = middle + 1 - gone;
        high -= gone;
      } else {
        high = middle;
      }
    }
    return changed;
  }

  bool cutOneByOne(unsigned f) {
    bool changed = false;
    for (unsigned i = countOperations(f) - 1; i-- > 0;) {
      if (i >= countOperations(f) - 1)
        continue;
      changed |= takeOperand(f, i) || attempt([&](ModuleOp copy) {
                   becomeArguments(functionAt(copy, f), operationAt(copy, f, i));
                 });
    }
    return changed;
  }

private:
  /// The place of the operation whose result alone is returned; the terminator's where there is
  /// none.
  unsigned returned(unsigned f) {
    Block &block = functionAt(module, f).getBody().front();
    Operation *terminator = block.getTerminator();
    Operation *last =
        terminator->getNumOperands() == 1 ? terminator->getOperand(0).getDefiningOp() : terminator;
    return last ? unsigned(std::distance(block.begin(), last->getIterator())) : 0;
  }

  static bool canBeReturned(Operation *op) {
    return op->getNumResults() && op->getNumOperands() &&
           isa<TensorType>(op->getResult(0).getType());
  }

  /// An operand of the result's type takes the place of the result.
  bool takeOperand(unsigned f, unsigned i) {
    Operation *op = operationAt(module, f, i);
    if (op->getNumResults() != 1)
      return false;
    for (unsigned k = 0; k < op->getNumOperands(); ++k)
      if (op->getOperand(k).getType() == op->getResult(0).getType())
        if (attempt([&](ModuleOp copy) {
              Operation *replaced = operationAt(copy, f, i);
              replaced->getResult(0).replaceAllUsesWith(replaced->getOperand(k));
            }))
          return true;
    return false;
  }

  ModuleOp module;
  Tester tester;
};

struct ReduceFunctions : qllm::impl::ReduceFunctionsBase<ReduceFunctions> {
  using ReduceFunctionsBase::ReduceFunctionsBase;

  void runOnOperation() override {
    // A test that cannot be started would end the process.
    llvm::ErrorOr<std::string> program = llvm::sys::findProgramByName(test);
    if (!program || !llvm::sys::fs::can_execute(*program)) {
      getOperation().emitError("expected a program as test, but got '" + test + "'");
      return signalPassFailure();
    }
    Reduction reduction(getOperation(), *program);
    if (!reduction.isInteresting(getOperation())) {
      getOperation().emitError("expected a module that '" + test +
                               "' finds interesting (exit status other than 0)");
      return signalPassFailure();
    }
    for (bool changed = true; changed;) {
      changed = reduction.dropFunctions();
      for (unsigned f = 0; f < reduction.countFunctions(); ++f) {
        func::FuncOp function = Reduction::functionAt(getOperation(), f);
        if (!llvm::hasSingleElement(function.getBody()))
          continue;
        changed |= reduction.returnOneResult(f);
        changed |= reduction.cutBelow(f);
        changed |= reduction.cutAbove(f);
        changed |= reduction.cutOneByOne(f);
      }
    }
  }
};

} // namespace
