// What the pass refuses, each with the way out.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics -convert-kernel-to-nvvm=targets=sm_80,sm_86
// RUN: not qllm-opt %s -convert-kernel-to-nvvm 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qllm-opt %s -convert-kernel-to-nvvm=targets=sm_81 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qllm-opt %s -convert-kernel-to-nvvm=targets=sm_80,sm_80 2>&1 | FileCheck %s --check-prefix=TWICE

// NONE: expected targets out of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got none
// UNKNOWN: expected targets out of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got 'sm_81'
// TWICE: expected each target once, but got sm_80 twice

// 128 KiB are there on sm_80, but not on sm_86.
func.func @shared_memory(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) {
  // expected-error @+1 {{expected at most 101376 bytes of shared memory on sm_86, but got 131072 for 4 stages}}
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [2, 4], stages = 4>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @producers(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) {
  // expected-error @+1 {{expected no producers on sm_80, which has no warpgroup mma, but got 1}}
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [4, 1], stages = 3, producers = 1>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @no_schedule(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) {
  // expected-error @+1 {{has no schedule for sm_86}}
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule({sm_80 = #qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>})
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @no_block_scale(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %sx: tensor<?x2x512xf8E4M3FN>,
                          %sw: tensor<1x2x512xf8E4M3FN>) {
  // expected-error @+1 {{needs block-scaled mma (mma.sync.block_scale), which sm_80 does not have; it is there on sm_120a; elsewhere: tensor memory mma on sm_100a, and the interpreter on the rest}}
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) schedule(#qk.schedule<tile = [32, 64, 128], warps = [1, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E4M3FN>) -> tensor<?x64xf16>
  return
}

// -----

func.func @no_tensor_memory(%x: tensor<?x256xf4E2M1FN>, %w: tensor<64x256xf4E2M1FN>, %sx: tensor<?x4x512xf8E4M3FN>,
                            %sw: tensor<1x4x512xf8E4M3FN>) {
  // expected-error @+1 {{needs tensor memory mma (tcgen05.mma), which sm_80 does not have; it is there on sm_100a; elsewhere: block-scaled mma on sm_120a, and the interpreter on the rest}}
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw)
      schedule(#qk.schedule<tile = [128, 128, 256], warps = [4, 1], stages = 3, producers = 1>)
      : (tensor<?x256xf4E2M1FN>, tensor<64x256xf4E2M1FN>, tensor<?x4x512xf8E4M3FN>, tensor<1x4x512xf8E4M3FN>) -> tensor<?x64xf16>
  return
}

// -----

// expected-error @+1 {{expected no symbol with the name of a target, but found @sm_80}}
module {
  func.func private @sm_80()
}
