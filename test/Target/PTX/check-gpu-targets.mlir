// Everything that a target lacks is an error with a place, where LLVM would end the process.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics -pass-pipeline='builtin.module(gpu.module(qllm-check-gpu-targets))'

// Each instruction where it exists.
gpu.module @hopper [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<3>, %r: i32) attributes {nvvm.kernel, nvvm.cluster_dim = array<i32: 2, 1, 1>} {
    nvvm.stmatrix %p, %r {layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : !llvm.ptr<3>, i32
    nvvm.griddepcontrol wait
    llvm.return
  }
}

// -----

gpu.module @stmatrix [#nvvm.target<chip = "sm_90a", features = "+ptx84">, #nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel(%p: !llvm.ptr<3>, %r: i32) {
    // expected-error @+2 {{needs matrix store (stmatrix), which sm_80 does not have}}
    // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: stores of single words}}
    nvvm.stmatrix %p, %r {layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : !llvm.ptr<3>, i32
    llvm.return
  }
}

// -----

gpu.module @dependent_launch [#nvvm.target<chip = "sm_89", features = "+ptx81">] {
  llvm.func @kernel() {
    // expected-error @+2 {{needs dependent launch (griddepcontrol), which sm_89 does not have}}
    // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: ordinary launches}}
    nvvm.griddepcontrol wait
    llvm.return
  }
}

// -----

gpu.module @arrivals [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel(%p: !llvm.ptr<3>, %i: i32) {
    %0 = nvvm.mbarrier.arrive %p : !llvm.ptr<3> -> i64
    // expected-error @+2 {{needs thread block clusters (barrier.cluster), which sm_80 does not have}}
    // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: single blocks}}
    %1 = nvvm.mbarrier.arrive %p, %i : !llvm.ptr<3> -> i64
    llvm.return
  }
}

// -----

gpu.module @arrivals_in_clusters [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel(%p: !llvm.ptr<3>) {
    // expected-error @+2 {{needs thread block clusters (barrier.cluster), which sm_80 does not have}}
    // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: single blocks}}
    %0 = nvvm.mbarrier.arrive %p {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<3> -> i64
    llvm.return
  }
}

// -----

gpu.module @other_blocks [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel(%p: !llvm.ptr<3>, %i: i32) {
    // The verifier of MLIR comes before the table for some operations.
    // expected-error @+1 {{'nvvm.mapa' op is not supported on sm_80}}
    %0 = nvvm.mapa %p, %i : !llvm.ptr<3> -> !llvm.ptr<7>
    llvm.return
  }
}

// -----

gpu.module @cluster_barrier [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel() {
    // expected-error @+2 {{needs thread block clusters (barrier.cluster), which sm_80 does not have}}
    // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: single blocks}}
    nvvm.cluster.arrive {aligned}
    llvm.return
  }
}

// -----

gpu.module @cluster_rank [#nvvm.target<chip = "sm_89", features = "+ptx81">] {
  llvm.func @kernel() {
    // expected-error @+2 {{needs thread block clusters (barrier.cluster), which sm_89 does not have}}
    // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: single blocks}}
    %0 = nvvm.read.ptx.sreg.cluster.nctarank : i32
    llvm.return
  }
}

// -----

gpu.module @cluster [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  // expected-error @+2 {{needs thread block clusters (barrier.cluster), which sm_80 does not have}}
  // expected-note @+1 {{it is there on sm_90a, sm_100a, sm_120a; elsewhere: single blocks}}
  llvm.func @kernel() attributes {nvvm.kernel, nvvm.cluster_dim = array<i32: 2, 1, 1>} {
    llvm.return
  }
}

// -----

// It would assemble, as a routine of 130 integer instructions.
gpu.module @emulated [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%a: i32, %c: i32) {
    // expected-error @+2 {{needs 4-bit integer mma (mma.sync.m16n8k64.s4), which sm_90a only emulates}}
    // expected-note @+1 {{it is there on sm_80, sm_86, sm_89; elsewhere: 8-bit mma on codes times 16, exact as well}}
    %0 = nvvm.mma.sync A[%a, %a, %a, %a] B[%a, %a] C[%c, %c, %c, %c] {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<s4>, multiplicandBPtxType = #nvvm.mma_type<s4>, intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, shape = #nvvm.shape<m = 16, n = 8, k = 64>} : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
    llvm.return
  }
}

// -----

gpu.module @unknown [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel() {
    // expected-error @+1 {{is not in the list of operations whose needs are known, so it cannot be checked for sm_80}}
    llvm.inline_asm has_side_effects "trap;", "" : () -> ()
    llvm.return
  }
}

// -----

// Intrinsics that are called by name are in a list of their own.
gpu.module @intrinsics [#nvvm.target<chip = "sm_80", features = "+ptx70">] {
  llvm.func @kernel(%x: f32) {
    %0 = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%x) : (f32) -> f32
    // expected-error @+1 {{is not in the list of operations whose needs are known, so it cannot be checked for sm_80}}
    %1 = llvm.call_intrinsic "llvm.nvvm.sin.approx.f"(%x) : (f32) -> f32
    llvm.return
  }
}

// -----

// expected-error @+1 {{expected targets out of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got none}}
gpu.module @no_target {
}

// -----

// expected-error @+1 {{expected targets out of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got #nvvm.target<chip = "sm_70">}}
gpu.module @old_target [#nvvm.target<chip = "sm_70">] {
}

// -----

// Not LLVM's own choice, which is the oldest version with the chip: PTX 8.6 has no mxf4nvf4.
// expected-error @+1 {{expected features = "+ptx88" or one newer PTX version for sm_100a, but got none, which is the oldest version that LLVM knows for it}}
gpu.module @no_version [#nvvm.target<chip = "sm_100a">] {
}

// -----

// expected-error @+1 {{expected features = "+ptx84" or one newer PTX version for sm_90a, but got "+ptx60"}}
gpu.module @old_version [#nvvm.target<chip = "sm_90a", features = "+ptx60">] {
}

// -----

// expected-error @+1 {{expected features = "+ptx81" or one newer PTX version for sm_89, but got "+ptx78"}}
gpu.module @version_of_another_target [#nvvm.target<chip = "sm_80", features = "+ptx78">, #nvvm.target<chip = "sm_89", features = "+ptx78">] {
}

// -----

// LLVM has no such feature, and would go on without one.
// expected-error @+1 {{expected features = "+ptx70" or one newer PTX version for sm_80, but got "+ptx89"}}
gpu.module @unknown_version [#nvvm.target<chip = "sm_80", features = "+ptx89">] {
}

// -----

// expected-error @+1 {{expected features = "+ptx70" or one newer PTX version for sm_80, but got "+ptx70,+sm_20"}}
gpu.module @two_features [#nvvm.target<chip = "sm_80", features = "+ptx70,+sm_20">] {
}

// -----

gpu.module @newer_version [#nvvm.target<chip = "sm_80", features = "+ptx90">] {
}

// -----

// expected-error @+1 {{expected triple = "nvptx64-nvidia-cuda" for sm_80, but got "nvptx-nvidia-cuda"}}
gpu.module @triple [#nvvm.target<chip = "sm_80", triple = "nvptx-nvidia-cuda", features = "+ptx70">] {
}

// -----

// expected-error @+1 {{expected no files to link, which nobody checks, but got ["a.bc"]}}
gpu.module @link [#nvvm.target<chip = "sm_80", features = "+ptx70", link = ["a.bc"]>] {
}
