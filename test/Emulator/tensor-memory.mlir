// A product of ones in tensor memory, 128x32x64, from its allocation to its end; then what can be wrong with allocations, order,
// waits and descriptors. What is right is the text of the PTX ISA: no GPU has been asked.

// RUN: rm -rf %t && split-file %s %t && %python -c "open(r'%t/sums.bin', 'wb').write(b'\x00\x00\x80\x42' * 128)"
// DEFINE: %{emulate} = qllm-emu - --launch=%t/launch.json --arch=sm_100a
// RUN: %{emulate} < %t/kernel.mlir | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --async=eager --seed=3 < %t/kernel.mlir | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --async=random --seed=4 --exact-sums < %t/kernel.mlir | FileCheck %s --check-prefix=CLEAN
// CLEAN: ones: 128 threads, {{.*}} 262144 multiply-adds
// CLEAN-NEXT: {{^}}clean

// RUN: sed '/wait for the product/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=WAIT
// WAIT: copy-not-waited-for in tcgen05.ld{{.*}} uses column 448 of tensor memory, which an operation of block (0,0,0) thread (0,0,0) is still to write
// RUN: sed '/after the wait/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=FENCE
// FENCE: race in tcgen05.ld{{.*}} thread {{.*}} uses column 448 of tensor memory, written for block (0,0,0) thread (0,0,0), with no barrier and fence between
// RUN: sed '/commit/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=COMMIT
// COMMIT: deadlock in mbarrier.try_wait.parity
// RUN: sed '/wait <load>/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=LOADS
// LOADS: copy-not-waited-for in tcgen05.fence: block (0,0,0) thread {{.*}} is done with tensor memory while loads of its warp are under way
// RUN: sed '/all have loaded/d' %t/kernel.mlir | not %{emulate} --seed=2 | FileCheck %s --check-prefix=FREE
// FREE: race in tcgen05.dealloc{{.*}} tensor memory, loaded by warp {{[0-9]}}, with no barrier and fence between
// RUN: sed '/scales of A/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=SCALES
// SCALES: uninitialized-read in tcgen05.mma.block_scale{{.*}} uses column 480 of tensor memory, which nobody has written
// RUN: sed '/fence.proxy/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=PROXY
// PROXY: missing-proxy-fence in tcgen05.mma.block_scale

// Scales are copied again while the product may still read the ones before.
// RUN: sed 's/.*commit.*/    nvvm.tcgen05.cp %%scales_a, %%scales {shape = #nvvm.tcgen05_cp_shape<shape_32x128b>, multicast = #nvvm.tcgen05_cp_multicast<warpx4>}\n&/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=AGAIN
// AGAIN: copy-not-waited-for in tcgen05.cp{{.*}} uses column 480 of tensor memory, which a{{.*}} of block (0,0,0) thread (0,0,0) is still to

// RUN: sed '/tcgen05.dealloc/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=LEFT
// LEFT: tensor-memory-misuse in tcgen05.alloc{{.*}}: the block ends with 64 columns of tensor memory that nobody gave back
// RUN: sed 's/constant(64 : i32)/constant(48 : i32)/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=SIZE
// SIZE: tensor-memory-misuse in tcgen05.alloc{{.*}} allocates 48 columns of tensor memory, where a power of two of 32 to 512 is wanted
// RUN: sed 's/constant(64 : i32)/constant(32 : i32)/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=SMALL
// SMALL: tensor-memory-misuse in tcgen05.cp: {{.*}} uses column 512 of tensor memory, which is not allocated
// RUN: sed 's/shl %%quarter, %%sixteen/shl %%zero, %%sixteen/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=LANES
// LANES: tensor-memory-misuse in tcgen05.ld{{.*}} uses lane 0 of tensor memory, where 32 is the first that it can
// RUN: sed 's/constant(134743168 : i32)/constant(134743169 : i32)/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=INSTRUCTION
// INSTRUCTION: tensor-memory-misuse in tcgen05.mma.block_scale: {{.*}} gives an instruction descriptor that cannot be
// RUN: sed 's/constant(70403112304640 : i64)/constant(34368126976 : i64)/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=MATRIX
// MATRIX: tensor-memory-misuse in tcgen05.mma.block_scale: {{.*}} gives a descriptor of a matrix that cannot be

// RUN: sed 's/group = #nvvm.cta_group<cta_1>/group = #nvvm.cta_group<cta_2>/' %t/kernel.mlir | not %{emulate} 2>&1 | FileCheck %s --check-prefix=PAIRS
// PAIRS: error: 'nvvm.tcgen05.alloc' op is known to the emulator for single blocks only

//--- launch.json
{
  "kernel": "ones",
  "grid": [1],
  "block": [128],
  "arguments": [
    {"name": "OUT", "type": "f32", "shape": [128], "expect": "sums.bin"}
  ]
}

