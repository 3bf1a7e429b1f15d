// Boxes of a matrix that come by a tensor map, which is a parameter by value or lies in memory: with every swizzle, partly or
// all outside, rows left out; then what can be wrong with maps, places, bytes and waits.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{options} =
// DEFINE: %{more} =
// DEFINE: %{launch} = %python %S/Inputs/tensor-map.py %t %{options}
// DEFINE: %{emulate} = qllm-emu - --launch=%t/launch.json %{more}
// DEFINE: %{clean} = %{launch} && %{emulate} < %t/kernels.mlir | FileCheck %s --check-prefix=CLEAN
// DEFINE: %{refused} = %{launch} && not %{emulate} < %t/kernels.mlir 2>&1 | FileCheck %s
// DEFINE: %{wrong} = %{launch} && not %{emulate} < %t/kernels.mlir | FileCheck %s
// CLEAN: {{^}}clean

// REDEFINE: %{options} = by_value x=16 y=3
// RUN: %{clean}
// REDEFINE: %{options} = by_pointer x=16 y=3
// RUN: %{clean}
// REDEFINE: %{options} = by_value x=171 y=20 width=64
// REDEFINE: %{more} = --async=eager --seed=1
// RUN: %{clean}
// REDEFINE: %{options} = by_value x=-9 y=-5 width=32
// REDEFINE: %{more} = --async=random --seed=2
// RUN: %{clean}
// REDEFINE: %{options} = by_value x=-200 y=33 width=256 swizzle=0
// REDEFINE: %{more} =
// RUN: %{clean}
// REDEFINE: %{options} = by_value x=208 y=0
// RUN: %{clean}
// REDEFINE: %{options} = by_value x=64 y=1 step=3
// RUN: %{clean}

// REDEFINE: %{options} = by_value box=257
// RUN: %{refused} --check-prefix=BOX
// BOX: qllm-emu: tensor map 'map': expected a box of dimension 1 of 1 to 256 elements, but got 257
// REDEFINE: %{options} = by_value width=256
// RUN: %{refused} --check-prefix=SWIZZLE
// SWIZZLE: qllm-emu: launch description: expected 'swizzle' of the 'tensor_map' of argument 1 ('map') to be an integer from 0 to 255, but got 256
// REDEFINE: %{options} = by_value width=64 swizzle=128
// RUN: %{refused} --check-prefix=NARROW
// NARROW: qllm-emu: tensor map 'map': expected rows of a box as wide as the swizzle of 128 bytes, but got 64
// REDEFINE: %{options} = rank
// RUN: %{wrong} --check-prefix=RANK
// RANK: tensor-map-misuse {{.*}} gives 1 coordinates with a tensor map of 2 dimensions
// REDEFINE: %{options} = of_the_matrix
// RUN: %{wrong} --check-prefix=NO-MAP
// NO-MAP: tensor-map-misuse {{.*}} gives an address where no tensor map lies
// Bytes that are no map, but for the mark that tells one and its number of dimensions.
// RUN: %python -c "import numpy; x = numpy.zeros((40, 208), 'u1'); x.flat[:8] = list(b'qllm-map'); x.flat[103] = 2; numpy.save(r'%t/matrix.npy', x)"
// RUN: not %{emulate} < %t/kernels.mlir | FileCheck %s --check-prefix=FORGED
// FORGED: tensor-map-misuse in cp.async.bulk.tensor.shared.cluster.global: block (0,0,0) thread (0,0,0) gives a tensor map that cannot be: expected elements of 1, 2, 4 or 8 bytes, but got 0
// More rows than have room, and than are announced.
// REDEFINE: %{options} = by_value box=17
// RUN: %{wrong} --check-prefix=ROOM
// ROOM: out-of-bounds-write in cp.async.bulk.tensor{{.*}} writes 16 bytes at shared+2048 of 2056 bytes
// Fewer rows.
// REDEFINE: %{options} = by_value box=15
// RUN: %{wrong} --check-prefix=BYTES
// BYTES: deadlock in mbarrier.try_wait.parity: {{.*}}; the mbarrier at shared+2048 lacks 0 arrivals and 128 bytes

