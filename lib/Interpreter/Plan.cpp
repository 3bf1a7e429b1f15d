// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Interpreter/Interpreter.h"

using namespace qllm;
using namespace qllm::interp;

std::string interp::kernelName(mlir::Operation *op) {
  llvm::StringRef name = op->getName().getStringRef();
  if (name != "onnx.Custom")
    return name.consume_front("onnx.") ? name.str() : op->getName().getStringRef().str();
  auto domain = op->getAttrOfType<mlir::StringAttr>("domain"),
       type = op->getAttrOfType<mlir::StringAttr>("op_type");
  if (!domain || !type)
    return "";
  if (domain.empty() || domain == "ai.onnx")
    return type.str();
  return domain == "com.microsoft" ? "ms." + type.str() : domain.str() + "::" + type.str();
}

namespace {

/// The version of the operator's domain, from the ONNX function around it or from the module.
int64_t opsetOf(mlir::Operation *op) {
  llvm::StringRef domain;
  if (op->getName().getStringRef() == "onnx.Custom") {
    if (auto attribute = op->getAttrOfType<mlir::StringAttr>("domain"))
      domain = attribute;
  } else if (op->getName().getStringRef().starts_with("onnx.ms.")) {
    domain = "com.microsoft";
  }
  for (mlir::Operation *holder = op->getParentOp(); holder; holder = holder->getParentOp()) {
    auto versions = holder->getAttrOfType<mlir::DictionaryAttr>("onnx.opset");
    if (auto details = holder->getAttrOfType<mlir::DictionaryAttr>("onnx.function"))
      versions = details.getAs<mlir::DictionaryAttr>("opset");
    if (!versions)
      continue;
    mlir::Attribute version = versions.get(domain.empty() ? "ai.onnx" : domain);
    if (!version && domain.empty())
      version = versions.get("");
    if (auto number = llvm::dyn_cast_or_null<mlir::IntegerAttr>(version))
      return number.getInt();
  }
  return INT32_MAX; // a module that was not imported has the newest meaning
}

/// Positions in schema order, by the segment sizes if the operation has them.
template <typename Range>
void addSlots(mlir::Operation *op, llvm::StringRef segments, Range values,
              llvm::function_ref<int(mlir::Value)> slotOf, llvm::SmallVectorImpl<int> &slots) {
  auto sizes = op->getAttrOfType<mlir::DenseI32ArrayAttr>(segments);
  if (!sizes) {
    for (mlir::Value value : values)
      slots.push_back(slotOf(value));
    return;
  }
  size_t next = 0;
  for (int32_t size : sizes.asArrayRef()) {
    if (size == 0)
      slots.push_back(absent);
    for (int32_t i = 0; i < size && next < values.size(); ++i)
      slots.push_back(slotOf(values[next++]));
  }
  while (!slots.empty() && slots.back() == absent)
    slots.pop_back();
}

bool swapsLastTwo(mlir::Operation *transpose) {
  auto type = llvm::dyn_cast<mlir::RankedTensorType>(transpose->getOperand(0).getType());
  auto permutation = transpose->getAttrOfType<mlir::DenseI64ArrayAttr>("perm");
  if (!permutation)
    return type && type.getRank() == 2 && !transpose->getAttr("onnx.attribute_references");
  llvm::ArrayRef<int64_t> perm = permutation.asArrayRef();
  int64_t rank = int64_t(perm.size());
  if (rank < 2 || !type || type.getRank() != rank)
    return false;
  for (int64_t i = 0; i < rank; ++i)
    if (perm[i] != (i == rank - 1 ? rank - 2 : i == rank - 2 ? rank - 1 : i))
      return false;
  return true;
}

/// A transposition that only ever is the right operand of products in its own block: products read
/// it through.
bool isFusedTransposition(mlir::Operation *op) {
  if (op->getName().getStringRef() != "onnx.Transpose" || op->use_empty() || !swapsLastTwo(op))
    return false;
  return llvm::all_of(op->getUses(), [&](mlir::OpOperand &use) {
    return use.getOwner()->getName().getStringRef() == "onnx.MatMul" &&
           use.getOperandNumber() == 1 && use.getOwner()->getBlock() == op->getBlock();
  });
}

class Planner {
public:
  Planner(mlir::Block &block, Planner *outer) : outer(outer), plan(std::make_unique<BlockPlan>()) {
    plan->block = &block;
  }

  /// One operation; what it reads from outside becomes an argument.
  std::unique_ptr<BlockPlan> runAlone(mlir::Operation &op,
                                      llvm::SmallVectorImpl<mlir::Value> &inputs) {
    freeValues = &inputs;
    addStep(&op);
    for (mlir::Value result : op.getResults())
      plan->results.push_back(slots.lookup_or(result, absent));
    findLastUses();
    return std::move(plan);
  }

