// What one kernel does with all threads of a warp asks nothing of the launches of another in the same module; what a function
// does may be called by any.

// RUN: rm -rf %t && split-file %s %t
// RUN: qllm-emu %t/kernels.mlir --launch=%t/alone.json | FileCheck %s
// CHECK: alone: 16 threads
// CHECK: {{^}}clean
// RUN: not qllm-emu %t/kernels.mlir --launch=%t/together.json 2>&1 | FileCheck %s --check-prefix=TOGETHER
// TOGETHER: expected a multiple of 32 threads, because of wgmma.fence.sync.aligned at {{.*}}kernels.mlir:9:5, but got 16
// RUN: sed 's/llvm.func @together() attributes {nvvm.kernel}/llvm.func @together()/' %t/kernels.mlir | not qllm-emu - --launch=%t/alone.json 2>&1 | FileCheck %s --check-prefix=FUNCTION
// FUNCTION: expected a multiple of 32 threads, because of wgmma.fence.sync.aligned

//--- kernels.mlir
gpu.module @kernels {
  llvm.func @alone(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %place = llvm.getelementptr %out[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %thread, %place : i32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @together() attributes {nvvm.kernel} {
    nvvm.wgmma.fence.aligned
    llvm.return
  }
}
//--- alone.json
{"kernel": "alone", "block": [16], "arguments": [{"name": "OUT", "type": "i32", "shape": [16], "output": "out.bin"}]}
//--- together.json
{"kernel": "together", "block": [16], "arguments": []}
