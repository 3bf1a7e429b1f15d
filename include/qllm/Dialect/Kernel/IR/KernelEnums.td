// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Enumerations of the kernel attributes.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELENUMS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELENUMS_TD

include "mlir/IR/EnumAttr.td"

def Kernel_TileScheduler : I32EnumAttr<"TileScheduler", "which block computes which tile", [
  I32EnumAttrCase<"DataParallel", 0, "data_parallel">,
  I32EnumAttrCase<"StreamK", 1, "stream_k">
]> {
  let cppNamespace = "::qllm::qk";
  let genSpecializedAttr = 0;
}

def Kernel_NormKind : I32EnumAttr<"NormKind", "what a row is normalized by", [
  I32EnumAttrCase<"RMS", 0, "rms">,
  I32EnumAttrCase<"Layer", 1, "layer">
]> {
  let cppNamespace = "::qllm::qk";
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELENUMS_TD
