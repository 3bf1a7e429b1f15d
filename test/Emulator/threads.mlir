// What a single thread does to itself: local arrays, division by zero, traps, and no end.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{emulate} = qllm-emu %t/kernels.mlir --launch=%t/launch.json
// RUN: not %{emulate} --kernel=beyond_local | FileCheck %s --check-prefix=BEYOND
// RUN: not %{emulate} --kernel=before_local | FileCheck %s --check-prefix=BEFORE
// RUN: not %{emulate} --kernel=whole_is_larger | FileCheck %s --check-prefix=LARGER
// RUN: not %{emulate} --kernel=misaligned_local | FileCheck %s --check-prefix=MISALIGNED
// RUN: not %{emulate} --kernel=dead_local | FileCheck %s --check-prefix=DEAD
// RUN: %{emulate} --kernel=fine_local | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} --kernel=quotients | FileCheck %s --check-prefix=CLEAN
// RUN: not %{emulate} --kernel=trap | FileCheck %s --check-prefix=TRAP
// RUN: not %{emulate} --kernel=unreachable | FileCheck %s --check-prefix=UNREACHABLE
// RUN: not %{emulate} --kernel=wild --check=none 2>&1 | FileCheck %s --check-prefix=WILD
// RUN: not %{emulate} --kernel=no_end --limit=0.1 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: not qllm-emu %t/large.mlir --launch=%t/launch.json --kernel=large 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not qllm-emu %t/recursion.mlir --launch=%t/launch.json --kernel=recursion 2>&1 | FileCheck %s --check-prefix=RECURSION

// BEYOND: out-of-bounds-write in store: block (0,0,0) thread (0,0,0) writes 4 bytes at local+16 of 16 bytes (32 times)
// BEFORE: out-of-bounds-read in load: block (0,0,0) thread (0,0,0) reads 4 bytes at local-4 of 16 bytes (32 times)
// LARGER: out-of-bounds-read in load: block (0,0,0) thread (0,0,0) reads 32 bytes at local+0 of 16 bytes (32 times)
// MISALIGNED: misaligned in store: block (0,0,0) thread (0,0,0) accesses 4 bytes at local+2 of 16 bytes, which is not a multiple of 4 (32 times)
// DEAD: out-of-bounds-read in load: block (0,0,0) thread (0,0,0) reads 4 bytes at an address in no buffer (32 times)
// CLEAN: {{^}}clean
// TRAP: trap in {{.*}}trap: block (0,0,0) thread (0,0,0) ends here (32 times)
// UNREACHABLE: trap in unreachable: block (0,0,0) thread (0,0,0) ends here (32 times)
// WILD: error: the kernel was stopped in block (0,0,0) thread (0,0,0): it touched memory that is not there, at 0x10; --check=bounds says where an address is wrong
// LIMIT: error: the kernel was stopped in block (0,0,0) thread (0,0,0): it has run for 0.1 s of CPU time, the limit
// LARGE: large.mlir:2:3: error: {{.*}}expected at most 40960 bytes of local arrays, with those of functions that it calls, but got 65536
// RECURSION: recursion.mlir:6:3: error: {{.*}}calls itself, which is not known to the emulator

//--- launch.json
{"block": [32], "arguments": [{"name": "OUT", "type": "i32", "shape": [32], "fill": 0}]}

