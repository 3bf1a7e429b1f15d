// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that prepare a kernel for the emulator.

#ifndef QLLM_EMULATOR_LOWERING_PASSES_TD
#define QLLM_EMULATOR_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

class KernelPass<string flag> : Pass<flag, "::mlir::gpu::GPUModuleOp"> {
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def QllmInstrumentKernels : KernelPass<"qllm-instrument-kernels"> {
  let summary = "let the emulator see every memory access of a kernel";
  let description = [{
    Loads, stores and atomics of the `llvm` dialect get their address from a runtime call that checks it; the call returns the
    address, or one that is safe to use when it is wrong, so that a run goes on after a mistake. Each access becomes an entry
    of the module's attribute `emu.sites`. What the checks look for is decided when the kernel runs.

    To be run before `qllm-lower-nvvm-to-host`. Bulk copies by `llvm.intr.memcpy` and the like are refused.

    ```mlir
    // RUN: qllm-opt --pass-pipeline='builtin.module(gpu.module(qllm-instrument-kernels))'
    gpu.module @kernels {
      llvm.func @copy(%from: !llvm.ptr<1>, %to: !llvm.ptr<3>) {
        %value = llvm.load %from : !llvm.ptr<1> -> i32
        llvm.store %value, %to : i32, !llvm.ptr<3>
        llvm.return
      }
    }
    ```
  }];
}

def QllmLowerNVVMToHost : KernelPass<"qllm-lower-nvvm-to-host"> {
  let summary = "turn NVVM operations into calls of the emulator's runtime";
  let description = [{
    Takes a module of the `llvm` and `nvvm` dialects, as it is before `convert-nvvm-to-llvm`, and leaves LLVM for the machine
    that the compiler runs on:

    - functions get a leading argument, the thread's context; special registers are loads from it;
    - an operation of a whole warp stores its operands, calls the runtime with its number in `emu.sites`, and loads the results;
    - barriers, asynchronous copies and mbarrier operations become calls;
    - globals in shared memory become offsets into the block's, whose size is the attribute `emu.shared_bytes`;
    - each kernel `k` gets an entry `emu_entry_k` that takes its arguments from an array of pointers;
    - inline PTX that is a straight line of known instructions becomes LLVM operations.

    An operation that the emulator does not know is an error.

    ```mlir
    // RUN: qllm-opt --pass-pipeline='builtin.module(gpu.module(qllm-lower-nvvm-to-host))'
    gpu.module @kernels {
      llvm.func @block() -> i32 {
        %block = nvvm.read.ptx.sreg.ctaid.x : i32
        llvm.return %block : i32
      }
    }
    ```
  }];
}

def QllmEmbedForEmulator : Pass<"qllm-embed-for-emulator", "::mlir::ModuleOp"> {
  let summary = "make kernels binaries that the emulator's runtime library loads";
  let description = [{
    Each `gpu.module` becomes a `gpu.binary` of the same name with an object for each of its targets: what `gpu-module-to-binary` does
    for a driver, here for `libqllm_emu_runtime.so`, which host code gets in place of MLIR's wrappers of the CUDA driver. The object holds
    the module as MLIR's bytecode, with the locations of its operations.

    The functions must be of the `llvm` dialect, as `qllm-lower-to-nvvm=format=emulator` leaves them, and a module names at least one
    target, whose architecture the emulator takes.

    ```mlir
    // RUN: qllm-opt --qllm-embed-for-emulator
    module attributes {gpu.container_module} {
      gpu.module @kernels [#nvvm.target<chip = "sm_80">] {
        llvm.func @nothing() attributes {gpu.kernel, nvvm.kernel} {
          llvm.return
        }
      }
      func.func @main() {
        %one = arith.constant 1 : index
        gpu.launch_func @kernels::@nothing blocks in (%one, %one, %one) threads in (%one, %one, %one)
        return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect"];
}

#endif // QLLM_EMULATOR_LOWERING_PASSES_TD
