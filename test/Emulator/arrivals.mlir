// Blocks that leave sums in memory and count their arrivals; the last one adds the sums. What orders them is the count: it
// must release and acquire, or have fences around it, and the stores of other threads must come before it.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{emulate} = qllm-emu %t/kernels.mlir --launch=%t/launch.json
// RUN: %{emulate} --kernel=fine | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --kernel=fine --seed=5 | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --kernel=fine_fences | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=relaxed | FileCheck %s --check-prefix=RACE
// RUN: not %{emulate} --kernel=release_only | FileCheck %s --check-prefix=RACE
// RUN: not %{emulate} --kernel=fence_of_block | FileCheck %s --check-prefix=RACE
// RUN: not %{emulate} --kernel=no_fence_after | FileCheck %s --check-prefix=RACE
// RUN: not %{emulate} --kernel=scope_of_block | FileCheck %s --check-prefix=RACE
// RUN: not %{emulate} --kernel=no_barrier | FileCheck %s --check-prefix=NO-BARRIER
// RUN: not %{emulate} --kernel=no_barrier --seed=2 | FileCheck %s --check-prefix=NO-BARRIER

// CLEAN: {{^}}clean
// RACE: block-race in load: block (3,0,0) thread ({{[0-9]+}},0,0) reads parts+{{[0-9]+}}, written by block ({{[0-2]}},0,0), with nothing between that orders them
// The stores of the second warp may come after the count.
// NO-BARRIER: block-race in load: block ({{[0-3]}},0,0) thread ({{[0-9]+}},0,0) reads parts+{{[0-9]+}}, written by block

//--- launch.json
{"grid": [4], "block": [64], "arguments": [{"name": "parts", "type": "i32", "shape": [256]}, {"name": "arrivals", "type": "i32", "shape": [1], "fill": 0},
 {"name": "sums", "type": "i32", "shape": [64]}]}

//--- kernels.mlir
gpu.module @kernels {
  llvm.mlir.global internal @flag() {addr_space = 3 : i32, alignment = 4 : i64} : i32

  llvm.func @fine(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") acq_rel : !llvm.ptr<1>, i32
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @fine_fences(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    nvvm.memory.barrier <gpu>
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") monotonic : !llvm.ptr<1>, i32
    nvvm.memory.barrier <gpu>
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @relaxed(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") monotonic : !llvm.ptr<1>, i32
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @release_only(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") release : !llvm.ptr<1>, i32
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @fence_of_block(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    nvvm.memory.barrier <cta>
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") monotonic : !llvm.ptr<1>, i32
    nvvm.memory.barrier <cta>
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @no_fence_after(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    nvvm.memory.barrier <gpu>
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") monotonic : !llvm.ptr<1>, i32
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @scope_of_block(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    nvvm.barrier0
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("block") acq_rel : !llvm.ptr<1>, i32
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }

  llvm.func @no_barrier(%parts: !llvm.ptr<1>, %arrivals: !llvm.ptr<1>, %sums: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %last = llvm.mlir.constant(3 : i32) : i32
    %threads = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %flag = llvm.mlir.addressof @flag : !llvm.ptr<3>
    %row = llvm.mul %block, %threads : i32
    %index = llvm.add %row, %thread : i32
    %own = llvm.getelementptr %parts[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %index, %own : i32, !llvm.ptr<1>
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^count, ^wait
  ^count:
    %arrived = llvm.atomicrmw add %arrivals, %one syncscope("device") acq_rel : !llvm.ptr<1>, i32
    llvm.store %arrived, %flag : i32, !llvm.ptr<3>
    llvm.br ^wait
  ^wait:
    nvvm.barrier0
    %before = llvm.load %flag : !llvm.ptr<3> -> i32
    %is_last = llvm.icmp "eq" %before, %last : i32
    llvm.cond_br %is_last, ^add(%zero, %zero : i32, i32), ^end
  ^add(%part: i32, %sum: i32):
    %of_part = llvm.mul %part, %threads : i32
    %there = llvm.add %of_part, %thread : i32
    %address = llvm.getelementptr %parts[%there] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    %total = llvm.add %sum, %value : i32
    %next = llvm.add %part, %one : i32
    %more = llvm.icmp "ule" %next, %last : i32
    llvm.cond_br %more, ^add(%next, %total : i32, i32), ^store
  ^store:
    %result = llvm.getelementptr %sums[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %total, %result : i32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }
}
