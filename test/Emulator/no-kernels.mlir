// A module that launches nothing runs on any device.
// RUN: qllm-translate --run %s --run-device=sm_120a --output=%t.npz
// RUN: %python -c "import numpy; print(numpy.load(r'%t.npz')['y'])" | FileCheck %s
// CHECK: [1. 2.]

// One that does needs kernels for the device.
// RUN: qllm-opt %S/../Conversion/QLLMToKernel/Inputs/attention.mlir -page-kv-cache -qllm-lower-to-nvvm="targets=sm_80 format=emulator" -o %t.mlir
// RUN: not qllm-translate --run %t.mlir --run-device=sm_120a 2>&1 | FileCheck %s --check-prefix=MODULE
// MODULE: error: expected one gpu.module 'sm_120a', but got 0
func.func @main() -> (tensor<2xf32> {onnx.name = "y"}) {
  %0 = onnx.Initializer "c" = dense<[1.0, 2.0]> : tensor<2xf32>
  return %0 : tensor<2xf32>
}
