// RUN: qllm-opt %s --pass-pipeline="builtin.module(gpu.module(qllm-lower-nvvm-to-host))" | FileCheck %s

// Each operation of a warp is a site, by the name that PTX has for it; copies are two.
// CHECK: gpu.module @kernels attributes {emu.shared_bytes = 1088 : i64, emu.sites = [
// CHECK-SAME: {at = "{{.*}}lower-nvvm-to-host.mlir:[[#]]:{{[0-9]+}}", in = "{{.*}}", operation = "mma.sync.aligned.m16n8k32.row.col.satfinite.s32.s8.u8.s32", words = 10 : i32}
// CHECK-SAME: operation = "shfl.sync.bfly", words = 3 : i32
// CHECK-SAME: operation = "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16", words = 2 : i32
// CHECK-SAME: operation = "barrier0"
// CHECK-SAME: operation = "cp.async (read)"
// CHECK-SAME: operation = "cp.async (write)"
gpu.module @kernels {
  llvm.mlir.global internal @dynamic() {addr_space = 3 : i32, alignment = 64 : i64} : !llvm.array<0 x i8>
  llvm.mlir.global internal @first() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<1000 x i8>
  llvm.mlir.global internal @second() {addr_space = 3 : i32} : !llvm.array<64 x i8>

  // A special register is a load from the context.
  // CHECK-LABEL: llvm.func @registers(%arg0: !llvm.ptr) -> i32
  // CHECK: %[[ADDRESS:.*]] = llvm.getelementptr %arg0[24] : (!llvm.ptr) -> !llvm.ptr, i8
  // CHECK: %[[VALUE:.*]] = llvm.load %[[ADDRESS]] : !llvm.ptr -> i32
  // CHECK: llvm.return %[[VALUE]]
  llvm.func @registers() -> i32 {
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    llvm.return %block : i32
  }

  // A kernel gets an entry that reads its arguments; the attributes for a GPU go.
  // CHECK-LABEL: llvm.func @kernel(%arg0: !llvm.ptr, %arg1: !llvm.ptr<1>, %arg2: i32) {
  // CHECK: llvm.call @registers(%arg0) : (!llvm.ptr) -> i32
  // CHECK: llvm.func @emu_entry_kernel(%[[CONTEXT:.*]]: !llvm.ptr, %[[ARGUMENTS:.*]]: !llvm.ptr)
  // CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[ARGUMENTS]][1]
  // CHECK: %[[PLACE:.*]] = llvm.load %[[SLOT]]
  // CHECK: %[[NUMBER:.*]] = llvm.load %[[PLACE]] : !llvm.ptr -> i32
  // CHECK: llvm.call @kernel(%[[CONTEXT]], %{{.*}}, %[[NUMBER]])
  llvm.func @kernel(%out: !llvm.ptr<1> {llvm.noalias}, %n: i32) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 64>} {
    %0 = llvm.call @registers() : () -> i32
    llvm.return
  }

  // CHECK-LABEL: llvm.func @mma(
  // CHECK: %[[OUT:.*]] = llvm.alloca %{{.*}} x !llvm.array<4 x i32>
  // CHECK: llvm.call @qllm_emu_collective(%arg0, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
  llvm.func @mma(%a: i32, %b: i32, %c: i32) -> !llvm.struct<(i32, i32, i32, i32)> {
    %d = nvvm.mma.sync A[%a, %a, %a, %a] B[%b, %b] C[%c, %c, %c, %c]
        {intOverflowBehavior = #nvvm.mma_int_overflow<satfinite>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>,
         multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<u8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>}
        : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
    llvm.return %d : !llvm.struct<(i32, i32, i32, i32)>
  }

  // A shuffle with a predicate gives both words.
  // CHECK-LABEL: llvm.func @shuffle(
  // CHECK: llvm.call @qllm_emu_collective(%arg0, %{{.*}}, %arg1, %{{.*}}, %{{.*}})
  // CHECK: llvm.trunc %{{.*}} : i32 to i1
  llvm.func @shuffle(%mask: i32, %x: f32, %offset: i32, %clamp: i32) -> !llvm.struct<(f32, i1)> {
    %y = nvvm.shfl.sync bfly %mask, %x, %offset, %clamp {return_value_and_is_valid} : f32 -> !llvm.struct<(f32, i1)>
    llvm.return %y : !llvm.struct<(f32, i1)>
  }

  // Shared globals lie one behind the other, the dynamic one last; `@second` begins at 1008.
  // CHECK-LABEL: llvm.func @shared(
  // CHECK: llvm.getelementptr %arg0[64]
  // CHECK: llvm.getelementptr %{{.*}}[1008]
  // CHECK: llvm.addrspacecast %{{.*}} : !llvm.ptr to !llvm.ptr<3>
  // CHECK: llvm.getelementptr %{{.*}}[1088]
  llvm.func @shared() -> !llvm.struct<(i32, i32)> {
    %second = llvm.mlir.addressof @second : !llvm.ptr<3>
    %dynamic = llvm.mlir.addressof @dynamic : !llvm.ptr<3>
    %words = nvvm.ldmatrix %second {num = 2 : i32, layout = #nvvm.mma_layout<col>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
    llvm.return %words : !llvm.struct<(i32, i32)>
  }

  // CHECK-LABEL: llvm.func @copies(
  // CHECK: llvm.call @qllm_emu_barrier(%arg0, %{{.*}}, %{{.*}}, %{{.*}})
  // CHECK: llvm.call @qllm_emu_copy(%arg0,
  // CHECK: llvm.call @qllm_emu_copy_commit(%arg0)
  // CHECK: llvm.call @qllm_emu_copy_wait(%arg0, %{{.*}})
  llvm.func @copies(%to: !llvm.ptr<3>, %from: !llvm.ptr<1>) {
    nvvm.barrier0
    nvvm.cp.async.shared.global %to, %from, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 1
    llvm.return
  }

  // (a & b) ^ c, whose table is 0x6a. Inline PTX leaves nothing of itself.
  // CHECK-LABEL: llvm.func @inline_ptx(
  // CHECK-NOT: inline
  // CHECK: llvm.return
  llvm.func @inline_ptx(%a: i32, %b: i32, %c: i32) -> i32 {
    %0 = nvvm.inline_ptx "lop3.b32 $0, $1, $2, $3, 0x6a;" ro(%a, %b, %c : i32, i32, i32) -> i32
    %1 = llvm.inline_asm "{ .reg .b32 t; and.b32 t, $1, 0xff; add.s32 $0, t, $2; }", "=r,r,r" %0, %b : (i32, i32) -> i32
    llvm.return %1 : i32
  }
}
