// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks before memory accesses.

#include "HostLowering.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "qllm/Emulator/Lowering/Passes.h"
#include "qllm/Emulator/Runtime/GlobalShadow.h"

namespace qllm {
#define GEN_PASS_DEF_QLLMINSTRUMENTKERNELS
#include "qllm/Emulator/Lowering/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// An access: the operand that is its address, and what lies there.
struct MemoryAccess {
  OpOperand *address = nullptr;
  Type type;
  StringRef function, name;
  std::optional<uint64_t> alignment;
  std::optional<uint32_t> order; ///< of an atomic
};

/// Whether an atomic of that scope orders blocks.
bool isBetweenBlocks(std::optional<StringRef> scope) {
  return !scope || scope->empty() || *scope == "device";
}

uint32_t orderOf(LLVM::AtomicOrdering ordering, std::optional<StringRef> scope) {
  bool both =
      ordering == LLVM::AtomicOrdering::acq_rel || ordering == LLVM::AtomicOrdering::seq_cst;
  if (!isBetweenBlocks(scope))
    return emu::OrderNothing;
  return (both || ordering == LLVM::AtomicOrdering::acquire ? emu::OrderAcquire : 0u) |
         (both || ordering == LLVM::AtomicOrdering::release ? emu::OrderRelease : 0u);
}

MemoryAccess accessOf(Operation *op) {
  if (auto load = llvm::dyn_cast<LLVM::LoadOp>(op))
    return {&load.getAddrMutable(), load.getType(), "qllm_emu_load", "load",
            load.getAlignment(),    std::nullopt};
  if (auto store = llvm::dyn_cast<LLVM::StoreOp>(op))
    return {&store.getAddrMutable(), store.getValue().getType(),
            "qllm_emu_store",        "store",
            store.getAlignment(),    std::nullopt};
  if (auto atomic = llvm::dyn_cast<LLVM::AtomicRMWOp>(op))
    return {&atomic.getPtrMutable(), atomic.getType(),
            "qllm_emu_atomic",       "atomicrmw",
            atomic.getAlignment(),   orderOf(atomic.getOrdering(), atomic.getSyncscope())};
  if (auto atomic = llvm::dyn_cast<LLVM::AtomicCmpXchgOp>(op))
    return {&atomic.getPtrMutable(), atomic.getCmp().getType(),
            "qllm_emu_atomic",       "cmpxchg",
            atomic.getAlignment(),   orderOf(atomic.getSuccessOrdering(), atomic.getSyncscope())};
  return {};
}

/// Local variables that only ever are loaded and stored whole need no check.
bool isPlainLocal(Value address) { return address.getDefiningOp<LLVM::AllocaOp>(); }

struct QllmInstrumentKernels : qllm::impl::QllmInstrumentKernelsBase<QllmInstrumentKernels> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    emu::HostLowering host(module);
    DataLayout layout = DataLayout::closest(module);
    WalkResult result = module.walk([&](Operation *op) {
      if (llvm::isa<LLVM::MemcpyOp, LLVM::MemcpyInlineOp, LLVM::MemmoveOp, LLVM::MemsetOp>(op)) {
        op->emitOpError(
            "is not known to the emulator's checks, which take single loads and stores");
        return WalkResult::interrupt();
      }
      if (auto fence = llvm::dyn_cast<LLVM::FenceOp>(op);
          fence && isBetweenBlocks(fence.getSyncscope())) {
        OpBuilder builder(op);
        host.call(builder, op->getLoc(), "qllm_emu_fence", Type(), {});
      }
      MemoryAccess access = accessOf(op);
      if (access.address && !isPlainLocal(access.address->get()))
        instrument(op, access, layout, host);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    host.sites.commit();
  }

private:
  void instrument(Operation *op, const MemoryAccess &access, const DataLayout &layout,
                  emu::HostLowering &host) {
    OpBuilder builder(op);
    Location location = op->getLoc();
    uint64_t size = layout.getTypeSize(access.type), alignment = access.alignment.value_or(size);
    SmallVector<Value> operands = {
        host.flat(builder, location, access.address->get()),
        host.constant(builder, location, uint32_t(size)),
        host.constant(builder, location, uint32_t(alignment)),
        host.constant(builder, location, host.sites.add(op, access.name))};
    if (access.order)
      operands.push_back(host.constant(builder, location, *access.order));
    Value checked = host.call(builder, location, access.function,
                              LLVM::LLVMPointerType::get(op->getContext()), operands);
    access.address->set(checked);
  }
};

} // namespace
