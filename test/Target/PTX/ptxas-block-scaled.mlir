// NVIDIA's assembler accepts kernels on 4-bit floats: no spills, and as many tensor instructions as there are products. Machine
// code is looked into where cuobjdump is on the path.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// A tile of a warp is 64x32 and 4 steps deep, or 64x64 and 2: 4 times 4x4 or 2 times 4x8 instructions.
// CHECK-DAG: sm_120a linear_mxfp4_n1536_k1024 {{.*}}spilled=0 tensor=64
// CHECK-DAG: sm_120a linear_nvfp4_n1536_k1024 {{.*}}spilled=0 tensor=64

func.func @nvfp4(%x: tensor<?x1024xf4E2M1FN>, %w: tensor<1536x1024xf4E2M1FN>, %sx: tensor<?x16x512xf8E4M3FN>,
                 %sw: tensor<12x16x512xf8E4M3FN>, %t: tensor<1xf32>) -> tensor<?x1536xf16> {
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) tensor_scale(%t)
      schedule(#qk.schedule<tile = [128, 128, 256], warps = [2, 4], stages = 3>)
      : (tensor<?x1024xf4E2M1FN>, tensor<1536x1024xf4E2M1FN>, tensor<?x16x512xf8E4M3FN>, tensor<12x16x512xf8E4M3FN>,
         tensor<1xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @mxfp4(%x: tensor<?x1024xf4E2M1FN>, %w: tensor<1536x1024xf4E2M1FN>, %sx: tensor<?x8x512xf8E8M0FNU>,
                 %sw: tensor<12x8x512xf8E8M0FNU>, %b: tensor<1536xf32>) -> tensor<?x1536xf16> {
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) bias(%b)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [2, 4], stages = 4>)
      : (tensor<?x1024xf4E2M1FN>, tensor<1536x1024xf4E2M1FN>, tensor<?x8x512xf8E8M0FNU>, tensor<12x8x512xf8E8M0FNU>,
         tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}
