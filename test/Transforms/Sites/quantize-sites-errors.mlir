// RUN: %python -c "import numpy; numpy.save('%t.npy', numpy.ones((3, 5, 4), dtype='float32')); numpy.save('%t.wide.npy', numpy.ones((3, 5, 6), dtype='float32')); numpy.save('%t.nan.npy', numpy.full((3, 5, 4), numpy.nan, dtype='float32'))"
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=means" %s 2>&1 | FileCheck %s --check-prefix=STEP
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=mean,round{methods=gptq}" %s 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method=gpt}" %s 2>&1 | FileCheck %s --check-prefix=VALUE
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method}" %s 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{damp=1 damp=2}" %s 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not qllm-opt --qllm-quantize-sites %s 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.none.npy" %s 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.wide.npy" %s 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.nan.npy" %s 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy calibration-windows=0" %s 2>&1 | FileCheck %s --check-prefix=WINDOWS
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy sink-factor=0.5" %s 2>&1 | FileCheck %s --check-prefix=SINK
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy key-granularity=head" %s 2>&1 | FileCheck %s --check-prefix=KEYS

// STEP: error: expected one of the steps mean, {{.*}}, but got 'means', did you mean 'mean'
// OPTION: error: step 'round': expected {{.*}}method{{.*}}, but got 'methods'
// VALUE: error: step 'round': expected one of nearest, gptq for 'method', but got 'gpt'
// FORM: error: expected name=value as an option of step 'round', but got 'method'
// TWICE: error: expected option 'damp' of step 'round' once, but got it twice
// FILE: error: calibration: expected a calibration file, .npy, .npz or .safetensors
// MISSING: error: calibration: '{{.*}}none.npy': no such file or directory
// SHAPE: error: calibration: '{{.*}}wide.npy': expected samples of tensor<1x?x4xf32> for input 'arg0', but got tensor<1x5x6xf32> out of tensor<3x5x6xf32>
// NAN: error: input of site 'a': expected finite activations, but got nan
// WINDOWS: error: calibration: expected at least 1 calibration window of at least 1 token, but got 0 of 256
// KEYS: error: expected key-granularity to be token or channel, but got 'head'
// SINK: error: expected sink-factor to be 0 or at least 1, but got 5.000000e-01
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0.0, 1.0]]> : tensor<2x4xf32>
  %a = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %a : tensor<1x?x2xf32>
}
