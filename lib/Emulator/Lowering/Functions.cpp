// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions, their entries, and globals.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "qllm/Emulator/Runtime/Abi.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// The shared address space of NVVM.
constexpr unsigned kShared = 3;

bool isKernel(LLVM::LLVMFuncOp function) {
  return function->hasAttr("nvvm.kernel") || function->hasAttr("gpu.kernel");
}

/// What a declaration is linked to on the host.
const RuntimeSymbol *runtimeFunction(StringRef name) {
  auto found = llvm::find_if(runtimeSymbols(),
                             [&](const RuntimeSymbol &symbol) { return name == symbol.name; });
  return found == runtimeSymbols().end() ? nullptr : &*found;
}

bool takesContext(LLVM::LLVMFuncOp function) {
  return !function.isExternal() || runtimeFunction(function.getSymName())->takesContext;
}

/// Attributes of dialects, and those of arguments, mean something to a GPU only.
void dropDeviceAttributes(LLVM::LLVMFuncOp function) {
  for (NamedAttribute attribute : llvm::to_vector(function->getDiscardableAttrs()))
    function->removeDiscardableAttr(attribute.getName());
  function.removeArgAttrsAttr();
}

void addContextArgument(LLVM::LLVMFuncOp function) {
  auto pointer = LLVM::LLVMPointerType::get(function.getContext());
  LLVM::LLVMFunctionType type = function.getFunctionType();
  SmallVector<Type> parameters{pointer};
  llvm::append_range(parameters, type.getParams());
  function.setFunctionType(LLVM::LLVMFunctionType::get(type.getReturnType(), parameters));
  if (!function.isExternal())
    function.getBody().front().insertArgument(0u, pointer, function.getLoc());
}

LogicalResult passContext(LLVM::LLVMFuncOp function, Operation *module) {
  Value context = function.getBody().front().getArgument(0);
  WalkResult result = function.walk([&](LLVM::CallOp call) {
    if (!call.getCallee()) {
      call.emitOpError("through a pointer is not known to the emulator");
      return WalkResult::interrupt();
    }
    auto callee = llvm::dyn_cast_or_null<LLVM::LLVMFuncOp>(
        SymbolTable::lookupSymbolIn(module, *call.getCallee()));
    if (callee && takesContext(callee)) {
      SmallVector<Value> operands{context};
      llvm::append_range(operands, call.getCalleeOperands());
      call.getCalleeOperandsMutable().assign(operands);
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Which parameters are passed by value, which here means by the address of the launch's bytes. On
/// a GPU that is so for constants of the grid only; others would be copied by each thread.
FailureOr<llvm::BitVector> parametersByValue(LLVM::LLVMFuncOp function) {
  llvm::BitVector byValue(function.getNumArguments());
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    if (!function.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName()))
      continue;
    if (!function.getArgAttr(i, "nvvm.grid_constant"))
      return function.emitOpError("expected nvvm.grid_constant on parameter ")
             << i << ", which is passed by value";
    byValue.set(i);
  }
  return byValue;
}

/// void emu_entry_k(context, arguments): loads what each pointer of `arguments` points at and calls
/// the kernel. Parameters by value are the pointers themselves.
void addEntry(LLVM::LLVMFuncOp kernel, const llvm::BitVector &byValue) {
  OpBuilder builder(kernel->getBlock(), std::next(kernel->getIterator()));
  Location location = kernel.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                          {pointer, pointer});
  auto entry =
      LLVM::LLVMFuncOp::create(builder, location, ("emu_entry_" + kernel.getSymName()).str(), type);
  mlir::Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> operands{block->getArgument(0)};
  for (auto [i, parameter] : llvm::enumerate(kernel.getFunctionType().getParams().drop_front())) {
    Value slot = LLVM::GEPOp::create(builder, location, pointer, pointer, block->getArgument(1),
                                     ArrayRef<LLVM::GEPArg>{int32_t(i)});
    Value address = LLVM::LoadOp::create(builder, location, pointer, slot);
    operands.push_back(
        byValue[i] ? address : Value(LLVM::LoadOp::create(builder, location, parameter, address)));
  }
  LLVM::CallOp::create(builder, location, kernel, operands);
  LLVM::ReturnOp::create(builder, location, ValueRange());
}

} // namespace

LogicalResult qllm::emu::convertFunctions(Operation *module) {
  SmallVector<LLVM::LLVMFuncOp> defined;
  SmallVector<std::pair<LLVM::LLVMFuncOp, llvm::BitVector>> kernels;
  for (auto function : module->getRegion(0).getOps<LLVM::LLVMFuncOp>()) {
    if (!function.isExternal())
      defined.push_back(function);
    else if (!runtimeFunction(function.getSymName()))
      return function.emitOpError("is declared, but the emulator has no function of that name");
    if (function->hasAttr(NVVM::NVVMDialect::getBlocksAreClustersAttrName()))
      return function.emitOpError(
          "is not known to the emulator with grids of clusters, nvvm.blocksareclusters");
    if (isKernel(function)) {
      FailureOr<llvm::BitVector> byValue = parametersByValue(function);
      if (failed(byValue))
        return failure();
      kernels.push_back({function, *byValue});
    }
    dropDeviceAttributes(function);
    if (takesContext(function))
      addContextArgument(function);
  }
  for (LLVM::LLVMFuncOp function : defined)
    if (failed(passContext(function, module)))
      return failure();
  for (const auto &[kernel, byValue] : kernels)
    addEntry(kernel, byValue);
  return success();
}

LogicalResult qllm::emu::convertSharedGlobals(Operation *module, HostLowering &host) {
  DataLayout layout = DataLayout::closest(module);
  llvm::StringMap<uint64_t> offsets;
  SmallVector<LLVM::GlobalOp> shared;
  for (auto global : module->getRegion(0).getOps<LLVM::GlobalOp>())
    if (global.getAddrSpace() == kShared)
      shared.push_back(global);
  uint64_t bytes = 0;
  auto place = [&](LLVM::GlobalOp global, uint64_t size) {
    bytes = llvm::alignTo(bytes, std::max<uint64_t>(global.getAlignment().value_or(16), 16));
    offsets[global.getSymName()] = bytes;
    bytes += size;
  };
  auto sizeOf = [&](LLVM::GlobalOp global) {
    return uint64_t(layout.getTypeSize(global.getGlobalType()));
  };
  for (LLVM::GlobalOp global : shared)
    if (sizeOf(global))
      place(global, sizeOf(global));
  // Arrays of no elements stand for the dynamic part, which begins behind the others.
  for (LLVM::GlobalOp global : shared)
    if (!sizeOf(global))
      place(global, 0);

  module->walk([&](LLVM::AddressOfOp op) {
    auto found = offsets.find(op.getGlobalName());
    if (found == offsets.end())
      return;
    OpBuilder builder(op);
    Location location = op.getLoc();
    auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
    auto at = [&](Value base, uint64_t offset) {
      return LLVM::GEPOp::create(builder, location, pointer, builder.getI8Type(), base,
                                 ArrayRef<LLVM::GEPArg>{int32_t(offset)});
    };
    Value base = LLVM::LoadOp::create(builder, location, pointer,
                                      at(host.context(op), offsetof(ThreadContext, shared)));
    Value address =
        LLVM::AddrSpaceCastOp::create(builder, location, op.getType(), at(base, found->second));
    op.replaceAllUsesWith(address);
    op.erase();
  });
  for (LLVM::GlobalOp global : shared)
    global.erase();
  module->setAttr("emu.shared_bytes",
                  IntegerAttr::get(IntegerType::get(module->getContext(), 64), int64_t(bytes)));
  return success();
}
