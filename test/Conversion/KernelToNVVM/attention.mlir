// The parts of the kernels around a cache, each where it is characteristic.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_80 -canonicalize -cse | FileCheck %s

#int4 = #qllm.int<4, asymmetric>

// The cache is changed in place: the launch says so, and the kernel has no pointer to a result.

// CHECK-LABEL: func.func @append
func.func @append(%k: tensor<?x192xf16>, %v: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>,
                  %pages: tensor<?xi32>, %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>) -> tensor<?x3x5120xi8> {
  // CHECK: qk.launch "append_kv_uint4_uint4_h3_d64"(%{{.*}}) sizes [0, 0] in_place [0, 2] geometry {sm_80 = #qk.geometry<columns = 6, tile_rows = 8, threads = 128, shared = 0>} :
  %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) rotary(%cos, %sin) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>,
         tensor<64x32xf32>) -> tensor<?x3x5120xi8>
  return %0 : tensor<?x3x5120xi8>
}
// Key, value, cache, positions, pages and two tables, of which the cache alone is written.
// CHECK: llvm.func @append_kv_uint4_uint4_h3_d64(
// CHECK-SAME: %{{[a-z0-9]+}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{[a-z0-9]+}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{[a-z0-9]+}}: !llvm.ptr<1> {llvm.noalias},
// CHECK-SAME: %[[M:[a-z0-9]+]]: i32)
// Rotation with a rounding for each operation, the range over sixteen lanes, a quotient, and one byte for each half.
// CHECK: scf.if
// CHECK: arith.mulf
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: arith.subf
// CHECK-COUNT-8: nvvm.shfl.sync bfly
// CHECK: arith.divf
// CHECK: llvm.store %{{.*}} {alignment = 8 : i64} : vector<2xf32>, !llvm.ptr<1>
// CHECK-COUNT-2: llvm.store %{{.*}} {alignment = 1 : i64} : i8, !llvm.ptr<1>
// CHECK: scf.if

// -----

#int4 = #qllm.int<4, asymmetric>

// Sixteen rows of a tile are five queries of three heads. Keys are read by loads of 16 bytes and values by loads of 8; codes become
// the low bits of 128, and products are made with both bf16 of a float.

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>)
    -> tensor<?x576xf16> {
  // CHECK: qk.launch "attention_uint4_uint4_h9_3_d64"(%{{.*}}) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 3, tile_rows = 5, threads = 128, shared = 23040>} :
  %0 = qk.attention %q over(%cache) at(%positions, %pages) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return %0 : tensor<?x576xf16>
}
// CHECK: llvm.func @attention_uint4_uint4_h9_3_d64(
// CHECK-DAG: %[[LEAST:.*]] = arith.constant -1.000000e+30 : f32
// CHECK-DAG: %[[EXPONENT:.*]] = arith.constant 1128481603 : i32
// The warps meet when queries are in shared memory, and after the loop.
// CHECK: nvvm.barrier0
// CHECK: %[[LOOP:.*]]:38 = scf.for
// CHECK: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK: llvm.load %{{.*}} invariant {alignment = 8 : i64} : !llvm.ptr<1> -> vector<2xi32>
// CHECK: nvvm.prmt <default> %{{.*}}, %{{.*}}, %[[EXPONENT]]
// CHECK: arith.subf %{{.*}} : vector<2xbf16>
// CHECK-COUNT-64: nvvm.mma.sync {{.*}}#nvvm.mma_type<bf16>{{.*}}k = 16
// CHECK-NOT: nvvm.mma.sync
// CHECK: scf.yield
// CHECK: nvvm.barrier0
// CHECK-NOT: nvvm.barrier0
// CHECK: arith.divf

// -----

#int4 = #qllm.int<4, asymmetric>

// A single query of three heads takes half of the rows: half of the sums. A symmetric query is one bf16, with zeros in the other rows;
// weights are two, which share the rows of an instruction.

