// RUN: qllm-opt %s -split-input-file -verify-diagnostics

func.func @expect_eq_c1(%a: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{expected two tensors of one type, but got 'tensor<2xf32>' and 'tensor<3xf32>'}}
  check.expect_eq %a, %b : tensor<2xf32>, tensor<3xf32>
  return
}

// -----

func.func @expect_close_c1(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error @+1 {{expected two tensors of one type, but got 'tensor<2xf32>' and 'tensor<2xf64>'}}
  check.expect_close %a, %b : tensor<2xf32>, tensor<2xf64>
  return
}

// -----

func.func @expect_close_c2(%a: tensor<2xf32>) {
  // expected-error @+1 {{expected a finite rtol of at least 0, but got -1}}
  check.expect_close %a, %a rtol -1.0 : tensor<2xf32>, tensor<2xf32>
  return
}
