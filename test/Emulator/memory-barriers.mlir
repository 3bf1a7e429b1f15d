// Copies that an mbarrier announces, and copies through the asynchronous proxy: as they should be, and with what they
// need taken away.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{emulate} = qllm-emu - --launch=%t/launch.json
// RUN: %{emulate} < %t/kernel.mlir | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} < %t/kernel.mlir --async=eager --seed=1 | FileCheck %s --check-prefix=CLEAN
// RUN: %{emulate} < %t/kernel.mlir --async=random --seed=2 | FileCheck %s --check-prefix=CLEAN
// CLEAN: round_trip: 64 threads
// CLEAN: {{^}}clean

// RUN: sed '/wait for the data/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=WAIT
// WAIT: copy-not-waited-for in load: block (0,0,0) thread (0,0,0) reads shared+{{[0-9]+}}, into which a copy is under way that was issued by thread (0,0,0)

// RUN: sed '/fence.proxy/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=FENCE
// FENCE: missing-proxy-fence in cp.async.bulk.global.shared.cta: block (0,0,0) thread (0,0,0) reads shared+0 as an asynchronous operation, without a proxy fence since it was written by thread (0,0,0)

// RUN: sed '/all have stored/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=RACE
// RACE: {{race|uninitialized-read}} in cp.async.bulk.global.shared.cta

// Fewer bytes are announced than come.
// RUN: sed 's/constant(256 : i32) : i32 \/\/ announced/constant(512 : i32) : i32/' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=BYTES
// BYTES: deadlock in mbarrier.try_wait.parity: block (0,0,0): warp 0 lanes 0xffffffff wait in mbarrier.try_wait.parity

// The same when the kernel asks in a loop.
// RUN: sed 's/nvvm.mbarrier.try_wait.parity %%barrier, %%zero, %%ticks.*/llvm.br ^again\n ^again:\n %%done = nvvm.mbarrier.test.wait %%barrier, %%zero : !llvm.ptr<3>, i32 -> i1\n llvm.cond_br %%done, ^have, ^again\n ^have:/' %t/kernel.mlir > %t/loop.mlir
// RUN: %{emulate} < %t/loop.mlir | FileCheck %s --check-prefix=CLEAN
// RUN: sed 's/constant(256 : i32) : i32 \/\/ announced/constant(512 : i32) : i32/' %t/loop.mlir | not %{emulate} | FileCheck %s --check-prefix=LOOP
// LOOP: deadlock in mbarrier.test.wait: block (0,0,0): warp 0 lanes 0xffffffff wait in mbarrier.test.wait

// RUN: sed '/mbarrier.init/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=INIT
// INIT: barrier-misuse in mbarrier.arrive.expect_tx: block (0,0,0) thread (0,0,0) uses an mbarrier at shared+{{[0-9]+}} that was not initialized

// RUN: sed '/wait for the store/d' %t/kernel.mlir | not %{emulate} | FileCheck %s --check-prefix=STORE
// STORE: copy-never-waited-for in cp.async.bulk.global.shared.cta: block (0,0,0) thread (0,0,0) ends with copies under way

//--- launch.json
{
  "kernel": "round_trip",
  "block": [64],
  "arguments": [
    {"name": "IN", "type": "i32", "shape": [64], "fill": 7},
    {"name": "OUT", "type": "i32", "shape": [64]}
  ]
}

//--- kernel.mlir
gpu.module @kernels {
  llvm.mlir.global internal @result() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<256 x i8>
  llvm.mlir.global internal @data() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<256 x i8>
  llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : i64

  // Thread 0 asks for 256 bytes; all wait for them and copy a word each; thread 0 sends the words back.
  llvm.func @round_trip(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %bytes = llvm.mlir.constant(256 : i32) : i32
    %announced = llvm.mlir.constant(256 : i32) : i32 // announced
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %data = llvm.mlir.addressof @data : !llvm.ptr<3>
    %result = llvm.mlir.addressof @result : !llvm.ptr<3>
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %first = llvm.icmp "eq" %thread, %zero : i32
    llvm.cond_br %first, ^init, ^ready
  ^init:
    nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    llvm.br ^ready
  ^ready:
    nvvm.barrier0
    llvm.cond_br %first, ^ask, ^wait
  ^ask:
    nvvm.mbarrier.arrive.expect_tx %barrier, %announced : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.shared.cluster.global %data, %in, %barrier, %bytes : !llvm.ptr<3>, !llvm.ptr<1>
    llvm.br ^wait
  ^wait:
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32 // wait for the data
    %from = llvm.getelementptr %data[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %to = llvm.getelementptr %result[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %word = llvm.load %from : !llvm.ptr<3> -> i32
    llvm.store %word, %to : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    nvvm.barrier0 // all have stored
    llvm.cond_br %first, ^send, ^end
  ^send:
    nvvm.cp.async.bulk.global.shared.cta %out, %result, %bytes : !llvm.ptr<1>, !llvm.ptr<3>
    nvvm.cp.async.bulk.commit.group
    nvvm.cp.async.bulk.wait_group 0 // wait for the store
    llvm.br ^end
  ^end:
    llvm.return
  }
}
