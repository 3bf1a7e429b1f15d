// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `qk` dialect itself. What it models and why is in docs/Dialects/RationaleKernel.md.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_TD

include "mlir/IR/DialectBase.td"

def Kernel_Dialect : Dialect {
  let name = "qk";
  let cppNamespace = "::qllm::qk";
  let summary = "GPU kernels on quantized tensors, one operation each";
  let description = [{
    An operation of this dialect is one kernel: it reads tensors as they are stored (codes, scales, sums of
    codes), and says with which tile sizes, pipeline and order of weights it runs. Whatever cannot work is
    refused by a verifier, with the limit that was crossed; what a particular target lacks is refused by
    `convert-kernel-to-nvvm`, which turns the operations into code.
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_TD
