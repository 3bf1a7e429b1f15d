// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Local arrays lie on the stacks of fibres, which are small: what cannot fit is refused.

#include "HostLowering.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// Of the stack of a fibre; the rest is for frames, and for the runtime below them.
constexpr uint64_t kMostBytes = 40 << 10;

class LocalMemory {
public:
  explicit LocalMemory(Operation *module) : module(module), layout(DataLayout::closest(module)) {}

  /// Bytes of the function's arrays and those of what it calls.
  FailureOr<uint64_t> bytesOf(LLVM::LLVMFuncOp function) {
    auto [entry, isNew] = bytes.try_emplace(function, std::nullopt);
    if (!isNew) {
      if (!entry->second)
        return function.emitOpError("calls itself, which is not known to the emulator");
      return *entry->second;
    }
    uint64_t own = 0, called = 0;
    WalkResult result = function.walk([&](Operation *op) {
      if (auto local = llvm::dyn_cast<LLVM::AllocaOp>(op)) {
        APInt count;
        if (!matchPattern(local.getArraySize(), m_ConstantInt(&count))) {
          op->emitOpError("is known to the emulator with a constant number of elements only");
          return WalkResult::interrupt();
        }
        own += llvm::SaturatingMultiply<uint64_t>(layout.getTypeSize(local.getElemType()),
                                                  count.getLimitedValue(kMostBytes + 1));
      } else if (auto call = llvm::dyn_cast<LLVM::CallOp>(op); call && call.getCallee()) {
        auto callee = llvm::dyn_cast_or_null<LLVM::LLVMFuncOp>(
            SymbolTable::lookupSymbolIn(module, *call.getCallee()));
        FailureOr<uint64_t> deep = callee ? bytesOf(callee) : FailureOr<uint64_t>(0);
        if (failed(deep))
          return WalkResult::interrupt();
        called = std::max(called, *deep);
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return failure();
    own += called;
    if (own > kMostBytes)
      return function.emitOpError("expected at most ")
             << kMostBytes << " bytes of local arrays, with those of functions that it calls, "
             << "but got " << own;
    bytes[function] = own;
    return own;
  }

private:
  Operation *module;
  DataLayout layout;
  /// Nothing while a function is being looked at.
  llvm::DenseMap<Operation *, std::optional<uint64_t>> bytes;
};

} // namespace

LogicalResult qllm::emu::checkLocalMemory(Operation *module) {
  LocalMemory memory(module);
  for (auto function : module->getRegion(0).getOps<LLVM::LLVMFuncOp>())
    if (failed(memory.bytesOf(function)))
      return failure();
  return success();
}
