// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of operations. It says what was tried, not what might work: an operation that is missing
// here is refused.

#include "RequiredCapability.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace qllm;
using kernels::Capability;

namespace {

Requirement need(Capability capability) { return {Requirement::OneCapability, capability}; }
Requirement needNothing() { return {Requirement::Nothing, {}}; }
Requirement unknown() { return {Requirement::Unknown, {}}; }

/// Operations that every target has.
bool isEverywhere(StringRef name) {
  static const llvm::StringSet<> names = {"arith.addf",
                                          "arith.addi",
                                          "arith.andi",
                                          "arith.bitcast",
                                          "arith.cmpf",
                                          "arith.cmpi",
                                          "arith.constant",
                                          "arith.divf",
                                          "arith.divsi",
                                          "arith.divui",
                                          "arith.extf",
                                          "arith.extsi",
                                          "arith.extui",
                                          "arith.fptosi",
                                          "arith.fptoui",
                                          "arith.index_cast",
                                          "arith.index_castui",
                                          "arith.maximumf",
                                          "arith.maxnumf",
                                          "arith.maxsi",
                                          "arith.maxui",
                                          "arith.minimumf",
                                          "arith.minnumf",
                                          "arith.minsi",
                                          "arith.minui",
                                          "arith.mulf",
                                          "arith.muli",
                                          "arith.negf",
                                          "arith.ori",
                                          "arith.remf",
                                          "arith.remsi",
                                          "arith.remui",
                                          "arith.select",
                                          "arith.shli",
                                          "arith.shrsi",
                                          "arith.shrui",
                                          "arith.sitofp",
                                          "arith.subf",
                                          "arith.subi",
                                          "arith.truncf",
                                          "arith.trunci",
                                          "arith.uitofp",
                                          "arith.xori",
                                          "cf.br",
                                          "cf.cond_br",
                                          "nvvm.bar.warp.sync",
                                          "nvvm.barrier",
                                          "nvvm.barrier0",
                                          "nvvm.cp.async.commit.group",
                                          "nvvm.cp.async.wait.group",
                                          "nvvm.mbarrier.init",
                                          "nvvm.prmt",
                                          "nvvm.read.ptx.sreg.ctaid.x",
                                          "nvvm.read.ptx.sreg.ctaid.y",
                                          "nvvm.read.ptx.sreg.ctaid.z",
                                          "nvvm.read.ptx.sreg.laneid",
                                          "nvvm.read.ptx.sreg.nctaid.x",
                                          "nvvm.read.ptx.sreg.nctaid.y",
                                          "nvvm.read.ptx.sreg.nctaid.z",
                                          "nvvm.read.ptx.sreg.ntid.x",
                                          "nvvm.read.ptx.sreg.ntid.y",
                                          "nvvm.read.ptx.sreg.ntid.z",
                                          "nvvm.read.ptx.sreg.tid.x",
                                          "nvvm.read.ptx.sreg.tid.y",
                                          "nvvm.read.ptx.sreg.tid.z",
                                          "nvvm.shfl.sync",
                                          "nvvm.vote.sync",
                                          "llvm.addrspacecast",
                                          "llvm.bitcast",
                                          "llvm.extractelement",
                                          "llvm.extractvalue",
                                          "llvm.func",
                                          "llvm.getelementptr",
                                          "llvm.insertelement",
                                          "llvm.intr.fma",
                                          "llvm.inttoptr",
                                          "llvm.load",
                                          "llvm.mlir.addressof",
                                          "llvm.mlir.constant",
                                          "llvm.mlir.global",
                                          "llvm.mlir.poison",
                                          "llvm.mlir.zero",
                                          "llvm.ptrtoint",
                                          "llvm.return",
                                          "llvm.store",
                                          "scf.condition",
                                          "scf.for",
                                          "scf.if",
                                          "scf.while",
                                          "scf.yield"};
  return names.contains(name);
}

/// Intrinsics that are called by name, which every target has.
bool isIntrinsicEverywhere(StringRef name) {
  static const llvm::StringSet<> names = {"llvm.nvvm.ex2.approx.ftz.f",
                                          "llvm.nvvm.rcp.approx.ftz.f", "llvm.nvvm.sqrt.rn.f"};
  return names.contains(name);
}

std::optional<Capability> partOfSomeTargets(StringRef name) {
  static const llvm::StringMap<Capability> capabilities = {
      {"nvvm.cluster.arrive", Capability::Cluster},
      {"nvvm.cluster.arrive.relaxed", Capability::Cluster},
      {"nvvm.cluster.wait", Capability::Cluster},
      {"nvvm.convert.f32x2.to.f4x2", Capability::ConvertFloat4},
      {"nvvm.cp.async.bulk.shared.cluster.global", Capability::TensorCopy},
      {"nvvm.cp.async.bulk.tensor.shared.cluster.global", Capability::TensorCopy},
      {"nvvm.cp.async.shared.global", Capability::AsyncCopy},
      {"nvvm.elect.sync", Capability::Cluster},
      {"nvvm.fence.mbarrier.init", Capability::Cluster},
      {"nvvm.griddepcontrol", Capability::DependentLaunch},
      {"nvvm.mapa", Capability::Cluster},
      {"nvvm.mbarrier.arrive.expect_tx", Capability::TensorCopy},
      {"nvvm.mbarrier.try_wait.parity", Capability::TensorCopy},
      {"nvvm.mma.block_scale", Capability::MmaBlockScale},
      {"nvvm.read.ptx.sreg.cluster.ctaid.x", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.ctaid.y", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.ctaid.z", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.ctarank", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.nctaid.x", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.nctaid.y", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.nctaid.z", Capability::Cluster},
      {"nvvm.read.ptx.sreg.cluster.nctarank", Capability::Cluster},
      {"nvvm.read.ptx.sreg.clusterid.x", Capability::Cluster},
      {"nvvm.read.ptx.sreg.clusterid.y", Capability::Cluster},
      {"nvvm.read.ptx.sreg.clusterid.z", Capability::Cluster},
      {"nvvm.read.ptx.sreg.nclusterid.x", Capability::Cluster},
      {"nvvm.read.ptx.sreg.nclusterid.y", Capability::Cluster},
      {"nvvm.read.ptx.sreg.nclusterid.z", Capability::Cluster},
      {"nvvm.setmaxregister", Capability::RegisterRebalance},
      {"nvvm.tcgen05.alloc", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.commit", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.cp", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.dealloc", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.fence", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.ld", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.mma.block_scale", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.relinquish_alloc_permit", Capability::TensorMemoryMma},
      {"nvvm.tcgen05.wait", Capability::TensorMemoryMma},
      {"nvvm.wgmma.commit.group.sync.aligned", Capability::WarpgroupMma},
      {"nvvm.wgmma.fence.aligned", Capability::WarpgroupMma},
      {"nvvm.wgmma.mma_async", Capability::WarpgroupMma},
      {"nvvm.wgmma.wait.group.sync.aligned", Capability::WarpgroupMma},
      {"qk.wgmma_register_a", Capability::WarpgroupMma}};
  auto found = capabilities.find(name);
  return found == capabilities.end() ? std::nullopt : std::optional(found->second);
}

bool isSupportedMemory(unsigned space) {
  using Space = NVVM::NVVMMemorySpace;
  return llvm::is_contained(
      {Space::Generic, Space::Global, Space::Shared, Space::Tensor, Space::SharedCluster},
      Space(space));
}

Requirement requirementOfMma(NVVM::MmaOp op) {
  if (op.getMultiplicandAPtxType() && op.getMultiplicandBPtxType()) {
    auto isOneOf = [&](NVVM::MMATypes a, NVVM::MMATypes b) {
      return llvm::all_of(ArrayRef{*op.getMultiplicandAPtxType(), *op.getMultiplicandBPtxType()},
                          [=](NVVM::MMATypes type) { return type == a || type == b; });
    };
    if (isOneOf(NVVM::MMATypes::s8, NVVM::MMATypes::u8))
      return need(Capability::MmaInt8);
    if (isOneOf(NVVM::MMATypes::s4, NVVM::MMATypes::u4))
      return need(Capability::MmaInt4);
    if (isOneOf(NVVM::MMATypes::f16, NVVM::MMATypes::bf16))
      return need(Capability::MmaHalf);
  }
  return unknown();
}

/// Newer shapes need newer targets than the table speaks of.
bool isOldShape(NVVM::LdStMatrixShapeAttr shape, NVVM::LdStMatrixEltType elementType) {
  return shape.getM() == 8 && shape.getN() == 8 && elementType == NVVM::LdStMatrixEltType::B16;
}

/// One thread at a barrier of its block, which every target has.
bool isPlainArrival(NVVM::MBarrierArriveOp op) {
  auto barrier = cast<LLVM::LLVMPointerType>(op.getAddr().getType());
  return !op.getCount() && op.getScope() == NVVM::MemScopeKind::CTA &&
         barrier.getAddressSpace() != unsigned(NVVM::NVVMMemorySpace::SharedCluster);
}

bool isCount(LLVM::AtomicRMWOp op) {
  return op.getBinOp() == LLVM::AtomicBinOp::add && op.getType().isInteger(32) &&
         op.getSyncscope() == "device";
}

} // namespace

Requirement qllm::requirementOf(Operation *op) {
  if (auto mma = dyn_cast<NVVM::MmaOp>(op))
    return requirementOfMma(mma);
  if (auto load = dyn_cast<NVVM::LdMatrixOp>(op))
    return isOldShape(load.getShape(), load.getEltType()) ? need(Capability::LoadMatrix)
                                                          : unknown();
  if (auto store = dyn_cast<NVVM::StMatrixOp>(op))
    return isOldShape(store.getShape(), store.getEltType()) ? need(Capability::StoreMatrix)
                                                            : unknown();
  if (auto convert = dyn_cast<NVVM::ConvertF32x2ToF8x2Op>(op))
    return isa<Float8E4M3FNType, Float8E5M2Type>(convert.getDstTy())
               ? need(Capability::ConvertFloat8)
               : unknown();
  if (auto reduction = dyn_cast<NVVM::ReduxOp>(op))
    return reduction.getVal().getType().isInteger() ? needNothing() : unknown();
  if (auto arrive = dyn_cast<NVVM::MBarrierArriveOp>(op))
    return isPlainArrival(arrive) ? needNothing() : need(Capability::Cluster);
  if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op))
    return isIntrinsicEverywhere(call.getIntrin()) ? needNothing() : unknown();
  if (auto atomic = dyn_cast<LLVM::AtomicRMWOp>(op))
    return isCount(atomic) ? needNothing() : unknown();
  StringRef name = op->getName().getStringRef();
  if (std::optional<Capability> capability = partOfSomeTargets(name))
    return need(*capability);
  return isEverywhere(name) ? needNothing() : unknown();
}

bool qllm::isSupportedType(Type type) {
  if (isa<IntegerType>(type))
    return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, type.getIntOrFloatBitWidth());
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getRank() == 1 && !vector.isScalable() &&
           isSupportedType(vector.getElementType());
  if (auto array = dyn_cast<LLVM::LLVMArrayType>(type))
    return isSupportedType(array.getElementType());
  if (auto aggregate = dyn_cast<LLVM::LLVMStructType>(type))
    return !aggregate.isOpaque() && llvm::all_of(aggregate.getBody(), isSupportedType);
  if (auto pointer = dyn_cast<LLVM::LLVMPointerType>(type))
    return isSupportedMemory(pointer.getAddressSpace());
  return type.isIndex() || type.isF16() || type.isBF16() || type.isF32() || type.isF64() ||
         isa<LLVM::LLVMVoidType>(type);
}
