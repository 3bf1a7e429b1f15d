// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-kernel-to-nvvm: finds the different kernels and has each emitted for every target.

#include "CodeBuilder.h"
#include "KernelEmitters.h"
#include "qllm/Conversion/KernelToNVVM/Passes.h"
#include "qllm/Dialect/Kernel/IR/TargetNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace qllm {
#define GEN_PASS_DEF_CONVERTKERNELTONVVM
#include "qllm/Conversion/KernelToNVVM/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

constexpr StringRef sharedName = "qk_shared";

struct ConvertKernelToNVVM : qllm::impl::ConvertKernelToNVVMBase<ConvertKernelToNVVM> {
  using ConvertKernelToNVVMBase::ConvertKernelToNVVMBase;

  void runOnOperation() override;

private:
  FailureOr<SmallVector<const kernels::Target *>> parseTargets();
  void specialize();
  void nameKernels();
  void emitModule(const kernels::Target &target);

  /// The operations that have a kernel of their own, with its name.
  SmallVector<std::pair<KernelOpInterface, std::string>> emitted;
  /// All operations, with the name of their kernel.
  SmallVector<std::pair<KernelOpInterface, std::string>> operations;
  /// Operations that stand for a kernel of another one for few rows, and that one.
  struct Part {
    int64_t maxRows;
    KernelOpInterface op;
  };
  DenseMap<Operation *, SmallVector<Part>> parts;
};

/// Operations with the same key have the same kernel.
Attribute keyOf(KernelOpInterface op) {
  SmallVector<Attribute> key = {StringAttr::get(op.getContext(), op->getName().getStringRef()),
                                op->getAttrDictionary()};
  for (Type type : op.getKernelTypes())
    key.push_back(TypeAttr::get(type));
  return ArrayAttr::get(op.getContext(), key);
}

} // namespace

FailureOr<SmallVector<const kernels::Target *>> ConvertKernelToNVVM::parseTargets() {
  // Not at the operation, whose printed form would be the whole module.
  Location loc = getOperation().getLoc();
  FailureOr<SmallVector<const kernels::Target *>> found = qk::parseTargets(loc, *targets);
  if (failed(found))
    return failure();
  for (const kernels::Target *target : *found)
    if (SymbolTable::lookupSymbolIn(getOperation(), target->name))
      return emitError(loc) << "expected no symbol with the name of a target, but found @"
                            << target->name;
  return found;
}

/// An operation with several schedules becomes as many operations with one, of which the last, for
/// any number of rows, is the one that is read.
void ConvertKernelToNVVM::specialize() {
  SmallVector<KernelOpInterface> several;
  getOperation().walk([&](KernelOpInterface op) {
    if (Attribute schedules = op->getAttr("schedule");
        schedules && schedulesByRows(schedules).size() > 1)
      several.push_back(op);
  });
  for (KernelOpInterface op : several) {
    OpBuilder builder(op);
    SmallVector<RowSchedules> schedules = schedulesByRows(op->getAttr("schedule"));
    for (const RowSchedules &few : ArrayRef<RowSchedules>(schedules).drop_back()) {
      auto part = cast<KernelOpInterface>(builder.clone(*op));
      part->setAttr("schedule", few.schedules);
      parts[op].push_back({few.maxRows, part});
    }
    op->setAttr("schedule", schedules.back().schedules);
  }
}

void ConvertKernelToNVVM::nameKernels() {
  DenseMap<Attribute, std::string> names;
  llvm::StringMap<unsigned> taken;
  getOperation().walk([&](KernelOpInterface op) {
    std::string &name = names[keyOf(op)];
    if (name.empty()) {
      std::string base = op.describeKernel();
      unsigned count = taken[base]++;
      name = count == 0 ? base : base + "_" + std::to_string(count);
      emitted.emplace_back(op, name);
    }
    operations.emplace_back(op, name);
  });
  numShared += operations.size() - emitted.size();
}

void ConvertKernelToNVVM::emitModule(const kernels::Target &target) {
  Location loc = getOperation().getLoc();
  OpBuilder builder(&getContext());
  builder.setInsertionPointToEnd(getOperation().getBody());
  // At level 3 LLVM takes a tenth longer and gives the same code.
  auto attribute =
      NVVM::NVVMTargetAttr::get(&getContext(), /*optLevel=*/2, "nvptx64-nvidia-cuda", target.name,
                                "+ptx" + std::to_string(target.ptxVersion));
  auto module = gpu::GPUModuleOp::create(builder, loc, target.name, ArrayRef<Attribute>{attribute});
  builder.setInsertionPointToStart(module.getBody());
  // No size: how much there is, the launch says. Static arrays end at 48 KiB.
  LLVM::GlobalOp::create(builder, loc, LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                         /*isConstant=*/false, LLVM::Linkage::External, sharedName, Attribute(),
                         /*alignment=*/1024, sharedSpace);
  for (auto &[op, name] : emitted) {
    emitKernel(builder, op, target, name, sharedName);
    ++numKernels;
  }
}

static DictionaryAttr geometryOf(KernelOpInterface op, ArrayRef<const kernels::Target *> targets) {
  Builder builder(op.getContext());
  return builder.getDictionaryAttr(llvm::map_to_vector(targets, [&](const kernels::Target *target) {
    return builder.getNamedAttr(target->name, op.getGeometryOn(*target));
  }));
}

/// Replaces the operation by a launch of its kernel.
static void launch(KernelOpInterface op, StringRef name, ArrayRef<Attribute> specializations,
                   ArrayRef<const kernels::Target *> targets) {
  OpBuilder builder(op);
  auto optional = [&](ArrayRef<int64_t> values) {
    return values.empty() ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(values);
  };
  auto launch = LaunchOp::create(
      builder, op.getLoc(), op->getResultTypes(), builder.getStringAttr(name), op->getOperands(),
      builder.getDenseI64ArrayAttr(op.getRuntimeSizes()), optional(op.getInPlaceResults()),
      optional(op.getRowsOfResults()),
      specializations.empty() ? ArrayAttr() : builder.getArrayAttr(specializations),
      geometryOf(op, targets));
  op->replaceAllUsesWith(launch);
  op->erase();
}

void ConvertKernelToNVVM::runOnOperation() {
  emitted.clear();
  operations.clear();
  parts.clear();
  FailureOr<SmallVector<const kernels::Target *>> wanted = parseTargets();
  if (failed(wanted))
    return signalPassFailure();
  specialize();
  nameKernels();
  for (const kernels::Target *target : *wanted)
    for (auto &[op, name] : emitted)
      if (failed(verifyKernel(op, *target)))
        return signalPassFailure();
  if (operations.empty())
    return;
  for (const kernels::Target *target : *wanted)
    emitModule(*target);
  DenseMap<Operation *, StringRef> names;
  for (auto &[op, name] : operations)
    names[op] = name;
  llvm::SmallPtrSet<Operation *, 16> absorbed;
  for (auto &entry : parts)
    for (const Part &part : entry.second)
      absorbed.insert(part.op);
  for (auto &[op, name] : operations) {
    if (absorbed.contains(op))
      continue;
    SmallVector<Part> few = parts.lookup(op);
    SmallVector<Attribute> specializations;
    for (const Part &part : few)
      specializations.push_back(SpecializationAttr::get(
          &getContext(), part.maxRows, StringAttr::get(&getContext(), names[part.op]),
          geometryOf(part.op, *wanted)));
    launch(op, name, specializations, *wanted);
    for (const Part &part : few)
      part.op->erase();
  }
}
