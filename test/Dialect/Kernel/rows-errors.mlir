// RUN: qllm-opt %s -verify-diagnostics -split-input-file

#few = #qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 16>
#any = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
func.func @no_end(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a schedule without max_rows at the end, for any number of rows, but got one for 16}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>) schedule([#few])
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

#few = #qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 16>
#any = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
func.func @not_ascending(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected schedules by ascending max_rows, but got 16 after 16}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>) schedule([#few, #few, #any])
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

#any = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
func.func @no_schedule(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a schedule or a list of them, but got [7, #qk.schedule}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>) schedule([7, #any])
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

#few = #qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 16>
#any = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
func.func @other_rows(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected schedules for the same numbers of rows on each target, but got {sm_80}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>) schedule({sm_80 = [#few, #any], sm_86 = #any})
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

// Every schedule of a list has to work with the operands, in the one order that the weight has.
#few = #qk.schedule<tile = [16, 64, 100], warps = [1, 4], stages = 4, max_rows = 16>
#any = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>
func.func @does_not_work(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a tile depth of 64 or 128 bytes of input, but got 100 bytes}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>) schedule([#few, #any])
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

#g = #qk.geometry<columns = 1, tile_rows = 16, threads = 32, shared = 0>
func.func @launch_c4(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected kernels by ascending max_rows, but got 16 after 16}}
  %0 = qk.launch "k"(%x) sizes [0, 0] up_to [#qk.specialization<max_rows = 16, kernel = "a", geometry = {sm_80 = #g}>,
      #qk.specialization<max_rows = 16, kernel = "b", geometry = {sm_80 = #g}>] geometry {sm_80 = #g} : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}

// -----

#g = #qk.geometry<columns = 1, tile_rows = 16, threads = 32, shared = 0>
func.func @launch_c4_target(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected a geometry on sm_86 for 16 rows, but got none}}
  %0 = qk.launch "k"(%x) sizes [0, 0] up_to [#qk.specialization<max_rows = 16, kernel = "a", geometry = {sm_80 = #g}>]
      geometry {sm_80 = #g, sm_86 = #g} : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}

// -----

#g = #qk.geometry<columns = 1, tile_rows = 16, threads = 32, shared = 0>
func.func @launch_c5(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected a positive entry of rows_of_results for each of 1 results, but got [0]}}
  %0 = qk.launch "k"(%x) sizes [0, 0] rows_of_results [0] geometry {sm_80 = #g} : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}

// -----

#g = #qk.geometry<columns = 1, tile_rows = 16, threads = 32, shared = 0>
func.func @launch_c5_count(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected a positive entry of rows_of_results for each of 1 results, but got [1, 1]}}
  %0 = qk.launch "k"(%x) sizes [0, 0] rows_of_results [1, 1] geometry {sm_80 = #g} : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}

// -----

#g = #qk.geometry<columns = 1, tile_rows = 16, threads = 32, shared = 0>
// expected-error @+1 {{expected 1 to 268435456 rows, but got 0}}
#s = #qk.specialization<max_rows = 0, kernel = "a", geometry = {sm_80 = #g}>

// -----

// expected-error @+1 {{expected 1 to 268435456 rows, but got 268435457}}
func.func private @schedule_c4() attributes {a = #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, max_rows = 268435457>}

// -----

// As many as there can be, and one more.
#one = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0>
func.func @launch_c6(%x: tensor<268435456x64xi8>, %y: tensor<268435457x64xi8>) {
  %0 = qk.launch "k"(%x) sizes [0, 0] geometry {sm_80 = #one} : (tensor<268435456x64xi8>) -> tensor<268435456x64xf32>
  // expected-error @+1 {{expected at most 268435456 rows, but got 268435457}}
  %1 = qk.launch "k"(%y) sizes [0, 0] geometry {sm_80 = #one} : (tensor<268435457x64xi8>) -> tensor<268435457x64xf32>
  return
}

// -----

#g = #qk.geometry<columns = 1, tile_rows = 1048576, threads = 32, shared = 0>
func.func @launch_c6_i32(%x: tensor<2147483648x64xi8>) {
  // expected-error @+1 {{expected sizes of at most 2147483647, which kernels get as i32, but got 2147483648 in dimension 0 of operand 0}}
  %0 = qk.launch "k"(%x) sizes [0, 0] geometry {sm_80 = #g} : (tensor<2147483648x64xi8>) -> tensor<2147483648x64xf32>
  return
}

// -----

// expected-error @+1 {{expected a grid of at most 65535 columns and 65535 layers, but got 1 and 65536}}
func.func private @geometry_c1_layers() attributes {a = #qk.geometry<columns = 1, tile_rows = 1, layers = 65536, threads = 32, shared = 0>}

// -----

// expected-error @+1 {{expected a grid of at most 65535 columns and 65535 layers, but got 65536 and 1}}
func.func private @geometry_c1_columns() attributes {a = #qk.geometry<columns = 65536, tile_rows = 1, threads = 32, shared = 0>}
