// What the pass refuses of kernels of floats and integer weights.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics -convert-kernel-to-nvvm=targets=sm_80,sm_86

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

func.func @schedule(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected producers = 0 for sm_80, but got 1 in #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, producers = 1>}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, producers = 1>) layout(#fragments)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

func.func @cluster(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected cluster = 1, since only producers of integers load for several blocks, but got 2}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, cluster = 2>) layout(#fragments)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

func.func @no_schedule(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{has no schedule for sm_86}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule({sm_80 = #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>}) layout(#fragments)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

// 128 KiB are there on sm_80, but not on sm_86.
func.func @shared_memory(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected at most 101376 bytes of shared memory on sm_86, but got 131072 for 4 stages}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 256, 128], warps = [1, 8], stages = 4>) layout(#fragments)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}
