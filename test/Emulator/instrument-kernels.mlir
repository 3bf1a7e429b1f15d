// RUN: qllm-opt %s --pass-pipeline="builtin.module(gpu.module(qllm-instrument-kernels))" -split-input-file -verify-diagnostics | FileCheck %s

// Each access gets its address from a check, with its size, its alignment and its number among the sites.
// CHECK-LABEL: gpu.module @kernels attributes {emu.sites = [
// CHECK-SAME: operation = "load"
// CHECK-SAME: operation = "store"
// CHECK-SAME: operation = "atomicrmw"
gpu.module @kernels {
  // CHECK: llvm.func @accesses(%[[FROM:.*]]: !llvm.ptr<1>, %[[TO:.*]]: !llvm.ptr<3>)
  // CHECK: %[[FLAT:.*]] = llvm.addrspacecast %[[FROM]] : !llvm.ptr<1> to !llvm.ptr
  // CHECK: %[[SIZE:.*]] = llvm.mlir.constant(16 : i32)
  // CHECK: %[[ALIGNMENT:.*]] = llvm.mlir.constant(4 : i32)
  // CHECK: %[[SITE:.*]] = llvm.mlir.constant(0 : i32)
  // CHECK: %[[CHECKED:.*]] = llvm.call @qllm_emu_load(%[[FLAT]], %[[SIZE]], %[[ALIGNMENT]], %[[SITE]])
  // CHECK: llvm.load %[[CHECKED]] {alignment = 4 : i64} : !llvm.ptr -> vector<4xi32>
  // CHECK: %[[CHECKED:.*]] = llvm.call @qllm_emu_store(
  // CHECK: llvm.store %{{.*}}, %[[CHECKED]]
  // CHECK: %[[CHECKED:.*]] = llvm.call @qllm_emu_atomic(
  // CHECK: llvm.atomicrmw add %[[CHECKED]]
  llvm.func @accesses(%from: !llvm.ptr<1>, %to: !llvm.ptr<3>) {
    %one = llvm.mlir.constant(1 : i32) : i32
    %values = llvm.load %from {alignment = 4 : i64} : !llvm.ptr<1> -> vector<4xi32>
    llvm.store %values, %to : vector<4xi32>, !llvm.ptr<3>
    %before = llvm.atomicrmw add %from, %one monotonic : !llvm.ptr<1>, i32
    llvm.return
  }

  // A variable of the function itself needs none.
  // CHECK-LABEL: llvm.func @local(
  // CHECK-NOT: call
  llvm.func @local() -> i32 {
    %one = llvm.mlir.constant(1 : i32) : i32
    %variable = llvm.alloca %one x i32 : (i32) -> !llvm.ptr
    llvm.store %one, %variable : i32, !llvm.ptr
    %value = llvm.load %variable : !llvm.ptr -> i32
    llvm.return %value : i32
  }

  // One whose address goes elsewhere is known to the runtime until the function returns.
  // CHECK-LABEL: llvm.func @array(
  // CHECK-NEXT: %[[BEFORE:.*]] = llvm.call @qllm_emu_locals()
  // CHECK: %[[ARRAY:.*]] = llvm.alloca
  // CHECK: %[[BYTES:.*]] = llvm.mlir.constant(16 : i32)
  // CHECK: llvm.call @qllm_emu_local(%[[ARRAY]], %[[BYTES]])
  // CHECK: %[[CHECKED:.*]] = llvm.call @qllm_emu_store(
  // CHECK: llvm.store %{{.*}}, %[[CHECKED]]
  // CHECK: llvm.call @qllm_emu_locals_end(%[[BEFORE]])
  // CHECK-NEXT: llvm.return
  llvm.func @array(%index: i32) {
    %four = llvm.mlir.constant(4 : i32) : i32
    %array = llvm.alloca %four x i32 : (i32) -> !llvm.ptr
    %element = llvm.getelementptr %array[%index] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %index, %element : i32, !llvm.ptr
    llvm.return
  }
}

// -----

gpu.module @bulk_copy {
  llvm.func @copy(%to: !llvm.ptr, %from: !llvm.ptr, %size: i64) {
    // expected-error @+1 {{'llvm.intr.memcpy' op is not known to the emulator's checks, which take single loads and stores}}
    "llvm.intr.memcpy"(%to, %from, %size) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
    llvm.return
  }
}
