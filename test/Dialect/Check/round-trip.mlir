// RUN: qllm-opt %s -verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @expect_eq
func.func @expect_eq(%a: tensor<?xi64>, %b: tensor<2xi64>) {
  // CHECK: check.expect_eq %{{.*}}, %{{.*}} : tensor<?xi64>, tensor<2xi64>
  check.expect_eq %a, %b : tensor<?xi64>, tensor<2xi64>
  return
}

// CHECK-LABEL: func.func @expect_close
func.func @expect_close(%a: tensor<2xf32>, %b: tensor<2xf32>) {
  // CHECK: check.expect_close %{{.*}}, %{{.*}} : tensor<2xf32>, tensor<2xf32>
  check.expect_close %a, %b : tensor<2xf32>, tensor<2xf32>
  // CHECK: check.expect_close %{{.*}}, %{{.*}} atol 1.000000e-03 rtol 0.000000e+00 :
  check.expect_close %a, %b atol 1.0e-3 rtol 0.0 : tensor<2xf32>, tensor<2xf32>
  return
}
