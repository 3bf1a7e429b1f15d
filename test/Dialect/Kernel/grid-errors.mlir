// Grids and clusters of blocks.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a cluster of 1 to 8 and 0 to 8 producers, but got 32 and 0}}
func.func private @schedule_c2_cluster() attributes {a = #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4, cluster = 32>}

// -----

// As many tiles of columns as a grid has blocks along y, and one more.
func.func @linear_columns(%x: tensor<?x64xi8>, %w: tensor<1048560x64xi8>, %v: tensor<1048561x64xi8>, %s: tensor<?xf32>,
                          %t: tensor<1048560xf32>, %u: tensor<1048561xf32>) {
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 16, 64], warps = [2, 1], stages = 3>)
      : (tensor<?x64xi8>, tensor<1048560x64xi8>, tensor<?xf32>, tensor<1048560xf32>) -> tensor<?x1048560xf32>
  // expected-error @+1 {{expected at most 65535 tiles of columns, the most that a grid has, but got 65536 of 16}}
  %1 = qk.linear %x, %v scales(%s, %u) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 16, 64], warps = [2, 1], stages = 3>)
      : (tensor<?x64xi8>, tensor<1048561x64xi8>, tensor<?xf32>, tensor<1048561xf32>) -> tensor<?x1048561xf32>
  return
}

// -----

func.func @linear_cluster_alone(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected cluster = 1, since only producers of integers load for several blocks, but got 2}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 2, cluster = 2>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_cluster_rows(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a tile whose 96 rows of bytes a cluster shares, eight or a multiple each with producers, but got 8 blocks}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 96, 128], warps = [4, 1], stages = 2, cluster = 8, producers = 1>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_cluster_columns(%x: tensor<?x128xi8>, %w: tensor<320x128xi8>, %s: tensor<?xf32>, %t: tensor<320xf32>) {
  // expected-error @+1 {{expected tiles of columns that clusters divide with producers, but got 5 for clusters of 2}}
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 64, 128], warps = [8, 1], stages = 2, cluster = 2, producers = 1>)
      : (tensor<?x128xi8>, tensor<320x128xi8>, tensor<?xf32>, tensor<320xf32>) -> tensor<?x320xf32>
  return
}

// -----

// expected-error @+1 {{expected at most 8 blocks of a cluster, but got 9 by 1}}
func.func private @geometry_c1_cluster() attributes {a = #qk.geometry<columns = 3, tile_rows = 128, threads = 128, shared = 1, cluster = 9>}
