// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the rows of a block have in some directions, and what is left of them without it.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_PRINCIPALROWS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_PRINCIPALROWS_H

#include "FloatRow.h"
#include "MmaAtom.h"

namespace qllm {

/// Directions as fragments of both products, with a scale for each, and where what rows have in
/// them goes.
struct PrincipalBuffers {
  Buffer directions, transposed, scales, codes, codeScales;
};

/// Rows lie in shared memory as integers of 23 bits, each with a power of two for the row, whose
/// three bytes tensor cores multiply with the directions: these sums are exact. All threads of the
/// block take part in what is not about one row.
class PrincipalRows {
public:
  /// Of `rows` rows in the matrix.
  PrincipalRows(CodeBuilder &code, RowThreads &threads, const kernels::QuantizeKernel &kernel,
                PrincipalBuffers part, mlir::Value rows);

  /// The row of the threads, to shared memory.
  void stage(FloatRow &row);
  /// After all rows are there: stores the codes of their products with the directions, and leaves
  /// in shared memory, as floats, what is left.
  void takeOff();

private:
  /// Three planes of bytes, each of which is a right operand of m16n8k32.
  using Planes = std::array<Words, 3>;
  /// Powers of two, for and from integers.
  struct Powers {
    mlir::Value into, outOf;
  };

  Powers powersFor(mlir::Value largest);
  mlir::Value toInteger(mlir::Value value, mlir::Value power);
  Planes loadPlanes(mlir::Value pointer);
  void multiply(Words left, const Planes &right, llvm::MutableArrayRef<mlir::Value> sums);
  mlir::Value joinPlanes(llvm::ArrayRef<mlir::Value> sums, unsigned element, bool areFloats);
  Words loadFragment(Buffer fragments, mlir::Value index);
  void multiplyDirections();
  void addParts(mlir::Value chunk);
  void roundProducts();
  void roundRow(mlir::Value slot);
  void subtract();
  mlir::Value clampSlot(mlir::Value slot);
  /// A float that each row of the block has, in shared memory.
  mlir::Value ofRow(int64_t offset, mlir::Value slot);

  CodeBuilder &code;
  RowThreads &threads;
  const kernels::QuantizeKernel &kernel;
  PrincipalBuffers part;
  mlir::Value rowsLeft;      ///< rows of the block that there are
  mlir::Value group, member; ///< of the lane in a fragment: lane / 4 and lane % 4
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_PRINCIPALROWS_H
