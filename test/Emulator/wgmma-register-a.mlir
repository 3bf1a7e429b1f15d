// A warpgroup multiplies rows that lie in its registers; what it reads and when is checked as for the other form.

// RUN: rm -rf %t && split-file %s %t && %python %S/Inputs/matrices.py %t 64 8 32
// DEFINE: %{lower} = qllm-opt --pass-pipeline="builtin.module(gpu.module(convert-gpu-to-nvvm,reconcile-unrealized-casts))"
// DEFINE: %{emulate} = qllm-emu - --launch=%t/launch.json --arch=sm_90a
// RUN: %{lower} %t/kernel.mlir | %{emulate} | FileCheck %s --check-prefix=CLEAN
// RUN: %{lower} %t/kernel.mlir | %{emulate} --async=eager --seed=1 | FileCheck %s --check-prefix=CLEAN
// RUN: %{lower} %t/kernel.mlir | %{emulate} --async=random --seed=2 | FileCheck %s --check-prefix=CLEAN
// CLEAN: {{^}}clean

// Nothing is there before the wait.
// RUN: sed '/wait for the product/d' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=WAIT
// WAIT-DAG: copy-never-waited-for in wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8.registers: block (0,0,0) thread {{.*}} ends with products under way
// WAIT-DAG: copy-not-waited-for in extractvalue: block (0,0,0) thread {{.*}} reads a register of a product that is still under way
// WAIT-DAG: result 'C': {{.*}} elements are not as expected

// A group that is not waited for is as good as none.
// RUN: sed 's/wait.group.sync.aligned 0/wait.group.sync.aligned 1/' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=WAIT

// A fence that comes before the registers are written orders nothing.
// RUN: sed 's/nvvm.barrier0/nvvm.barrier0\n nvvm.wgmma.fence.aligned/; /registers are written/d' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=FENCE
// FENCE: missing-matrix-fence in wgmma.mma_async{{.*}}: block (0,0,0) thread {{.*}} gives registers that were written without wgmma.fence since

// Part of a warp at the wait.
// RUN: sed 's/nvvm.wgmma.commit.group.sync.aligned/nvvm.wgmma.commit.group.sync.aligned\n llvm.cond_br %%odd, ^odd, ^even\n ^odd:\n nvvm.barrier id = %%two number_of_threads = %%all\n llvm.br ^even\n ^even:/' %t/kernel.mlir | %{lower} - | not %{emulate} | FileCheck %s --check-prefix=DIVERGENT
// DIVERGENT: divergent-collective in wgmma.wait_group.sync.aligned.0: {{.*}}warp 0 lanes 0x55555555 wait in wgmma.wait_group

//--- launch.json
{
  "kernel": "gemm",
  "block": [128],
  "arguments": [
    {"name": "A", "input": "a.npy"},
    {"name": "B", "input": "b.npy"},
    {"name": "C", "type": "i32", "shape": [64, 8], "expect": "c.npy"}
  ]
}

//--- kernel.mlir
gpu.module @kernels {
  // 8 rows of 32 bytes with their swizzle: the second four rows have their halves exchanged.
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 256 : i64} : !llvm.array<256 x i8>

  llvm.func @gemm(%a: !llvm.ptr<1>, %b: !llvm.ptr<1>, %c: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %two = llvm.mlir.constant(2 : i32) : i32
    %three = llvm.mlir.constant(3 : i32) : i32
    %four = llvm.mlir.constant(4 : i32) : i32
    %five = llvm.mlir.constant(5 : i32) : i32
    %sixteen = llvm.mlir.constant(16 : i32) : i32
    %all = llvm.mlir.constant(128 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %parity = llvm.and %thread, %one : i32
    %odd = llvm.icmp "eq" %parity, %one : i32
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %copies = llvm.icmp "ult" %thread, %sixteen : i32
    llvm.cond_br %copies, ^copy, ^ready
  ^copy:
    %plain = llvm.shl %thread, %four : i32
    %eighth = llvm.lshr %plain, %three : i32
    %flip = llvm.and %eighth, %sixteen : i32
    %place = llvm.xor %plain, %flip : i32
    %from = llvm.getelementptr %b[%plain] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %to = llvm.getelementptr %tile[%place] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %piece = llvm.load %from {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
    llvm.store %piece, %to {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    llvm.br ^ready
  ^ready:
    // Lane 4 g + t of warp w has bytes 4 t and 16 + 4 t of rows 16 w + g and 16 w + g + 8.
    nvvm.barrier0
    %warp = llvm.lshr %thread, %five : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %g = llvm.lshr %lane, %two : i32
    %t = llvm.and %lane, %three : i32
    %warp_row = llvm.shl %warp, %four : i32
    %row = llvm.add %warp_row, %g : i32
    %row_bytes = llvm.shl %row, %five : i32
    %t_bytes = llvm.shl %t, %two : i32
    %byte = llvm.add %row_bytes, %t_bytes : i32
    %first = llvm.getelementptr %a[%byte] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %below = llvm.getelementptr %first[256] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i8
    %next = llvm.getelementptr %first[16] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i8
    %next_below = llvm.getelementptr %first[272] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i8
    %a0 = llvm.load %first : !llvm.ptr<1> -> i32
    %a1 = llvm.load %below : !llvm.ptr<1> -> i32
    %a2 = llvm.load %next : !llvm.ptr<1> -> i32
    %a3 = llvm.load %next_below : !llvm.ptr<1> -> i32
    %start = llvm.ptrtoint %tile : !llvm.ptr<3> to i32
    %mask = llvm.mlir.constant(16383 : i32) : i32
    %kind = llvm.mlir.constant(-4611685949707911168 : i64) : i64 // rows of eight 16 units apart, a swizzle of 32 bytes
    %units = llvm.lshr %start, %four : i32
    %low = llvm.and %units, %mask : i32
    %wide = llvm.zext %low : i32 to i64
    %descriptor = llvm.or %wide, %kind : i64
    %none = llvm.mlir.zero : !llvm.struct<(i32, i32, i32, i32)>
    nvvm.wgmma.fence.aligned // registers are written
    %sums = qk.wgmma_register_a %a0, %a1, %a2, %a3 by %descriptor to %none : !llvm.struct<(i32, i32, i32, i32)>
    nvvm.wgmma.commit.group.sync.aligned
    nvvm.wgmma.wait.group.sync.aligned 0 // wait for the product
    %row_of_c = llvm.shl %row, %three : i32
    %column = llvm.shl %t, %one : i32
    %index = llvm.add %row_of_c, %column : i32
    %c0 = llvm.getelementptr %c[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %c1 = llvm.getelementptr %c0[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %c2 = llvm.getelementptr %c0[64] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %c3 = llvm.getelementptr %c0[65] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %s0 = llvm.extractvalue %sums[0] : !llvm.struct<(i32, i32, i32, i32)>
    %s1 = llvm.extractvalue %sums[1] : !llvm.struct<(i32, i32, i32, i32)>
    %s2 = llvm.extractvalue %sums[2] : !llvm.struct<(i32, i32, i32, i32)>
    %s3 = llvm.extractvalue %sums[3] : !llvm.struct<(i32, i32, i32, i32)>
    llvm.store %s0, %c0 : i32, !llvm.ptr<1>
    llvm.store %s1, %c1 : i32, !llvm.ptr<1>
    llvm.store %s2, %c2 : i32, !llvm.ptr<1>
    llvm.store %s3, %c3 : i32, !llvm.ptr<1>
    llvm.return
  }
}