//--- large.mlir
gpu.module @kernels {
  llvm.func @large(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %count = llvm.mlir.constant(16384 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    llvm.return
  }
}

//--- recursion.mlir
gpu.module @kernels {
  llvm.func @recursion(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    llvm.call @step(%out) : (!llvm.ptr<1>) -> ()
    llvm.return
  }
  llvm.func @step(%out: !llvm.ptr<1>) {
    llvm.call @step(%out) : (!llvm.ptr<1>) -> ()
    llvm.return
  }
}

//--- kernels.mlir
gpu.module @kernels {
  llvm.func @beyond_local(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %count = llvm.mlir.constant(4 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    %behind = llvm.getelementptr %local[4] : (!llvm.ptr) -> !llvm.ptr, i32
    llvm.store %count, %behind : i32, !llvm.ptr
    llvm.return
  }
  llvm.func @before_local(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %count = llvm.mlir.constant(4 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    %before = llvm.getelementptr %local[-1] : (!llvm.ptr) -> !llvm.ptr, i32
    %value = llvm.load %before : !llvm.ptr -> i32
    llvm.store %value, %out : i32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @whole_is_larger(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %count = llvm.mlir.constant(4 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    %value = llvm.load %local {alignment = 4 : i64} : !llvm.ptr -> vector<8xi32>
    llvm.return
  }
  llvm.func @misaligned_local(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %count = llvm.mlir.constant(4 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    %between = llvm.getelementptr %local[2] : (!llvm.ptr) -> !llvm.ptr, i8
    llvm.store %count, %between : i32, !llvm.ptr
    llvm.return
  }
  // An array of a function that has returned.
  llvm.func @array() -> !llvm.ptr attributes {no_inline} {
    %count = llvm.mlir.constant(4 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    llvm.store %count, %local : i32, !llvm.ptr
    llvm.return %local : !llvm.ptr
  }
  llvm.func @dead_local(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %local = llvm.call @array() : () -> !llvm.ptr
    %value = llvm.load %local : !llvm.ptr -> i32
    llvm.return
  }
  llvm.func @fine_local(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %count = llvm.mlir.constant(4 : i32) : i32
    %local = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    %other = llvm.alloca %count x i32 : (i32) -> !llvm.ptr
    %last = llvm.getelementptr %local[3] : (!llvm.ptr) -> !llvm.ptr, i32
    llvm.store %count, %last : i32, !llvm.ptr
    llvm.store %count, %other : i32, !llvm.ptr
    %value = llvm.load %last : !llvm.ptr -> i32
    llvm.return
  }
  // 7 / 0, 7 % 0, the smallest number by -1: as a machine has them, and no signal.
  llvm.func @quotients(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.load %out : !llvm.ptr<1> -> i32
    %seven = llvm.mlir.constant(7 : i32) : i32
    %ones = llvm.mlir.constant(-1 : i32) : i32
    %smallest = llvm.mlir.constant(-2147483648 : i32) : i32
    %minus = llvm.sub %zero, %seven : i32
    %one = llvm.sdiv %minus, %minus : i32
    %negated = llvm.sub %zero, %one : i32
    %a = llvm.sdiv %seven, %zero : i32
    %b = llvm.urem %seven, %zero : i32
    %c = llvm.sdiv %smallest, %negated : i32
    %d = llvm.srem %smallest, %negated : i32
    %ab = llvm.and %a, %b : i32
    %is_ones = llvm.icmp "eq" %ab, %ones : i32
    %cd = llvm.add %c, %d : i32
    %is_smallest = llvm.icmp "eq" %cd, %smallest : i32
    %right = llvm.and %is_ones, %is_smallest : i1
    llvm.cond_br %right, ^end, ^wrong
  ^wrong:
    "llvm.intr.trap"() : () -> ()
    llvm.br ^end
  ^end:
    llvm.return
  }
  llvm.func @trap(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    "llvm.intr.trap"() : () -> ()
    llvm.return
  }
  llvm.func @unreachable(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    llvm.unreachable
  }
  llvm.func @wild(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %sixteen = llvm.mlir.constant(16 : i64) : i64
    %address = llvm.inttoptr %sixteen : i64 to !llvm.ptr<1>
    %value = llvm.load %address : !llvm.ptr<1> -> i32
    llvm.store %value, %out : i32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @no_end(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    llvm.br ^wait
  ^wait:
    %raised = llvm.load %out : !llvm.ptr<1> -> i32
    %again = llvm.icmp "eq" %raised, %zero : i32
    llvm.cond_br %again, ^wait, ^end
  ^end:
    llvm.return
  }
}
