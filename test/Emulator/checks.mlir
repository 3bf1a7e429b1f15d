// Small kernels, each with one mistake, and the finding that it must give. Kernels named `fine` have none.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{emulate} = qllm-emu %t/kernels.mlir --launch=%t/launch.json
// RUN: not %{emulate} --kernel=uninitialized | FileCheck %s --check-prefix=UNINITIALIZED
// RUN: not %{emulate} --kernel=race_in_warp | FileCheck %s --check-prefix=RACE-IN-WARP
// RUN: not %{emulate} --kernel=race_in_warp --seed=5 | FileCheck %s --check-prefix=RACE-IN-WARP
// RUN: %{emulate} --kernel=fine_in_warp | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=divergent | FileCheck %s --check-prefix=DIVERGENT
// RUN: not %{emulate} --kernel=inactive_source | FileCheck %s --check-prefix=INACTIVE
// RUN: not %{emulate} --kernel=not_in_mask | FileCheck %s --check-prefix=MASK
// RUN: not %{emulate} --kernel=deadlock | FileCheck %s --check-prefix=DEADLOCK
// RUN: not %{emulate} --kernel=block_race | FileCheck %s --check-prefix=BLOCK-RACE
// RUN: %{emulate} --kernel=fine_atomic | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=shared_bounds | FileCheck %s --check-prefix=SHARED-BOUNDS
// RUN: not %{emulate} --kernel=global_bounds | FileCheck %s --check-prefix=GLOBAL-BOUNDS
// RUN: %{emulate} --kernel=fine_constant | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=constant_bounds | FileCheck %s --check-prefix=CONSTANT
// RUN: not %{emulate} --kernel=null_pointer | FileCheck %s --check-prefix=NULL
// RUN: not %{emulate} --kernel=misaligned | FileCheck %s --check-prefix=MISALIGNED
// RUN: not %{emulate} --kernel=barrier_count | FileCheck %s --check-prefix=BARRIER-COUNT
// RUN: %{emulate} --kernel=fine_named_barriers | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --kernel=fine_named_barriers --seed=3 | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=strided | FileCheck %s --check-prefix=STRIDED

// RUN: not qllm-emu %t/kernels.mlir --launch=%t/read-only.json | FileCheck %s --check-prefix=READ-ONLY

// UNINITIALIZED: kernels.mlir:{{[0-9]+}}:{{[0-9]+}}: uninitialized-read in load: block (0,0,0) thread (0,0,0) reads shared+0, which nobody has written (128 times)
// RACE-IN-WARP: race in load: block ({{[01]}},0,0) thread ({{[0-9]+}},0,0) reads shared+{{[0-9]+}}, written by thread ({{[0-9]+}},0,0), with no barrier between
// CLEAN: {{^}}clean
// DIVERGENT: divergent-collective in bar.warp.sync: block (0,0,0): warp 0 lanes 0x0000ffff wait in bar.warp.sync at {{.*}}; warp 0 lanes 0xffff0000 wait in barrier0 at
// INACTIVE: inactive-source in shfl.sync.bfly: block (0,0,0) thread (0,0,0) reads lane 16, which does not take part (64 times)
// MASK: not-in-mask in bar.warp.sync: block (0,0,0) thread (8,0,0) is not in the mask that it gives
// DEADLOCK: deadlock in barrier: block (0,0,0): warp 0 lanes 0xffffffff wait in barrier at {{.*}}; warp 1 lanes 0xffffffff have finished
// BLOCK-RACE: block-race in store: block (1,0,0) thread (0,0,0) writes OUT+0, written by block (0,0,0), with nothing between that orders them
// SHARED-BOUNDS: out-of-bounds-write in store: block (0,0,0) thread (63,0,0) writes 4 bytes at shared+4096 of 4096 bytes (2 times)
// GLOBAL-BOUNDS: out-of-bounds-read in load: block (0,0,0) thread (0,0,0) reads 4 bytes at OUT-4 of 1024 bytes
// CONSTANT: out-of-bounds-read in load: {{.*}} reads 4 bytes at @table+16 of 16 bytes
// NULL: out-of-bounds-read in load: {{.*}} reads 4 bytes at an address in no buffer
// MISALIGNED: misaligned in store: block (0,0,0) thread (0,0,0) accesses 8 bytes at OUT+4 of 1024 bytes, which is not a multiple of 8
// BARRIER-COUNT: barrier-misuse in barrier: block (0,0,0) thread ({{32|0}},0,0) expects {{.*}} threads at barrier 1, where others expect
// READ-ONLY: read-only-write in store: block (0,0,0) thread (0,0,0) writes IN+4 of 9 bytes, an input (32 times)
// STRIDED: global load: 4 requests, 128 sectors, 16 at least (x8.00)
// STRIDED: shared store: 4 requests, 128 passes, 4 at least (x32.00)

