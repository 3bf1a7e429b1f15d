// What host code hands over has to be what the kernel takes.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{pointers} =
// DEFINE: %{host} = func.func(gpu-async-region),gpu-to-llvm%{pointers},finalize-memref-to-llvm,convert-index-to-llvm,convert-arith-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts
// DEFINE: %{compile} = qllm-opt %t/kernels.mlir --pass-pipeline="builtin.module(qllm-embed-for-emulator,%{host})"
// DEFINE: %{main} =
// DEFINE: %{run} = mlir-runner -e %{main} -entry-point-result=void -shared-libs=%qllm_emu_runtime,%mlir_libraries/libmlir_runner_utils.so,%mlir_libraries/libmlir_c_runner_utils.so
// RUN: %{compile} > %t/described.mlir
// REDEFINE: %{pointers} = {use-bare-pointers-for-kernels=1}
// RUN: %{compile} > %t/bare.mlir

// A memref is three arguments and two for each dimension, or a pointer.
// REDEFINE: %{main} = store
// RUN: %{run} %t/bare.mlir | FileCheck %s --check-prefix=STORE
// STORE: [7, 8, 9, 10]
// RUN: not %{run} %t/described.mlir 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: {{^}}qllm-emu-runtime: kernel 'store' takes 2 arguments, but the launch has 6 (a memref is several unless host code is lowered with bare pointers for kernels)

// Host memory is none of the device's, unless it is registered.
// REDEFINE: %{main} = unregistered
// RUN: not %{run} %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=UNREGISTERED
// UNREGISTERED: kernels.mlir:[[#]]:7: out-of-bounds-write in store: {{.*}} writes 4 bytes at an address in no buffer
// REDEFINE: %{main} = registered
// RUN: %{run} %t/bare.mlir | FileCheck %s --check-prefix=STORE

// Memory that a kernel says it does not write.
// REDEFINE: %{main} = read_only
// RUN: not %{run} %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=READ-ONLY
// READ-ONLY: kernels.mlir:[[#]]:7: read-only-write in store: {{.*}} writes argument 0+0 of 16 bytes, an input

// Grids and blocks that no device has, kernels that are not there, clusters.
// REDEFINE: %{main} = empty_grid
// RUN: not %{run} %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=GRID
// GRID: {{^}}qllm-emu-runtime: kernel 'store': expected a grid of at least one each way, but got (0,1,1)
// REDEFINE: %{main} = large_block
// RUN: not %{run} %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=BLOCK
// BLOCK: {{^}}qllm-emu-runtime: kernel 'store': {{.*}}1024
// REDEFINE: %{main} = store
// RUN: sed s/@kernels::@store/@kernels::@load/ %t/bare.mlir > %t/missing.mlir
// RUN: not %{run} %t/missing.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: {{^}}qllm-emu-runtime: the module has no kernel 'load'; it has 'store', 'read_only'
// REDEFINE: %{main} = cluster
// RUN: not %{run} %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=CLUSTER
// CLUSTER: {{^}}qllm-emu-runtime: kernel 'store': expected single blocks, for sm_80 has no clusters, but got a cluster of 2x1x1
// RUN: sed s/sm_80/sm_90a/ %t/kernels.mlir | qllm-opt --pass-pipeline="builtin.module(qllm-embed-for-emulator,%{host})" > %t/hopper.mlir
// RUN: not %{run} %t/hopper.mlir 2>&1 | FileCheck %s --check-prefix=HOPPER
// HOPPER: block-race in store: block (1,0,0) thread (0,0,0) writes argument 0+0, written by block (0,0,0), with nothing between that orders them
// RUN: sed 's/sm_80/sm_90a/; s/clusters in (%%two/clusters in (%%three/' %t/kernels.mlir | qllm-opt --pass-pipeline="builtin.module(qllm-embed-for-emulator,%{host})" > %t/odd.mlir
// RUN: not %{run} %t/odd.mlir 2>&1 | FileCheck %s --check-prefix=ODD
// ODD: {{^}}qllm-emu-runtime: kernel 'store': expected a grid that is a multiple of the cluster of 3x1x1 blocks, but got 2x1x1

// Kernels for an architecture that the emulator does not have are refused when they are loaded.
// RUN: qllm-opt %t/old-kernels.mlir --pass-pipeline="builtin.module(qllm-embed-for-emulator,%{host})" > %t/old.mlir
// REDEFINE: %{main} = main
// RUN: not %{run} %t/old.mlir 2>&1 | FileCheck %s --check-prefix=OLD
// OLD: {{^}}qllm-emu-runtime: expected kernels for one of sm_80, {{.*}}, but got 'sm_75'

