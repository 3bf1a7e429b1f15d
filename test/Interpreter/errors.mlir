// Whatever a module asks for, the answer is a diagnostic at the operation, and exit status 1.
// RUN: not qllm-translate --run %s 2>&1 | FileCheck %s

func.func @index_out_of_range() {
  %x = onnx.Constant() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %i = onnx.Constant() {value = dense<5> : tensor<i64>} : () -> tensor<i64>
  // CHECK: errors.mlir:[[@LINE+1]]:{{.*}}error: Gather cannot be computed: expected an index in [-2, 2), but got 5 at position 0
  %y = onnx.Gather(%x, %i) : (tensor<2xf32>, tensor<i64>) -> tensor<f32>
  return
}

func.func @shapes_that_do_not_broadcast(){
  %x = onnx.Constant() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %y = onnx.Constant() {value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : () -> tensor<3xf32>
  // CHECK: errors.mlir:[[@LINE+1]]:{{.*}}error: Add cannot be computed: expected shapes that broadcast together, but got 2 and 3
  %z = onnx.Add(%x, %y) : (tensor<2xf32>, tensor<3xf32>) -> tensor<*xf32>
  return
}

func.func @memory_that_is_not_there() {
  %shape = onnx.Constant() {value = dense<[1000000000, 1000000000]> : tensor<2xi64>} : () -> tensor<2xi64>
  // CHECK: errors.mlir:[[@LINE+1]]:{{.*}}error: ConstantOfShape cannot be computed: expected {{.*}}
  %x = onnx.ConstantOfShape(%shape) : (tensor<2xi64>) -> tensor<?x?xf32>
  return
}

func.func @unknown_operator() {
  %x = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  // CHECK: errors.mlir:[[@LINE+1]]:{{.*}}error: the interpreter has no kernel for operator 'Twirl' of domain 'com.example', and the model no function of that name
  %y = onnx.Custom "com.example" "Twirl"(%x) : (tensor<f32>) -> tensor<f32>
  return
}

func.func @calls_itself() {
  // CHECK: error: calls nest deeper than 200 levels
  func.call @calls_itself() : () -> ()
  return
}

func.func @a_failed_expectation_names_the_element() {
  %x = onnx.Constant() {value = dense<[1.0, 2.5]> : tensor<2xf32>} : () -> tensor<2xf32>
  %y = onnx.Constant() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  // CHECK: errors.mlir:[[@LINE+1]]:{{.*}}error: check.expect_eq cannot be computed: expected 2 at [1], but got 2.5
  check.expect_eq %x, %y : tensor<2xf32>, tensor<2xf32>
  return
}
