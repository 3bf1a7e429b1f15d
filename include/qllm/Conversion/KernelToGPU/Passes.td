// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From launches to host code.

#ifndef QLLM_CONVERSION_KERNELTOGPU_PASSES_TD
#define QLLM_CONVERSION_KERNELTOGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertKernelToGPU : Pass<"convert-kernel-to-gpu", "::mlir::ModuleOp"> {
  let summary = "turn launches of kernels into host code of the gpu dialect";
  let description = [{
    A function of `qk.launch` operations becomes one of memrefs, all in device memory, that allocates results with `gpu.alloc` and runs
    kernels with `gpu.launch_func`. What is left is lowered by MLIR's own passes (`gpu-async-region`, `gpu-to-llvm` and those of other
    dialects), and runs on a device or, behind `qllm-embed-for-emulator`, on the emulator.

    - A tensor is a row-major memref, signless where it has integers. Codes of four bits are two to a byte, so the last dimension
      is half as long, or the only one of a memref of bytes where it is odd.
    - Arguments stay the caller's. Results are allocated and become the caller's. A result in the place of an argument is that
      argument, which is changed, unless its old value is read later: then it is a copy, as of any other value. Arguments must not overlap.
    - Whatever else is allocated is freed behind its last use.
    - With `up_to` the host compares the number of rows; without rows, nothing is launched.
    - Tensor maps are made by `mgpuTensorMapEncodeTiled`, which is in MLIR's wrappers of the CUDA driver too, and go by value.

    - Constants become globals of bytes, which each call copies to the device; weights that many calls use are better arguments.

    The kernels are those of the `gpu.module` or `gpu.binary` called `target`. Functions without launches stay. Beside launches a function may
    have constants only: what else a model does on tensors is refused.

    ```mlir
    // RUN: qllm-opt --convert-kernel-to-nvvm=targets=sm_80 --convert-kernel-to-gpu=target=sm_80
    func.func @combine(%sums: tensor<4x?x576xf32>, %statistics: tensor<4x?x18xf32>) -> tensor<?x576xf16> {
      %0 = qk.combine_attention %sums, %statistics : (tensor<4x?x576xf32>, tensor<4x?x18xf32>) -> tensor<?x576xf16>
      return %0 : tensor<?x576xf16>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
  let options = [
    Option<"target", "target", "std::string", "", "the architecture whose kernels are launched, such as sm_80">
  ];
  let statistics = [
    Statistic<"numLaunches", "num-launches", "launches that became host code">,
    Statistic<"numCopies", "num-copies", "operands copied because a kernel changes them and they are read later">
  ];
}

#endif // QLLM_CONVERSION_KERNELTOGPU_PASSES_TD