// CHECK-LABEL: func.func @decode
func.func @decode(%q: tensor<1x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<1xi32>, %pages: tensor<?xi32>)
    -> tensor<1x576xf16> {
  // CHECK: geometry {sm_80 = #qk.geometry<columns = 3, tile_rows = 1, threads = 128, shared = 10496>} :
  %0 = qk.attention %q over(%cache) at(%positions, %pages) heads 9 query_format(#qllm.int<8>) formats(#int4, #int4)
      page_tokens 64 scale 0.125 warps 4
      : (tensor<1x576xf16>, tensor<?x3x5120xi8>, tensor<1xi32>, tensor<?xi32>) -> tensor<1x576xf16>
  return %0 : tensor<1x576xf16>
}
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: %[[LOOP:.*]]:19 = scf.for
// CHECK: nvvm.mma.sync A[%{{.*}}, %[[NONE]], %{{.*}}, %[[NONE]]] B[%{{.*}}, %{{.*}}] C[%[[ZERO]], %[[ZERO]], %[[ZERO]], %[[ZERO]]]
// CHECK-COUNT-15: nvvm.mma.sync A[%{{.*}}, %[[NONE]], %{{.*}}, %[[NONE]]]
// CHECK-COUNT-2: nvvm.mma.sync A[%{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}] B[%{{.*}}, %{{.*}}] C[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}]
// CHECK: llvm.extractvalue %{{.*}}[3]
// CHECK: arith.addf
// CHECK-COUNT-14: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: scf.yield

// -----

#int8 = #qllm.int<8, asymmetric>

// A float query is two bf16 that share instructions too. Half of 128 + c or 2c, less what it has too much below 128, is the code.

// CHECK-LABEL: func.func @decode_bytes
func.func @decode_bytes(%q: tensor<1x64xf16>, %cache: tensor<?x1x9216xi8>, %positions: tensor<1xi32>, %pages: tensor<?xi32>)
    -> tensor<1x64xf16> {
  %0 = qk.attention %q over(%cache) at(%positions, %pages) heads 1 formats(#int8, #int8) page_tokens 64 scale 0.125 warps 4
      : (tensor<1x64xf16>, tensor<?x1x9216xi8>, tensor<1xi32>, tensor<?xi32>) -> tensor<1x64xf16>
  return %0 : tensor<1x64xf16>
}
// CHECK-DAG: %[[HALF:.*]] = arith.constant dense<-5.000000e-01> : vector<2xbf16>
// CHECK-DAG: %[[MOST:.*]] = arith.constant dense<1.280000e+02> : vector<2xbf16>
// CHECK-DAG: %[[NONE:.*]] = arith.constant dense<0.000000e+00> : vector<2xbf16>
// CHECK: scf.for
// CHECK: %[[DIFFERENCE:.*]] = llvm.intr.fma(%[[BITS:.*]], %[[HALF]], %[[MOST]]) {fastmathFlags = #llvm.fastmath<nnan>}
// CHECK: %[[EXCESS:.*]] = arith.maxnumf %[[DIFFERENCE]], %[[NONE]] fastmath<nsz>
// CHECK: llvm.intr.fma(%[[BITS]], %[[HALF]], %[[EXCESS]])
// CHECK-COUNT-32: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: scf.yield

// -----

#int4 = #qllm.int<4, asymmetric>

// A constant of each element is one more pointer, read in halves as the elements are, and taken off in front of the range.

// CHECK-LABEL: func.func @append_centered
func.func @append_centered(%k: tensor<?x192xf16>, %v: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>,
                           %pages: tensor<?xi32>, %center: tensor<192xf32>) -> tensor<?x3x5120xi8> {
  %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) hadamard center(%center) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<192xf32>)
      -> tensor<?x3x5120xi8>
  return %0 : tensor<?x3x5120xi8>
}
// CHECK: llvm.func @append_kv_uint4_uint4_h3_d64(
// CHECK-SAME: %[[CENTER:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{[a-z0-9]+}}: i32)
// CHECK: scf.if
// The last step of the matrix, and behind it the constant.
// CHECK: arith.mulf
// CHECK-NEXT: %[[SCALED:.*]] = arith.mulf %{{.*}} : f32
// CHECK: llvm.getelementptr %[[CENTER]]
// CHECK: %[[CENTERED:.*]] = arith.subf %[[SCALED]], %{{.*}} : f32
// CHECK: arith.minnumf %{{.*}}, %[[CENTERED]] : f32
// CHECK: scf.if

// -----

#int4 = #qllm.int<4, asymmetric>

// Symmetric codes are one bf16 each, but what they stand for with a constant added is two, which share the rows of an instruction.

// CHECK-LABEL: func.func @attention_centered
func.func @attention_centered(%q: tensor<1x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<1xi32>, %pages: tensor<?xi32>,
                              %center: tensor<576xf32>) -> tensor<1x576xf16> {
  // CHECK: geometry {sm_80 = #qk.geometry<columns = 3, tile_rows = 1, threads = 128, shared = 11520>} :
  %0 = qk.attention %q over(%cache) at(%positions, %pages) center(%center) heads 9 query_format(#qllm.int<8>) formats(#int4, #int4)
      page_tokens 64 scale 0.125 warps 4
      : (tensor<1x576xf16>, tensor<?x3x5120xi8>, tensor<1xi32>, tensor<?xi32>, tensor<576xf32>) -> tensor<1x576xf16>
  return %0 : tensor<1x576xf16>
}
// CHECK: scf.for
// CHECK-COUNT-32: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: scf.yield

// -----

#int4 = #qllm.int<4, asymmetric>

// Splits are blocks along z, with two results that a second kernel takes; its rows are the second dimension.

// CHECK-LABEL: func.func @splits
func.func @splits(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>)
    -> tensor<?x576xf16> {
  // CHECK: qk.launch "attention_uint4_uint4_h9_3_d64"(%{{.*}}) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 3, tile_rows = 5, layers = 4, threads = 64, shared = 13568>} :
  %0:2 = qk.attention %q over(%cache) at(%positions, %pages) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 2 splits 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> (tensor<4x?x576xf32>, tensor<4x?x18xf32>)
  // CHECK: qk.launch "combine_attention_s4_n576"(%{{.*}}) sizes [0, 1] geometry {sm_80 = #qk.geometry<columns = 2, tile_rows = 1, threads = 128, shared = 0>} :
  %1 = qk.combine_attention %0#0, %0#1 : (tensor<4x?x576xf32>, tensor<4x?x18xf32>) -> tensor<?x576xf16>
  return %1 : tensor<?x576xf16>
}
// CHECK: llvm.func @combine_attention_s4_n576(
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
