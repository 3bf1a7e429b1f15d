// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers of wgmma. A product may write them until its wait, so values that hold its result get a
// place in memory that the runtime brings up to date at every wait where they are still needed.

#include "MatrixRegisters.h"
#include "mlir/Analysis/Liveness.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::emu;

namespace {

using ValueSet = llvm::SmallSetVector<Value, 16>;

bool isProduct(Operation *op) {
  return llvm::isa_and_nonnull<NVVM::WgmmaMmaAsyncOp, qk::WgmmaRegisterAOp>(op);
}

/// Results of products and the block arguments that they become.
ValueSet productResults(LLVM::LLVMFuncOp function) {
  ValueSet values;
  function.walk([&](Operation *op) {
    if (isProduct(op))
      values.insert(op->getResult(0));
  });
  for (unsigned i = 0; i < values.size(); ++i)
    for (OpOperand &use : values[i].getUses())
      if (auto branch = llvm::dyn_cast<BranchOpInterface>(use.getOwner()))
        if (auto argument = branch.getSuccessorBlockArgument(use.getOperandNumber()))
          values.insert(*argument);
  return values;
}

/// Whether the value was made in the operation's block with no fence since. A constant is no
/// register, and the result of a product is ordered before the next one.
bool isUnfenced(Value value, Operation *op) {
  Operation *made = value.getDefiningOp();
  if (!made || made->getBlock() != op->getBlock() || isProduct(made) ||
      matchPattern(made, m_Constant()) ||
      llvm::isa<LLVM::UndefOp, LLVM::PoisonOp, LLVM::ZeroOp>(made))
    return false;
  for (Operation *before = op->getPrevNode(); before != made; before = before->getPrevNode())
    if (llvm::isa<NVVM::WgmmaFenceAlignedOp>(before))
      return false;
  return true;
}

void markUnfenced(LLVM::LLVMFuncOp function) {
  function.walk([&](Operation *op) {
    SmallVector<Value> registers;
    if (auto product = llvm::dyn_cast<NVVM::WgmmaMmaAsyncOp>(op))
      registers.push_back(product.getInouts());
    if (auto product = llvm::dyn_cast<qk::WgmmaRegisterAOp>(op)) {
      llvm::append_range(registers, product.getA());
      registers.push_back(product.getSums());
    }
    if (llvm::any_of(registers, [&](Value value) { return isUnfenced(value, op); }))
      op->setAttr(kUnfencedAttribute, UnitAttr::get(op->getContext()));
  });
}

/// Elements that are taken out of a value: the runtime says whether they are there yet.
void checkReads(Value value, HostLowering &host) {
  for (Operation *user : llvm::to_vector(value.getUsers())) {
    auto extract = llvm::dyn_cast<LLVM::ExtractValueOp>(user);
    if (!extract || extract.getPosition().size() != 1)
      continue;
    OpBuilder builder(extract->getContext());
    builder.setInsertionPointAfter(extract);
    Value word = extract.getResult();
    if (!word.getType().isInteger(32))
      word = LLVM::BitcastOp::create(builder, extract.getLoc(), builder.getI32Type(), word);
    host.callAt(
        builder, extract, "qllm_emu_register_read", Type(),
        {word, host.constant(builder, extract.getLoc(), uint32_t(extract.getPosition()[0]))});
  }
}

/// Keeps `value` in memory, which the runtime refreshes behind each of `waits`.
void demote(Value value, ArrayRef<Operation *> waits, HostLowering &host) {
  auto function = value.getParentRegion()->getParentOfType<LLVM::LLVMFuncOp>();
  auto type = llvm::cast<LLVM::LLVMStructType>(value.getType());
  Location location = value.getLoc();
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  Value slot =
      LLVM::AllocaOp::create(builder, location, LLVM::LLVMPointerType::get(type.getContext()), type,
                             host.constant(builder, location, 1), /*alignment=*/16);
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : value.getUses())
    uses.push_back(&use);
  for (OpOperand *use : uses) {
    builder.setInsertionPoint(use->getOwner());
    use->set(LLVM::LoadOp::create(builder, location, type, slot));
  }
  builder.setInsertionPointAfterValue(value);
  // Behind the slot itself, when the value is an argument of the first block.
  LLVM::StoreOp::create(builder, location, value, slot);
  for (Operation *wait : waits) {
    builder.setInsertionPointAfter(wait);
    host.callFor(builder, wait, "qllm_emu_registers_refresh", Type(),
                 {slot, host.constant(builder, location, uint32_t(type.getBody().size()))});
  }
}

} // namespace

void qllm::emu::prepareMatrixRegisters(Operation *module, HostLowering &host) {
  for (auto function : module->getRegion(0).getOps<LLVM::LLVMFuncOp>()) {
    ValueSet results = productResults(function);
    if (results.empty())
      continue;
    markUnfenced(function);
    Liveness liveness(function);
    DominanceInfo dominance(function);
    SmallVector<Operation *> waits;
    function.walk([&](NVVM::WgmmaWaitGroupSyncOp wait) { waits.push_back(wait); });
    SmallVector<SmallVector<Operation *>> waitsOf;
    for (Value value : results)
      waitsOf.push_back(llvm::filter_to_vector(waits, [&](Operation *wait) {
        return dominance.properlyDominates(value, wait) && !liveness.isDeadAfter(value, wait);
      }));
    for (auto [value, needed] : llvm::zip(results, waitsOf)) {
      checkReads(value, host);
      if (!needed.empty())
        demote(value, needed, host);
    }
  }
}
