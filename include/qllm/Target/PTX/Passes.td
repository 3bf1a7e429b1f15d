// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From kernels to PTX and binaries: the check before code generation, and the pipeline.

#ifndef QLLM_TARGET_PTX_PASSES_TD
#define QLLM_TARGET_PTX_PASSES_TD

include "mlir/Pass/PassBase.td"

def CheckGPUTargets : Pass<"qllm-check-gpu-targets", "::mlir::gpu::GPUModuleOp"> {
  let summary = "refuse what a target of the module does not have";
  let description = [{
    LLVM ends the process when an instruction is not there on the architecture that it generates code for. So every operation of
    the module is looked up first: in the table of capabilities for what only some targets have, in the list of what
    all have for the rest. What is in neither is refused, and so are capabilities that a target only emulates, and
    more than 48 KiB of shared memory with a fixed size.

    The pass changes nothing. It runs on the operations that `convert-kernel-to-nvvm` emits, before they are lowered further.

    ```mlir
    // RUN: qllm-opt --pass-pipeline='builtin.module(gpu.module(qllm-check-gpu-targets))'
    // sm_89 in place of sm_90a would be refused, with the targets that have griddepcontrol and what to do elsewhere.
    gpu.module @kernels [#nvvm.target<chip = "sm_90a">] {
      llvm.func @kernel() {
        nvvm.griddepcontrol wait
        llvm.return
      }
    }
    ```
  }];
}

#endif // QLLM_TARGET_PTX_PASSES_TD
