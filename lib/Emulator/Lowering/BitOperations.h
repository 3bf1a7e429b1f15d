// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bits of PTX arithmetic that LLVM has no operation for, built from those it has.

#ifndef QLLM_LIB_EMULATOR_LOWERING_BITOPERATIONS_H
#define QLLM_LIB_EMULATOR_LOWERING_BITOPERATIONS_H

#include "HostLowering.h"

namespace qllm::emu {

/// prmt in its default mode: each nibble of `selector` picks a byte of hi:lo, or copies of its
/// sign.
mlir::Value permuteBytes(mlir::OpBuilder &builder, mlir::Location location, mlir::Value lo,
                         mlir::Value hi, mlir::Value selector);

/// lop3 with table `table`: bit (a, b, c) of the result is bit 4 a + 2 b + c of it.
mlir::Value threeInputLogic(mlir::OpBuilder &builder, mlir::Location location, mlir::Value a,
                            mlir::Value b, mlir::Value c, unsigned table);

/// a * b + c rounded once, f16 or bf16, elements of a vector one by one.
mlir::Value fusedMultiplyAdd(mlir::OpBuilder &builder, mlir::Location location, HostLowering &host,
                             mlir::Value a, mlir::Value b, mlir::Value c);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_LOWERING_BITOPERATIONS_H
