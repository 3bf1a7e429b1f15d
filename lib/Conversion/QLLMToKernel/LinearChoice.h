// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernels products of integers get.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LINEARCHOICE_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LINEARCHOICE_H

#include "ConstantValues.h"
#include "KernelSchedules.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// Null for what is no tensor of integer codes.
IntFormatAttr integersOf(mlir::Value value);

/// Whether a row of the weight has several scales.
bool hasGroups(QuantizedType weight);

/// How codes of inputs lie in memory. All products of a tensor read the same ones.
struct CodeStorage {
  /// Also codes of up to 4 bits lie one to a byte, for tensor instructions that want bytes.
  bool inBytes = false;
  std::string reason; ///< empty where there was nothing to choose
};

/// Describes products, and chooses schedules and the storage of codes by their cost. Changes
/// nothing.
class LinearChoice {
public:
  /// The columns of a low-rank branch that becomes part of the product; 0 for none.
  using RankOf = llvm::function_ref<int64_t(LinearOp)>;

  LinearChoice(const SchedulePolicy &policy, ConstantValues &constants)
      : policy(policy), constants(constants) {}

  /// The kernel that the operands ask for, without a schedule; `choose` says whether there is one.
  kernels::LinearKernel describe(LinearOp op, bool inBytes);

  /// For the product alone, or with a branch of a rank.
  ChosenSchedules choose(LinearOp op, int64_t rank, bool inBytes);

  /// Two to a byte where a target multiplies four bits as they are; else what all products of the
  /// tensor together are faster with on every target. What gives more of them a kernel comes
  /// first. Decided once for a tensor, when it is first asked for.
  const CodeStorage &storageOf(QuantizeOp op, RankOf rankOf);

private:
  std::string refusal(LinearOp op);
  std::string paddingRefusal(LinearOp op, bool inBytes);
  kernels::Interval zeroPointValues(PackOp weight);
  CodeStorage compare(QuantizeOp op, RankOf rankOf);

  const SchedulePolicy &policy;
  ConstantValues &constants;
  llvm::DenseMap<mlir::Operation *, CodeStorage> storages;
  llvm::DenseMap<mlir::Operation *, bool> haveHalfByteZeros; ///< by weight
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LINEARCHOICE_H
