// What is said of schedules that were chosen, and of products that stay as they are.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics -convert-qllm-to-kernel="targets=sm_80 rows=16 explain"
// RUN: not qllm-opt %s -convert-qllm-to-kernel 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not qllm-opt %s -convert-qllm-to-kernel=targets=sm_70 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not qllm-opt %s -convert-qllm-to-kernel=targets=sm_80,sm_80 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not qllm-opt %s -convert-qllm-to-kernel="targets=sm_80 rows=0" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not qllm-opt %s -convert-qllm-to-kernel="targets=sm_80 rows=9223372036854775807" 2>&1 | FileCheck %s --check-prefix=MOST
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=268435456" -o /dev/null
// RUN: not qllm-opt %s -convert-qllm-to-kernel="targets=sm_80 rows=16,1" 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not qllm-opt %s -convert-qllm-to-kernel="targets=sm_80 schedule=7" 2>&1 | FileCheck %s --check-prefix=SCHEDULE

// RUN: not qllm-opt %s -convert-qllm-to-kernel="targets=sm_80 float-type=f32" 2>&1 | FileCheck %s --check-prefix=FLOAT
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 float-type=none explain" 2>&1 | FileCheck %s --check-prefix=LEFT

// NONE: expected targets out of sm_80, {{.*}}, but got none
// UNKNOWN: expected targets out of sm_80, {{.*}}, but got 'sm_70'
// TWICE: expected each target once, but got sm_80 twice
// ROWS: expected ascending numbers of rows from 1 on, to choose schedules for, but got 0
// MOST: expected at most 268435456 rows to choose schedules for, but got 9223372036854775807
// ORDER: expected ascending numbers of rows from 1 on, to choose schedules for, but got 1 after 16
// SCHEDULE: expected a #qk.schedule as schedule, but got '7'
// FLOAT: expected a float-type of f16, bf16 or none, but got 'f32'
// LEFT: no kernel: expected a float-type of f16 or bf16 for products of floats and packed weights, but got none

#x8 = #qllm.int<8, asymmetric>
#w4 = #qllm.int<4>

func.func @chosen(%x: tensor<?x128xf32>, %c: tensor<64x128xi4>, %s: tensor<64xf32>) -> tensor<?x64xf32> {
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #w4, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #x8, per_token>
  // expected-remark-re @+1 {{kernel: sm_80: 16x64x{{.*}} warps, 4 stages: 1 blocks, {{.*}} cycles; next best of {{[0-9]+}}: }}
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #x8, per_token>, !qllm.quantized<64x128, #w4, per_channel<0>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

func.func @float_weight(%x: tensor<?x128xf32>, %w: tensor<64x128xf32>) -> tensor<?x64xf32> {
  // expected-remark @+1 {{no kernel: expected a packed weight of integers beside an input of floats}}
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, tensor<64x128xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Beside an input of floats, zero points are bytes.
func.func @wide_zero_points(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %z = onnx.Initializer "z" = dense<300> : tensor<64xi32>
  %w = qllm.pack %c, %s, %z : (tensor<64x128xui4>, tensor<64xf32>, tensor<64xi32>) -> !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>
  // expected-remark @+1 {{no kernel: expected constant zero points from -128 to 127 or from 0 to 255 beside an input of floats}}
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

func.func @float_input(%x: tensor<?x128xf32>, %c: tensor<64x128xi4>, %s: tensor<64xf32>) -> tensor<?x64xf32> {
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  // expected-remark-re @+1 {{kernel: sm_80: 16x64x{{.*}} warps, 4 stages: 1 blocks, {{.*}} cycles; next best of {{[0-9]+}}: }}
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Rows of 30 bytes are filled up, with codes that stand for zero.
func.func @odd_depth(%x: tensor<?x30xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x30xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %z = onnx.Initializer "z" = dense<20> : tensor<64xui8>
  %w = qllm.pack %c, %s, %z : (tensor<64x30xui4>, tensor<64xf32>, tensor<64xui8>) -> !qllm.quantized<64x30, #qllm.int<4, asymmetric>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x30xf32> -> !qllm.quantized<?x30, #qllm.int<8>, per_token>
  // expected-remark @+1 {{no kernel: expected constant zero points that are codes of the weight, whose rows are filled up}}
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x30, #qllm.int<8>, per_token>, !qllm.quantized<64x30, #qllm.int<4, asymmetric>, per_channel<0>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

func.func @other_groups(%x: tensor<?x128xf32>, %c: tensor<64x128xi4>, %s: tensor<64x2xf32>) -> tensor<?x64xf32> {
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64x2xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, group<1, 64>>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8>, group<1, 32>>
  // expected-remark @+1 {{no kernel: expected groups of an input as long as those of the weight, 64, but got 32}}
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.int<8>, group<1, 32>>, !qllm.quantized<64x128, #qllm.int<4>, group<1, 64>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

func.func @columns_of_an_input(%x: tensor<128x128xf32>, %c: tensor<64x128xi4>, %s: tensor<64x2xf32>) -> tensor<128x64xf32> {
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64x2xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, group<1, 64>>
  %q = qllm.quantize %x : tensor<128x128xf32> -> !qllm.quantized<128x128, #qllm.int<8>, group<0, 64>>
  // expected-remark @+1 {{no kernel: expected an input with scales for tokens or for groups of a token, but got #qllm.granularity<group<0, 64>>}}
  %0 = qllm.linear %q, %w : (!qllm.quantized<128x128, #qllm.int<8>, group<0, 64>>, !qllm.quantized<64x128, #qllm.int<4>, group<1, 64>>) -> tensor<128x64xf32>
  return %0 : tensor<128x64xf32>
}
