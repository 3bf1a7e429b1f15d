// Every operation and attribute prints and parses, in the readable and in the generic form.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -emit-bytecode | qllm-opt | FileCheck %s

#square = #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>
#deep = #qk.schedule<tile = [128, 128, 128], warps = [2, 4], stages = 4>
#fragments = #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>

// CHECK-LABEL: func.func private @schedules
// CHECK-SAME: #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>
// CHECK-SAME: #qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, cluster = 2, producers = 1, scheduler = stream_k, blocks = 132>
func.func private @schedules() attributes {
  a = #square,
  b = #qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, cluster = 2, producers = 1, scheduler = stream_k, blocks = 132>}

// CHECK-LABEL: func.func private @layouts
// CHECK-SAME: #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>
// CHECK-SAME: #qk.layout<1x1>
func.func private @layouts() attributes {a = #fragments, b = #qk.layout<1x1>}

// CHECK-LABEL: func.func @w8a8
func.func @w8a8(%x: tensor<?x576xi8>, %w: tensor<1536x576xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>,
                %b: tensor<1536xf32>) -> tensor<?x1536xbf16> {
  // CHECK: qk.linear %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}}) bias(%{{.*}}) formats(<8>, <8>) schedule(#qk.schedule<tile =
  %0 = qk.linear %x, %w scales(%sx, %sw) bias(%b) formats(#qllm.int<8>, #qllm.int<8>) schedule(#square)
      : (tensor<?x576xi8>, tensor<1536x576xi8>, tensor<?xf32>, tensor<1536xf32>, tensor<1536xf32>) -> tensor<?x1536xbf16>
  return %0 : tensor<?x1536xbf16>
}

// Both sides asymmetric, and a weight whose edges are filled up.
// CHECK-LABEL: func.func @w4a8
func.func @w4a8(%x: tensor<7x576xui8>, %w: tensor<7x9x512xi8>, %sx: tensor<7xf32>, %sw: tensor<100xf32>,
                %zx: tensor<7xui8>, %sums: tensor<100xi32>, %zw: tensor<100xui8>, %xsums: tensor<7xi32>) -> tensor<7x100xf32> {
  // CHECK: scales(%{{.*}}, %{{.*}}) zero_points(%{{.*}}, %{{.*}}) weight_zero_points(%{{.*}}, %{{.*}}) formats(<8, asymmetric>, <4, asymmetric>)
  // CHECK-SAME: layout(<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) weight_zero_points(%zw, %xsums)
      formats(#qllm.int<8, asymmetric>, #qllm.int<4, asymmetric>) schedule(#square) layout(#fragments)
      : (tensor<7x576xui8>, tensor<7x9x512xi8>, tensor<7xf32>, tensor<100xf32>, tensor<7xui8>, tensor<100xi32>,
         tensor<100xui8>, tensor<7xi32>) -> tensor<7x100xf32>
  return %0 : tensor<7x100xf32>
}

// Scales of groups, with the sums of weights in f32.
// CHECK-LABEL: func.func @w4a4
func.func @w4a4(%x: tensor<?x512xui4>, %w: tensor<192x512xi4>, %sx: tensor<?xf32>, %sw: tensor<4x192xf32>,
                %zx: tensor<?xi16>, %sums: tensor<192xf32>) -> tensor<?x192xf16> {
  // CHECK: qk.linear
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) formats(#qllm.int<4, asymmetric>, #qllm.int<4>)
      schedule(#deep)
      : (tensor<?x512xui4>, tensor<192x512xi4>, tensor<?xf32>, tensor<4x192xf32>, tensor<?xi16>, tensor<192xf32>)
      -> tensor<?x192xf16>
  return %0 : tensor<?x192xf16>
}

// Groups of both sides with zero points, for which there are no sums of inputs.
// CHECK-LABEL: func.func @zero_points_of_groups
func.func @zero_points_of_groups(%x: tensor<?x512xui4>, %w: tensor<192x512xui4>, %sx: tensor<?x4xf32>, %sw: tensor<4x192xf32>,
                                 %zx: tensor<?x4xi16>, %sums: tensor<4x192xi32>, %zw: tensor<4x192xui8>) -> tensor<?x192xf16> {
  // CHECK: zero_points(%{{.*}}, %{{.*}}) weight_zero_points(%{{[a-z0-9]+}}) formats(<4, asymmetric>, <4, asymmetric>)
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) weight_zero_points(%zw) formats(#qllm.int<4, asymmetric>, #qllm.int<4, asymmetric>)
      schedule(#deep)
      : (tensor<?x512xui4>, tensor<192x512xui4>, tensor<?x4xf32>, tensor<4x192xf32>, tensor<?x4xi16>, tensor<4x192xi32>, tensor<4x192xui8>)
      -> tensor<?x192xf16>
  return %0 : tensor<?x192xf16>
}

// CHECK-LABEL: func.func @nvfp4
func.func @nvfp4(%x: tensor<?x576xf4E2M1FN>, %w: tensor<200x576xf4E2M1FN>, %sx: tensor<?x9x512xf8E4M3FN>,
                 %sw: tensor<2x9x512xf8E4M3FN>, %t: tensor<1xf32>, %b: tensor<200xf32>) -> tensor<?x200xbf16> {
  // CHECK: qk.block_scaled_linear %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}}) tensor_scale(%{{.*}}) bias(%{{.*}}) schedule(#qk.schedule<tile =
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) tensor_scale(%t) bias(%b) schedule(#deep)
      : (tensor<?x576xf4E2M1FN>, tensor<200x576xf4E2M1FN>, tensor<?x9x512xf8E4M3FN>, tensor<2x9x512xf8E4M3FN>,
         tensor<1xf32>, tensor<200xf32>) -> tensor<?x200xbf16>
  return %0 : tensor<?x200xbf16>
}

// Known rows, powers of two.
// CHECK-LABEL: func.func @mxfp4
func.func @mxfp4(%x: tensor<130x576xf4E2M1FN>, %w: tensor<64x576xf4E2M1FN>, %sx: tensor<2x5x512xf8E8M0FNU>,
                 %sw: tensor<1x5x512xf8E8M0FNU>) -> tensor<130x64xf32> {
  // CHECK: qk.block_scaled_linear %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}}) schedule({sm_120a = #qk.schedule<tile =
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) schedule({sm_120a = #deep})
      : (tensor<130x576xf4E2M1FN>, tensor<64x576xf4E2M1FN>, tensor<2x5x512xf8E8M0FNU>, tensor<1x5x512xf8E8M0FNU>)
      -> tensor<130x64xf32>
  return %0 : tensor<130x64xf32>
}

// A low-rank branch.
// CHECK-LABEL: func.func @low_rank
func.func @low_rank(%x: tensor<?x576xi8>, %w: tensor<96x576xi8>, %sx: tensor<?xf32>, %sw: tensor<96xf32>,
                    %z: tensor<?x32xi8>, %sz: tensor<?xf32>, %b: tensor<96x32xi8>, %sb: tensor<96xf32>) -> tensor<?x96xf16> {
  // CHECK: qk.linear %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}}) low_rank(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) formats(<8>, <8>)
  %0 = qk.linear %x, %w scales(%sx, %sw) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>) schedule(#square)
      : (tensor<?x576xi8>, tensor<96x576xi8>, tensor<?xf32>, tensor<96xf32>, tensor<?x32xi8>, tensor<?xf32>,
         tensor<96x32xi8>, tensor<96xf32>) -> tensor<?x96xf16>
  return %0 : tensor<?x96xf16>
}

// CHECK-LABEL: func.func @chain
func.func @chain(%x: tensor<?x576xi8>, %w: tensor<96x576xi8>, %sx: tensor<?xf32>, %sw: tensor<96xf32>, %g: tensor<?x96xf16>,
                 %r: tensor<?x96xf16>) -> tensor<?x96xf16> {
  // CHECK: qk.linear %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}}) gate(%{{.*}}) residual(%{{.*}}) formats(<8>, <8>)
  %0 = qk.linear %x, %w scales(%sx, %sw) gate(%g) residual(%r) formats(#qllm.int<8>, #qllm.int<8>) schedule(#square)
      : (tensor<?x576xi8>, tensor<96x576xi8>, tensor<?xf32>, tensor<96xf32>, tensor<?x96xf16>, tensor<?x96xf16>) -> tensor<?x96xf16>
  return %0 : tensor<?x96xf16>
}

// CHECK-LABEL: func.func @launch
func.func @launch(%x: tensor<?x576xi8>, %s: tensor<?xf32>) -> tensor<?x64xf32> {
  // CHECK: qk.launch "linear_0"(%{{.*}}, %{{.*}}) sizes [0, 0]
  // CHECK-SAME: geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 128, threads = 256, shared = 65536>,
  // CHECK-SAME: sm_90a = #qk.geometry<columns = 4, tile_rows = 128, layers = 2, threads = 384, shared = 0, cluster = 2,
  // CHECK-SAME: maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>]>} :
  %0 = qk.launch "linear_0"(%x, %s) sizes [0, 0] geometry {
      sm_80 = #qk.geometry<columns = 1, tile_rows = 128, threads = 256, shared = 65536>,
      sm_90a = #qk.geometry<columns = 4, tile_rows = 128, layers = 2, threads = 384, shared = 0, cluster = 2,
                            maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>]>}
      : (tensor<?x576xi8>, tensor<?xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// A schedule for each target.
// CHECK-LABEL: func.func @schedules_by_target
func.func @schedules_by_target(%x: tensor<?x576xi8>, %w: tensor<64x576xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) -> tensor<?x64xf16> {
  // CHECK: schedule({sm_80 = #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>, sm_86 = #qk.schedule<tile = [128, 128, 128]
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>) schedule({sm_80 = #square, sm_86 = #deep})
      : (tensor<?x576xi8>, tensor<64x576xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// CHECK-LABEL: func.func @weights
func.func @weights(%c: tensor<100x64xi4>, %s: tensor<2x100xf32>) -> (tensor<7x1x512xi8>, tensor<100xi32>, tensor<100xf32>) {
  // CHECK: qk.shuffle_weight %{{.*}} layout(<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<100x64xi4> -> tensor<7x1x512xi8>
  %0 = qk.shuffle_weight %c layout(#fragments) : tensor<100x64xi4> -> tensor<7x1x512xi8>
  // CHECK: qk.code_sums %{{.*}} : tensor<100x64xi4> -> tensor<100xi32>
  %1 = qk.code_sums %c : tensor<100x64xi4> -> tensor<100xi32>
  // CHECK: qk.code_sums %{{.*}} scales(%{{.*}} : tensor<2x100xf32>) : tensor<100x64xi4> -> tensor<100xf32>
  %2 = qk.code_sums %c scales(%s : tensor<2x100xf32>) : tensor<100x64xi4> -> tensor<100xf32>
  return %0, %1, %2 : tensor<7x1x512xi8>, tensor<100xi32>, tensor<100xf32>
}

// An instruction inside of a kernel.
// CHECK-LABEL: func.func @wgmma_register_a
func.func @wgmma_register_a(%a: i32, %b: i64, %sums: !llvm.struct<(i32, i32, i32, i32)>) -> !llvm.struct<(i32, i32, i32, i32)> {
  // CHECK: qk.wgmma_register_a %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} by %{{.*}} to %{{.*}} {unsigned_a} : !llvm.struct<(i32, i32, i32, i32)>
  %0 = qk.wgmma_register_a %a, %a, %a, %a by %b to %sums {unsigned_a} : !llvm.struct<(i32, i32, i32, i32)>
  return %0 : !llvm.struct<(i32, i32, i32, i32)>
}
