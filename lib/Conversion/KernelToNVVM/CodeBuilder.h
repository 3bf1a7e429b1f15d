// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The few operations that kernels are made of, with constants kept at the top of the function.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_CODEBUILDER_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_CODEBUILDER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// Address spaces of PTX.
inline constexpr unsigned genericSpace = 0, globalSpace = 1, sharedSpace = 3, tensorSpace = 6,
                          clusterSpace = 7;

/// Builds the body of one kernel. Integers are i32 unless said otherwise, comparisons signed.
class CodeBuilder {
public:
  /// `builder` stands at the start of the function's body.
  CodeBuilder(mlir::OpBuilder &builder, mlir::Location loc);

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }
  mlir::Type i32() { return builder.getI32Type(); }
  mlir::Type f32() { return builder.getF32Type(); }

  mlir::Value constant(int64_t value);
  mlir::Value constant16(int64_t value);
  mlir::Value constant64(int64_t value);
  mlir::Value constant(float value);

  /// The block's place in the grid, and the blocks along its rows. Rows lie along x, where blocks
  /// start one after the other, so that blocks that run together read the same weights.
  mlir::Value rowBlock();
  mlir::Value columnBlock();
  mlir::Value rowBlocks();

  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return b == 0 ? a : add(a, constant(b)); }
  mlir::Value subtract(mlir::Value a, mlir::Value b);
  mlir::Value multiply(mlir::Value a, mlir::Value b);
  mlir::Value multiply(mlir::Value a, int64_t b) { return multiply(a, constant(b)); }
  mlir::Value bitAnd(mlir::Value a, int64_t b);
  mlir::Value bitOr(mlir::Value a, mlir::Value b);
  mlir::Value bitXor(mlir::Value a, mlir::Value b);
  mlir::Value shiftLeft(mlir::Value a, int64_t bits);
  /// Filled with zeros, and with the sign.
  mlir::Value shiftRight(mlir::Value a, int64_t bits);
  mlir::Value shiftRightSigned(mlir::Value a, int64_t bits);
  /// Of non-negative numbers.
  mlir::Value divide(mlir::Value a, int64_t b);
  mlir::Value remainder(mlir::Value a, int64_t b);
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value maximum(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value isEqual(mlir::Value a, mlir::Value b);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value extend64(mlir::Value a);
  mlir::Value extendSigned64(mlir::Value a);
  /// The low bits.
  mlir::Value truncate(mlir::Value a, unsigned width);
  /// Byte i of the result is the byte of b:a that half byte i of the selector names.
  mlir::Value permuteBytes(mlir::Value a, mlir::Value b, int64_t selector);
  /// The low bytes of four words, the first one lowest.
  mlir::Value joinBytes(mlir::Value a, mlir::Value b, mlir::Value c, mlir::Value d);
  /// The same number, of which LLVM knows neither that it is nor that two of them are one: a
  /// permutation that changes nothing, of which qllm-expand-kernel-instructions makes a move.
  mlir::Value hide(mlir::Value a) { return permuteBytes(a, constant(numHidden++), 0x3210); }

  mlir::Value addFloat(mlir::Value a, mlir::Value b);
  mlir::Value subtractFloat(mlir::Value a, mlir::Value b);
  mlir::Value multiplyFloat(mlir::Value a, mlir::Value b);
  /// a * b + c, rounded once.
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value intToFloat(mlir::Value a);
  mlir::Value bitsToFloat(mlir::Value a);
  mlir::Value floatToBits(mlir::Value a);

  /// The address `bytes` further on. It need not lie in the same object.
  mlir::Value advance(mlir::Value pointer, mlir::Value bytes);
  mlir::Value advance(mlir::Value pointer, int64_t bytes);
  /// The address of element `index` (not negative) of those that lie `stride` bytes apart. It is
  /// one instruction where the index is hidden in the same block. Of others, LLVM carries the
  /// address through a loop, which takes two additions, or shares the extension to 64 bits.
  mlir::Value advanceWide(mlir::Value pointer, mlir::Value index, int64_t stride);
  /// The place of a pointer to shared memory in units of 16 bytes, as descriptors of matrices have
  /// it.
  mlir::Value sharedUnits(mlir::Value pointer);
  /// A load from memory that nobody writes while the kernel runs.
  mlir::Value loadConstant(mlir::Type type, mlir::Value pointer, unsigned alignment);
  mlir::Value load(mlir::Type type, mlir::Value pointer, unsigned alignment);
  void store(mlir::Value value, mlir::Value pointer, unsigned alignment);
  /// Element `index` of a vector, member `index` of a struct.
  mlir::Value element(mlir::Value vector, unsigned index);
  mlir::Value member(mlir::Value aggregate, unsigned index);
  mlir::Value pair(mlir::Value first, mlir::Value second);
  mlir::Value vector(llvm::ArrayRef<mlir::Value> elements);

  /// `body` runs where the condition holds; a null condition always does.
  void when(mlir::Value condition, llvm::function_ref<void()> body);
  void either(mlir::Value condition, llvm::function_ref<void()> body,
              llvm::function_ref<void()> otherwise);
  /// The values of one of two bodies, which give values of the same types.
  llvm::SmallVector<mlir::Value>
  choose(mlir::Value condition, llvm::function_ref<llvm::SmallVector<mlir::Value>()> body,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);
  /// A loop over begin, begin + 1, .. below end that stays one: `body` makes the values that the
  /// next round starts with. The last ones.
  mlir::ValueRange
  repeat(int64_t begin, int64_t end, mlir::ValueRange initial,
         llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value index,
                                                           mlir::ValueRange carried)>
             body) {
    return repeat(constant(begin), end, /*step=*/1, initial, body);
  }
  /// The same over begin, begin + step, ..
  mlir::ValueRange
  repeat(mlir::Value begin, int64_t end, int64_t step, mlir::ValueRange initial,
         llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value index,
                                                           mlir::ValueRange carried)>
             body) {
    return repeat(begin, constant(end), step, initial, body);
  }
  mlir::ValueRange
  repeat(mlir::Value begin, mlir::Value end, int64_t step, mlir::ValueRange initial,
         llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value index,
                                                           mlir::ValueRange carried)>
             body);
  /// The value that the first lane has.
  mlir::Value broadcast(mlir::Value value);

private:
  mlir::Value materialize(mlir::TypedAttr attribute);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Block *entry;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
  int64_t numHidden = 0;
};

/// Tells LLVM not to unroll a loop, whose long body would take more registers and more of the
/// instruction cache.
void keepRolled(mlir::Operation *loop);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_CODEBUILDER_H
