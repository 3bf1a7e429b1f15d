// Causal attention of two query heads over one head of keys and values, rotated and quantized.
func.func @main(%q: tensor<1x?x128xf32> {onnx.name = "q"}, %k: tensor<1x?x64xf32> {onnx.name = "k"},
                %v: tensor<1x?x64xf32> {onnx.name = "v"}) -> (tensor<1x?x128xf32> {onnx.name = "y"}) {
  %zero = onnx.Initializer "zero" = dense<0> : tensor<i64>
  %one = onnx.Initializer "one" = dense<1> : tensor<i64>
  %axis0 = onnx.Initializer "axis0" = dense<0> : tensor<1xi64>
  %rows = onnx.Initializer "rows" = dense<[0, 1, 3]> : tensor<3xi64>
  %columns = onnx.Initializer "columns" = dense<[0, 1, 2]> : tensor<3xi64>
  %sizes_q = onnx.Initializer "sizes_q" = dense<[0, 0, 2, 64]> : tensor<4xi64>
  %sizes_kv = onnx.Initializer "sizes_kv" = dense<[0, 0, 1, 64]> : tensor<4xi64>
  %sizes_y = onnx.Initializer "sizes_y" = dense<[0, 0, 128]> : tensor<3xi64>
  %seen = onnx.Initializer "seen" = dense<0.0> : tensor<f32>
  %hidden = onnx.Initializer "hidden" = dense<-3.40282347E+38> : tensor<f32>
  %frequencies = onnx.Initializer "frequencies" = dense<0.25> : tensor<32xf32>
  %count = onnx.Shape(%q) {start = 1 : i64, end = 2 : i64} : (tensor<1x?x128xf32>) -> tensor<1xi64>
  %limit = onnx.Squeeze(%count, %axis0) : (tensor<1xi64>, tensor<1xi64>) -> tensor<i64>
  %range = onnx.Range(%zero, %limit, %one) : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  %down = onnx.Unsqueeze(%range, %rows) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x?x1xi64>
  %across = onnx.Unsqueeze(%range, %columns) : (tensor<?xi64>, tensor<3xi64>) -> tensor<1x1x1x?xi64>
  %visible = onnx.LessOrEqual(%across, %down) : (tensor<1x1x1x?xi64>, tensor<1x1x?x1xi64>) -> tensor<1x1x?x?xi1>
  %mask = onnx.Where(%visible, %seen, %hidden) : (tensor<1x1x?x?xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x?x?xf32>
  %position = onnx.Cast(%down) {to = 1 : i64} : (tensor<1x1x?x1xi64>) -> tensor<1x1x?x1xf32>
  %angle = onnx.Mul(%position, %frequencies) : (tensor<1x1x?x1xf32>, tensor<32xf32>) -> tensor<1x1x?x32xf32>
  %cos4 = onnx.Cos(%angle) : (tensor<1x1x?x32xf32>) -> tensor<1x1x?x32xf32>
  %sin4 = onnx.Sin(%angle) : (tensor<1x1x?x32xf32>) -> tensor<1x1x?x32xf32>
  %cos = onnx.Squeeze(%cos4, %axis0) : (tensor<1x1x?x32xf32>, tensor<1xi64>) -> tensor<1x?x32xf32>
  %sin = onnx.Squeeze(%sin4, %axis0) : (tensor<1x1x?x32xf32>, tensor<1xi64>) -> tensor<1x?x32xf32>
  %q4 = onnx.Reshape(%q, %sizes_q) : (tensor<1x?x128xf32>, tensor<4xi64>) -> tensor<1x?x2x64xf32>
  %qt = onnx.Transpose(%q4) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x64xf32>) -> tensor<1x2x?x64xf32>
  %qr = onnx.RotaryEmbedding(%qt, %cos, %sin) : (tensor<1x2x?x64xf32>, tensor<1x?x32xf32>, tensor<1x?x32xf32>) -> tensor<1x2x?x64xf32>
  %qq = qllm.quantize %qr : tensor<1x2x?x64xf32> -> !qllm.quantized<1x2x?x64, #qllm.int<8>, per_token>
  %qf = qllm.dequantize %qq : !qllm.quantized<1x2x?x64, #qllm.int<8>, per_token> -> tensor<1x2x?x64xf32>
  %k4 = onnx.Reshape(%k, %sizes_kv) : (tensor<1x?x64xf32>, tensor<4xi64>) -> tensor<1x?x1x64xf32>
  %kt = onnx.Transpose(%k4) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x1x64xf32>) -> tensor<1x1x?x64xf32>
  %kr = onnx.RotaryEmbedding(%kt, %cos, %sin) : (tensor<1x1x?x64xf32>, tensor<1x?x32xf32>, tensor<1x?x32xf32>) -> tensor<1x1x?x64xf32>
  %kq = qllm.quantize %kr : tensor<1x1x?x64xf32> -> !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token>
  %kf = qllm.dequantize %kq : !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token> -> tensor<1x1x?x64xf32>
  %v4 = onnx.Reshape(%v, %sizes_kv) : (tensor<1x?x64xf32>, tensor<4xi64>) -> tensor<1x?x1x64xf32>
  %vt = onnx.Transpose(%v4) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x1x64xf32>) -> tensor<1x1x?x64xf32>
  %vq = qllm.quantize %vt : tensor<1x1x?x64xf32> -> !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token>
  %vf = qllm.dequantize %vq : !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token> -> tensor<1x1x?x64xf32>
  %y4 = onnx.Attention(%qf, %kf, %vf, %mask) {scale = 1.250000e-01 : f32, operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0>,
      resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>,
      tensor<1x1x?x?xf32>) -> tensor<1x2x?x64xf32>
  %yt = onnx.Transpose(%y4) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x?x64xf32>) -> tensor<1x?x2x64xf32>
  %y = onnx.Reshape(%yt, %sizes_y) : (tensor<1x?x2x64xf32>, tensor<3xi64>) -> tensor<1x?x128xf32>
  return %y : tensor<1x?x128xf32>
}
