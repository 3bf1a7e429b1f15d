// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-expand-kernel-instructions: the one place where PTX is text.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "qllm/Conversion/KernelToNVVM/Passes.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {
#define GEN_PASS_DEF_EXPANDKERNELINSTRUCTIONS
#include "qllm/Conversion/KernelToNVVM/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// `$first, $first+1, ..`
std::string operandNames(size_t first, size_t count) {
  std::string text;
  for (size_t i = 0; i != count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text;
}

/// Sums are outputs that inputs are tied to: $0 to $n-1, then A, the descriptor, the sums before.
/// Where these are zero, the predicate says so, and nobody has to clear registers.
void expand(qk::WgmmaRegisterAOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto type = cast<LLVM::LLVMStructType>(op.getSums().getType());
  size_t count = type.getBody().size();
  bool fromZero = op.getSums().getDefiningOp<LLVM::ZeroOp>();
  std::string text = "{\n.reg .pred p;\nsetp.ne.b32 p, " + std::string(fromZero ? "0" : "1") +
                     ", 0;\n" + op.getMnemonic() + " {" + operandNames(0, count) + "}, {" +
                     operandNames(count, 4) + "}, $" + std::to_string(count + 4) + ", p;\n}";
  std::string constraints;
  for (size_t i = 0; i != count; ++i)
    constraints += "=r,";
  constraints += "r,r,r,r,l";
  SmallVector<Value> operands(op.getA());
  operands.push_back(op.getDescriptor());
  for (size_t i = 0; i != count; ++i) {
    constraints += "," + std::to_string(i);
    operands.push_back(
        fromZero
            ? LLVM::UndefOp::create(builder, loc, type.getBody()[i]).getResult()
            : LLVM::ExtractValueOp::create(builder, loc, op.getSums(), int64_t(i)).getResult());
  }
  auto assembly = LLVM::InlineAsmOp::create(
      builder, loc, type, operands, text, constraints, /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(op.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  op.replaceAllUsesWith(assembly.getResult(0));
  op.erase();
}

/// A permutation that leaves all bytes where they are hides a number from LLVM. An assembler drops
/// a move, but not always such a permutation; as it has side effects, LLVM takes no two for one.
void expandHidden(NVVM::PermuteOp op) {
  llvm::APInt selector;
  if (!matchPattern(op.getSelector(), m_ConstantInt(&selector)) || selector != 0x3210)
    return;
  OpBuilder builder(op);
  auto move = LLVM::InlineAsmOp::create(
      builder, op.getLoc(), op.getType(), ValueRange{op.getLo()}, "mov.b32 $0, $1;", "=r,r",
      /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(op.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  op.replaceAllUsesWith(move.getResult(0));
  op.erase();
}

struct ExpandKernelInstructions
    : qllm::impl::ExpandKernelInstructionsBase<ExpandKernelInstructions> {
  void runOnOperation() override {
    getOperation()->walk([](qk::WgmmaRegisterAOp op) { expand(op); });
    getOperation()->walk([](NVVM::PermuteOp op) { expandHidden(op); });
  }
};

} // namespace
