// RUN: qllm-opt %s -split-input-file -verify-diagnostics

// external_c1: the byte count is that of the type.
func.func @external_size() {
  // expected-error @+1 {{expected 48 bytes for 'tensor<4x3xf32>', but got 47}}
  %w = onnx.Initializer "w" = #onnx.external<"model.data", 128, 47> : tensor<4x3xf32>
  onnx.Return
}

// -----

func.func @external_range() {
  // expected-error @+1 {{expected a byte range within 64 bits, but got offset 18446744073709551615 and size 4}}
  %w = onnx.Initializer "w" = #onnx.external<"model.data", 18446744073709551615, 4> : tensor<f32>
  onnx.Return
}

// -----

func.func @external_dynamic() {
  // expected-error @+1 {{expected a static shape of elements with a raw layout, but got 'tensor<?xf32>'}}
  %w = onnx.Initializer "w" = #onnx.external<"model.data", 0, 4> : tensor<?xf32>
  onnx.Return
}

// -----

// initializer_c1: the value's type is the result's type; only the generic form can say otherwise.
func.func @initializer_type() {
  // expected-error @+1 {{expected the type of the value, 'tensor<2xi64>', as result type, but got 'tensor<3xi64>'}}
  %w = "onnx.Initializer"() <{name = "w", value = dense<0> : tensor<2xi64>}> : () -> tensor<3xi64>
  onnx.Return
}
