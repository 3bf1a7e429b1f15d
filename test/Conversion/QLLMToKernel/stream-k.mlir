// Few rows beside a weight that has fewer tiles than there are multiprocessors: blocks share tiles by stream-K, up to the number of
// rows that the schedule is for. Counts and room for parts come with it.
// RUN: qllm-opt %s -convert-qllm-to-kernel="targets=sm_90a rows=16" | FileCheck %s
// RUN: qllm-opt %s -convert-qllm-to-kernel="targets=sm_80,sm_90a rows=2,16,64" | FileCheck %s --check-prefix=ROWS
// RUN: qllm-opt %s -convert-qllm-to-kernel="targets=sm_90a rows=2048" | FileCheck %s --check-prefix=MANY
// RUN: qllm-opt %s -convert-qllm-to-kernel="targets=sm_90a rows=16 explain" -o %t 2>&1 | FileCheck %s --check-prefix=WHY
// RUN: qllm-opt %s -convert-qllm-to-kernel="targets=sm_90a rows=2048 explain" -o %t 2>&1 | FileCheck %s --check-prefix=WHOLE

// A schedule that is forced is one for up to so many rows too; what has no stream-K says so.
// DEFINE: %{forced} = #qk.schedule<tile=[32,64,64],warps=[1,2],stages=4,scheduler=stream_k,blocks=100>
// RUN: qllm-opt %s -convert-qllm-to-kernel='targets=sm_80 rows=40 explain schedule=%{forced}' 2>&1 | FileCheck %s --check-prefix=FORCED
// RUN: qllm-opt %s -convert-qllm-to-kernel='targets=sm_80 rows=40 schedule=%{forced}' -o /dev/null 2>&1 | FileCheck %s --check-prefix=MISSED --implicit-check-not=remark

// CHECK-LABEL: func.func @floats
// CHECK: %[[A:.*]] = onnx.Initializer {{.*}} : tensor<[[TILES:[0-9]+]]xi32>
// CHECK: qk.weight_only_linear {{.*}} arrivals(%[[A]])
// CHECK-SAME: schedule([#qk.schedule<tile = [16, {{[0-9]+}}, {{[0-9]+}}], {{.*}}, scheduler = stream_k, blocks = [[BLOCKS:[0-9]+]], max_rows = 16>, #qk.schedule<tile = [16, {{[0-9]+, [0-9]+}}], warps = [{{[0-9, ]+}}], stages = {{[0-9]}}>])
// CHECK-SAME: -> (tensor<?x2048xf32>, tensor<?x{{[0-9]+}}xf32>, tensor<[[TILES]]xi32>)

// ROWS: sm_80 = [{{.*}} max_rows = 2>, {{.*}} scheduler = stream_k, blocks = {{[0-9]+}}, max_rows = 16>, {{.*}}], sm_90a = [{{.*}} scheduler = stream_k, blocks = {{[0-9]+}}, max_rows = 16>, {{.*}}]}

// MANY-LABEL: func.func @floats
// MANY-NOT: stream_k
// MANY: return

// WHY: remark: kernel: sm_90a: 16x{{[0-9]+}}x{{[0-9]+}} on {{.*}} stages, stream_k: {{[0-9]+}} blocks, {{[0-9]+}} cycles; next best of
// WHY-SAME: ; without stream_k: 16x{{.*}}: [[TILES:[0-9]+]] blocks, {{[0-9]+}} cycles, as there are [[TILES]] tiles for 132 multiprocessors
// WHOLE: remark: kernel: sm_90a:
// WHOLE-NOT: stream_k
// WHOLE: qllm.linear

// FORCED: remark: kernel: forced
// FORCED: warning: no kernel: expected a tile for each block, since there is stream_k for inputs of floats only, but got 100 blocks that share tiles
// MISSED: warning: no kernel: expected a tile for each block
// FORCED: onnx.Initializer {{.*}} : tensor<64xi32>
// FORCED: schedule([#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 4, scheduler = stream_k, blocks = 100, max_rows = 40>, #qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 4>])
// FORCED-SAME: -> (tensor<?x2048xf32>, tensor<?x12800xf32>, tensor<64xi32>)
func.func @floats(%x: tensor<?x4096xf32>, %c: tensor<2048x4096xi4>, %s: tensor<2048x32xf32>) -> tensor<?x2048xf32> {
  %w = qllm.pack %c, %s : (tensor<2048x4096xi4>, tensor<2048x32xf32>) -> !qllm.quantized<2048x4096, #qllm.int<4>, group<1, 128>>
  %0 = qllm.linear %x, %w : (tensor<?x4096xf32>, !qllm.quantized<2048x4096, #qllm.int<4>, group<1, 128>>) -> tensor<?x2048xf32>
  return %0 : tensor<?x2048xf32>
}

func.func @codes(%x: tensor<?x4096xf32>, %c: tensor<2048x4096xi4>, %s: tensor<2048xf32>) -> tensor<?x2048xf32> {
  %w = qllm.pack %c, %s : (tensor<2048x4096xi4>, tensor<2048xf32>) -> !qllm.quantized<2048x4096, #qllm.int<4>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x4096xf32> -> !qllm.quantized<?x4096, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x4096, #qllm.int<8>, per_token>, !qllm.quantized<2048x4096, #qllm.int<4>, per_channel<0>>) -> tensor<?x2048xf32>
  return %0 : tensor<?x2048xf32>
}

// One array of counts, as long as most tiles, goes from product to product.
// FORCED-LABEL: func.func @chain
// FORCED: %[[COUNTS:.*]] = onnx.Initializer {{.*}} : tensor<64xi32>
// FORCED: %{{.*}}, %[[FIRST:.*]]:2 = qk.weight_only_linear {{.*}} arrivals(%[[COUNTS]])
// FORCED: qk.weight_only_linear {{.*}} arrivals(%[[FIRST]]#1)
// FORCED-SAME: -> (tensor<?x1024xf32>, tensor<?x12800xf32>, tensor<64xi32>)
func.func @chain(%x: tensor<?x4096xf32>, %c: tensor<2048x4096xi4>, %d: tensor<1024x4096xi4>, %s: tensor<2048xf32>, %t: tensor<1024xf32>)
    -> (tensor<?x2048xf32>, tensor<?x1024xf32>) {
  %w = qllm.pack %c, %s : (tensor<2048x4096xi4>, tensor<2048xf32>) -> !qllm.quantized<2048x4096, #qllm.int<4>, per_channel<0>>
  %0 = qllm.linear %x, %w : (tensor<?x4096xf32>, !qllm.quantized<2048x4096, #qllm.int<4>, per_channel<0>>) -> tensor<?x2048xf32>
  %v = qllm.pack %d, %t : (tensor<1024x4096xi4>, tensor<1024xf32>) -> !qllm.quantized<1024x4096, #qllm.int<4>, per_channel<0>>
  %1 = qllm.linear %x, %v : (tensor<?x4096xf32>, !qllm.quantized<1024x4096, #qllm.int<4>, per_channel<0>>) -> tensor<?x1024xf32>
  return %0, %1 : tensor<?x2048xf32>, tensor<?x1024xf32>
}
