// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of qk.linear after the sum, for one element.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFORMULA_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFORMULA_H

#include "LinearPlace.h"

namespace qllm {

/// What belongs to one row of the product.
struct RowValues {
  mlir::Value scale;       ///< null where groups of inputs have scales
  mlir::Value zeroPoint;   ///< null where inputs are symmetric, or groups have zero points
  mlir::Value sum;         ///< sum of codes; null where weights are symmetric
  mlir::Value branchScale; ///< null where there is no low-rank branch
};

/// What belongs to one column; absent ones are null. `centredSum` is the sum of (code - zero
/// point), and of a product of groups of their scaled sums.
struct ColumnValues {
  mlir::Value scale, centredSum, zeroPoint, bias, branchScale;
};

class LinearFormula {
public:
  /// Rows are counted from the one that `arguments` start from.
  LinearFormula(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                const LinearArguments &arguments, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel), arguments(arguments), scaleLog2(scaleLog2),
        proof(kernel.proveAccumulator(kernels::MmaForm::Int8)) {}

  /// Of a row that is there.
  RowValues loadRow(int64_t row);
  /// Of two neighbouring columns of the lane's block.
  std::array<ColumnValues, 2> loadColumns(int64_t block);
  /// Of one column.
  ColumnValues loadColumn(mlir::Value column);

  /// The result in f32. `sum` is an integer, or a float where weights have scales of groups;
  /// 2^scaleLog2 times the sum of products of codes. `branchSum` is the integer of the low-rank
  /// branch, if there is one.
  mlir::Value finish(mlir::Value sum, const RowValues &row, const ColumnValues &column,
                     mlir::Value branchSum = mlir::Value());

private:
  mlir::Value finishWhole(mlir::Value sum, const RowValues &row, const ColumnValues &column);
  mlir::Value finishGroups(mlir::Value sum, const RowValues &row, const ColumnValues &column);
  mlir::Value centre(mlir::Value sum, mlir::Value zeroPoint);
  mlir::Value subtractProduct(mlir::Value sum, mlir::Value a, mlir::Value b, bool wide);

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  const LinearArguments &arguments;
  unsigned scaleLog2;
  kernels::AccumulatorProof proof;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFORMULA_H
