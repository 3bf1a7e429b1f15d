// What qk.layout and qk.row_major may not say of a constant (kernel_dialect_c1).
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a #qk.layout as 'qk.layout' and a type as 'qk.row_major', but got <<NULL ATTRIBUTE>> and tensor<8x64xui4>}}
func.func private @alone() attributes {qk.row_major = tensor<8x64xui4>}

// -----

// expected-error @+1 {{expected no attributes of the dialect but 'qk.layout' and 'qk.row_major', but got 'qk.order'}}
func.func private @other() attributes {qk.order = 1}

// -----

// expected-error @+1 {{expected a static matrix of codes of 4 or 8 bits, or of scales in the order of blocks, as 'qk.row_major', but got tensor<8x64xf32> in #qk.layout<}}
func.func private @element() attributes {qk.layout = #qk.layout<16x4, n 16:1, k 4:1>, qk.row_major = tensor<8x64xf32>}

// -----

// expected-error @+1 {{expected a static matrix of codes of 4 or 8 bits}}
func.func private @dynamic() attributes {qk.layout = #qk.layout<16x4, n 16:1, k 4:1>, qk.row_major = tensor<?x64xi8>}

// -----

// Scales have one layout.
// expected-error @+1 {{or of scales in the order of blocks, as 'qk.row_major', but got tensor<8x64xf8E4M3FN> in #qk.layout<16x4, n 16:1, k 4:1>}}
func.func private @scales() attributes {qk.layout = #qk.layout<16x4, n 16:1, k 4:1>, qk.row_major = tensor<8x64xf8E4M3FN>}

// -----

func.func @shape() {
  // expected-error @+1 {{expected one result of type 'tensor<1x16x64xi8>' for 'tensor<8x64xui8>' in #qk.layout<16x4, n 16:1, k 4:1>, but got 'tensor<1x16x32xi8>'}}
  %0 = onnx.Initializer "w" = dense<0> : tensor<1x16x32xi8> {qk.layout = #qk.layout<16x4, n 16:1, k 4:1>, qk.row_major = tensor<8x64xui8>}
  return
}