//--- launch.json
{"grid": [2], "block": [64], "arguments": [{"name": "OUT", "type": "i32", "shape": [256], "fill": 0}, {"name": "WIDE", "type": "i32", "shape": [4096], "fill": 0}]}

//--- read-only.json
{"kernel": "read_only", "block": [32], "arguments": [{"name": "IN", "input": "in.bin"}, {"name": "OUT", "type": "i32", "shape": [1]}]}

//--- in.bin
0123456

//--- kernels.mlir
gpu.module @kernels {
  llvm.mlir.global internal @shared() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<4096 x i8>

  llvm.mlir.global internal constant @table(dense<[1, 2, 3, 4]> : tensor<4xi32>) : !llvm.array<4 x i32>

  llvm.func @uninitialized(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %value = llvm.load %shared : !llvm.ptr<3> -> i32
    llvm.return
  }

  llvm.func @read_only(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %value = llvm.load %in : !llvm.ptr<1> -> i32
    %next = llvm.getelementptr %in[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    llvm.store %value, %next : i32, !llvm.ptr<1>
    llvm.return
  }

  // Each thread stores a word and reads that of the next lane.
  llvm.func @race_in_warp(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %next = llvm.xor %thread, %one : i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %mine = llvm.getelementptr %shared[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %other = llvm.getelementptr %shared[%next] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %thread, %mine : i32, !llvm.ptr<3>
    %value = llvm.load %other : !llvm.ptr<3> -> i32
    llvm.return
  }

  llvm.func @fine_in_warp(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %all = llvm.mlir.constant(-1 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %next = llvm.xor %thread, %one : i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %mine = llvm.getelementptr %shared[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %other = llvm.getelementptr %shared[%next] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %thread, %mine : i32, !llvm.ptr<3>
    nvvm.bar.warp.sync %all : i32
    %value = llvm.load %other : !llvm.ptr<3> -> i32
    llvm.return
  }

  // Half of a warp is at one barrier, half at another.
  llvm.func @divergent(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %sixteen = llvm.mlir.constant(16 : i32) : i32
    %all = llvm.mlir.constant(-1 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %low = llvm.icmp "ult" %lane, %sixteen : i32
    llvm.cond_br %low, ^meet, ^end
  ^meet:
    nvvm.bar.warp.sync %all : i32
    llvm.br ^end
  ^end:
    nvvm.barrier0
    llvm.return
  }

  // Lanes 0 to 15 shuffle among themselves, but ask for lanes 16 to 31.
  llvm.func @inactive_source(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %sixteen = llvm.mlir.constant(16 : i32) : i32
    %low_lanes = llvm.mlir.constant(65535 : i32) : i32
    %clamp = llvm.mlir.constant(31 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %low = llvm.icmp "ult" %lane, %sixteen : i32
    llvm.cond_br %low, ^shuffle, ^end
  ^shuffle:
    %value = nvvm.shfl.sync bfly %low_lanes, %lane, %sixteen, %clamp : i32 -> i32
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @not_in_mask(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %eight_lanes = llvm.mlir.constant(255 : i32) : i32
    %eight = llvm.mlir.constant(8 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %ninth = llvm.icmp "eq" %lane, %eight : i32
    llvm.cond_br %ninth, ^meet, ^end
  ^meet:
    nvvm.bar.warp.sync %eight_lanes : i32
    llvm.br ^end
  ^end:
    llvm.return
  }

  // Warp 0 waits for 96 threads, warp 1 never comes.
  llvm.func @deadlock(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %count = llvm.mlir.constant(96 : i32) : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %second = llvm.icmp "eq" %warp, %one : i32
    llvm.cond_br %second, ^end, ^wait
  ^wait:
    nvvm.barrier id = %one number_of_threads = %count
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @block_race(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^store, ^end
  ^store:
    llvm.store %thread, %out : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @fine_atomic(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %before = llvm.atomicrmw add %out, %one monotonic : !llvm.ptr<1>, i32
    llvm.return
  }

  llvm.func @shared_bounds(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %last = llvm.getelementptr %shared[961] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32
    %place = llvm.getelementptr %last[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %thread, %place : i32, !llvm.ptr<3>
    llvm.return
  }

  llvm.func @global_bounds(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %before = llvm.getelementptr %out[-1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %value = llvm.load %before : !llvm.ptr<1> -> i32
    llvm.return
  }

  llvm.func @fine_constant(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %table = llvm.mlir.addressof @table : !llvm.ptr
    %three = llvm.getelementptr %table[2] : (!llvm.ptr) -> !llvm.ptr, i32
    %value = llvm.load %three : !llvm.ptr -> i32
    %sum = llvm.atomicrmw add %out, %value monotonic : !llvm.ptr<1>, i32
    llvm.return
  }

  llvm.func @constant_bounds(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %table = llvm.mlir.addressof @table : !llvm.ptr
    %behind = llvm.getelementptr %table[4] : (!llvm.ptr) -> !llvm.ptr, i32
    %value = llvm.load %behind : !llvm.ptr -> i32
    llvm.return
  }

  llvm.func @null_pointer(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %null = llvm.mlir.zero : !llvm.ptr<1>
    %value = llvm.load %null : !llvm.ptr<1> -> i32
    llvm.return
  }

  llvm.func @misaligned(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %pair = llvm.mlir.zero : vector<2xi32>
    %second = llvm.getelementptr %out[1] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    llvm.store %pair, %second : vector<2xi32>, !llvm.ptr<1>
    llvm.return
  }

  llvm.func @barrier_count(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %few = llvm.mlir.constant(32 : i32) : i32
    %many = llvm.mlir.constant(96 : i32) : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %second = llvm.icmp "eq" %warp, %one : i32
    %count = llvm.select %second, %few, %many : i1, i32
    nvvm.barrier id = %one number_of_threads = %count
    llvm.return
  }

  // Warp 0 fills a buffer and says so at barrier 1 without waiting; warp 1 waits there and reads.
  llvm.func @fine_named_barriers(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %count = llvm.mlir.constant(64 : i32) : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %place = llvm.getelementptr %shared[%lane] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %second = llvm.icmp "eq" %warp, %one : i32
    llvm.cond_br %second, ^consume, ^produce
  ^produce:
    llvm.store %lane, %place : i32, !llvm.ptr<3>
    nvvm.barrier.arrive id = %one number_of_threads = %count
    llvm.br ^end
  ^consume:
    nvvm.barrier id = %one number_of_threads = %count
    %value = llvm.load %place : !llvm.ptr<3> -> i32
    llvm.br ^end
  ^end:
    llvm.return
  }

  // Lanes read words that lie 128 bytes apart, and store them into one bank.
  llvm.func @strided(%out: !llvm.ptr<1>, %wide: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %five = llvm.mlir.constant(5 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %index = llvm.shl %lane, %five : i32
    %far = llvm.getelementptr %wide[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %far : !llvm.ptr<1> -> i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %bank = llvm.getelementptr %shared[%index] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %value, %bank : i32, !llvm.ptr<3>
    llvm.return
  }
}
