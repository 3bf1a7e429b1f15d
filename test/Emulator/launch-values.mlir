// Values of a launch description that are not what they have to be: each is an error that says where, what was wanted and what
// was found, and nothing runs.

// RUN: rm -rf %t && split-file %s %t
// RUN: %python %S/Inputs/launches.py %t/store.mlir %t/values.txt | FileCheck %t/values.txt

//--- store.mlir
gpu.module @kernels {
  llvm.func @store(%out: !llvm.ptr<1>, %value: i32) attributes {nvvm.kernel} {
    llvm.store %value, %out : i32, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @half(%out: !llvm.ptr<1>, %value: f16) attributes {nvvm.kernel} {
    llvm.store %value, %out : f16, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @brain(%out: !llvm.ptr<1>, %value: bf16) attributes {nvvm.kernel} {
    llvm.store %value, %out : bf16, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @byte(%out: !llvm.ptr<1>, %value: i8) attributes {nvvm.kernel} {
    llvm.store %value, %out : i8, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @long(%out: !llvm.ptr<1>, %value: i64) attributes {nvvm.kernel} {
    llvm.store %value, %out : i64, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @map(%matrix: !llvm.ptr<1>, %map: !llvm.ptr {llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant, llvm.align = 64 : i64}) attributes {nvvm.kernel} {
    llvm.return
  }
}

//--- values.txt
TRY: "shared": "abc"
CHECK: 1 qllm-emu: launch description: expected 'shared' of the launch to be an integer of at least 0, but got "abc"
TRY: "shared": 1.5
CHECK: 1 qllm-emu: launch description: expected 'shared' of the launch to be an integer of at least 0, but got 1.5
TRY: "grid": [1, 0]
CHECK: 1 qllm-emu: launch description: expected 'grid' of the launch to be an array of integers from 1 to 2147483647, but got [1,0]
TRY: "block": [1, 1, 1, 1]
CHECK: 1 qllm-emu: launch description: expected 'block' of the launch to be an array of one to three sizes, but got [1,1,1,1]
TRY: "arguments": {"value": 1}
CHECK: 1 qllm-emu: launch description: expected 'arguments' of the launch to be an array of objects, but got {"value":1}
TRY: {"type": "i32", "shape": [1], "fill": "x"}
CHECK: 1 qllm-emu: launch description: expected 'fill' of argument 0 to be an integer from 0 to 255, but got "x"
TRY: {"name": "OUT", "type": "i32", "shape": [1], "fill": 1.5}
CHECK: 1 qllm-emu: launch description: expected 'fill' of argument 0 ('OUT') to be an integer from 0 to 255, but got 1.5
TRY: {"name": "OUT", "type": "i32", "shape": "x"}
CHECK: 1 qllm-emu: launch description: expected 'shape' of argument 0 ('OUT') to be an array of integers of at least 0, but got "x"
TRY: {"name": "OUT", "type": "i32"}
CHECK: 1 qllm-emu: launch description: expected both 'type' and 'shape' or neither in argument 0 ('OUT')
TRY: {"name": "OUT"}
CHECK: 1 qllm-emu: launch description: expected 'value', 'tensor_map', 'input', or 'type' and 'shape' in argument 0 ('OUT')
TRY: {"input": "values.txt", "type": "nonsense", "shape": [1]}
CHECK: 1 qllm-emu: launch description: expected 'type' of argument 0 to be one such as f32, i32, i8, but got "nonsense"
TRY: {"input": "values.txt", "fill": 1}
CHECK: 1 qllm-emu: launch description: expected no 'fill' beside 'input' in argument 0
TRY: {"type": "i32", "shape": [1]}, {"value": "1"}
CHECK: 1 qllm-emu: launch description: expected 'value' of argument 1 to be a number, but got "1"
TRY: {"type": "i32", "shape": [1]}, {"value": 1, "type": "i32", "shape": [1]}
CHECK: 1 qllm-emu: launch description: expected no '{{shape|type}}' beside 'value' in argument 1
TRY: {"name": "OUT", "type": "i32", "shape": [1]}, {"name": "OUT", "value": 1}
CHECK: 1 qllm-emu: launch description: expected a name of its own for argument 1, but another is called 'OUT' too

Numbers that parameters do not hold, and the ones next to them that they do.
TRY: store 5000000000
CHECK: 1 qllm-emu: expected a 'value' of 'VALUE' that the kernel's parameter, i32, can hold, but got 5000000000
TRY: store 1.5
CHECK: 1 qllm-emu: expected a 'value' of 'VALUE' that the kernel's parameter, i32, can hold, but got 1.5
TRY: store -2147483649
CHECK: 1 qllm-emu: expected a 'value' of 'VALUE' that the kernel's parameter, i32, can hold, but got -2147483649
TRY: store -2147483648
CHECK: 0 00 00 00 80 cd cd cd cd
TRY: store 4294967295
CHECK: 0 ff ff ff ff cd cd cd cd
TRY: byte 256
CHECK: 1 qllm-emu: expected a 'value' of 'VALUE' that the kernel's parameter, i8, can hold, but got 256
TRY: byte 255
CHECK: 0 ff cd
TRY: long 9007199254740993
CHECK: 0 01 00 00 00 00 00 20 00
TRY: long 18446744073709551615
CHECK: 0 ff ff ff ff ff ff ff ff
TRY: half 1.5
CHECK: 0 00 3e cd
TRY: half 65519
CHECK: 0 ff 7b cd
TRY: half 65520
CHECK: 1 qllm-emu: expected a 'value' of 'VALUE' that the kernel's parameter, f16, can hold, but got 65520
TRY: brain 1.5
CHECK: 0 c0 3f cd
TRY: brain 340282366920938463463374607431768211456
CHECK: 1 qllm-emu: expected a 'value' of 'VALUE' that the kernel's parameter, bf16, can hold, but got 3.4028236692093846e+38

Tensor maps: what is no map at all, then what the driver would refuse.
TRY: map "swizzle": "64"
CHECK: 1 qllm-emu: launch description: expected 'swizzle' of the 'tensor_map' of argument 1 ('MAP') to be an integer from 0 to 255, but got "64"
TRY: map "box": [70000, 1]
CHECK: 1 qllm-emu: launch description: expected 'box' of the 'tensor_map' of argument 1 ('MAP') to be an array of integers from 0 to 65535, but got [70000,1]
TRY: map "box": [16, 0]
CHECK: 1 qllm-emu: tensor map 'MAP': expected a box of dimension 1 of 1 to 256 elements, but got 0
TRY: map "swizzle": 48
CHECK: 1 qllm-emu: tensor map 'MAP': expected a swizzle of 0, 32, 64 or 128 bytes, but got 48
TRY: map "input": "values.txt"
CHECK: 1 qllm-emu: launch description: expected no 'input' beside a 'tensor_map' of another 'buffer' in argument 1 ('MAP')
TRY: map "swizzle": 32
CHECK: {{^0$}}
