// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The forms of operations of LLVM. The list says what was tried: LLVM ends the process for many
// forms that its verifier takes, and for some it needs minutes.

#include "AllowedForms.h"

#include "AllowedAttributes.h"
#include "RequiredCapability.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Kernels/Target.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

/// More scalars in one value than any instruction has, and fewer than what LLVM can take apart.
constexpr int64_t mostScalars = 1024;
/// Bytes of the largest alignment that memory of a GPU is asked for.
constexpr uint64_t mostAlignment = 1024;

/// How many scalars a value has, at most one more than allowed.
int64_t countScalars(Type type) {
  int64_t count = 1;
  if (auto vector = dyn_cast<VectorType>(type))
    count = vector.getNumElements();
  else if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
    count = std::min<uint64_t>(array.getNumElements(), mostScalars + 1) *
            countScalars(array.getElementType());
  else if (auto aggregate = dyn_cast<LLVM::LLVMStructType>(type)) {
    count = 0;
    for (Type part : aggregate.getBody())
      count = std::min(count + countScalars(part), mostScalars + 1);
  }
  return std::min(count, mostScalars + 1);
}

LogicalResult verifyValueType(Operation *op, Type type) {
  if (!isSupportedType(type))
    return op->emitOpError() << "expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, "
                                "f64, pointers to memory of the GPU or aggregates of them, but got "
                             << type;
  int64_t scalars = countScalars(type);
  if (!isa<LLVM::LLVMVoidType>(type) && (scalars < 1 || scalars > mostScalars))
    return op->emitOpError() << "expected values of 1 to " << mostScalars << " scalars, but got "
                             << type;
  return success();
}

LogicalResult verifyTypes(Operation *op) {
  auto verifyAll = [&](TypeRange types) -> LogicalResult {
    for (Type type : types)
      if (failed(verifyValueType(op, type)))
        return failure();
    return success();
  };
  if (failed(verifyAll(op->getOperandTypes())) || failed(verifyAll(op->getResultTypes())))
    return failure();
  for (Region &region : op->getRegions())
    for (Block &block : region)
      if (failed(verifyAll(block.getArgumentTypes())))
        return failure();
  return success();
}

LogicalResult verifyAlignment(Operation *op, std::optional<uint64_t> alignment) {
  if (alignment && (!llvm::isPowerOf2_64(*alignment) || *alignment > mostAlignment))
    return op->emitOpError() << "expected an alignment of a power of two, at most " << mostAlignment
                             << ", but got " << *alignment;
  return success();
}

template <typename Access> LogicalResult verifyAccess(Access op) {
  if (op.getOrdering() != LLVM::AtomicOrdering::not_atomic || op.getSyncscope())
    return op.emitOpError() << "expected an access that is not atomic, but got ordering "
                            << stringifyAtomicOrdering(op.getOrdering()) << " and syncscope \""
                            << op.getSyncscope().value_or("") << "\"";
  return verifyAlignment(op, op.getAlignment());
}

/// PTX has names of these, and LLVM changes only those of internal symbols.
LogicalResult verifyName(Operation *op, StringRef name) {
  bool isGood = !name.empty() && !llvm::isDigit(name.front()) &&
                llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '$'; });
  if (isGood)
    return success();
  return op->emitOpError()
         << "expected a name of letters, digits, _ and $ that does not start with "
            "a digit, but got \""
         << name << "\"";
}

/// Memory that the launch gives, or that the block has for itself.
LogicalResult verifyGlobal(LLVM::GlobalOp op) {
  if (failed(verifyName(op, op.getSymName())))
    return failure();
  if (op.getAddrSpace() != unsigned(NVVM::NVVMMemorySpace::Shared))
    return op.emitOpError() << "expected a global in shared memory, address space "
                            << unsigned(NVVM::NVVMMemorySpace::Shared) << ", but got address space "
                            << op.getAddrSpace();
  if (op.getValueOrNull() || !op.getInitializerRegion().empty())
    return op.emitOpError() << "expected no initial value, which shared memory cannot have";
  if (!isSupportedType(op.getType()))
    return verifyValueType(op, op.getType());
  int64_t bytes = DataLayout::closest(op).getTypeSize(op.getType()).getFixedValue();
  if (bytes > kernels::staticSharedBytes)
    return op.emitOpError() << "expected at most " << kernels::staticSharedBytes
                            << " bytes of shared memory of a fixed size, but got " << bytes
                            << "; an external array without a size takes what the launch gives";
  return verifyAlignment(op, op.getAlignment());
}

