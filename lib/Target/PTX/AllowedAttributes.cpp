// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of attributes. Those of arithmetic and of control flow are not here: none makes LLVM end
// the process.

#include "AllowedAttributes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The values that an attribute may have, as they are printed; any where there are none.
using Values = SmallVector<StringRef, 0>;
using Attributes = llvm::StringMap<Values>;

const Values any;

const llvm::StringMap<Attributes> &allowed() {
  static const llvm::StringMap<Attributes> attributes = {
      {"llvm.call_intrinsic",
       {{"intrin", any},
        {"fastmathFlags", any},
        {"op_bundle_sizes", {"array<i32>"}},
        {"operandSegmentSizes", any}}},
      {"llvm.atomicrmw",
       {{"alignment", {"4 : i64"}},
        {"bin_op", any},
        {"ordering", {"4 : i64", "5 : i64", "6 : i64", "2 : i64"}},
        {"syncscope", any}}},
      {"llvm.extractvalue", {{"position", any}}},
      {"llvm.func",
       {{"sym_name", any},
        {"function_type", any},
        {"arg_attrs", any},
        {"linkage", {"#llvm.linkage<external>", "#llvm.linkage<internal>"}},
        {"CConv", {"#llvm.cconv<ccc>"}},
        {"visibility_", {"0 : i64"}},
        {"unnamed_addr", {"0 : i64"}},
        {"gpu.kernel", any},
        {"nvvm.kernel", any},
        {"nvvm.maxntid", any},
        {"nvvm.reqntid", any},
        {"nvvm.minctasm", any},
        {"nvvm.maxnreg", any},
        {"nvvm.cluster_dim", any}}},
      {"llvm.getelementptr",
       {{"elem_type", any}, {"rawConstantIndices", any}, {"noWrapFlags", any}}},
      {"llvm.insertvalue", {{"position", any}}},
      {"llvm.intr.fma", {{"fastmathFlags", any}}},
      {"llvm.load", {{"alignment", any}, {"invariant", any}, {"ordering", any}}},
      {"llvm.mlir.addressof", {{"global_name", any}}},
      {"llvm.mlir.constant", {{"value", any}}},
      {"llvm.mlir.global",
       {{"sym_name", any},
        {"global_type", any},
        {"addr_space", any},
        {"alignment", any},
        {"linkage", {"#llvm.linkage<external>", "#llvm.linkage<internal>"}},
        {"visibility_", {"0 : i64"}},
        {"unnamed_addr", {"0 : i64"}}}},
      {"llvm.store", {{"alignment", any}, {"ordering", any}}},
      {"nvvm.barrier", {{"operandSegmentSizes", any}}},
      {"nvvm.cluster.arrive", {{"aligned", any}}},
      {"nvvm.cluster.arrive.relaxed", {{"aligned", any}}},
      {"nvvm.cluster.wait", {{"aligned", any}}},
      {"nvvm.convert.f32x2.to.f4x2", {{"dstTy", {"f4E2M1FN"}}, {"relu", {"false"}}}},
      {"nvvm.convert.f32x2.to.f8x2",
       {{"dstTy", any},
        {"relu", {"false"}},
        {"rnd", {"#nvvm.fp_rnd_mode<rn>"}},
        {"sat", {"#nvvm.sat_mode<satfinite>"}}}},
      // To one block or several, without hints.
      {"nvvm.cp.async.bulk.shared.cluster.global",
       {{"operandSegmentSizes", {"array<i32: 1, 1, 1, 1, 0, 0>", "array<i32: 1, 1, 1, 1, 1, 0>"}}}},
      {"nvvm.cp.async.bulk.tensor.shared.cluster.global",
       {{"isCTAOnly", {"false"}},
        {"mode", {"#nvvm.tma_load_mode<tile>"}},
        {"operandSegmentSizes",
         {"array<i32: 1, 1, 2, 1, 0, 0, 0, 0>", "array<i32: 1, 1, 2, 1, 0, 1, 0, 0>"}}}},
      {"nvvm.cp.async.shared.global", {{"modifier", any}, {"size", any}}},
      {"nvvm.cp.async.wait.group", {{"n", any}}},
      {"nvvm.griddepcontrol", {{"kind", any}}},
      {"nvvm.ldmatrix", {{"eltType", any}, {"layout", any}, {"num", any}, {"shape", any}}},
      {"nvvm.mbarrier.arrive",
       {{"relaxed", {"false"}}, {"scope", {"#nvvm.mem_scope<cta>", "#nvvm.mem_scope<cluster>"}}}},
      {"nvvm.mbarrier.arrive.expect_tx",
       {{"relaxed", {"false"}}, {"scope", {"#nvvm.mem_scope<cta>", "#nvvm.mem_scope<cluster>"}}}},
      {"nvvm.mma.block_scale",
       {{"blockScaleFormat", any},
        {"kind", any},
        {"multiplicandAPtxType", any},
        {"multiplicandBPtxType", any},
        {"operandSegmentSizes", any},
        {"scaleVecSize", any},
        {"shape", any}}},
      {"nvvm.mma.sync",
       {{"intOverflowBehavior", any},
        {"layoutA", any},
        {"layoutB", any},
        {"multiplicandAPtxType", any},
        {"multiplicandBPtxType", any},
        {"operandSegmentSizes", any},
        {"shape", any}}},
      {"nvvm.prmt", {{"mode", any}}},
      {"nvvm.redux.sync", {{"abs", {"false"}}, {"kind", any}, {"nan", {"false"}}}},
      {"nvvm.setmaxregister", {{"action", any}, {"regCount", any}}},
      {"nvvm.shfl.sync", {{"kind", any}, {"return_value_and_is_valid", any}}},
      {"nvvm.stmatrix", {{"eltType", any}, {"layout", any}, {"shape", any}}},
      {"nvvm.tcgen05.alloc", {{"group", any}}},
      {"nvvm.tcgen05.commit", {{"group", any}}},
      {"nvvm.tcgen05.cp", {{"group", any}, {"multicast", any}, {"shape", any}}},
      {"nvvm.tcgen05.dealloc", {{"group", any}}},
      {"nvvm.tcgen05.fence", {{"kind", any}}},
      {"nvvm.tcgen05.ld", {{"pack", any}, {"shape", any}}},
      {"nvvm.tcgen05.mma.block_scale",
       {{"blockScale", any}, {"collectorOp", any}, {"ctaGroup", any}, {"kind", any}}},
      {"nvvm.tcgen05.relinquish_alloc_permit", {{"group", any}}},
      {"nvvm.tcgen05.wait", {{"kind", any}}},
      {"nvvm.vote.sync", {{"kind", any}}},
      {"nvvm.wgmma.mma_async",
       {{"layoutA", any},
        {"layoutB", any},
        {"satfinite", any},
        {"scaleA", any},
        {"scaleB", any},
        {"scaleD", any},
        {"shape", any},
        {"typeA", any},
        {"typeB", any},
        {"typeD", any}}},
      {"nvvm.wgmma.wait.group.sync.aligned", {{"group", any}}},
      {"qk.wgmma_register_a", {{"unsigned_a", any}, {"unsigned_b", any}}},
  };
  return attributes;
}

} // namespace

LogicalResult qllm::verifyAttributes(Operation *op) {
  if (isa_and_present<arith::ArithDialect, cf::ControlFlowDialect, scf::SCFDialect>(
          op->getDialect()))
    return success();
  static const Attributes none;
  auto found = allowed().find(op->getName().getStringRef());
  const Attributes &known = found == allowed().end() ? none : found->getValue();
  for (NamedAttribute attribute : op->getAttrs()) {
    auto values = known.find(attribute.getName());
    if (values == known.end())
      return op->emitOpError() << "has attribute " << attribute.getName() << " = "
                               << attribute.getValue()
                               << ", which is not in the list of attributes that code is "
                                  "generated for";
    std::string text;
    llvm::raw_string_ostream(text) << attribute.getValue();
    if (!values->getValue().empty() && !llvm::is_contained(values->getValue(), text))
      return op->emitOpError() << "expected " << attribute.getName() << " out of "
                               << llvm::join(values->getValue(), ", ") << ", but got " << text;
  }
  return success();
}
