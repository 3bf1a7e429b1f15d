// What qllm-emu says when something is wrong with its input.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{emulate} = not qllm-emu %t/kernels.mlir

// RUN: %{emulate} 2>&1 | FileCheck %s --check-prefix=NO-LAUNCH
// NO-LAUNCH: qllm-emu: expected --launch=FILE
// RUN: %{emulate} --launch=%t/good.json --check=luck 2>&1 | FileCheck %s --check-prefix=CHECK-NAME
// CHECK-NAME: qllm-emu: expected --check to be of bounds, races, traffic, all, none
// RUN: %{emulate} --launch=%t/good.json --arch=avx2 2>&1 | FileCheck %s --check-prefix=ARCH
// ARCH: qllm-emu: expected --arch to be one of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got 'avx2'
// RUN: %{emulate} --launch=%t/missing.json 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: qllm-emu: cannot read '{{.*}}missing.json': No such file or directory
// RUN: %{emulate} --launch=%t/kernels.mlir 2>&1 | FileCheck %s --check-prefix=NO-JSON
// NO-JSON: qllm-emu: launch description: {{.*}}Invalid JSON value
// RUN: %{emulate} --launch=%t/key.json 2>&1 | FileCheck %s --check-prefix=KEY
// KEY: qllm-emu: launch description: unknown key 'threads' in the launch; known are kernel, grid, cluster, block, shared, arguments
// RUN: %{emulate} --launch=%t/good.json --kernel=other 2>&1 | FileCheck %s --check-prefix=KERNEL
// KERNEL: qllm-emu: the module has no kernel 'other'; it has 'store', 'fill'
// RUN: %{emulate} --launch=%t/count.json 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: qllm-emu: kernel 'store' takes 2 arguments, but the launch gives 1
// RUN: %{emulate} --launch=%t/number.json 2>&1 | FileCheck %s --check-prefix=NUMBER
// NUMBER: qllm-emu: 'argument 0' is a pointer in the kernel, but a number in the launch
// RUN: %{emulate} --launch=%t/type.json 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: qllm-emu: launch description: expected 'type' of argument 0 to be one such as f32, i32, i8, but got "float"
// RUN: %{emulate} --launch=%t/block.json 2>&1 | FileCheck %s --check-prefix=BLOCK
// BLOCK: qllm-emu: expected a block of 1 to 1024 threads, but got 2048
// RUN: %{emulate} --launch=%t/shared.json 2>&1 | FileCheck %s --check-prefix=SHARED
// SHARED: qllm-emu: expected at most 166912 bytes of shared memory on sm_80, but got 300000
// RUN: %{emulate} --launch=%t/huge.json 2>&1 | FileCheck %s --check-prefix=HUGE
// HUGE: qllm-emu: expected buffers of at most 2147483648 bytes together, but with 'argument 0' they take more
// RUN: %{emulate} --launch=%t/together.json 2>&1 | FileCheck %s --check-prefix=TOGETHER
// TOGETHER: qllm-emu: expected buffers of at most 2147483648 bytes together, but with 'SECOND' they take more
// RUN: %{emulate} --launch=%t/range.json 2>&1 | FileCheck %s --check-prefix=RANGE
// RANGE: qllm-emu: expected a 'value' of 'argument 1' that the kernel's parameter, i32, can hold, but got 1{{.*}}e+300
// RUN: %python -c "print('[' * 5000000)" > %t/deep.json
// RUN: %{emulate} --launch=%t/deep.json 2>&1 | FileCheck %s --check-prefix=DEEP
// DEEP: qllm-emu: launch description: 1:513: error: expected at most 512 levels of nesting
// RUN: %{emulate} --launch=%t/input.json 2>&1 | FileCheck %s --check-prefix=INPUT
// INPUT: qllm-emu: {{.*}}nothing.npy
// RUN: %{emulate} --launch=%t/expect.json 2>&1 | FileCheck %s --check-prefix=EXPECT
// EXPECT: qllm-emu: 'expect' of 'OUT': '{{.*}}eight.bin': expected the bytes of tensor<1xi32>, but got 8 bytes
// RUN: not qllm-emu %t/unknown.mlir --launch=%t/good.json 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: unknown.mlir:3:5: error: 'nvvm.breakpoint' op is not known to the emulator
// RUN: not qllm-emu %t/none.mlir --launch=%t/good.json 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: expected one gpu.module, but got 0
// RUN: %{emulate} --launch=%t/good.json --gpu-module=sm_90a 2>&1 | FileCheck %s --check-prefix=MODULE
// MODULE: error: expected one gpu.module 'sm_90a', but got 0

// An output file holds what the kernel left; bytes, when it is not called .npy.
// RUN: qllm-emu %t/kernels.mlir --launch=%t/good.json && od -An -td4 %t/out.bin | FileCheck %s --check-prefix=OUTPUT
// OUTPUT: 42

//--- kernels.mlir
gpu.module @kernels {
  llvm.func @store(%out: !llvm.ptr<1>, %value: i32) attributes {nvvm.kernel} {
    llvm.store %value, %out : i32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @fill(%first: !llvm.ptr<1>, %second: !llvm.ptr<1>) attributes {nvvm.kernel} {
    llvm.return
  }
}
//--- unknown.mlir
gpu.module @kernels {
  llvm.func @store(%out: !llvm.ptr<1>, %value: i32) attributes {nvvm.kernel} {
    nvvm.breakpoint
    llvm.return
  }
}
//--- none.mlir
module {}
//--- good.json
{"kernel": "store", "arguments": [{"name": "OUT", "type": "i32", "shape": [1], "output": "out.bin"}, {"value": 42}]}
//--- expect.json
{"kernel": "store", "arguments": [{"name": "OUT", "type": "i32", "shape": [1], "expect": "eight.bin"}, {"value": 42}]}
//--- eight.bin
1234567
//--- together.json
{"kernel": "fill", "arguments": [{"type": "i32", "shape": [1]}, {"name": "SECOND", "type": "ui8", "shape": [2147483645]}]}
//--- key.json
{"kernel": "store", "threads": [1], "arguments": []}
//--- count.json
{"kernel": "store", "arguments": [{"value": 1}]}
//--- number.json
{"kernel": "store", "arguments": [{"value": 1}, {"value": 1}]}
//--- type.json
{"kernel": "store", "arguments": [{"type": "float", "shape": [1]}, {"value": 1}]}
//--- block.json
{"kernel": "store", "block": [64, 32], "arguments": [{"type": "i32", "shape": [1]}, {"value": 1}]}
//--- shared.json
{"kernel": "store", "shared": 300000, "arguments": [{"type": "i32", "shape": [1]}, {"value": 1}]}
//--- huge.json
{"kernel": "store", "arguments": [{"type": "f64", "shape": [2305843009213693951]}, {"value": 1}]}
//--- range.json
{"kernel": "store", "arguments": [{"type": "i32", "shape": [1]}, {"value": 1e300}]}
//--- input.json
{"kernel": "store", "arguments": [{"input": "nothing.npy"}, {"value": 1}]}