//--- old-kernels.mlir
module attributes {gpu.container_module} {
  gpu.module @kernels [#nvvm.target<chip = "sm_75">] {
    llvm.func @nothing() attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  func.func @main() {
    return
  }
}

//--- kernels.mlir
module attributes {gpu.container_module} {
  gpu.module @kernels [#nvvm.target<chip = "sm_80">] {
    llvm.func @store(%to: !llvm.ptr, %first: i32) attributes {gpu.kernel, nvvm.kernel} {
      %thread = nvvm.read.ptx.sreg.tid.x : i32
      %value = llvm.add %first, %thread : i32
      %place = llvm.getelementptr %to[%thread] : (!llvm.ptr, i32) -> !llvm.ptr, i32
      llvm.store %value, %place : i32, !llvm.ptr
      llvm.return
    }
    llvm.func @read_only(%to: !llvm.ptr {llvm.readonly}) attributes {gpu.kernel, nvvm.kernel} {
      %zero = llvm.mlir.constant(0 : i32) : i32
      llvm.store %zero, %to : i32, !llvm.ptr
      llvm.return
    }
  }

  func.func private @printMemrefI32(memref<*xi32>)

  func.func @store() {
    %one = arith.constant 1 : index
    %four = arith.constant 4 : index
    %first = arith.constant 7 : i32
    %host = memref.alloc() : memref<4xi32>
    %device = gpu.alloc () : memref<4xi32>
    gpu.launch_func @kernels::@store blocks in (%one, %one, %one) threads in (%four, %one, %one) args(%device : memref<4xi32>, %first : i32)
    gpu.memcpy %host, %device : memref<4xi32>, memref<4xi32>
    %any = memref.cast %host : memref<4xi32> to memref<*xi32>
    call @printMemrefI32(%any) : (memref<*xi32>) -> ()
    return
  }

  func.func @unregistered() {
    %one = arith.constant 1 : index
    %first = arith.constant 7 : i32
    %host = memref.alloc() : memref<4xi32>
    gpu.launch_func @kernels::@store blocks in (%one, %one, %one) threads in (%one, %one, %one) args(%host : memref<4xi32>, %first : i32)
    return
  }

  func.func @registered() {
    %one = arith.constant 1 : index
    %four = arith.constant 4 : index
    %first = arith.constant 7 : i32
    %host = memref.alloc() : memref<4xi32>
    %any = memref.cast %host : memref<4xi32> to memref<*xi32>
    gpu.host_register %any : memref<*xi32>
    gpu.launch_func @kernels::@store blocks in (%one, %one, %one) threads in (%four, %one, %one) args(%host : memref<4xi32>, %first : i32)
    gpu.host_unregister %any : memref<*xi32>
    call @printMemrefI32(%any) : (memref<*xi32>) -> ()
    return
  }

  func.func @read_only() {
    %one = arith.constant 1 : index
    %device = gpu.alloc () : memref<4xi32>
    gpu.launch_func @kernels::@read_only blocks in (%one, %one, %one) threads in (%one, %one, %one) args(%device : memref<4xi32>)
    return
  }

  func.func @empty_grid() {
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %first = arith.constant 7 : i32
    %device = gpu.alloc () : memref<4xi32>
    gpu.launch_func @kernels::@store blocks in (%zero, %one, %one) threads in (%one, %one, %one) args(%device : memref<4xi32>, %first : i32)
    return
  }

  func.func @large_block() {
    %one = arith.constant 1 : index
    %many = arith.constant 2048 : index
    %first = arith.constant 7 : i32
    %device = gpu.alloc () : memref<4xi32>
    gpu.launch_func @kernels::@store blocks in (%one, %one, %one) threads in (%many, %one, %one) args(%device : memref<4xi32>, %first : i32)
    return
  }

  func.func @cluster() {
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    %three = arith.constant 3 : index
    %first = arith.constant 7 : i32
    %device = gpu.alloc () : memref<4xi32>
    gpu.launch_func @kernels::@store clusters in (%two, %one, %one) blocks in (%two, %one, %one) threads in (%one, %one, %one) args(%device : memref<4xi32>, %first : i32)
    return
  }
}
