// gpu.launch_func of host code, from beginning to end by the distribution's own tools: MLIR's passes outline and lower, its runner
// runs, and our library is what the calls of the CUDA driver's wrappers end in.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{kernels} = gpu-kernel-outlining,nvvm-attach-target{chip=sm_80},gpu.module(convert-gpu-to-nvvm,reconcile-unrealized-casts)
// DEFINE: %{host} = func.func(gpu-async-region),convert-scf-to-cf,gpu-to-llvm,convert-cf-to-llvm,finalize-memref-to-llvm,convert-index-to-llvm,convert-arith-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts
// DEFINE: %{compile} = mlir-opt --load-dialect-plugin=%qllm_plugin --load-pass-plugin=%qllm_plugin --pass-pipeline="builtin.module(%{kernels},qllm-embed-for-emulator,%{host})"
// DEFINE: %{libraries} = %qllm_emu_runtime,%mlir_libraries/libmlir_runner_utils.so,%mlir_libraries/libmlir_c_runner_utils.so
// DEFINE: %{run} = mlir-runner -e main -entry-point-result=void -shared-libs=%{libraries}

// RUN: %{compile} %t/double.mlir | %{run} | FileCheck %s --check-prefix=DOUBLE
// DOUBLE: [0, 2, 4, 6, 8,{{.*}} 124, 126]

// Another order of warps and blocks, and a line for each launch.
// RUN: %{compile} %t/double.mlir | env QLLM_EMU_SEED=3 QLLM_EMU_TRACE=1 %{run} 2>&1 | FileCheck %s --check-prefix=TRACE
// TRACE: qllm-emu-runtime: 'main_kernel' grid (2,1,1) block (32,1,1): 64 threads
// TRACE: [0, 2, 4, 6, 8,{{.*}} 124, 126]

// One block too many, and the process ends with the status of findings; without the check it goes on.
// RUN: sed "s/%%gx = %%c2/%%gx = %%c3/" %t/double.mlir > %t/beyond.mlir
// RUN: %{compile} %t/beyond.mlir > %t/beyond.low.mlir
// RUN: not %{run} %t/beyond.low.mlir > %t/out 2> %t/err
// RUN: FileCheck %s --check-prefix=BEYOND < %t/err
// RUN: FileCheck %s --check-prefix=NOTHING --allow-empty < %t/out
// BEYOND: beyond.mlir:[[#]]:10: out-of-bounds-read in load: block (2,0,0) thread (0,0,0) reads 4 bytes at argument 0 and 1+256 of 256 bytes (32 times)
// BEYOND: beyond.mlir:[[#]]:5: out-of-bounds-write in store: block (2,0,0) thread (0,0,0) writes 4 bytes at argument 0 and 1+256 of 256 bytes (32 times)
// BEYOND: {{^}}qllm-emu-runtime: kernel 'main_kernel' is not clean
// NOTHING-NOT: {{.}}

// Settings that mean nothing.
// RUN: not env QLLM_EMU_SEED=x %{run} %t/beyond.low.mlir 2>&1 | FileCheck %s --check-prefix=SEED
// SEED: {{^}}qllm-emu-runtime: expected QLLM_EMU_SEED to be a number, but got 'x'
// RUN: not env QLLM_EMU_CHECK=bounds,everything %{run} %t/beyond.low.mlir 2>&1 | FileCheck %s --check-prefix=CHECKS
// CHECKS: expected QLLM_EMU_CHECK to be of bounds, races, traffic, all, none, but got 'bounds,everything'
// RUN: not env QLLM_EMU_ASYNC=early %{run} %t/beyond.low.mlir 2>&1 | FileCheck %s --check-prefix=ASYNC
// ASYNC: expected QLLM_EMU_ASYNC to be eager, lazy or random, but got 'early'
// RUN: not env QLLM_EMU_LIMIT=-1 %{run} %t/beyond.low.mlir 2>&1 | FileCheck %s --check-prefix=LIMIT
// LIMIT: expected QLLM_EMU_LIMIT to be 0 or more seconds, but got '-1'

// A kernel that does not end.
// RUN: %{compile} %t/endless.mlir > %t/endless.low.mlir
// RUN: not env QLLM_EMU_LIMIT=0.3 %{run} %t/endless.low.mlir 2>&1 | FileCheck %s --check-prefix=ENDLESS
// ENDLESS: the kernel was stopped in block (0,0,0) thread ({{[0-9]+}},0,0): it has run for 0.3 s of CPU time

//--- double.mlir
func.func private @printMemrefF32(memref<*xf32>)

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c32 = arith.constant 32 : index
  %n = arith.constant 64 : index
  %two = arith.constant 2.0 : f32
  %host = memref.alloc(%n) : memref<?xf32>
  scf.for %i = %c0 to %n step %c1 {
    %number = arith.index_cast %i : index to i32
    %x = arith.sitofp %number : i32 to f32
    memref.store %x, %host[%i] : memref<?xf32>
  }
  %device = gpu.alloc (%n) : memref<?xf32>
  gpu.memcpy %device, %host : memref<?xf32>, memref<?xf32>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c2, %gy = %c1, %gz = %c1)
             threads(%tx, %ty, %tz) in (%sx = %c32, %sy = %c1, %sz = %c1) {
    %first = arith.muli %bx, %sx : index
    %i = arith.addi %first, %tx : index
    %x = memref.load %device[%i] : memref<?xf32>
    %y = arith.mulf %x, %two : f32
    memref.store %y, %device[%i] : memref<?xf32>
    gpu.terminator
  }
  gpu.memcpy %host, %device : memref<?xf32>, memref<?xf32>
  gpu.dealloc %device : memref<?xf32>
  %any = memref.cast %host : memref<?xf32> to memref<*xf32>
  func.call @printMemrefF32(%any) : (memref<*xf32>) -> ()
  memref.dealloc %host : memref<?xf32>
  return
}

//--- endless.mlir
module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @endless(%from: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
      llvm.br ^again
    ^again:
      %value = llvm.load %from : !llvm.ptr -> i32
      %next = llvm.add %value, %value : i32
      llvm.store %next, %from : i32, !llvm.ptr
      llvm.br ^again
    }
  }
  func.func @main() {
    %one = arith.constant 1 : index
    %wait = gpu.wait async
    %memory, %made = gpu.alloc async [%wait] () : memref<1xi32>
    %address = memref.extract_aligned_pointer_as_index %memory : memref<1xi32> -> index
    %number = arith.index_cast %address : index to i64
    %pointer = llvm.inttoptr %number : i64 to !llvm.ptr
    %done = gpu.launch_func async [%made] @kernels::@endless blocks in (%one, %one, %one) threads in (%one, %one, %one) args(%pointer : !llvm.ptr)
    gpu.wait [%done]
    return
  }
}
