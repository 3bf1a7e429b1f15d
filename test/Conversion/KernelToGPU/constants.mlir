// A product whose weight is a constant, from the qllm dialect to compiled host code.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{lower} = --convert-qllm-to-kernel="targets=sm_80 rows=16" --fold-kernel-weights --canonicalize --qllm-lower-to-nvvm="targets=sm_80 format=emulator"
// DEFINE: %{host} = func.func(gpu-async-region),convert-scf-to-cf,gpu-to-llvm,convert-cf-to-llvm,finalize-memref-to-llvm,convert-index-to-llvm,convert-arith-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts
// RUN: qllm-opt %t/product.mlir %{lower} --convert-kernel-to-gpu=target=sm_80 --canonicalize > %t/host.mlir
// RUN: FileCheck %s < %t/host.mlir

// Codes of four bits are as many bytes as they are in memory; each upload is freed behind the launch that reads it last.
// CHECK: memref.global "private" constant @[[CODES:[a-z_0-9]+]] : memref<4096xi8> = dense_resource<{{.*}}> {alignment = 64 : i64}
// CHECK-LABEL: func.func @product
// CHECK-DAG: %[[HOST:.*]] = memref.get_global @[[CODES]]
// CHECK-DAG: %[[DEVICE:.*]] = gpu.alloc () : memref<4096xi8>
// CHECK: gpu.memcpy %[[DEVICE]], %[[HOST]]
// CHECK: %[[WEIGHT:.*]] = memref.view %[[DEVICE]][%c0][] : memref<4096xi8> to memref<4x2x512xi8>
// CHECK: memref.extract_aligned_pointer_as_index %[[WEIGHT]]
// CHECK: gpu.launch_func @sm_80::@linear
// CHECK: gpu.dealloc %[[DEVICE]] : memref<4096xi8>
// CHECK: return

// Inputs of 1 are codes without a remainder, so 128 products with 1.5 are 192.
// RUN: sed '/^}$/,$d' %t/host.mlir > %t/run.mlir
// RUN: cat %t/start.mlir >> %t/run.mlir
// RUN: sed -n '/^}$/,$p' %t/host.mlir >> %t/run.mlir
// RUN: qllm-opt %t/run.mlir --pass-pipeline="builtin.module(qllm-embed-for-emulator,%{host})" > %t/llvm.mlir
// RUN: mlir-runner %t/llvm.mlir -e start -entry-point-result=void -shared-libs=%qllm_emu_runtime,%mlir_libraries/libmlir_runner_utils.so,%mlir_libraries/libmlir_c_runner_utils.so | FileCheck %s --check-prefix=RUN-RESULT
// RUN-RESULT: sizes = [16, 64]
// RUN-RESULT-COUNT-16: 192, 192,

//--- product.mlir
func.func @product(%x: tensor<16x128xf32>) -> tensor<16x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %q = qllm.quantize %x : tensor<16x128xf32> -> !qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>
  %y = qllm.linear %q, %w : (!qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<16x64xf32>
  onnx.Return %y : tensor<16x64xf32>
}

//--- start.mlir
  func.func private @printMemrefF32(memref<*xf32>)
  memref.global "private" constant @ones : memref<16x128xf32> = dense<1.0>
  func.func @start() {
    %ones = memref.get_global @ones : memref<16x128xf32>
    %x = gpu.alloc () : memref<16x128xf32>
    gpu.memcpy %x, %ones : memref<16x128xf32>, memref<16x128xf32>
    %y = call @product(%x) : (memref<16x128xf32>) -> memref<16x64xf32>
    %host = memref.alloc() : memref<16x64xf32>
    gpu.memcpy %host, %y : memref<16x64xf32>, memref<16x64xf32>
    %any = memref.cast %host : memref<16x64xf32> to memref<*xf32>
    call @printMemrefF32(%any) : (memref<*xf32>) -> ()
    return
  }
