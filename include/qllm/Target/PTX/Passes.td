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
    LLVM ends the process when an instruction is not there on the architecture that it generates code for, or not in the PTX version
    of the target, and for many forms that its verifier takes. So every operation of the module is looked up first:

    - in the table of capabilities for what only some targets have, in the list of what all have for the rest;
    - by its types, the memories that it uses and its attributes, of which there is a list too.

    What is in none of them is refused, and so are capabilities that a target only emulates, more than 48 KiB of shared memory with a
    fixed size, globals outside of shared memory or with an initial value, functions without a body, with results or with a variable
    number of parameters, and loads and stores that are atomic.

    Each target names its PTX version, with `features`; it is at least the one that has all that the table gives to the target.

    The pass changes nothing. It runs on the operations that `convert-kernel-to-nvvm` emits, before they are lowered further.

    ```mlir
    // RUN: qllm-opt --pass-pipeline='builtin.module(gpu.module(qllm-check-gpu-targets))'
    // sm_89 in place of sm_90a would be refused, with the targets that have griddepcontrol and what to do elsewhere.
    gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
      llvm.func @kernel() {
        nvvm.griddepcontrol wait
        llvm.return
      }
    }
    ```
  }];
}

def FindToolkit : Pass<"qllm-find-toolkit", "::mlir::ModuleOp"> {
  let summary = "refuse to make binaries without the programs that do so";
  let description = [{
    Binaries are made by `ptxas`, and those that also have the PTX by `fatbinary`. The pass looks for them before any
    kernel is compiled: in `bin` of the folder `toolkit`, on the path, and in the toolkit that CUDA_ROOT, CUDA_HOME or
    CUDA_PATH names. It changes nothing.

    ```mlir
    // RUN: qllm-opt --qllm-find-toolkit="tools="
    module {
    }
    ```
  }];
  let options = [
    Option<"toolkit", "toolkit", "std::string", "", "folder whose bin has the programs">,
    ListOption<"tools", "tools", "std::string", "programs that are needed">
  ];
}

#endif // QLLM_TARGET_PTX_PASSES_TD
