// One case for each constraint, named after it and in the order of the documentation.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a tile of 3 sizes and 2 sizes of warps, but got 2 and 2}}
func.func private @schedule_c1() attributes {a = #qk.schedule<tile = [128, 128], warps = [2, 4], stages = 4>}

// -----

// expected-error @+1 {{expected sizes of 1 to 65536, but got 0}}
func.func private @schedule_c2() attributes {a = #qk.schedule<tile = [128, 128, 64], warps = [0, 4], stages = 4>}

// -----

// expected-error @+1 {{expected digits of n that count to 16, but they count to 8}}
func.func private @layout_c1_missing() attributes {a = #qk.layout<16x4, n 8:1, k 4:1>}

// -----

// expected-error @+1 {{expected a digit of k with stride 2, but the next stride is 1}}
func.func private @layout_c1_twice() attributes {a = #qk.layout<1x4, k 2:1, k 2:1>}

// -----

// expected-error @+1 {{expected a digit of n or k, but got 'm'}}
func.func private @layout_axis() attributes {a = #qk.layout<1x4, m 4:1>}

// -----

// expected-error @+1 {{expected a tile of rows by columns, but got 3 sizes}}
func.func private @layout_tile() attributes {a = #qk.layout<1x4x2, n 4:1>}

// -----

func.func @linear_c1_dynamic(%x: tensor<?x?xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected static columns of input and result, but got 'tensor<?x?xi8>' and 'tensor<?x64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x?xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c1_storage(%x: tensor<?x64xui8>, %w: tensor<64x64xi4>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected an input of type 'tensor<?x64xi8>', but got 'tensor<?x64xui8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x64xui8>, tensor<64x64xi4>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x64xi8>, %w: tensor<64x128xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a weight of type 'tensor<64x64xi8>', but got 'tensor<64x128xi8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

// Edges of a weight in an order of its own are filled up to whole tiles: 100 rows are 7 tiles of 16.
func.func @linear_c2_layout(%x: tensor<?x64xi8>, %w: tensor<6x1x512xi8>, %s: tensor<?xf32>, %t: tensor<100xf32>) {
  // expected-error @+1 {{expected a weight of type 'tensor<7x1x512xi8>', but got 'tensor<6x1x512xi8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x64xi8>, tensor<6x1x512xi8>, tensor<?xf32>, tensor<100xf32>) -> tensor<?x100xf32>
  return
}

// -----

func.func @linear_c3_missing(%x: tensor<?x64xi8>, %w: tensor<64x64xi4>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16> for weights of #qllm.int<4> beside inputs of #qllm.int<8>, but got none}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi4>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c3_superfluous(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected row-major weights of #qllm.int<8> beside inputs of #qllm.int<8>, but got #qk.layout<1x1>}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>) layout(#qk.layout<1x1>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<3x64xf32>) {
  // expected-error @+1 {{expected scales of weights of shape [n] or [groups, n] with at least 2 groups that divide 64, but got 'tensor<3x64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<3x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

// The scales of a single group are those of the whole depth.
func.func @linear_c4_one_group(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<1x64xf32>) {
  // expected-error @+1 {{with at least 2 groups that divide 64, but got 'tensor<1x64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<1x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_missing(%x: tensor<?x64xui8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected zero points of inputs beside codes of #qllm.int<8, asymmetric>, but got none}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8, asymmetric>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xui8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_superfluous(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
                                 %z: tensor<64xi8>, %sums: tensor<?xi32>) {
  // expected-error @+1 {{expected no zero points of weights beside codes of #qllm.int<8>}}
  %0 = qk.linear %x, %w scales(%s, %t) weight_zero_points(%z, %sums) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<64xi8>, tensor<?xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_sums(%x: tensor<?x64xui8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
                          %z: tensor<?xui8>, %sums: tensor<64xf32>) {
  // expected-error @+1 {{expected sums of weights of type 'tensor<64xi32>', but got 'tensor<64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) zero_points(%z, %sums) formats(#qllm.int<8, asymmetric>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xui8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?xui8>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_groups(%x: tensor<?x64xi8>, %w: tensor<64x64xui8>, %s: tensor<?xf32>, %t: tensor<2x64xf32>,
                            %z: tensor<64xui8>) {
  // expected-error @+1 {{expected zero points of weights of type 'tensor<2x64xui8>', but got 'tensor<64xui8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) weight_zero_points(%z) formats(#qllm.int<8>, #qllm.int<8, asymmetric>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xui8>, tensor<?xf32>, tensor<2x64xf32>, tensor<64xui8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_sums_of_groups(%x: tensor<?x64xi8>, %w: tensor<64x64xui8>, %s: tensor<?xf32>, %t: tensor<2x64xf32>,
                                    %z: tensor<2x64xui8>, %sums: tensor<?xi32>) {
  // expected-error @+1 {{expected no sums of inputs beside zero points of weights in groups}}
  %0 = qk.linear %x, %w scales(%s, %t) weight_zero_points(%z, %sums) formats(#qllm.int<8>, #qllm.int<8, asymmetric>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xui8>, tensor<?xf32>, tensor<2x64xf32>, tensor<2x64xui8>, tensor<?xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_no_sums(%x: tensor<?x64xi8>, %w: tensor<64x64xui8>, %s: tensor<?xf32>, %t: tensor<64xf32>, %z: tensor<64xui8>) {
  // expected-error @+1 {{expected sums of inputs beside zero points of weights for outputs, but got none}}
  %0 = qk.linear %x, %w scales(%s, %t) weight_zero_points(%z) formats(#qllm.int<8>, #qllm.int<8, asymmetric>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xui8>, tensor<?xf32>, tensor<64xf32>, tensor<64xui8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c6_bias(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>, %b: tensor<32xf32>) {
  // expected-error @+1 {{expected a bias of type 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) bias(%b) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c6_residual(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>, %r: tensor<?x64xf32>) {
  // expected-error @+1 {{expected a residual of type 'tensor<?x64xf16>', but got 'tensor<?x64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) residual(%r) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @linear_c6_gate(%x: tensor<5x64xi8>, %w: tensor<64x64xi8>, %s: tensor<5xf32>, %t: tensor<64xf32>, %g: tensor<6x64xf32>) {
  // expected-error @+1 {{expected a gate of type 'tensor<5x64xf32>', but got 'tensor<6x64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) gate(%g) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<5x64xi8>, tensor<64x64xi8>, tensor<5xf32>, tensor<64xf32>, tensor<6x64xf32>) -> tensor<5x64xf32>
  return
}

// -----

func.func @linear_c6_rows(%x: tensor<5x64xi8>, %w: tensor<64x64xi8>, %s: tensor<5xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<5x64xf32>', but got 'tensor<6x64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<5x64xi8>, tensor<64x64xi8>, tensor<5xf32>, tensor<64xf32>) -> tensor<6x64xf32>
  return
}

// -----

func.func @linear_c7_input(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
    %z: tensor<?x64xi8>, %sz: tensor<?xf32>, %b: tensor<64x32xi8>, %sb: tensor<64xf32>) {
  // expected-error @+1 {{expected inputs of a branch of type 'tensor<?x32xi8>', but got 'tensor<?x64xi8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x64xi8>, tensor<?xf32>, tensor<64x32xi8>, tensor<64xf32>)
      -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c7_weight(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
    %z: tensor<?x32xi8>, %sz: tensor<?xf32>, %b: tensor<32x32xi8>, %sb: tensor<64xf32>) {
  // expected-error @+1 {{expected weights of a branch of type 'tensor<64x32xi8>', but got 'tensor<32x32xi8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x32xi8>, tensor<?xf32>, tensor<32x32xi8>, tensor<64xf32>)
      -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c7_scales(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
    %z: tensor<?x32xi8>, %sz: tensor<?xf32>, %b: tensor<64x32xi8>, %sb: tensor<32xf32>) {
  // expected-error @+1 {{expected scales of a branch's weights of type 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x32xi8>, tensor<?xf32>, tensor<64x32xi8>, tensor<32xf32>)
      -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c7_rank(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
    %z: tensor<?x48xi8>, %sz: tensor<?xf32>, %b: tensor<64x48xi8>, %sb: tensor<64xf32>) {
  // expected-error @+1 {{expected a rank that is a multiple of 32 and at most 1024, but got 48}}
  %0 = qk.linear %x, %w scales(%s, %t) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x48xi8>, tensor<?xf32>, tensor<64x48xi8>, tensor<64xf32>)
      -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c7_dynamic(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
    %z: tensor<?x?xi8>, %sz: tensor<?xf32>, %b: tensor<64x?xi8>, %sb: tensor<64xf32>) {
  // expected-error @+1 {{expected a branch of static rank, but got 'tensor<64x?xi8>'}}
  %0 = qk.linear %x, %w scales(%s, %t) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x?xi8>, tensor<?xf32>, tensor<64x?xi8>, tensor<64xf32>)
      -> tensor<?x64xf32>
  return
}

// -----

// The limits of (C7) have their cases in unittests/Kernels; here, that the message arrives.
func.func @linear_c8(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected at most 232448 bytes of shared memory, which no target exceeds, but got 393216 for 8 stages}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [2, 4], stages = 8>)
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

// Zero points of 32 bits may be anything: on both sides, nothing is proven.
func.func @linear_c9(%x: tensor<?x64xui8>, %w: tensor<64x64xui8>, %s: tensor<?xf32>, %t: tensor<64xf32>,
                     %z: tensor<?xi32>, %sums: tensor<64xi32>, %zw: tensor<64xi32>, %xsums: tensor<?xi32>) {
  // expected-error @+1 {{without zero points, the sum of 64 products of [-2147483647, 2147483903] and [-2147483647, 2147483903] exceeds 64 bits}}
  %0 = qk.linear %x, %w scales(%s, %t) zero_points(%z, %sums) weight_zero_points(%zw, %xsums)
      formats(#qllm.int<8, asymmetric>, #qllm.int<8, asymmetric>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x64xui8>, tensor<64x64xui8>, tensor<?xf32>, tensor<64xf32>, tensor<?xi32>, tensor<64xi32>,
         tensor<64xi32>, tensor<?xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_schedules_target(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected targets out of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got 'sm_81'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule({sm_81 = #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>})
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_schedules_kind(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a schedule or a list of them, but got 3 : i64}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>) schedule({sm_80 = 3})
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

// expected-error @+1 {{expected positive columns, but got 0}}
func.func private @geometry_c1_positive() attributes {a = #qk.geometry<columns = 0, tile_rows = 128, threads = 256, shared = 1>}

// -----

// expected-error @+1 {{expected a multiple of 32 of at most 1024 threads, but got 100}}
func.func private @geometry_c1_threads() attributes {a = #qk.geometry<columns = 1, tile_rows = 128, threads = 100, shared = 1>}

// -----

// expected-error @+1 {{expected at most 268435456 rows of a tile, but got 268435457}}
func.func private @geometry_c1_rows() attributes {a = #qk.geometry<columns = 3, tile_rows = 268435457, threads = 128, shared = 1>}

// -----

// expected-error @+1 {{expected a swizzle of 0, 32, 64 or 128 bytes that holds rows of 128 bytes, but got 64}}
func.func private @tensor_map_c1() attributes {a = #qk.tensor_map<operand = 0, rows = 64, row_bytes = 128, swizzle = 64>}

// -----

func.func @launch_c1(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected a geometry for at least one target, but got none}}
  %0 = qk.launch "k"(%x) sizes [0, 0] geometry {} : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @launch_c2(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected a dimension of an operand, but got dimension 2 of operand 0}}
  %0 = qk.launch "k"(%x) sizes [0, 2] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0>}
      : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}

// -----

func.func @shuffle_weight_c1(%c: tensor<100x64xui4>) {
  // expected-error @+1 {{expected a result of type 'tensor<7x1x512xi8>', but got 'tensor<6x1x512xi8>'}}
  %0 = qk.shuffle_weight %c layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<100x64xui4> -> tensor<6x1x512xi8>
  return
}

// -----

func.func @shuffle_weight_c1_dynamic(%c: tensor<?x64xui4>) {
  // expected-error @+1 {{expected codes of a static shape, but got 'tensor<?x64xui4>'}}
  %0 = qk.shuffle_weight %c layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<?x64xui4> -> tensor<6x1x512xi8>
  return
}

// -----

func.func @code_sums_c1(%c: tensor<8x64xui4>) {
  // expected-error @+1 {{expected a result of type 'tensor<8xi32>', but got 'tensor<9xi32>'}}
  %0 = qk.code_sums %c : tensor<8x64xui4> -> tensor<9xi32>
  return
}

// -----

func.func @code_sums_c2(%c: tensor<8x64xui4>, %s: tensor<3x8xf32>) {
  // expected-error @+1 {{expected scales of groups that divide the codes of 'tensor<8x64xui4>', but got 'tensor<3x8xf32>'}}
  %0 = qk.code_sums %c scales(%s : tensor<3x8xf32>) : tensor<8x64xui4> -> tensor<8xf32>
  return
}

// -----

func.func @block_scaled_linear_c1_dynamic(%x: tensor<?x?xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %s: tensor<?x2x512xf8E4M3FN>, %t: tensor<1x2x512xf8E4M3FN>) {
  // expected-error @+1 {{expected static columns of input and result, but got 'tensor<?x?xf4E2M1FN>' and 'tensor<?x64xf32>'}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x?xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E4M3FN>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c1(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x64xf4E2M1FN>, %s: tensor<?x2x512xf8E4M3FN>, %t: tensor<1x2x512xf8E4M3FN>) {
  // expected-error @+1 {{expected a weight of type 'tensor<64x128xf4E2M1FN>', but got 'tensor<64x64xf4E2M1FN>'}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x64xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E4M3FN>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c2(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %s: tensor<?x2x512xf8E4M3FN>, %t: tensor<1x2x512xf8E8M0FNU>) {
  // expected-error @+1 {{expected scales of weights of type 'tensor<1x2x512xf8E4M3FN>', but got 'tensor<1x2x512xf8E8M0FNU>'}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E8M0FNU>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c2_blocks(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %s: tensor<?x2x512xf8E8M0FNU>, %t: tensor<1x1x512xf8E8M0FNU>) {
  // expected-error @+1 {{expected scales of inputs of type 'tensor<?x1x512xf8E8M0FNU>', but got 'tensor<?x2x512xf8E8M0FNU>'}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E8M0FNU>, tensor<1x1x512xf8E8M0FNU>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c3(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %s: tensor<?x2x512xf8E4M3FN>, %t: tensor<1x2x512xf8E4M3FN>, %a: tensor<2xf32>) {
  // expected-error @+1 {{expected a scale of tensors of type 'tensor<1xf32>', but got 'tensor<2xf32>'}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t) tensor_scale(%a)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E4M3FN>, tensor<2xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c3_count(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %s: tensor<?x2x512xf8E4M3FN>, %t: tensor<1x2x512xf8E4M3FN>,
    %a: tensor<1xf32>) {
  // expected-error @+1 {{expected at most two scales of tensors, but got 3}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t) tensor_scale(%a, %a, %a)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E4M3FN>, tensor<1xf32>, tensor<1xf32>,
         tensor<1xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c4(%x: tensor<?x128xf4E2M1FN>, %w: tensor<64x128xf4E2M1FN>, %s: tensor<?x2x512xf8E4M3FN>, %t: tensor<1x2x512xf8E4M3FN>) {
  // expected-error @+1 {{expected tiles of warps of 16, 32, 64 or 128 rows and columns, as scales lie, but got 48x32}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [96, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x128xf4E2M1FN>, tensor<64x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>, tensor<1x2x512xf8E4M3FN>) -> tensor<?x64xf32>
  return
}

// -----

func.func @block_scaled_linear_c4_tensor_memory(%x: tensor<?x256xf4E2M1FN>, %w: tensor<64x256xf4E2M1FN>, %s: tensor<?x4x512xf8E4M3FN>, %t: tensor<1x4x512xf8E4M3FN>) {
  // expected-error @+1 {{expected at most 512 columns in tensor memory, but got 1024 for 6 stages}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [128, 256, 256], warps = [4, 1], stages = 6, producers = 1>)
      : (tensor<?x256xf4E2M1FN>, tensor<64x256xf4E2M1FN>, tensor<?x4x512xf8E4M3FN>, tensor<1x4x512xf8E4M3FN>) -> tensor<?x64xf16>
  return
}

// -----

func.func @block_scaled_linear_c4_rows(%x: tensor<?x48xf4E2M1FN>, %w: tensor<64x48xf4E2M1FN>, %s: tensor<?x1x512xf8E4M3FN>, %t: tensor<1x1x512xf8E4M3FN>) {
  // expected-error @+1 {{expected rows of a multiple of 16 bytes, which asynchronous copies need, but got 48 codes of 4 bits}}
  %0 = qk.block_scaled_linear %x, %w scales(%s, %t)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 3>)
      : (tensor<?x48xf4E2M1FN>, tensor<64x48xf4E2M1FN>, tensor<?x1x512xf8E4M3FN>, tensor<1x1x512xf8E4M3FN>) -> tensor<?x64xf32>
  return
}

// -----

func.func @wgmma_register_a_c1(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32)>) {
  // expected-error @+1 {{expected 4 words of A, but got 3}}
  %0 = qk.wgmma_register_a %a, %a, %a by %b to %sums : !llvm.struct<(i32, i32, i32, i32)>
  return
}

// -----

func.func @wgmma_register_a_c2_type(%a: i32, %b: i64, %sums: !llvm.struct<(f32, f32, f32, f32)>) {
  // expected-error @+1 {{expected sums in a struct of i32, but got '!llvm.struct<(f32, f32, f32, f32)>'}}
  %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @wgmma_register_a_c2_columns(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32, i32)>) {
  // expected-error @+1 {{expected sums of 8, 24 or a multiple of 16 up to 256 columns, but got 5 words, which are of 10}}
  %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums : !llvm.struct<(i32, i32, i32, i32, i32)>
  return
}

// -----

func.func @shuffle_scales_c1(%s: tensor<?x36xf8E4M3FN>) {
  // expected-error @+1 {{expected a result of type 'tensor<?x9x512xf8E4M3FN>', but got 'tensor<?x8x512xf8E4M3FN>'}}
  %0 = qk.shuffle_scales %s : tensor<?x36xf8E4M3FN> -> tensor<?x8x512xf8E4M3FN>
  return
}

// -----

func.func @shuffle_scales_c1_dynamic(%s: tensor<64x?xf8E8M0FNU>) {
  // expected-error @+1 {{expected a static number of blocks, but got 'tensor<64x?xf8E8M0FNU>'}}
  %0 = qk.shuffle_scales %s : tensor<64x?xf8E8M0FNU> -> tensor<1x?x512xf8E8M0FNU>
  return
}

// -----

// Scales of groups of inputs belong to the groups of the weight.
func.func @linear_c4_input_groups(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %s: tensor<?x2xf32>, %t: tensor<4x64xf32>) {
  // expected-error @+1 {{expected scales of inputs of type 'tensor<?x4xf32>', but got 'tensor<?x2xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?x2xf32>, tensor<4x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c5_input_groups(%x: tensor<?x128xui8>, %w: tensor<64x128xi8>, %s: tensor<?x4xf32>, %t: tensor<4x64xf32>,
                                  %z: tensor<?x4xi32>, %sums: tensor<64xf32>) {
  // expected-error @+1 {{expected sums of weights of type 'tensor<4x64xi32>', but got 'tensor<64xf32>'}}
  %0 = qk.linear %x, %w scales(%s, %t) zero_points(%z, %sums) formats(#qllm.int<8, asymmetric>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>)
      : (tensor<?x128xui8>, tensor<64x128xi8>, tensor<?x4xf32>, tensor<4x64xf32>, tensor<?x4xi32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c8_stream_k(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) {
  // expected-error @+1 {{expected a tile for each block, since there is stream_k for inputs of floats only, but got 2 blocks that share tiles}}
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @linear_c7_together(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>, %z: tensor<?x32xi8>) -> tensor<?x64xf32> {
  // expected-error @+1 {{expected inputs and weights of a branch and scales of both together}}
  %0 = "qk.linear"(%x, %w, %sx, %sw, %z) <{input_format = #qllm.int<8>, weight_format = #qllm.int<8>, schedule = #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>,
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0>}>
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>, tensor<?x32xi8>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
