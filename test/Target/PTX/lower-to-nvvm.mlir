// Every stage of the pipeline, for two targets from one module.
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_90a format=kernels" | FileCheck %s --check-prefix=KERNELS
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_90a format=nvvm" | FileCheck %s --check-prefix=NVVM
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_90a" | FileCheck %s --check-prefix=PTX
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_86,sm_89,sm_100a,sm_120a" | FileCheck %s --check-prefix=OTHERS
// RUN: not env -u CUDA_ROOT -u CUDA_HOME -u CUDA_PATH PATH=%t %qllm_build/bin/qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80 format=cubin" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80 format=elf" 2>&1 | FileCheck %s --check-prefix=FORMAT

// MISSING: {{.*}}lower-to-nvvm.mlir:{{.*}}: error: expected ptxas, which makes binaries, on the path or in bin of the folder that toolkit= names, but found none; docs/getting-started.md says where to get it, and format=ptx needs no program
// MISSING-NOT: {{.}}
// FORMAT: expected a format out of kernels, emulator, nvvm, ptx, cubin, fatbin, but got 'elf'

// KERNELS: gpu.module @sm_80
// KERNELS: scf.for
// KERNELS: gpu.module @sm_90a
// KERNELS: scf.for

// NVVM-NOT: scf.
// NVVM-NOT: arith.
// NVVM: gpu.module @sm_80
// NVVM: llvm.cond_br
// NVVM: gpu.module @sm_90a

// The loop stays rolled, and the only tensor instructions are those of the target.
// PTX: gpu.binary @sm_80
// PTX-SAME: .version 7.0
// PTX-SAME: .target sm_80
// PTX-SAME: .visible .entry linear_int4_int4_n64_k256
// PTX-SAME: .maxntid 64
// PTX-SAME: .pragma \22nounroll\22;
// PTX-SAME: mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32
// PTX: gpu.binary @sm_90a
// PTX-NOT: m16n8k64
// PTX-SAME: .target sm_90a
// PTX-SAME: mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32

// OTHERS: .target sm_86
// OTHERS: .target sm_89
// OTHERS: .target sm_100a
// OTHERS: .target sm_120a

func.func @w4a4(%x: tensor<?x256xi4>, %w: tensor<64x256xi4>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) -> tensor<?x64xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [32, 64, 128], warps = [1, 2], stages = 3>)
      : (tensor<?x256xi4>, tensor<64x256xi4>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}
