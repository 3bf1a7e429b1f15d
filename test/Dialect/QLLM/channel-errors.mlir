// The constraints of the channel transforms, one case each.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

func.func @scale_channels_c1(%x: tensor<?x3xf32>, %f: tensor<4xf32>) {
  // expected-error @+1 {{expected 3 factors, one for each channel, but got 4}}
  %0 = qllm.scale_channels %x by %f : tensor<?x3xf32>, tensor<4xf32>
  return
}

// -----

func.func @scale_channels_c1_rank(%x: tensor<f32>, %f: tensor<1xf32>) {
  // expected-error @+1 {{expected an input of rank at least 1, but got 'tensor<f32>'}}
  %0 = qllm.scale_channels %x by %f : tensor<f32>, tensor<1xf32>
  return
}

// -----

func.func @shift_channels_c1(%x: tensor<?x3xf32>, %d: tensor<2xf32>) {
  // expected-error @+1 {{expected 3 offsets, one for each channel, but got 2}}
  %0 = qllm.shift_channels %x by %d : tensor<?x3xf32>, tensor<2xf32>
  return
}

// -----

func.func @permute_channels_c1(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected 3 entries in order, one for each channel, but got 2}}
  %0 = qllm.permute_channels %x order [1, 0] : tensor<?x3xf32>
  return
}

// -----

func.func @permute_channels_c2_twice(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected every channel once in order, but got channel 1 again at position 2}}
  %0 = qllm.permute_channels %x order [1, 0, 1] : tensor<?x3xf32>
  return
}

// -----

func.func @permute_channels_c2_range(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected channels in 0 to 2, but got 3 at position 0 of order}}
  %0 = qllm.permute_channels %x order [3, 0, 1] : tensor<?x3xf32>
  return
}

// -----

func.func @rotate_channels_c1_neither(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected either a matrix or hadamard, but got neither}}
  %0 = qllm.rotate_channels %x : tensor<?x4xf32>
  return
}

// -----

func.func @rotate_channels_c1_both(%x: tensor<?x4xf32>, %r: tensor<4x4xf32>) {
  // expected-error @+1 {{expected either a matrix or hadamard, but got both}}
  %0 = qllm.rotate_channels %x hadamard 4 by(%r : tensor<4x4xf32>) : tensor<?x4xf32>
  return
}

// -----

func.func @rotate_channels_c2(%x: tensor<?x4xf32>, %r: tensor<4x2xf32>) {
  // expected-error @+1 {{expected a square matrix with at least one row, but got 'tensor<4x2xf32>'}}
  %0 = qllm.rotate_channels %x by(%r : tensor<4x2xf32>) : tensor<?x4xf32>
  return
}

// -----

func.func @rotate_channels_c2_empty(%x: tensor<?x4xf32>, %r: tensor<0x0xf32>) {
  // expected-error @+1 {{expected a square matrix with at least one row, but got 'tensor<0x0xf32>'}}
  %0 = qllm.rotate_channels %x by(%r : tensor<0x0xf32>) : tensor<?x4xf32>
  return
}

// -----

func.func @rotate_channels_c3(%x: tensor<?x6xf32>) {
  // expected-error @+1 {{expected a power of two for hadamard, but got 6}}
  %0 = qllm.rotate_channels %x hadamard 6 : tensor<?x6xf32>
  return
}

// -----

func.func @rotate_channels_c4(%x: tensor<?x6xf32>) {
  // expected-error @+1 {{expected blocks that divide the 6 channels, but got blocks of 4}}
  %0 = qllm.rotate_channels %x hadamard 4 : tensor<?x6xf32>
  return
}

// -----

func.func @rotate_channels_c4_stride(%x: tensor<?x24xf32>) {
  // expected-error @+1 {{expected blocks that divide the 24 channels, but got blocks of 4 with a stride of 4}}
  %0 = qllm.rotate_channels %x hadamard 4 stride 4 : tensor<?x24xf32>
  return
}

// -----

// 2^62 times 4 is no number of 64 bits.
func.func @rotate_channels_c4_huge(%x: tensor<?x24xf32>) {
  // expected-error @+1 {{expected blocks that divide the 24 channels, but got blocks of 4611686018427387904 with a stride of 4}}
  %0 = qllm.rotate_channels %x hadamard 4611686018427387904 stride 4 : tensor<?x24xf32>
  return
}

// -----

func.func @rotate_channels_c5(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{expected a stride of at least 1, but got 0}}
  %0 = qllm.rotate_channels %x hadamard 4 stride 0 : tensor<?x8xf32>
  return
}

// -----

func.func @split_channels_c1(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected 3 parts, one for each channel, but got 2}}
  %0 = qllm.split_channels %x parts [1, 2] : tensor<?x3xf32>
  return
}

// -----

func.func @split_channels_c1_rank(%x: tensor<f32>) {
  // expected-error @+1 {{expected an input of rank at least 1, but got 'tensor<f32>'}}
  %0 = qllm.split_channels %x parts [1] : tensor<f32>
  return
}

// -----

func.func @split_channels_c2(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected parts of at least 1, but got 0}}
  %0 = qllm.split_channels %x parts [1, 0, 2] : tensor<?x3xf32>
  return
}

// -----

func.func @split_channels_c2_overflow(%x: tensor<?x2xf32>) {
  // expected-error @+1 {{expected parts whose sum is at most 2147483647, but got more}}
  %0 = qllm.split_channels %x parts [9223372036854775807, 9223372036854775807] : tensor<?x2xf32>
  return
}

// -----

func.func @split_channels_c3(%x: tensor<?x2xf32>) {
  // expected-error @+1 {{expected at most one of repeat and rounding_offsets, but got both}}
  %0 = qllm.split_channels %x parts [1, 2] repeat rounding_offsets : tensor<?x2xf32>
  return
}

// -----

// The result type is inferred; only the generic form can contradict it.
func.func @split_channels_result(%x: tensor<?x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{'qllm.split_channels' op inferred type(s) 'tensor<?x3xf32>' are incompatible with return type(s) of operation 'tensor<?x4xf32>'}}
  %0 = "qllm.split_channels"(%x) <{parts = array<i64: 1, 2>}> : (tensor<?x2xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @merge_channels_c1(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected 3 targets, one for each channel, but got 2}}
  %0 = qllm.merge_channels %x targets [0, 0] : tensor<?x3xf32>
  return
}

// -----

func.func @merge_channels_c2_negative(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected targets in 0 to 2, but got -1}}
  %0 = qllm.merge_channels %x targets [0, -1, 1] : tensor<?x3xf32>
  return
}

// -----

func.func @merge_channels_c2_empty(%x: tensor<?x3xf32>) {
  // expected-error @+1 {{expected every channel of the result to have a member, but channel 1 of 3 has none}}
  %0 = qllm.merge_channels %x targets [0, 0, 2] : tensor<?x3xf32>
  return
}
