// RUN: qllm-opt %s --pass-pipeline="builtin.module(gpu.module(qllm-lower-nvvm-to-host))" -split-input-file -verify-diagnostics

gpu.module @unknown_operation {
  llvm.func @kernel() {
    // expected-error @+1 {{'nvvm.breakpoint' op is not known to the emulator, which takes the llvm and nvvm dialects}}
    nvvm.breakpoint
    llvm.return
  }
}

// -----

gpu.module @grid_of_clusters {
  // expected-error @+1 {{'llvm.func' op is not known to the emulator with grids of clusters, nvvm.blocksareclusters}}
  llvm.func @kernel() attributes {nvvm.kernel, nvvm.blocksareclusters, nvvm.reqntid = array<i32: 32>, nvvm.cluster_dim = array<i32: 2>} {
    llvm.return
  }
}

// -----

gpu.module @unknown_register {
  llvm.func @kernel() -> i32 {
    // expected-error @+1 {{'nvvm.read.ptx.sreg.smid' op is not known to the emulator}}
    %0 = nvvm.read.ptx.sreg.smid : i32
    llvm.return %0 : i32
  }
}

// -----

// A kernel that still has to be lowered.
gpu.module @other_dialect {
  llvm.func @kernel(%x: i32) -> i32 {
    // expected-error @+1 {{'arith.addi' op is not known to the emulator}}
    %0 = arith.addi %x, %x : i32
    llvm.return %0 : i32
  }
}

// -----

gpu.module @unknown_shape {
  llvm.func @kernel(%a: vector<2xf16>, %c: f32) {
    // expected-error @+1 {{op is not known to the emulator in this form: mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32}}
    %d = nvvm.mma.sync A[%a, %a] B[%a, %a] C[%c, %c, %c, %c, %c, %c, %c, %c]
        {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 8, n = 8, k = 4>}
        : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32, f32, f32, f32, f32)>
    llvm.return
  }
}

// -----

gpu.module @unknown_instruction {
  llvm.func @kernel(%a: i32) -> i32 {
    // expected-error @+1 {{'nvvm.inline_ptx' op has inline PTX that the emulator does not know: bfind.u32 $0, $1}}
    %0 = nvvm.inline_ptx "bfind.u32 $0, $1;" ro(%a : i32) -> i32
    llvm.return %0 : i32
  }
}

// -----

gpu.module @unset_result {
  llvm.func @kernel(%a: i32) -> i32 {
    // expected-error @+1 {{'llvm.inline_asm' op has inline PTX that does not set result 0}}
    %0 = llvm.inline_asm "mov.b32 t, $1;", "=r,r" %a : (i32) -> i32
    llvm.return %0 : i32
  }
}

// -----

gpu.module @unknown_function {
  // expected-error @+1 {{is declared, but the emulator has no function of that name}}
  llvm.func @printf(!llvm.ptr) -> i32
}

// -----

gpu.module @indirect_call {
  llvm.func @kernel(%f: !llvm.ptr) {
    // expected-error @+1 {{'llvm.call' op through a pointer is not known to the emulator}}
    llvm.call %f() : !llvm.ptr, () -> ()
    llvm.return
  }
}

// -----

gpu.module @scale_selector {
  llvm.func @kernel(%a: i32, %c: f32, %byte: i16) {
    %z = llvm.mlir.constant(0 : i16) : i16
    // expected-error @+1 {{'nvvm.mma.block_scale' op is known to the emulator with constant selectors of scales only, but those of a are not}}
    %d = nvvm.mma.block_scale A[%a, %a, %a, %a] B[%a, %a] C[%c, %c, %c, %c] scaleA[%a, %byte, %z] scaleB[%a, %z, %z]
        {shape = #nvvm.shape<m = 16, n = 8, k = 64>, multiplicandAPtxType = #nvvm.mma_type<e2m1>, multiplicandBPtxType = #nvvm.mma_type<e2m1>,
         scaleVecSize = #nvvm.scale_vec_size<x2>, blockScaleFormat = #nvvm.block_scale_format<ue8m0>, kind = #nvvm.block_scale_kind<mxf4>}
        : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    llvm.return
  }
}

// -----

// Two bytes of scales begin at byte 0 or 2.
gpu.module @scale_byte {
  llvm.func @kernel(%a: i32, %c: f32) {
    %z = llvm.mlir.constant(0 : i16) : i16
    %byte = llvm.mlir.constant(1 : i16) : i16
    // expected-error @+1 {{op is not known to the emulator in this form: mma.sync.aligned.m16n8k64.row.col.kind::mxf4.block_scale.scale_vec::2X.f32.e2m1.e2m1.f32.ue8m0.a::1_0.b::0_0}}
    %d = nvvm.mma.block_scale A[%a, %a, %a, %a] B[%a, %a] C[%c, %c, %c, %c] scaleA[%a, %byte, %z] scaleB[%a, %z, %z]
        {shape = #nvvm.shape<m = 16, n = 8, k = 64>, multiplicandAPtxType = #nvvm.mma_type<e2m1>, multiplicandBPtxType = #nvvm.mma_type<e2m1>,
         scaleVecSize = #nvvm.scale_vec_size<x2>, blockScaleFormat = #nvvm.block_scale_format<ue8m0>, kind = #nvvm.block_scale_kind<mxf4>}
        : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    llvm.return
  }
}

// -----

gpu.module @inline_product {
  llvm.func @kernel(%a: i32, %c: f32) -> f32 {
    // expected-error @+1 {{'llvm.inline_asm' op has inline PTX with an mma whose registers are not 4, 4, 2 and 4 in braces: mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32}}
    %0 = llvm.inline_asm "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {$0}, {$1, $1, $1, $1}, {$1, $1}, {$2, $2, $2, $2};", "=f,r,f" %a, %c : (i32, f32) -> f32
    llvm.return %0 : f32
  }
}