//--- kernel.mlir
gpu.module @kernels {
  // 128 rows of 32 bytes of codes, the first half of all rows in front of the second; 512 bytes of scales; a barrier; an address.
  llvm.mlir.global internal @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<4640 x i8>

  llvm.func @ones(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %four = llvm.mlir.constant(4 : i32) : i32
    %five = llvm.mlir.constant(5 : i32) : i32
    %sixteen = llvm.mlir.constant(16 : i32) : i32
    %allocated = llvm.mlir.constant(64 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %codes = llvm.mlir.constant(dense<572662306> : vector<8xi32>) : vector<8xi32> // 1.0 in each half byte
    %scale_word = llvm.mlir.constant(943208504 : i32) : i32 // 1.0 in each byte
    %no = llvm.mlir.constant(false) : i1
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %barrier = llvm.getelementptr %shared[4624] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %slot = llvm.getelementptr %shared[4632] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %first = llvm.icmp "eq" %thread, %zero : i32
    %warp = llvm.lshr %thread, %five : i32
    %first_warp = llvm.icmp "eq" %warp, %zero : i32

    %row = llvm.shl %thread, %five : i32
    %place = llvm.getelementptr %shared[%row] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    llvm.store %codes, %place {alignment = 16 : i64} : vector<8xi32>, !llvm.ptr<3>
    %all_scales = llvm.getelementptr %shared[4096] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %scale_place = llvm.getelementptr %all_scales[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %scale_word, %scale_place : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    llvm.cond_br %first, ^init, ^initialized
  ^init:
    nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    llvm.br ^initialized
  ^initialized:
    llvm.cond_br %first_warp, ^allocate, ^ready
  ^allocate:
    nvvm.tcgen05.alloc %slot, %allocated {group = #nvvm.cta_group<cta_1>} : !llvm.ptr<3>, i32
    nvvm.tcgen05.relinquish_alloc_permit
    llvm.br ^ready
  ^ready:
    nvvm.tcgen05.fence <before>
    nvvm.barrier0
    nvvm.tcgen05.fence <after>
    %base = llvm.load %slot : !llvm.ptr<3> -> i32
    llvm.cond_br %first, ^multiply, ^wait

  ^multiply:
    %thirty_two = llvm.mlir.constant(32 : i32) : i32
    %thirty_six = llvm.mlir.constant(36 : i32) : i32
    %column_a = llvm.add %base, %thirty_two : i32
    %column_b = llvm.add %base, %thirty_six : i32
    %sums = llvm.inttoptr %base : i32 to !llvm.ptr<6>
    %scales_a = llvm.inttoptr %column_a : i32 to !llvm.ptr<6>
    %scales_b = llvm.inttoptr %column_b : i32 to !llvm.ptr<6>
    %address = llvm.ptrtoint %shared : !llvm.ptr<3> to i32
    %units = llvm.lshr %address, %four : i32
    %mask = llvm.mlir.constant(16383 : i32) : i32
    %start = llvm.and %units, %mask : i32
    %start_64 = llvm.zext %start : i32 to i64
    %matrix_bits = llvm.mlir.constant(70403112304640 : i64) : i64 // stride 128, leading 2048
    %matrix = llvm.or %start_64, %matrix_bits : i64
    %scale_bits = llvm.mlir.constant(70403103916288 : i64) : i64 // stride 128, 4096 bytes further
    %scales = llvm.add %start_64, %scale_bits : i64
    %instruction = llvm.mlir.constant(134743168 : i32) : i32 // 128x32
    nvvm.tcgen05.cp %scales_a, %scales {shape = #nvvm.tcgen05_cp_shape<shape_32x128b>, multicast = #nvvm.tcgen05_cp_multicast<warpx4>} // scales of A
    nvvm.tcgen05.cp %scales_b, %scales {shape = #nvvm.tcgen05_cp_shape<shape_32x128b>, multicast = #nvvm.tcgen05_cp_multicast<warpx4>}
    nvvm.tcgen05.mma.block_scale %sums, %matrix, %matrix, %instruction, %no, %scales_a, %scales_b
        {kind = #nvvm.block_scale_kind<mxf4nvf4>, ctaGroup = #nvvm.cta_group<cta_1>, blockScale = #nvvm.tcgen05_mma_block_scale<block16>}
        : (!llvm.ptr<6>, i64, i64, i32, i1, !llvm.ptr<6>, !llvm.ptr<6>)
    nvvm.tcgen05.commit %barrier : !llvm.ptr<3>
    llvm.br ^wait

  ^wait:
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32 // wait for the product
    nvvm.tcgen05.fence <after> // after the wait
    %quarter = llvm.shl %warp, %five : i32
    %lanes = llvm.shl %quarter, %sixteen : i32
    %of_warp = llvm.add %base, %lanes : i32
    %row_sums = llvm.inttoptr %of_warp : i32 to !llvm.ptr<6>
    %loaded = nvvm.tcgen05.ld %row_sums {shape = #nvvm.tcgen05_ldst_shape<shape_32x32b>} : vector<32xi32>
    nvvm.tcgen05.wait <load>
    %thirty_first = llvm.mlir.constant(31 : i32) : i32
    %sum = llvm.extractelement %loaded[%thirty_first : i32] : vector<32xi32>
    %to = llvm.getelementptr %out[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %sum, %to : i32, !llvm.ptr<1>
    nvvm.tcgen05.fence <before>
    nvvm.barrier0 // all have loaded
    nvvm.tcgen05.fence <after>
    llvm.cond_br %first_warp, ^free, ^end
  ^free:
    %allocation = llvm.inttoptr %base : i32 to !llvm.ptr<6>
    nvvm.tcgen05.dealloc %allocation, %allocated : !llvm.ptr<6>, i32
    llvm.br ^end
  ^end:
    llvm.return
  }
}
