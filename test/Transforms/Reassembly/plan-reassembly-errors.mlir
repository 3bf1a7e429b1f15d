// RUN: split-file %s %t
// RUN: not qllm-opt %t/main.mlir -qllm-plan-reassembly 2>&1 | FileCheck %s --check-prefix=DATA
// RUN: not qllm-opt %t/main.mlir -qllm-plan-reassembly="calibration=x.npy ratio=2" 2>&1 | FileCheck %s --check-prefix=RATIO
// RUN: not qllm-opt %t/main.mlir -qllm-plan-reassembly="calibration=x.npy search-windows=0" 2>&1 | FileCheck %s --check-prefix=WINDOWS
// RUN: not qllm-opt %t/main.mlir -qllm-plan-reassembly="calibration=x.npy score=best" 2>&1 | FileCheck %s --check-prefix=SCORE
// RUN: not qllm-opt %t/main.mlir -qllm-plan-reassembly="calibration=x.npy sites=down" 2>&1 | FileCheck %s --check-prefix=SITES
// RUN: not qllm-opt %t/main.mlir -qllm-plan-reassembly="calibration=%t/none.npy" 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not qllm-opt %t/other.mlir -qllm-plan-reassembly="calibration=x.npy" 2>&1 | FileCheck %s --check-prefix=MAIN

// DATA: error: expected calibration=FILE.npy, tokens to look at, but got none
// RATIO: error: expected ratio to be from 0 to 1, but got 2
// WINDOWS: error: expected search-windows to be at least 1, but got 0
// SCORE: error: expected score to be published or paper, but got 'best'
// SITES: error: expected sites to list attention-input, attention-output, feed-forward-input, feed-forward-output or other, but got 'down'
// FILE: error: {{.*}}none.npy
// MAIN: error: expected a function 'main' with one block to run on the calibration text, but found none

//--- main.mlir
func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  return %x : tensor<?x2xf32>
}
//--- other.mlir
func.func @other(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  return %x : tensor<?x2xf32>
}
