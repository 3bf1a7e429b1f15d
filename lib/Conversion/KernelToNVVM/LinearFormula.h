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
  mlir::Value centredSum;  ///< sum of (code - zero point); null where weights are symmetric
  mlir::Value branchScale; ///< null where there is no low-rank branch
};

/// What belongs to one column; absent ones are null.
struct ColumnValues {
  mlir::Value scale, sum, zeroPoint, bias, branchScale;
};

class LinearFormula {
public:
  LinearFormula(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                const LinearArguments &arguments, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel), arguments(arguments), scaleLog2(scaleLog2),
        wide(!kernel.isGrouped() && kernel.hasWideCorrection()) {}

  /// Of any row; what is outside gets values that do no harm.
  RowValues loadRow(mlir::Value row);
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
  /// To the width that zero points are taken off in.
  mlir::Value widen(mlir::Value value) { return wide ? code.extendSigned64(value) : value; }

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  const LinearArguments &arguments;
  unsigned scaleLog2;
  bool wide;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFORMULA_H
