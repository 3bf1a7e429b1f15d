// Formats of inputs, of queries, keys and values each, and where they are applied.
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 activation-format=nvfp4 query-bits=8 value-bits=4 kv-symmetric" %s | FileCheck %s --check-prefix=NV
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 activation-bits=4 activation-group-size=16" %s | FileCheck %s --check-prefix=GROUP
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 activation-bits=4 activation-group-size=64" %s 2>&1 | FileCheck %s --check-prefix=ADAPT
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 activation-format=mxfp4 key-bits=4" --qllm-quantize-activations="sites=attention clip=0.5" %s | FileCheck %s --check-prefix=ATTENTION
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 activation-format=mxfp4 key-bits=4" --qllm-quantize-activations="sites=linears" %s | FileCheck %s --check-prefix=LINEARS
// RUN: not qllm-opt --qllm-plan-rounding="activation-format=fp5" %s 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qllm-opt --qllm-plan-rounding="activation-group-size=1 activation-bits=4" %s 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not qllm-opt --qllm-plan-rounding="key-bits=9" %s 2>&1 | FileCheck %s --check-prefix=KEYS
// RUN: not qllm-opt --qllm-quantize-activations="sites=keys" %s 2>&1 | FileCheck %s --check-prefix=SITES
// RUN: not qllm-opt --qllm-quantize-activations="clip=1.5" %s 2>&1 | FileCheck %s --check-prefix=CLIP

// FORMAT: error: expected int, e2m1, {{.*}} or nvfp4 as activation-format, but got 'fp5'
// SIZE: error: expected an activation-group-size of 0 or at least 2, but got 1
// KEYS: error: expected 2 to 8 bits, or 16 for floats, as key-bits, but got 9
// SITES: error: expected all, attention or linears as sites, but got 'keys'
// CLIP: error: expected a clip over 0 and at most 1, but got 1.5
// ADAPT: remark: planned 'layer': group size 64 does not divide 32; taking 32

// NV: qllm.linear {{.*}}operands = [!qllm.quantized<1x2x?x32, #qllm.float<e2m1>, group<3, 16>, scale = e4m3, tensor_scale>]
// NV: onnx.Attention
// NV-SAME: operands = [!qllm.quantized<1x2x?x32, #qllm.int<8>, per_token>, unit, !qllm.quantized<1x2x?x32, #qllm.int<4>, per_token>]
// GROUP: qllm.linear {{.*}}operands = [!qllm.quantized<1x2x?x32, #qllm.int<4, asymmetric>, group<3, 16>>]
// GROUP: onnx.Attention
// GROUP-NOT: operands
// ATTENTION: qllm.linear %arg0, {{.*}}operands = [!qllm.quantized<1x2x?x32, #qllm.float<e2m1>, group<3, 32>, scale = ue8m0>]
// ATTENTION: qllm.quantize {{.*}} clip 5.000000e-01 : tensor<1x2x?x32xf32> -> !qllm.quantized<1x2x?x32, #qllm.int<4, asymmetric>, per_token>
// LINEARS: %[[Q:.*]] = qllm.quantize %arg0 : {{.*}}#qllm.float<e2m1>
// LINEARS: qllm.linear %[[Q]],
// LINEARS: onnx.Attention{{.*}}operands = [unit, !qllm.quantized<1x2x?x32, #qllm.int<4, asymmetric>, per_token>]
func.func @model(%x: tensor<1x2x?x32xf32>) -> tensor<1x2x?x32xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<32x32xf32>
  %k = qllm.linear %x, %w {onnx.node_name = "layer"} : (tensor<1x2x?x32xf32>, tensor<32x32xf32>) -> tensor<1x2x?x32xf32>
  %y = onnx.Attention(%x, %k, %x) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>) -> tensor<1x2x?x32xf32>
  onnx.Return %y : tensor<1x2x?x32xf32>
}