// REDEFINE: %{options} = by_value
// RUN: %{launch} && sed 's/getelementptr .tile\[0\]/getelementptr %%tile[64]/; s/2048 x i8/2560 x i8/' %t/kernels.mlir | not %{emulate} | FileCheck %s --check-prefix=PLACE
// PLACE: misaligned in cp.async.bulk.tensor{{.*}} copies a box to shared+64, which is not a multiple of 1024
// RUN: sed 's/constant(2048 : i32)/constant(1024 : i32)/' %t/kernels.mlir | not %{emulate} | FileCheck %s --check-prefix=TOO-MANY
// TOO-MANY: deadlock in mbarrier.try_wait.parity: {{.*}}; the mbarrier at shared+2048 lacks 0 arrivals and -1024 bytes
// RUN: sed '/wait for the box/d' %t/kernels.mlir | not %{emulate} | FileCheck %s --check-prefix=WAIT
// WAIT: copy-not-waited-for in load: {{.*}} reads shared+0, into which a copy is under way that was issued by thread (0,0,0)
// RUN: sed 's/constant(2048 : i32)/constant(2097152 : i32)/' %t/kernels.mlir | not %{emulate} | FileCheck %s --check-prefix=COUNT
// COUNT: barrier-misuse in mbarrier.arrive.expect_tx: {{.*}} has an mbarrier count 2097152 bytes, where 1048575 are the most
// RUN: sed 's/, nvvm.grid_constant//' %t/kernels.mlir | not %{emulate} 2>&1 | FileCheck %s --check-prefix=CONSTANT
// CONSTANT: error: 'llvm.func' op expected nvvm.grid_constant on parameter 1, which is passed by value
// RUN: sed 's/"swizzle"/"steps_"/' %t/launch.json > %t/key.json && not qllm-emu %t/kernels.mlir --launch=%t/key.json 2>&1 | FileCheck %s --check-prefix=KEY
// KEY: unknown key 'steps_' in the 'tensor_map' of argument 1 ('map'); known are buffer, sizes, strides, box, steps, swizzle
// RUN: sed 's/"buffer": "matrix"/"buffer": "other"/' %t/launch.json > %t/buffer.json && not qllm-emu %t/kernels.mlir --launch=%t/buffer.json 2>&1 | FileCheck %s --check-prefix=BUFFER
// BUFFER: qllm-emu: 'map' maps a buffer 'other' that no argument has
// RUN: sed 's/"swizzle"/"strides": [208, 8320], "swizzle"/' %t/launch.json > %t/rank.json && not qllm-emu %t/kernels.mlir --launch=%t/rank.json 2>&1 | FileCheck %s --check-prefix=STRIDES
// STRIDES: qllm-emu: tensor map 'map': expected as many sizes and steps as the box has, 2, and one stride less, but got 2, 2 and 2
// RUN: not qllm-emu %t/kernels.mlir --launch=%t/launch.json --kernel=number 2>&1 | FileCheck %s --check-prefix=KIND
// KIND: qllm-emu: 'map' is a tensor map in the launch, but neither a pointer nor 128 bytes in the kernel

//--- kernels.mlir
!map = !llvm.struct<"tensor_map", (array<128 x i8>)>
gpu.module @kernels {
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<2048 x i8>
  llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : i64

  llvm.func @by_value(%matrix: !llvm.ptr<1>, %map: !llvm.ptr {llvm.byval = !map, llvm.align = 64 : i64, nvvm.grid_constant}, %out: !llvm.ptr<1>, %x: i32, %y: i32, %mask: i32) attributes {nvvm.kernel} {
    llvm.call @copy(%map, %out, %x, %y, %mask) : (!llvm.ptr, !llvm.ptr<1>, i32, i32, i32) -> ()
    llvm.return
  }
  llvm.func @by_pointer(%matrix: !llvm.ptr<1>, %map: !llvm.ptr, %out: !llvm.ptr<1>, %x: i32, %y: i32, %mask: i32) attributes {nvvm.kernel} {
    llvm.call @copy(%map, %out, %x, %y, %mask) : (!llvm.ptr, !llvm.ptr<1>, i32, i32, i32) -> ()
    llvm.return
  }
  llvm.func @of_the_matrix(%matrix: !llvm.ptr, %map: !llvm.ptr, %out: !llvm.ptr<1>, %x: i32, %y: i32, %mask: i32) attributes {nvvm.kernel} {
    llvm.call @copy(%matrix, %out, %x, %y, %mask) : (!llvm.ptr, !llvm.ptr<1>, i32, i32, i32) -> ()
    llvm.return
  }
  llvm.func @number(%matrix: !llvm.ptr<1>, %map: i32, %out: !llvm.ptr<1>, %x: i32, %y: i32, %mask: i32) attributes {nvvm.kernel} {
    llvm.return
  }
  llvm.func @rank(%matrix: !llvm.ptr<1>, %map: !llvm.ptr, %out: !llvm.ptr<1>, %x: i32, %y: i32, %mask: i32) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %first = llvm.icmp "eq" %thread, %zero : i32
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    nvvm.mbarrier.init %barrier, %one, predicate = %first : !llvm.ptr<3>, i32, i1
    nvvm.cp.async.bulk.tensor.shared.cluster.global %tile, %map, %barrier, box[%x] predicate = %first : !llvm.ptr<3>, !llvm.ptr
    llvm.return
  }

  // Thread 0 asks for the box; each thread stores 16 bytes of it.
  llvm.func @copy(%map: !llvm.ptr, %out: !llvm.ptr<1>, %x: i32, %y: i32, %mask: i32) {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %three = llvm.mlir.constant(3 : i32) : i32
    %four = llvm.mlir.constant(4 : i32) : i32
    %bytes = llvm.mlir.constant(2048 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %start = llvm.getelementptr %tile[0] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %first = llvm.icmp "eq" %thread, %zero : i32
    nvvm.mbarrier.init %barrier, %one, predicate = %first : !llvm.ptr<3>, i32, i1
    nvvm.fence.mbarrier.init
    nvvm.barrier0
    llvm.cond_br %first, ^ask, ^wait
  ^ask:
    nvvm.mbarrier.arrive.expect_tx %barrier, %bytes : !llvm.ptr<3>, i32
    %cluster = llvm.addrspacecast %start : !llvm.ptr<3> to !llvm.ptr<7>
    nvvm.cp.async.bulk.tensor.shared.cluster.global %cluster, %map, %barrier, box[%x, %y] : !llvm.ptr<7>, !llvm.ptr
    llvm.br ^wait
  ^wait:
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32 // wait for the box
    %plain = llvm.shl %thread, %four : i32
    %row = llvm.lshr %plain, %three : i32
    %flip = llvm.and %row, %mask : i32
    %place = llvm.xor %plain, %flip : i32
    %from = llvm.getelementptr %start[%place] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8
    %to = llvm.getelementptr %out[%plain] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
    %piece = llvm.load %from {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
    llvm.store %piece, %to {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
    llvm.return
  }
}