LogicalResult verifyParameter(LLVM::LLVMFuncOp op, unsigned index) {
  static constexpr StringRef known[] = {"llvm.align", "llvm.byval", "llvm.noalias", "llvm.readonly",
                                        "nvvm.grid_constant"};
  for (NamedAttribute attribute : mlir::function_interface_impl::getArgAttrs(op, index))
    if (!llvm::is_contained(known, attribute.getName()))
      return op.emitOpError() << "expected parameters with attributes out of "
                              << llvm::join(ArrayRef<StringRef>(known), ", ") << ", but got "
                              << attribute.getName() << " of parameter " << index;
  if (auto type = op.getArgAttrOfType<TypeAttr>(index, "llvm.byval");
      type && !isSupportedType(type.getValue()))
    return verifyValueType(op, type.getValue());
  auto alignment = op.getArgAttrOfType<IntegerAttr>(index, "llvm.align");
  return verifyAlignment(op, alignment ? std::optional(alignment.getInt()) : std::nullopt);
}

LogicalResult verifyFunction(LLVM::LLVMFuncOp op) {
  if (failed(verifyName(op, op.getSymName())))
    return failure();
  LLVM::LLVMFunctionType type = op.getFunctionType();
  if (op.isExternal())
    return op.emitOpError() << "expected a body, since nothing is linked to a kernel";
  if (type.isVarArg())
    return op.emitOpError() << "expected a fixed number of parameters, but got " << type;
  if (!isa<LLVM::LLVMVoidType>(type.getReturnType()))
    return op.emitOpError() << "expected no result, but got " << type.getReturnType();
  for (unsigned index = 0; index != type.getNumParams(); ++index)
    if (failed(verifyParameter(op, index)))
      return failure();
  return success();
}

LogicalResult verifyAtomic(LLVM::AtomicRMWOp op) {
  unsigned space = cast<LLVM::LLVMPointerType>(op.getPtr().getType()).getAddressSpace();
  if (space == unsigned(NVVM::NVVMMemorySpace::Global) ||
      space == unsigned(NVVM::NVVMMemorySpace::Shared))
    return success();
  return op.emitOpError() << "expected an address in global or shared memory, but got "
                          << op.getPtr().getType();
}

/// A pointer to one memory is a pointer to another only by way of a generic one, but for shared
/// memory, which is a part of that of the cluster. Memory of tensors has no generic address.
bool isCast(Type from, Type to) {
  using Space = NVVM::NVVMMemorySpace;
  auto spaceOf = [](Type type) {
    auto pointer = dyn_cast<LLVM::LLVMPointerType>(type);
    return pointer ? std::optional(Space(pointer.getAddressSpace())) : std::nullopt;
  };
  std::optional<Space> source = spaceOf(from), target = spaceOf(to);
  auto hasGeneric = [](std::optional<Space> space) {
    return space == Space::Global || space == Space::Shared || space == Space::SharedCluster;
  };
  return (source == Space::Generic && hasGeneric(target)) ||
         (target == Space::Generic && hasGeneric(source)) ||
         (source == Space::Shared && target == Space::SharedCluster);
}

LogicalResult verifyCast(LLVM::AddrSpaceCastOp op) {
  if (isCast(op.getArg().getType(), op.getType()))
    return success();
  return op.emitOpError() << "expected a cast between generic and global or shared memory, or from "
                             "shared memory to that of the cluster, but got "
                          << op.getArg().getType() << " to " << op.getType();
}

/// A copy to the block alone is an instruction of newer PTX versions.
LogicalResult verifyBulkCopy(Operation *op) {
  auto to = cast<LLVM::LLVMPointerType>(op->getOperand(0).getType());
  if (to.getAddressSpace() == unsigned(NVVM::NVVMMemorySpace::SharedCluster))
    return success();
  return op->emitOpError()
         << "expected a copy to shared memory as a part of the cluster's, address "
            "space "
         << unsigned(NVVM::NVVMMemorySpace::SharedCluster) << ", but got " << to;
}

} // namespace

LogicalResult qllm::verifyForm(Operation *op) {
  LogicalResult form =
      TypeSwitch<Operation *, LogicalResult>(op)
          .Case<LLVM::LoadOp, LLVM::StoreOp>([](auto op) { return verifyAccess(op); })
          .Case([](LLVM::GlobalOp op) { return verifyGlobal(op); })
          .Case([](LLVM::LLVMFuncOp op) { return verifyFunction(op); })
          .Case([](LLVM::AtomicRMWOp op) { return verifyAtomic(op); })
          .Case<NVVM::CpAsyncBulkGlobalToSharedClusterOp,
                NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(
              [](auto op) { return verifyBulkCopy(op); })
          .Case([](LLVM::AddrSpaceCastOp op) { return verifyCast(op); })
          .Case([](LLVM::GEPOp op) {
            return isSupportedType(op.getElemType()) ? success()
                                                     : verifyValueType(op, op.getElemType());
          })
          .Default([](Operation *) { return success(); });
  if (failed(form))
    return failure();
  return failed(verifyTypes(op)) ? failure() : verifyAttributes(op);
}
