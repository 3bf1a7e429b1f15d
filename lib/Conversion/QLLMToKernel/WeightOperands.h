// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed weights as kernels for integers read them.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_WEIGHTOPERANDS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_WEIGHTOPERANDS_H

#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Kernels/LinearKernel.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include <tuple>

namespace qllm {

/// Null where a kernel reads none.
struct WeightParts {
  mlir::Value codes, scales, zeroPoints, sums;
};

/// Makes the operands behind each weight, each once for all products that read it. What a product
/// reads depends on its input too: the depth, the order of codes, and whether there are sums.
class WeightOperands {
public:
  WeightParts get(PackOp pack, const kernels::LinearKernel &kernel);

  void mayBeUnused(PackOp pack) { packs.insert(pack); }
  /// Erases weights that nobody reads any more, of those that `get` or `mayBeUnused` was asked for.
  void removeUnused();

private:
  enum Part : int { Scales, ZeroPoints, PaddedCodes, ShuffledCodes, SumsOfRows, SumsOfGroups };
  using Make = llvm::function_ref<mlir::Value(mlir::OpBuilder &)>;

  mlir::Value once(PackOp pack, Part part, int64_t depth, Make make);
  mlir::Value paddedCodes(PackOp pack, const kernels::LinearKernel &kernel, mlir::Value zeroPoints);
  mlir::Value shuffledCodes(PackOp pack, const kernels::LinearKernel &kernel, mlir::Value codes);
  mlir::Value sums(PackOp pack, const kernels::LinearKernel &kernel, const WeightParts &parts);

  llvm::DenseMap<std::tuple<mlir::Operation *, int, int64_t>, mlir::Value> made;
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> last; ///< that was made behind a weight
  llvm::SmallSetVector<mlir::Operation *, 8> packs;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_WEIGHTOPERANDS_H