  std::unique_ptr<BlockPlan> run() {
    for (mlir::BlockArgument argument : plan->block->getArguments())
      plan->arguments.push_back(newSlot(argument));
    for (mlir::Operation &op : *plan->block) {
      if (op.hasTrait<mlir::OpTrait::IsTerminator>()) {
        plan->terminator = &op;
        for (mlir::Value value : op.getOperands())
          plan->results.push_back(slotOf(value));
        continue;
      }
      if (!isFusedTransposition(&op))
        addStep(&op);
    }
    findLastUses();
    return std::move(plan);
  }

private:
  int newSlot(mlir::Value value) { return slots[value] = plan->slotCount++; }

  int slotOf(mlir::Value value) {
    if (mlir::Operation *op = value.getDefiningOp()) {
      if (op->getName().getStringRef() == "onnx.None")
        return absent;
      if (!freeValues && isFusedTransposition(op))
        return slotOf(op->getOperand(0));
    }
    if (auto found = slots.find(value); found != slots.end())
      return found->second;
    if (freeValues) {
      freeValues->push_back(value);
      plan->arguments.push_back(newSlot(value));
      return plan->arguments.back();
    }
    if (!outer)
      return absent; // only invalid IR comes here
    int outerSlot = outer->slotOf(value);
    if (outerSlot == absent)
      return absent;
    int inner = newSlot(value);
    plan->captures.push_back({outerSlot, inner});
    return inner;
  }

  void addStep(mlir::Operation *op) {
    if (op->getName().getStringRef() == "onnx.None")
      return;
    Step step;
    step.op = op;
    step.opset = opsetOf(op);
    chooseKernel(step);
    addSlots(
        op, "operandSegmentSizes", op->getOperands(), [&](mlir::Value v) { return slotOf(v); },
        step.inputs);
    if (step.kernel && !freeValues && kernelName(op) == "MatMul")
      fuseTransposition(step);
    for (mlir::Region &region : op->getRegions())
      step.regions.push_back(region.empty() ? nullptr : Planner(region.front(), this).run());
    addSlots(
        op, "resultSegmentSizes", op->getResults(), [&](mlir::Value v) { return newSlot(v); },
        step.outputs);
    step.pure = op->getNumRegions() == 0 && mlir::isMemoryEffectFree(op) &&
                !op->hasAttr("onnx.attribute_references");
    plan->steps.push_back(std::move(step));
  }

  void chooseKernel(Step &step) {
    std::string name = kernelName(step.op);
    if (llvm::is_contained({"If", "Loop", "Scan", "SequenceMap", "func.call"}, name)) {
      step.kind = Step::Kind::Structured;
    } else if ((step.operationKernel = findOperationKernel(name))) {
      step.kind = Step::Kind::Operation;
      step.traits = anyValue | keepsHalf;
    } else if ((step.kernel = KernelRegistry::builtin().find(name))) {
      step.kind = Step::Kind::Kernel;
      step.traits = step.kernel->traits;
    } else if (step.op->getName().getStringRef() == "onnx.Custom") {
      step.kind = Step::Kind::Structured; // perhaps a function of the model
    }
  }

  void fuseTransposition(Step &step) {
    mlir::Operation *transpose =
        step.op->getNumOperands() > 1 ? step.op->getOperand(1).getDefiningOp() : nullptr;
    if (transpose && isFusedTransposition(transpose))
      step.kernel = KernelRegistry::builtin().find("MatMul.transposed");
  }

  void findLastUses() {
    std::vector<bool> needed(plan->slotCount, false);
    for (int slot : plan->results)
      if (slot != absent)
        needed[slot] = true;
    auto use = [&](Step &step, int slot) {
      if (slot == absent || needed[slot])
        return;
      needed[slot] = true;
      step.lastUses.push_back(slot);
    };
    for (Step &step : llvm::reverse(plan->steps)) {
      for (int slot : step.outputs)
        use(step, slot); // a result that nobody needs
      for (int slot : step.inputs)
        use(step, slot);
      for (auto &region : step.regions)
        for (Capture capture :
             region ? llvm::ArrayRef<Capture>(region->captures) : llvm::ArrayRef<Capture>())
          use(step, capture.outer);
    }
  }

  Planner *outer;
  /// Where values from outside go when there is no block around.
  llvm::SmallVectorImpl<mlir::Value> *freeValues = nullptr;
  std::unique_ptr<BlockPlan> plan;
  llvm::DenseMap<mlir::Value, int> slots;
};

} // namespace

std::unique_ptr<BlockPlan> interp::planBlock(mlir::Block &block) {
  return Planner(block, nullptr).run();
}

std::unique_ptr<BlockPlan> interp::planOperation(mlir::Operation &op,
                                                 llvm::SmallVectorImpl<mlir::Value> &inputs) {
  return Planner(*op.getBlock(), nullptr).runAlone(op, inputs);
}
