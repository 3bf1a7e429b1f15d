// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both sides are copies. An operation that a pass leaves in place keeps its address, its name and
// its location; one that takes the place of another gets its location.

#include "FunctionPair.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "qllm/Calibration/RemoveQuantizers.h"

using namespace mlir;
using namespace qllm;

FunctionPair::~FunctionPair() = default;

FunctionPair::FunctionPair(const Snapshot &snapshot, ModuleOp current, StringRef name,
                           const Claim &claim, unsigned threads) {
  IRMapping ofSnapshot, ofCurrent;
  before.module = cast<ModuleOp>(snapshot.module.get()->clone(ofSnapshot));
  after.module = cast<ModuleOp>(current->clone(ofCurrent));
  pairOperations(snapshot, ofSnapshot, ofCurrent, current);
  for (Side *side : {&before, &after}) {
    if (!claim.keepsQuantizers)
      removeQuantizers(*side->module);
    side->function = SymbolTable(*side->module).lookup<func::FuncOp>(name);
    side->runner = std::make_unique<interp::OperationRunner>(*side->module, threads);
  }
  lanes.noisy = claim.kind == ClaimKind::Equivalent ? 2 : 0;
  lanes.roundings = claim.roundings;
}

void FunctionPair::pairOperations(const Snapshot &snapshot, const IRMapping &ofSnapshot,
                                  const IRMapping &ofCurrent, ModuleOp current) {
  llvm::DenseSet<Operation *> taken;
  SmallVector<Operation *> rest;
  current->walk([&](Operation *op) {
    Operation *copy = ofCurrent.lookupOrNull(op);
    originals[copy] = op;
    auto found = snapshot.copies.find(op);
    if (found == snapshot.copies.end() || found->second.name != op->getName() ||
        found->second.location != op->getLoc())
      return rest.push_back(op);
    counterparts[copy] = ofSnapshot.lookupOrNull(found->second.copy);
    taken.insert(counterparts[copy]);
  });
  // The last operation of a location is the one whose result others read.
  llvm::DenseMap<std::pair<Location, Type>, Operation *> last;
  auto key = [](Operation *op) { return std::pair(op->getLoc(), op->getResult(0).getType()); };
  before.module->walk([&](Operation *op) {
    if (op->getNumResults() && !isa<UnknownLoc>(op->getLoc()) && !taken.contains(op))
      last[key(op)] = op;
  });
  llvm::DenseSet<Operation *> used;
  for (Operation *op : llvm::reverse(rest))
    if (op->getNumResults())
      if (Operation *counterpart = last.lookup(key(op));
          counterpart && used.insert(counterpart).second)
        counterparts[ofCurrent.lookupOrNull(op)] = counterpart;
}

LogicalResult FunctionPair::runSide(Side &side, ArrayRef<InputSet> inputs,
                                    SmallVectorImpl<Lanes> &results, std::string &text,
                                    const LaneObserver &observer) {
  ScopedDiagnosticHandler handler(side.module->getContext(), [&](Diagnostic &diagnostic) {
    if (text.empty())
      text = diagnostic.str();
    return success();
  });
  SmallVector<ArrayRef<interp::Value>> values;
  for (const InputSet &set : inputs)
    values.push_back(set.values);
  return runLanes(side.function, *side.runner, values, lanes, results, observer);
}

FunctionPair::Comparison FunctionPair::compareResults(ArrayRef<Lanes> old, ArrayRef<Lanes> now,
                                                      size_t set) {
  Comparison comparison;
  comparison.ran = true;
  for (auto [i, lanesBefore, lanesAfter] : llvm::enumerate(old, now)) {
    Difference difference =
        compare(before.runner->pool(), lanesOfSet(lanesBefore, set, 1 + lanes.noisy),
                lanesOfSet(lanesAfter, set, 1 + lanes.noisy));
    if (i == 0 ||
        difference.error - difference.bound > comparison.worst.error - comparison.worst.bound) {
      comparison.worst = difference;
      comparison.result = unsigned(i);
    }
  }
  comparison.text = comparison.worst.text;
  return comparison;
}

FunctionPair::Comparison FunctionPair::runOne(const InputSet &inputs) {
  Comparison comparison;
  SmallVector<Lanes> old, now;
  if (failed(runSide(before, inputs, old, comparison.text)))
    return comparison;
  std::string text;
  if (succeeded(runSide(after, inputs, now, text)))
    return compareResults(old, now, 0);
  comparison.ran = true;
  comparison.worst.error = std::numeric_limits<double>::infinity();
  comparison.text = "does not run afterwards: " + text;
  return comparison;
}

std::vector<FunctionPair::Comparison> FunctionPair::run(ArrayRef<InputSet> inputs) {
  std::vector<Comparison> comparisons;
  SmallVector<Lanes> old, now;
  std::string ignored;
  bool together = inputs.size() > 1 && succeeded(runSide(before, inputs, old, ignored)) &&
                  succeeded(runSide(after, inputs, now, ignored));
  // Sets that the function does not run on are found one by one.
  for (size_t set = 0; set < inputs.size(); ++set)
    comparisons.push_back(together ? compareResults(old, now, set) : runOne(inputs[set]));
  return comparisons;
}

Operation *FunctionPair::firstWrong(const InputSet &inputs) {
  llvm::DenseMap<Operation *, SmallVector<Lanes>> held;
  SmallVector<Lanes> results;
  std::string ignored;
  (void)runSide(before, inputs, results, ignored, [&](Operation *op, ArrayRef<Lanes> values) {
    held[op].assign(values.begin(), values.end());
  });
  llvm::DenseMap<Operation *, bool> agrees;
  (void)runSide(after, inputs, results, ignored, [&](Operation *op, ArrayRef<Lanes> values) {
    auto counterpart = counterparts.find(op);
    auto old = counterpart == counterparts.end() ? held.end() : held.find(counterpart->second);
    if (old == held.end() || old->second.size() != values.size())
      return;
    agrees[op] = llvm::all_of(llvm::zip_equal(old->second, values), [&](auto pair) {
      return compare(before.runner->pool(), std::get<0>(pair), std::get<1>(pair)).holds();
    });
  });
  // Backwards: an operation is sound when something that depends on it agrees.
  llvm::DenseSet<Operation *> sound;
  Operation *first = nullptr;
  for (Operation &op : llvm::reverse(after.function.getBody().front())) {
    auto known = agrees.find(&op);
    bool isSound =
        (known != agrees.end() && known->second) ||
        llvm::any_of(op.getUsers(), [&](Operation *user) { return sound.contains(user); });
    if (isSound)
      sound.insert(&op);
    else if (known != agrees.end())
      first = &op;
  }
  return originals.lookup(first);
}
