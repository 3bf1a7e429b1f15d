// Subgraphs of ONNX run with what they capture from around them.
// RUN: qllm-translate --run %s

// The branch not taken does not run: its reshape could not.
func.func @branch() {
  %x = onnx.Constant() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %true = onnx.Constant() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %y = onnx.Custom "" "If"(%true) {onnx.graphs = [{attribute = "else_branch"}, {attribute = "then_branch"}]} : (tensor<i1>) -> tensor<?xf32> {
    %shape = onnx.Constant() {value = dense<[7]> : tensor<1xi64>} : () -> tensor<1xi64>
    %bad = onnx.Reshape(%x, %shape) : (tensor<2xf32>, tensor<1xi64>) -> tensor<?xf32>
    onnx.Return %bad : tensor<?xf32>
  }, {
    %sum = onnx.Add(%x, %x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Return %sum : tensor<2xf32>
  }
  %expected = onnx.Constant() {value = dense<[2.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  check.expect_eq %y, %expected : tensor<?xf32>, tensor<2xf32>
  return
}

// Two iterations of four, as the condition becomes false; the carried value and the collected one.
func.func @loop() {
  %trips = onnx.Constant() {value = dense<4> : tensor<i64>} : () -> tensor<i64>
  %true = onnx.Constant() {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %start = onnx.Constant() {value = dense<[1.0, 10.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %last, %all = onnx.Custom "" "Loop"(%trips, %true, %start) {onnx.graphs = [{attribute = "body"}]}
      : (tensor<i64>, tensor<i1>, tensor<2xf32>) -> (tensor<2xf32>, tensor<?x2xf32>) {
  ^bb0(%i: tensor<i64>, %condition: tensor<i1>, %value: tensor<2xf32>):
    %one = onnx.Constant() {value = dense<1> : tensor<i64>} : () -> tensor<i64>
    %goOn = onnx.Less(%i, %one) : (tensor<i64>, tensor<i64>) -> tensor<i1>
    %next = onnx.Add(%value, %start) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Return %goOn, %next, %next : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  %expectedLast = onnx.Constant() {value = dense<[3.0, 30.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %expectedAll = onnx.Constant() {value = dense<[[2.0, 20.0], [3.0, 30.0]]> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
  check.expect_eq %last, %expectedLast : tensor<2xf32>, tensor<2xf32>
  check.expect_eq %all, %expectedAll : tensor<?x2xf32>, tensor<2x2xf32>
  return
}

// Running sums, collected from the end.
func.func @scan() {
  %zero = onnx.Constant() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %x = onnx.Constant() {value = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : () -> tensor<3xf32>
  %sum, %partial = onnx.Custom "" "Scan"(%zero, %x)
      {num_scan_inputs = 1 : i64, scan_output_directions = array<i64: 1>, onnx.graphs = [{attribute = "body"}]}
      : (tensor<f32>, tensor<3xf32>) -> (tensor<f32>, tensor<3xf32>) {
  ^bb0(%state: tensor<f32>, %element: tensor<f32>):
    %next = onnx.Add(%state, %element) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    onnx.Return %next, %next : tensor<f32>, tensor<f32>
  }
  %expectedSum = onnx.Constant() {value = dense<6.0> : tensor<f32>} : () -> tensor<f32>
  %expectedPartial = onnx.Constant() {value = dense<[6.0, 3.0, 1.0]> : tensor<3xf32>} : () -> tensor<3xf32>
  check.expect_eq %sum, %expectedSum : tensor<f32>, tensor<f32>
  check.expect_eq %partial, %expectedPartial : tensor<3xf32>, tensor<3xf32>
  return
}

// A function of the model, whose node refers to an attribute of the call, once given and once by its default.
func.func @"local::Leaky"(%x: tensor<2xf32>) -> tensor<2xf32> attributes {
    onnx.function = {domain = "local", name = "Leaky", defaults = {slope = 0.5 : f32}}} {
  %y = onnx.LeakyRelu(%x) {onnx.attribute_references = {alpha = ["slope", 1 : i64]}} : (tensor<2xf32>) -> tensor<2xf32>
  onnx.Return %y : tensor<2xf32>
}
func.func @call() {
  %x = onnx.Constant() {value = dense<[-4.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %given = onnx.Custom "local" "Leaky"(%x) {slope = 0.25 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %default = onnx.Custom "local" "Leaky"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %expectedGiven = onnx.Constant() {value = dense<[-1.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  %expectedDefault = onnx.Constant() {value = dense<[-2.0, 4.0]> : tensor<2xf32>} : () -> tensor<2xf32>
  check.expect_eq %given, %expectedGiven : tensor<2xf32>, tensor<2xf32>
  check.expect_eq %default, %expectedDefault : tensor<2xf32>, tensor<2xf32>
  return
}

// The product reads the transposed weight in place; the weight is also used as it is.
func.func @transposed_weight() {
  %x = onnx.Constant() {value = dense<[[1.0, 2.0]]> : tensor<1x2xf32>} : () -> tensor<1x2xf32>
  %w = onnx.Constant() {value = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]> : tensor<3x2xf32>} : () -> tensor<3x2xf32>
  %t = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %y = onnx.MatMul(%x, %t) : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %z = onnx.MatMul(%y, %w) : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  %expectedY = onnx.Constant() {value = dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>} : () -> tensor<1x3xf32>
  %expectedZ = onnx.Constant() {value = dense<[[4.0, 5.0]]> : tensor<1x2xf32>} : () -> tensor<1x2xf32>
  check.expect_eq %y, %expectedY : tensor<1x3xf32>, tensor<1x3xf32>
  check.expect_eq %z, %expectedZ : tensor<1x2xf32>, tensor<1x2xf32>
  return
}
