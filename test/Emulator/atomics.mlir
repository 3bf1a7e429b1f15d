// Atomics of threads, flags that hand over, and barriers that part of a warp comes to.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{emulate} = qllm-emu %t/kernels.mlir --launch=%t/launch.json
// RUN: not %{emulate} --kernel=shared_race | FileCheck %s --check-prefix=SHARED-RACE
// RUN: not %{emulate} --kernel=shared_race --seed=3 | FileCheck %s --check-prefix=SHARED-RACE
// RUN: %{emulate} --kernel=fine_shared | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=shared_uninitialized | FileCheck %s --check-prefix=UNINITIALIZED
// RUN: %{emulate} --kernel=fine_flag | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --kernel=fine_flag --seed=3 | FileCheck %s --check-prefix=CLEAN
// RUN: sed 's/atomic acquire/atomic monotonic/' %t/kernels.mlir | not qllm-emu - --launch=%t/launch.json --kernel=fine_flag | FileCheck %s --check-prefix=RELAXED
// RUN: sed 's/atomic release/atomic monotonic/' %t/kernels.mlir | not qllm-emu - --launch=%t/launch.json --kernel=fine_flag | FileCheck %s --check-prefix=RELAXED
// RUN: sed -E 's/atomic (acquire|release)/atomic syncscope("block") \1/' %t/kernels.mlir | qllm-emu - --launch=%t/launch.json --kernel=fine_flag | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=wait_for_nobody | FileCheck %s --check-prefix=POLL
// RUN: not %{emulate} --kernel=lock_for_ever | FileCheck %s --check-prefix=LOCK
// RUN: not %{emulate} --kernel=two_barriers | FileCheck %s --check-prefix=TWO-BARRIERS
// RUN: not %{emulate} --kernel=halves | FileCheck %s --check-prefix=HALVES
// RUN: not %{emulate} --kernel=odd_count | FileCheck %s --check-prefix=ODD-COUNT

// SHARED-RACE: race in {{atomicrmw|store}}: block (0,0,0) thread ({{[0-9]+}},0,0) writes shared+0, written by thread ({{[0-9]+}},0,0), with no barrier between
// CLEAN: {{^}}clean
// UNINITIALIZED: uninitialized-read in atomicrmw: block (0,0,0) thread (0,0,0) writes shared+0, which nobody has written
// RELAXED: race in load: block (0,0,0) thread (32,0,0) reads OUT+0, written by thread (0,0,0), with nothing between that orders them
// POLL: deadlock in load: block (0,0,0): warp 0 lanes 0x{{[0-9a-f]+}} wait in load at
// LOCK: deadlock in cmpxchg: block (0,0,0): warp 0 lanes 0x{{[0-9a-f]+}} wait in cmpxchg at
// TWO-BARRIERS: divergent-collective in barrier0: block (0,0,0) thread (16,0,0) is here, and others of its warp at barrier0 at {{.*}}kernels.mlir:
// HALVES: divergent-collective in barrier: block (0,0,0) thread ({{16|48}},0,0) is not here, though others of its warp have met threads of other warps
// ODD-COUNT: barrier-misuse in barrier: block (0,0,0) thread (0,0,0) expects 40 threads at barrier 1, which is no multiple of 32

//--- launch.json
{"grid": [1], "block": [64], "arguments": [{"name": "OUT", "type": "i32", "shape": [64], "fill": 0}]}

//--- kernels.mlir
gpu.module @kernels {
  llvm.mlir.global internal @shared() {addr_space = 3 : i32, alignment = 16 : i64} : i32

  // The first thread makes it zero while others add.
  llvm.func @shared_race(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %is_first, ^clear, ^add
  ^clear:
    llvm.store %zero, %shared : i32, !llvm.ptr<3>
    llvm.br ^end
  ^add:
    %before = llvm.atomicrmw add %shared, %one monotonic : !llvm.ptr<3>, i32
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @fine_shared(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %is_first, ^clear, ^meet
  ^clear:
    llvm.store %zero, %shared : i32, !llvm.ptr<3>
    llvm.br ^meet
  ^meet:
    nvvm.barrier0
    %before = llvm.atomicrmw add %shared, %one monotonic : !llvm.ptr<3>, i32
    %seen = llvm.load volatile %shared : !llvm.ptr<3> -> i32
    nvvm.barrier0
    %sum = llvm.load %shared : !llvm.ptr<3> -> i32
    llvm.return
  }

  llvm.func @shared_uninitialized(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %shared = llvm.mlir.addressof @shared : !llvm.ptr<3>
    %before = llvm.atomicrmw add %shared, %one monotonic : !llvm.ptr<3>, i32
    llvm.return
  }

  // Thread 0 writes and raises a flag; thread 32 waits for the flag and reads.
  llvm.func @fine_flag(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %waiting = llvm.mlir.constant(32 : i32) : i32
    %flag = llvm.getelementptr %out[8] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %is_first, ^raise, ^other
  ^raise:
    llvm.store %one, %out : i32, !llvm.ptr<1>
    llvm.store %one, %flag atomic release {alignment = 4 : i64} : i32, !llvm.ptr<1>
    llvm.br ^end
  ^other:
    %waits = llvm.icmp "eq" %thread, %waiting : i32
    llvm.cond_br %waits, ^wait, ^end
  ^wait:
    %raised = llvm.load %flag atomic acquire {alignment = 4 : i64} : !llvm.ptr<1> -> i32
    %again = llvm.icmp "eq" %raised, %zero : i32
    llvm.cond_br %again, ^wait, ^read
  ^read:
    %value = llvm.load %out : !llvm.ptr<1> -> i32
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @wait_for_nobody(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    llvm.br ^wait
  ^wait:
    %raised = llvm.load volatile %out : !llvm.ptr<1> -> i32
    %again = llvm.icmp "eq" %raised, %zero : i32
    llvm.cond_br %again, ^wait, ^end
  ^end:
    llvm.return
  }

  // Nobody opens it.
  llvm.func @lock_for_ever(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    llvm.br ^try
  ^try:
    %result = llvm.cmpxchg %out, %zero, %one acq_rel monotonic : !llvm.ptr<1>, i32
    %taken = llvm.extractvalue %result[1] : !llvm.struct<(i32, i1)>
    llvm.cond_br %taken, ^end, ^try
  ^end:
    llvm.return
  }

  llvm.func @two_barriers(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %half = llvm.mlir.constant(16 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %is_low = llvm.icmp "ult" %lane, %half : i32
    llvm.cond_br %is_low, ^low, ^high
  ^low:
    nvvm.barrier0
    llvm.br ^end
  ^high:
    nvvm.barrier0
    llvm.br ^end
  ^end:
    llvm.return
  }

  // 32 threads are expected, and half of each of two warps comes.
  llvm.func @halves(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %half = llvm.mlir.constant(16 : i32) : i32
    %count = llvm.mlir.constant(32 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %is_low = llvm.icmp "ult" %lane, %half : i32
    llvm.cond_br %is_low, ^low, ^end
  ^low:
    nvvm.barrier id = %one number_of_threads = %count
    llvm.br ^end
  ^end:
    nvvm.barrier0
    llvm.return
  }

  llvm.func @odd_count(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %count = llvm.mlir.constant(40 : i32) : i32
    nvvm.barrier id = %one number_of_threads = %count
    llvm.return
  }
}
