// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which functions run on which inputs, and what is said about the outcome.

#include "qllm/Validation/Validator.h"

#include "FunctionPair.h"
#include "Reproducer.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "qllm/Interpreter/Evaluate.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Of open dimensions, one after the other: none of them is equal to another by chance, and 1
/// broadcasts.
constexpr int64_t sizes[] = {3, 1, 7, 4, 12};

/// The functions to compare: one that the pass ran on, else main, else all that are seen from
/// outside.
SmallVector<StringRef> functionsOf(ModuleOp before, Operation *root) {
  if (auto function = dyn_cast<func::FuncOp>(root))
    return {function.getSymName()};
  if (SymbolTable(before).lookup<func::FuncOp>("main"))
    return {"main"};
  SmallVector<StringRef> names;
  for (auto function : before.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      names.push_back(function.getSymName());
  return names;
}

/// `qllm.linear 'layers.0.q_proj'`
std::string describe(Operation *op) {
  std::string text = op->getName().getStringRef().str();
  for (StringRef attribute : {"qllm.name", "onnx.node_name"})
    if (auto name = op->getAttrOfType<StringAttr>(attribute))
      return text + " '" + name.str() + "'";
  if (auto name = dyn_cast<NameLoc>(op->getLoc()))
    return text + " '" + name.getName().str() + "'";
  return text;
}

std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", value);
  return text;
}

/// The judgement of one function.
class Judge {
public:
  Judge(const ValidationOptions &options, const Snapshot &before, const PassRun &run,
        const Claim &claim, StringRef function)
      : options(options), before(before), run(run), name(function),
        current(isa<ModuleOp>(run.root) ? cast<ModuleOp>(run.root)
                                        : run.root->getParentOfType<ModuleOp>()),
        pair(before, current, function, claim, options.threads) {
    record.pass = run.pass;
    record.function = function.str();
    record.claim = &claim;
  }

  ValidationRecord judge() {
    if (!sameSignature())
      return fail("takes or returns other types now", {});
    std::vector<InputSet> inputs;
    collectInputs(inputs);
    const InputSet *worst = nullptr;
    FunctionPair::Comparison found;
    for (auto [set, next] : llvm::zip_equal(inputs, pair.run(inputs))) {
      if (!next.ran) {
        record.text = "does not run on " + set.name + ": " + next.text;
        continue;
      }
      ++record.inputSets;
      if (worst && next.worst.error - next.worst.bound <= found.worst.error - found.worst.bound)
        continue;
      worst = &set;
      found = next;
    }
    if (!worst)
      return std::move(record);
    record.text.clear();
    record.inputs = worst->name;
    record.error = found.worst.error;
    record.bound = found.worst.bound;
    record.scale = found.worst.scale;
    record.outcome = found.worst.holds() ? Outcome::Held : Outcome::Failed;
    if (record.claim->kind == ClaimKind::Changes &&
        found.worst.error != std::numeric_limits<double>::infinity())
      record.outcome = Outcome::Changed;
    if (record.outcome != Outcome::Failed)
      return std::move(record);
    std::string what = found.text;
    if (what.empty())
      what = "result " + std::to_string(found.result) + " differs by " + number(record.error) +
             ", of values up to " + number(record.scale) + ", where " +
             (record.claim->kind == ClaimKind::Identical
                  ? "the same bits are claimed"
                  : "roundings explain " + number(record.bound));
    return fail(what, worst);
  }

private:
  bool sameSignature() {
    func::FuncOp now = pair.afterFunction();
    if (!now)
      return false;
    return now.getFunctionType().getNumInputs() == pair.beforeFunction().getNumArguments() &&
           now.getNumResults() == pair.beforeFunction().getNumResults();
  }

  void collectInputs(std::vector<InputSet> &inputs) {
    func::FuncOp function = pair.beforeFunction();
    auto add = [&](llvm::Expected<InputSet> set) {
      if (set)
        inputs.push_back(std::move(*set));
      else
        record.text = toString(set.takeError());
    };
    if (!options.inputs.empty())
      return add(readInputs(function, options.inputs, options.seed));
    int64_t count = function.getNumArguments() ? options.randomInputs : 1;
    for (int64_t i = 0; i < count; ++i)
      add(randomInputs(function, options.seed + uint64_t(i), sizes[i % std::size(sizes)]));
    if (options.calibration.path.empty())
      return;
    auto windows = readCalibration(function, options.calibration);
    if (!windows) {
      record.text = toString(windows.takeError());
      return;
    }
    for (auto [i, window] : llvm::enumerate(*windows))
      inputs.push_back({"calibration window " + std::to_string(i), std::move(window)});
  }

