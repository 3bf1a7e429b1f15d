// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every operation of the dialect is declared with: the base class and the operand constraints.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMBASE_TD
#define QLLM_DIALECT_QLLM_IR_QLLMBASE_TD

include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/QLLM/IR/QLLMTypes.td"

class QLLM_Op<string mnemonic, list<Trait> traits = []>
    : Op<QLLM_Dialect, mnemonic, !listconcat([Pure], traits)>;

/// Tensors of the arithmetic types; arithmetic itself is f32 whatever the element type is.
def QLLM_Float : AnyTypeOf<[F16, BF16, F32, F64]>;
def QLLM_FloatTensor : RankedTensorOf<[QLLM_Float]>;
def QLLM_FloatVector : 1DTensorOf<[QLLM_Float]>;
def QLLM_FloatOrQuantized : AnyTypeOf<[QLLM_FloatTensor, QLLM_QuantizedType],
                                      "tensor of floats or a quantized tensor">;
/// Scales may also be stored in eight bits.
def QLLM_ScaleTensor : RankedTensorOf<[F32, F16, BF16, F8E8M0FNU, F8E4M3FN]>;
def QLLM_ZeroPointTensor : RankedTensorOf<[AnyInteger]>;
def QLLM_TensorScale : 0DTensorOf<[F32]>;

#endif // QLLM_DIALECT_QLLM_IR_QLLMBASE_TD
