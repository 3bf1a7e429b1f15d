// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From kernels to code for GPUs.

#ifndef QLLM_CONVERSION_KERNELTONVVM_PASSES_TD
#define QLLM_CONVERSION_KERNELTONVVM_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertKernelToNVVM : Pass<"convert-kernel-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "emit the code of every kernel, for each target";
  let description = [{
    Every target gets a `gpu.module` of its name with one function for each different kernel: operations that differ only in
    the number of rows share one. The functions are scf, arith, llvm and nvvm operations and instructions of the qk dialect,
    without inline assembly, so an emulator runs exactly what becomes PTX. The operations themselves become `qk.launch`.

    A product is a loop over tiles of the depth that a ring of asynchronous copies brings to shared memory; each step
    reads fragments, and multiplies on the tensor cores. Four-bit weights beside eight-bit inputs are moved to the upper
    half of a byte, which is exactly 16 times the code, with three integer operations for eight weights. Four bits on both
    sides are multiplied as they are where the target has such tensor cores, and are unpacked the same way on both
    sides elsewhere. Beside 16-bit floats, codes become floats in registers: they are put into the low bits of a float, and
    one addition takes off what that float exceeds them by.

    Floats of four bits with scales of blocks are multiplied by `mma.sync` with `block_scale`, which only sm_120a has.

    With producers in the schedule (sm_90a), one thread of a warpgroup of its own brings tiles by tensor copies, and four or eight
    other warps multiply them by wgmma on bytes; the two pass stages to each other through mbarriers. Four-bit weights go through
    registers, as the left operand of the transposed product.

    Rows beyond m and columns beyond n are filled with zeros when they are loaded and left out when they are stored. A
    depth that is not a multiple of the tile is filled with zeros too.

    What a target lacks (shared memory, a proof for its accumulators) is an error, and so are schedules that no emitter
    exists for: clusters, producers elsewhere than in `qk.linear`, and `stream_k` elsewhere than in `qk.weight_only_linear`.

    ```mlir
    // RUN: qllm-opt --convert-qllm-to-kernel="targets=sm_80 rows=16" --convert-kernel-to-nvvm=targets=sm_80
    func.func @main(%x: tensor<16x128xf32>) -> tensor<16x64xf32> {
      %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
      %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
      %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
      %q = qllm.quantize %x : tensor<16x128xf32> -> !qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>
      %y = qllm.linear %q, %w : (!qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>,
          !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<16x64xf32>
      onnx.Return %y : tensor<16x64xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect", "::qllm::qk::KernelDialect"
  ];
  let options = [
    ListOption<"targets", "targets", "std::string", "architectures to emit code for, such as sm_80,sm_90a">
  ];
  let statistics = [
    Statistic<"numKernels", "num-kernels", "different kernels emitted, over all targets">,
    Statistic<"numShared", "num-shared", "operations that share the kernel of another one">
  ];
}

def ExpandKernelInstructions : Pass<"qllm-expand-kernel-instructions"> {
  let summary = "turn instructions of the qk dialect into inline PTX";
  let description = [{
    The last step before code is generated: what the nvvm dialect cannot say, such as `qk.wgmma_register_a`, becomes
    `llvm.inline_asm`. Until then such an instruction is an operation with types and attributes, which the emulator runs and
    `qllm-check-gpu-targets` looks up. And `nvvm.prmt` with the selector 0x3210, the same number, becomes a move, from which LLVM
    concludes nothing and of which an assembler emits nothing.

    ```mlir
    // RUN: qllm-opt --qllm-expand-kernel-instructions
    gpu.module @sm_90a {
      llvm.func @product(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32)>) -> !llvm.struct<(i32, i32, i32, i32)> {
        %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums : !llvm.struct<(i32, i32, i32, i32)>
        llvm.return %0 : !llvm.struct<(i32, i32, i32, i32)>
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // QLLM_CONVERSION_KERNELTONVVM_PASSES_TD
