// NVIDIA's assembler accepts kernels in tensor memory: no spills, and as many tensor instructions as there are steps of a tile, and
// of the last one where that is shorter. No kernel of this kind has run on a GPU.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_100a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// CHECK-DAG: sm_100a linear_mxfp4_n301_k672 {{.*}}spilled=0 tensor=7
// CHECK-DAG: sm_100a linear_nvfp4_n1536_k1024 {{.*}}spilled=0 tensor=4

func.func @nvfp4(%x: tensor<?x1024xf4E2M1FN>, %w: tensor<1536x1024xf4E2M1FN>, %sx: tensor<?x16x512xf8E4M3FN>,
                 %sw: tensor<12x16x512xf8E4M3FN>, %t: tensor<1xf32>) -> tensor<?x1536xf16> {
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) tensor_scale(%t)
      schedule(#qk.schedule<tile = [128, 128, 256], warps = [4, 1], stages = 3, producers = 1>)
      : (tensor<?x1024xf4E2M1FN>, tensor<1536x1024xf4E2M1FN>, tensor<?x16x512xf8E4M3FN>, tensor<12x16x512xf8E4M3FN>,
         tensor<1xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @mxfp4(%x: tensor<?x672xf4E2M1FN>, %w: tensor<301x672xf4E2M1FN>, %sx: tensor<?x6x512xf8E8M0FNU>,
                 %sw: tensor<3x6x512xf8E8M0FNU>, %b: tensor<301xf32>) -> tensor<?x301xf32> {
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) bias(%b)
      schedule(#qk.schedule<tile = [128, 256, 256], warps = [4, 1], stages = 4, producers = 1>)
      : (tensor<?x672xf4E2M1FN>, tensor<301x672xf4E2M1FN>, tensor<?x6x512xf8E8M0FNU>, tensor<3x6x512xf8E8M0FNU>,
         tensor<301xf32>) -> tensor<?x301xf32>
  return %0 : tensor<?x301xf32>
}
