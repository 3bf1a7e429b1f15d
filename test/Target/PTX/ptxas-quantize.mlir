// NVIDIA's assembler accepts kernels that quantize for every target: no spills, also where a thread has 64 elements.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_86,sm_89,sm_90a,sm_100a,sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// CHECK: sm_80 quantize_int4_k16384 {{.*}}spilled=0
// CHECK: sm_80 quantize_int4_k32768_g128 {{.*}}spilled=0
// CHECK: sm_80 quantize_int8_rms_k4096 {{.*}}spilled=0
// CHECK: sm_80 quantize_int8_silu_k11008 {{.*}}spilled=0
// CHECK: sm_80 quantize_uint4_k576 {{.*}}spilled=0
// CHECK: sm_80 quantize_uint4_rms_k4096_r64 {{.*}}spilled=0 tensor=12
// CHECK: sm_90a quantize_int8_rms_k4096 {{.*}}spilled=0
// CHECK: sm_120a quantize_int8_silu_k11008 {{.*}}spilled=0

func.func @norm(%x: tensor<?x4096xf16>, %r: tensor<?x4096xf16>, %w: tensor<4096xf16>) -> (tensor<?x4096xi8>, tensor<?xf32>, tensor<?x4096xf16>) {
  %codes, %scales, %stream = qk.quantize %x residual(%r) norm rms(%w) epsilon 1.0e-5 format(#qllm.int<8>)
      : (tensor<?x4096xf16>, tensor<?x4096xf16>, tensor<4096xf16>) -> tensor<?x4096xi8>, tensor<?xf32> stream tensor<?x4096xf16>
  return %codes, %scales, %stream : tensor<?x4096xi8>, tensor<?xf32>, tensor<?x4096xf16>
}

func.func @asymmetric(%x: tensor<?x576xbf16>) -> (tensor<?x576xui4>, tensor<?xf32>, tensor<?xui8>, tensor<?xi32>) {
  %0:4 = qk.quantize %x format(#qllm.int<4, asymmetric>) include_zero : (tensor<?x576xbf16>) -> tensor<?x576xui4>, tensor<?xf32> zero_points tensor<?xui8> sums tensor<?xi32>
  return %0#0, %0#1, %0#2, %0#3 : tensor<?x576xui4>, tensor<?xf32>, tensor<?xui8>, tensor<?xi32>
}

func.func @gate(%x: tensor<?x11008xf16>, %g: tensor<?x11008xf16>, %i: tensor<11264xi32>, %o: tensor<11264xf32>) -> (tensor<?x11264xi8>, tensor<?xf32>) {
  %0:2 = qk.quantize %x gate(%g) gather(%i) multiply(%o) format(#qllm.int<8>) rounding_offsets(%o) : (tensor<?x11008xf16>, tensor<?x11008xf16>, tensor<11264xi32>, tensor<11264xf32>, tensor<11264xf32>) -> tensor<?x11264xi8>, tensor<?xf32>
  return %0#0, %0#1 : tensor<?x11264xi8>, tensor<?xf32>
}

func.func @groups(%x: tensor<?x32768xf32>) -> (tensor<?x32768xi4>, tensor<?x256xf32>) {
  %0:2 = qk.quantize %x format(#qllm.int<4>) group 128 : (tensor<?x32768xf32>) -> tensor<?x32768xi4>, tensor<?x256xf32>
  return %0#0, %0#1 : tensor<?x32768xi4>, tensor<?x256xf32>
}

func.func @rotate(%x: tensor<?x16384xbf16>) -> (tensor<?x16384xi4>, tensor<?xf32>) {
  %0:2 = qk.quantize %x hadamard 16384 format(#qllm.int<4>) : (tensor<?x16384xbf16>) -> tensor<?x16384xi4>, tensor<?xf32>
  return %0#0, %0#1 : tensor<?x16384xi4>, tensor<?xf32>
}

func.func @principal(%x: tensor<?x4096xf32>, %w: tensor<4096xf32>, %p: tensor<4x128x512xi8>, %t: tensor<256x2x512xi8>, %s: tensor<64xf32>) -> (tensor<?x4096xui4>, tensor<?xf32>, tensor<?xi32>, tensor<?x64xi8>, tensor<?xf32>) {
  %0:6 = qk.quantize %x norm rms(%w) epsilon 1.0e-5 principal(%p, %t, %s) format(#qllm.int<4, asymmetric>) clip 0.9
      : (tensor<?x4096xf32>, tensor<4096xf32>, tensor<4x128x512xi8>, tensor<256x2x512xi8>, tensor<64xf32>) -> tensor<?x4096xui4>, tensor<?xf32> zero_points tensor<?xi32> sums tensor<?xi32> principal tensor<?x64xi8>, tensor<?xf32>
  return %0#0, %0#1, %0#2, %0#4, %0#5 : tensor<?x4096xui4>, tensor<?xf32>, tensor<?xi32>, tensor<?x64xi8>, tensor<?xf32>
}

func.func @ragged(%x: tensor<?x1544xf16>, %w: tensor<1544xf16>, %p: tensor<8x49x512xi8>, %t: tensor<97x4x512xi8>, %s: tensor<128xf32>) -> (tensor<?x1544xui4>, tensor<?xf32>, tensor<?xi32>, tensor<?x128xi8>, tensor<?xf32>) {
  %0:6 = qk.quantize %x norm rms(%w) epsilon 1.0e-5 principal(%p, %t, %s) format(#qllm.int<4, asymmetric>) clip 0.9
      : (tensor<?x1544xf16>, tensor<1544xf16>, tensor<8x49x512xi8>, tensor<97x4x512xi8>, tensor<128xf32>) -> tensor<?x1544xui4>, tensor<?xf32> zero_points tensor<?xi32> sums tensor<?xi32> principal tensor<?x128xi8>, tensor<?xf32>
  return %0#0, %0#1, %0#2, %0#4, %0#5 : tensor<?x1544xui4>, tensor<?xf32>, tensor<?xi32>, tensor<?x128xi8>, tensor<?xf32>
}

func.func @widest(%x: tensor<?x20480xf16>, %w: tensor<20480xf16>, %p: tensor<2x640x512xi8>, %t: tensor<1280x1x512xi8>, %s: tensor<32xf32>) -> (tensor<?x20480xui4>, tensor<?xf32>, tensor<?xi32>, tensor<?x32xi8>, tensor<?xf32>) {
  %0:6 = qk.quantize %x norm rms(%w) epsilon 1.0e-5 principal(%p, %t, %s) format(#qllm.int<4, asymmetric>) clip 0.9
      : (tensor<?x20480xf16>, tensor<20480xf16>, tensor<2x640x512xi8>, tensor<1280x1x512xi8>, tensor<32xf32>) -> tensor<?x20480xui4>, tensor<?xf32> zero_points tensor<?xi32> sums tensor<?xi32> principal tensor<?x32xi8>, tensor<?xf32>
  return %0#0, %0#1, %0#2, %0#4, %0#5 : tensor<?x20480xui4>, tensor<?xf32>, tensor<?xi32>, tensor<?x32xi8>, tensor<?xf32>
}
