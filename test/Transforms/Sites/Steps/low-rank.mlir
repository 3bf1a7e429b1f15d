// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round,low-rank{rank=1}" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round,low-rank{method=eora budget=0.8}" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=low-rank{method=svd rank=1 iterations=3}" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round,low-rank{rank=1 bits=8}" %s | FileCheck %s --check-prefix=BITS
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round,low-rank{rank=0}" %s | FileCheck %s --check-prefix=NONE

// A branch on the rounded input, added to the product.
// CHECK: %[[Q:.*]] = qllm.quantize %arg0
// CHECK: %[[Y:.*]] = qllm.linear %[[Q]]
// CHECK: %[[R:.*]] = qllm.low_rank %[[Q]], %{{.*}} : {{.*}}tensor<1x4xf32>, tensor<2x1xf32>
// CHECK: onnx.Add(%[[Y]], %[[R]])
// BITS: qllm.low_rank {{.*}}!qllm.quantized<1x4, #qllm.int<8>, per_channel<0>>
// NONE-NOT: low_rank
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
