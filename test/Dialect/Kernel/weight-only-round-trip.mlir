// Kernels of floats and integer weights print and parse, in the readable and in the generic form.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -emit-bytecode | qllm-opt | FileCheck %s

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<7x576xbf16>, %w: tensor<7x9x512xi8>, %s: tensor<9x100xf16>, %z: tensor<9x100xi8>,
                  %b: tensor<100xf32>) -> tensor<7x100xf32> {
  // CHECK: qk.weight_only_linear %{{.*}}, %{{.*}} scales(%{{.*}}) zero_points(%{{.*}}) bias(%{{.*}}) format(<4, asymmetric>)
  // CHECK-SAME: layout(<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
  %0 = qk.weight_only_linear %x, %w scales(%s) zero_points(%z) bias(%b) format(#qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [16, 128, 64], warps = [1, 4], stages = 4>) layout(#fragments)
      : (tensor<7x576xbf16>, tensor<7x9x512xi8>, tensor<9x100xf16>, tensor<9x100xi8>, tensor<100xf32>) -> tensor<7x100xf32>
  return %0 : tensor<7x100xf32>
}

// Stream-K on one target: room for two parts of each block.
// CHECK-LABEL: func.func @stream_k
func.func @stream_k(%x: tensor<?x576xf16>, %w: tensor<7x9x512xi8>, %s: tensor<100xf32>, %a: tensor<?xi32>) -> tensor<?x100xf16> {
  // CHECK: %{{.*}}, %{{.*}}:2 = qk.weight_only_linear %{{.*}}, %{{.*}} scales(%{{.*}}) arrivals(%{{.*}}) format(<4>)
  // CHECK-SAME: sm_90a = #qk.schedule<tile = [16, 128, 64], warps = [1, 4], stages = 4, scheduler = stream_k, blocks = 3>
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule({sm_80 = #qk.schedule<tile = [16, 128, 64], warps = [1, 4], stages = 4>,
                sm_90a = #qk.schedule<tile = [16, 128, 64], warps = [1, 4], stages = 4, scheduler = stream_k, blocks = 3>})
      layout(#fragments)
      : (tensor<?x576xf16>, tensor<7x9x512xi8>, tensor<100xf32>, tensor<?xi32>) -> (tensor<?x100xf16>, tensor<?x384xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x100xf16>
}

// A low-rank branch, whose factor is of bytes.
// CHECK-LABEL: func.func @low_rank
func.func @low_rank(%x: tensor<?x576xbf16>, %w: tensor<7x9x512xi8>, %s: tensor<100xf32>, %b: tensor<100xf32>, %l: tensor<?x48xbf16>,
                    %u: tensor<100x48xi8>, %v: tensor<100xf32>) -> tensor<?x100xbf16> {
  // CHECK: qk.weight_only_linear %{{.*}}, %{{.*}} scales(%{{.*}}) bias(%{{.*}}) low_rank(%{{.*}}, %{{.*}}, %{{.*}}) format(<4>)
  %0 = qk.weight_only_linear %x, %w scales(%s) bias(%b) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 128, 64], warps = [1, 4], stages = 4>) layout(#fragments)
      : (tensor<?x576xbf16>, tensor<7x9x512xi8>, tensor<100xf32>, tensor<100xf32>, tensor<?x48xbf16>, tensor<100x48xi8>, tensor<100xf32>) -> tensor<?x100xbf16>
  return %0 : tensor<?x100xbf16>
}