  ValidationRecord fail(const Twine &what, const InputSet *inputs) {
    record.outcome = Outcome::Failed;
    record.text = what.str();
    Operation *wrong = inputs ? pair.firstWrong(*inputs) : nullptr;
    if (wrong)
      record.operation = describe(wrong);
    Operation *place = wrong ? wrong : run.root;
    InFlightDiagnostic error = emitError(place->getLoc());
    error << "pass '" << run.pass << "' changes what @" << name << " computes: " << record.text;
    if (inputs)
      error.attachNote() << "on " << inputs->name << describeInputs(*inputs);
    if (wrong)
      error.attachNote(wrong->getLoc()) << "from " << record.operation << " on nothing agrees";
    error.attachNote() << "the pass claims to be " << nameOf(record.claim->kind) << ": "
                       << record.claim->reason;
    if (!options.reproducers.empty() && inputs)
      addReproducer(*inputs, error);
    return std::move(record);
  }

  std::string describeInputs(const InputSet &inputs) {
    std::string text;
    for (auto [i, value] : llvm::enumerate(inputs.values))
      text += (i ? ", " : ": ") + interp::inputName(pair.beforeFunction(), unsigned(i)) + " " +
              value.describe();
    return text;
  }

  void addReproducer(const InputSet &inputs, InFlightDiagnostic &error) {
    llvm::Expected<std::string> folder =
        writeReproducer(options.reproducers, *before.module, pair.beforeFunction(), run, inputs);
    if (!folder) {
      error.attachNote() << "no reproducer: " << toString(folder.takeError());
      return;
    }
    record.reproducer = *folder;
    error.attachNote() << "'" << *folder
                       << "/check.sh' repeats it; to make it smaller: qllm-reduce " << *folder
                       << "/before.mlir -qllm-reduce-functions=test=" << *folder << "/check.sh";
  }

  const ValidationOptions &options;
  const Snapshot &before;
  const PassRun &run;
  StringRef name;
  ModuleOp current;
  FunctionPair pair;
  ValidationRecord record;
};

} // namespace

Snapshot::Snapshot(ModuleOp original) {
  IRMapping mapping;
  module = cast<ModuleOp>(original->clone(mapping));
  original->walk([&](Operation *op) {
    copies.insert({op, Counterpart{mapping.lookupOrNull(op), op->getName(), op->getLoc()}});
  });
}

std::string qllm::toText(const ValidationRecord &record) {
  std::string text = record.pass + " @" + record.function + ": ";
  std::string sets = " (" + std::to_string(record.inputSets) + " input sets)";
  switch (record.outcome) {
  case Outcome::Held:
    if (record.claim->kind == ClaimKind::Identical)
      return text + "same bits" + sets;
    return text + "error " + number(record.error) + " within " + number(record.bound) +
           " of values up to " + number(record.scale) + sets;
  case Outcome::Changed:
    return text + "changes results by " + number(record.error) + " of values up to " +
           number(record.scale) + ", as it claims" + sets;
  case Outcome::Failed:
    return text + "FAILED: " + record.text;
  case Outcome::NotChecked:
    return text + "not checked: " + record.text;
  }
  llvm_unreachable("unknown outcome");
}

std::vector<ValidationRecord> Validator::validate(const Snapshot &before, const PassRun &run) {
  const Claim *claim = findClaim(run.pass);
  if (!claim || claim->kind == ClaimKind::Elsewhere) {
    ValidationRecord record;
    record.pass = run.pass;
    record.function = "*";
    record.claim = claim;
    record.text = claim ? claim->reason.str() : "the pass claims nothing";
    return {record};
  }
  std::vector<ValidationRecord> records;
  for (StringRef function : functionsOf(*before.module, run.root))
    records.push_back(Judge(options, before, run, *claim, function).judge());
  return records;
}
