// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks before memory accesses.

#include "HostLowering.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "qllm/Emulator/Lowering/Passes.h"
#include "qllm/Emulator/Runtime/GlobalShadow.h"
#include "llvm/ADT/MapVector.h"

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
  uint32_t inside = scope == StringRef("cluster") ? emu::OnlyInCluster : emu::OnlyInBlock;
  return (isBetweenBlocks(scope) ? 0u : inside) |
         (both || ordering == LLVM::AtomicOrdering::acquire ? emu::OrderAcquire : 0u) |
         (both || ordering == LLVM::AtomicOrdering::release ? emu::OrderRelease : 0u);
}

/// Loads and stores that other threads may see half way are atomics; volatile ones are relaxed.
template <typename Op> std::optional<uint32_t> orderOf(Op op, uint32_t only) {
  if (op.getOrdering() == LLVM::AtomicOrdering::not_atomic && !op.getVolatile_())
    return std::nullopt;
  return orderOf(op.getOrdering(), op.getSyncscope()) | only;
}

MemoryAccess accessOf(Operation *op) {
  MemoryAccess access;
  if (auto load = llvm::dyn_cast<LLVM::LoadOp>(op))
    access = {&load.getAddrMutable(), load.getType(),
              "qllm_emu_load",        "load",
              load.getAlignment(),    orderOf(load, emu::OnlyReads)};
  else if (auto store = llvm::dyn_cast<LLVM::StoreOp>(op))
    access = {&store.getAddrMutable(), store.getValue().getType(),     "qllm_emu_store", "store",
              store.getAlignment(),    orderOf(store, emu::OnlyWrites)};
  else if (auto atomic = llvm::dyn_cast<LLVM::AtomicRMWOp>(op))
    access = {&atomic.getPtrMutable(),
              atomic.getType(),
              "",
              "atomicrmw",
              atomic.getAlignment(),
              orderOf(atomic.getOrdering(), atomic.getSyncscope())};
  else if (auto atomic = llvm::dyn_cast<LLVM::AtomicCmpXchgOp>(op))
    access = {&atomic.getPtrMutable(),
              atomic.getCmp().getType(),
              "",
              "cmpxchg",
              atomic.getAlignment(),
              orderOf(atomic.getSuccessOrdering(), atomic.getSyncscope())};
  if (access.order)
    access.function = "qllm_emu_atomic";
  return access;
}

/// Elements of a known number, in bytes; of others 0.
uint64_t sizeOf(LLVM::AllocaOp local, const DataLayout &layout) {
  APInt count;
  return matchPattern(local.getArraySize(), m_ConstantInt(&count))
             ? layout.getTypeSize(local.getElemType()) * count.getZExtValue()
             : 0;
}

/// Local variables that are loaded and stored whole need no check.
bool isPlainLocal(const MemoryAccess &access, const DataLayout &layout) {
  auto local = access.address->get().getDefiningOp<LLVM::AllocaOp>();
  return local && !access.order && layout.getTypeSize(access.type) <= sizeOf(local, layout);
}

/// Whether the array's address is used for something else.
bool needsAnnouncement(LLVM::AllocaOp local, const DataLayout &layout) {
  return llvm::any_of(local->getUses(), [&](OpOperand &use) {
    MemoryAccess access = accessOf(use.getOwner());
    return access.address != &use || !isPlainLocal(access, layout);
  });
}

struct QllmInstrumentKernels : qllm::impl::QllmInstrumentKernelsBase<QllmInstrumentKernels> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    emu::HostLowering host(module);
    DataLayout layout = DataLayout::closest(module);
    llvm::MapVector<LLVM::LLVMFuncOp, SmallVector<LLVM::AllocaOp>> locals;
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
      if (auto local = llvm::dyn_cast<LLVM::AllocaOp>(op);
          local && needsAnnouncement(local, layout))
        locals[local->getParentOfType<LLVM::LLVMFuncOp>()].push_back(local);
      MemoryAccess access = accessOf(op);
      if (access.address && !isPlainLocal(access, layout))
        instrument(op, access, layout, host);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    for (auto &[function, arrays] : locals)
      announceLocals(function, arrays, layout, host);
    host.sites.commit();
  }

private:
  /// Local arrays are known to the runtime from their allocation to the end of their function.
  void announceLocals(LLVM::LLVMFuncOp function, ArrayRef<LLVM::AllocaOp> arrays,
                      const DataLayout &layout, emu::HostLowering &host) {
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    Value before = host.call(builder, function.getLoc(), "qllm_emu_locals", builder.getI32Type(),
                             ValueRange());
    for (LLVM::AllocaOp array : arrays) {
      Location location = array.getLoc();
      builder.setInsertionPointAfter(array);
      Value bytes = host.constant(builder, location, uint32_t(sizeOf(array, layout)));
      host.call(builder, location, "qllm_emu_local", Type(),
                {host.flat(builder, location, array), bytes});
    }
    function.walk([&](LLVM::ReturnOp op) {
      builder.setInsertionPoint(op);
      host.call(builder, op.getLoc(), "qllm_emu_locals_end", Type(), {before});
    });
  }

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
