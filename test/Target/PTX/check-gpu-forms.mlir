// Forms of operations for which LLVM ends the process, or whose effect nobody has tried, are errors with a place.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics -pass-pipeline='builtin.module(gpu.module(qllm-check-gpu-targets))'

// What a kernel is made of.
gpu.module @good [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.mlir.global internal @buffer() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<64 x i32>
  llvm.func @kernel(%p: !llvm.ptr<1> {llvm.noalias}, %map: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.struct<(array<128 x i8>)>, nvvm.grid_constant}, %i: i32) attributes {nvvm.kernel, nvvm.maxntid = array<i32: 128>} {
    %0 = llvm.mlir.addressof @buffer : !llvm.ptr<3>
    %1 = llvm.addrspacecast %0 : !llvm.ptr<3> to !llvm.ptr<7>
    %2 = llvm.load %0 {alignment = 4 : i64} : !llvm.ptr<3> -> i32
    %3 = llvm.atomicrmw add %p, %i syncscope("device") acq_rel {alignment = 4 : i64} : !llvm.ptr<1>, i32
    llvm.store %2, %p : i32, !llvm.ptr<1>
    llvm.return
  }
}

// -----

gpu.module @type_f128 [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'f128'}}
  llvm.func @kernel(%a: f128) {
    llvm.return
  }
}

// -----

gpu.module @type_f80 [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'f80'}}
  llvm.func @kernel(%a: f80) {
    llvm.return
  }
}

// -----

gpu.module @type_i128 [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'i128'}}
  llvm.func @kernel(%a: i128) {
    llvm.return
  }
}

// -----

gpu.module @type_i256 [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'i256'}}
  llvm.func @kernel(%a: i256) {
    llvm.return
  }
}

// -----

gpu.module @type_scalable [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'vector<[4]xi32>'}}
  llvm.func @kernel(%a: vector<[4]xi32>) {
    llvm.return
  }
}

// -----

gpu.module @type_token [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got '!llvm.target<"spirv.Event">'}}
  llvm.func @kernel(%a: !llvm.target<"spirv.Event">) {
    llvm.return
  }
}

// -----

// Taking such a value apart needs minutes, or more operands than LLVM has.
gpu.module @scalars [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected values of 1 to 1024 scalars, but got '!llvm.array<100000 x i32>'}}
    %0 = llvm.load %p : !llvm.ptr<1> -> !llvm.array<100000 x i32>
    llvm.return
  }
}

// -----

gpu.module @no_scalars [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected values of 1 to 1024 scalars, but got '!llvm.struct<()>'}}
  llvm.func @kernel(%a: !llvm.struct<()>) {
    llvm.return
  }
}

// -----

// Constant memory, local memory and what no GPU has.
gpu.module @memory [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got '!llvm.ptr<99>'}}
    %0 = llvm.inttoptr %i : i32 to !llvm.ptr<99>
    llvm.return
  }
}

// -----

gpu.module @element [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'f128'}}
    %0 = llvm.getelementptr %p[%i] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f128
    llvm.return
  }
}

// -----

gpu.module @cast [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected a cast between generic and global or shared memory, or from shared memory to that of the cluster, but got '!llvm.ptr<1>' to '!llvm.ptr<3>'}}
    %0 = llvm.addrspacecast %p : !llvm.ptr<1> to !llvm.ptr<3>
    llvm.return
  }
}

// -----

gpu.module @cast_tensor [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<6>) {
    // expected-error @+1 {{expected a cast between generic and global or shared memory, or from shared memory to that of the cluster, but got '!llvm.ptr<6>' to '!llvm.ptr'}}
    %0 = llvm.addrspacecast %p : !llvm.ptr<6> to !llvm.ptr
    llvm.return
  }
}

// -----

gpu.module @global_space [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected a global in shared memory, address space 3, but got address space 7}}
  llvm.mlir.global internal @a() {addr_space = 7 : i32} : i32
}

// -----

gpu.module @global_value [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected no initial value, which shared memory cannot have}}
  llvm.mlir.global external @a(1 : i32) {addr_space = 3 : i32} : i32
}

// -----

gpu.module @global_region [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected no initial value, which shared memory cannot have}}
  llvm.mlir.global external @a() {addr_space = 3 : i32} : i32 {
    %0 = llvm.mlir.zero : i32
    llvm.return %0 : i32
  }
}

// -----

gpu.module @shared_size [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected at most 49152 bytes of shared memory of a fixed size, but got 50000; an external array without a size takes what the launch gives}}
  llvm.mlir.global internal @a() {addr_space = 3 : i32} : !llvm.array<50000 x i8>
}

// -----

gpu.module @global_type [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'i128'}}
  llvm.mlir.global internal @a() {addr_space = 3 : i32} : i128
}

// -----

gpu.module @global_alignment [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected an alignment of a power of two, at most 1024, but got 1099511627776}}
  llvm.mlir.global internal @a() {addr_space = 3 : i32, alignment = 1099511627776 : i64} : i32
}

// -----

gpu.module @global_thread_local [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{has attribute "thread_local_" = unit, which is not in the list of attributes that code is generated for}}
  llvm.mlir.global internal thread_local @a() {addr_space = 3 : i32} : i32
}

// -----

gpu.module @global_section [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{has attribute "section" = "s", which is not in the list of attributes that code is generated for}}
  llvm.mlir.global internal @a() {addr_space = 3 : i32, section = "s"} : i32
}

// -----

gpu.module @global_linkage [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected "linkage" out of #llvm.linkage<external>, #llvm.linkage<internal>, but got #llvm.linkage<common>}}
  llvm.mlir.global common @a() {addr_space = 3 : i32} : i32
}

// -----

gpu.module @name [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected a name of letters, digits, _ and $ that does not start with a digit, but got "a b"}}
  llvm.mlir.global internal @"a b"() {addr_space = 3 : i32} : i32
}

// -----

// LLVM knows no such collector.
gpu.module @collector [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{has attribute "garbageCollector" = "foo", which is not in the list of attributes that code is generated for}}
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) attributes {garbageCollector = "foo"} {
    llvm.return
  }
}

// -----

gpu.module @instrumentation [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{has attribute "instrument_function_entry" = "foo", which is not in the list of attributes that code is generated for}}
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) attributes {instrument_function_entry = "foo"} {
    llvm.return
  }
}

// -----

gpu.module @own_target [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{has attribute "target_cpu" = "sm_20", which is not in the list of attributes that code is generated for}}
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) attributes {target_cpu = "sm_20"} {
    llvm.return
  }
}

// -----

gpu.module @passthrough [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{has attribute "passthrough" = ["naked"], which is not in the list of attributes that code is generated for}}
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) attributes {passthrough = ["naked"]} {
    llvm.return
  }
}

// -----

gpu.module @convention [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected "CConv" out of #llvm.cconv<ccc>, but got #llvm.cconv<fastcc>}}
  llvm.func fastcc @kernel(%p: !llvm.ptr<1>, %i: i32) {
    llvm.return
  }
}

// -----

gpu.module @variadic [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected a fixed number of parameters, but got '!llvm.func<void (ptr<1>, ...)>'}}
  llvm.func @kernel(%p: !llvm.ptr<1>, ...) {
    llvm.return
  }
}

// -----

gpu.module @declaration [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected a body, since nothing is linked to a kernel}}
  llvm.func @other(f32)
}

// -----

gpu.module @result [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected no result, but got 'i32'}}
  llvm.func @other(%i: i32) -> i32 {
    llvm.return %i : i32
  }
}

// -----

gpu.module @parameter [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected parameters with attributes out of llvm.align, llvm.byval, llvm.noalias, llvm.readonly, nvvm.grid_constant, but got "llvm.nest" of parameter 0}}
  llvm.func @kernel(%p: !llvm.ptr {llvm.nest}) {
    llvm.return
  }
}

// -----

gpu.module @by_value [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, f64, pointers to memory of the GPU or aggregates of them, but got 'f128'}}
  llvm.func @kernel(%p: !llvm.ptr {llvm.byval = f128}) {
    llvm.return
  }
}

// -----

gpu.module @atomic_load [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected an access that is not atomic, but got ordering seq_cst and syncscope "foo"}}
    %0 = llvm.load %p atomic syncscope("foo") seq_cst {alignment = 8 : i64} : !llvm.ptr<1> -> i64
    llvm.return
  }
}

// -----

gpu.module @atomic_store [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected an access that is not atomic, but got ordering release and syncscope ""}}
    llvm.store %i, %p atomic release {alignment = 4 : i64} : i32, !llvm.ptr<1>
    llvm.return
  }
}

// -----

gpu.module @volatile [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{has attribute "volatile_" = unit, which is not in the list of attributes that code is generated for}}
    llvm.store volatile %i, %p : i32, !llvm.ptr<1>
    llvm.return
  }
}

// -----

gpu.module @alignment [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected an alignment of a power of two, at most 1024, but got 3}}
    llvm.store %i, %p {alignment = 3 : i64} : i32, !llvm.ptr<1>
    llvm.return
  }
}

// -----

gpu.module @atomic_memory [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%q: !llvm.ptr<7>, %i: i32) {
    // expected-error @+1 {{expected an address in global or shared memory, but got '!llvm.ptr<7>'}}
    %0 = llvm.atomicrmw add %q, %i syncscope("device") acq_rel : !llvm.ptr<7>, i32
    llvm.return
  }
}

// -----

// What nobody has tried is an operand of what is emitted.
gpu.module @tensor_copy [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%s: !llvm.ptr<7>, %map: !llvm.ptr, %b: !llvm.ptr<3>, %i: i32, %m: i16, %hint: i64) {
    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %map, %b, box[%i, %i] multicast_mask = %m : !llvm.ptr<7>, !llvm.ptr
    // expected-error @+1 {{expected "operandSegmentSizes" out of array<i32: 1, 1, 2, 1, 0, 0, 0, 0>, array<i32: 1, 1, 2, 1, 0, 1, 0, 0>, but got array<i32: 1, 1, 2, 1, 0, 0, 1, 0>}}
    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %map, %b, box[%i, %i] l2_cache_hint = %hint : !llvm.ptr<7>, !llvm.ptr
    llvm.return
  }
}

// -----

gpu.module @bulk_copy [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%s: !llvm.ptr<3>, %p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{expected a copy to shared memory as a part of the cluster's, address space 7, but got '!llvm.ptr<3>'}}
    nvvm.cp.async.bulk.shared.cluster.global %s, %p, %s, %i : !llvm.ptr<3>, !llvm.ptr<1>
    llvm.return
  }
}

// -----

gpu.module @op_call [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @other() {
    llvm.return
  }
  llvm.func @kernel() {
    // expected-error @+1 {{'llvm.call' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    llvm.call @other() : () -> ()
    llvm.return
  }
}

// -----

gpu.module @op_indirect_call [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%g: !llvm.ptr) {
    // expected-error @+1 {{'llvm.call' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    llvm.call %g() : !llvm.ptr, () -> ()
    llvm.return
  }
}

// -----

gpu.module @op_assembly [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%i: i32) {
    // expected-error @+1 {{'llvm.inline_asm' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    llvm.inline_asm "x", "=q" : () -> i32
    llvm.return
  }
}

// -----

gpu.module @op_alloca [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%i: i32) {
    // expected-error @+1 {{'llvm.alloca' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    %0 = llvm.alloca %i x i32 : (i32) -> !llvm.ptr<5>
    llvm.return
  }
}

// -----

gpu.module @op_va_start [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%g: !llvm.ptr) {
    // expected-error @+1 {{'llvm.intr.vastart' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    llvm.intr.vastart %g : !llvm.ptr
    llvm.return
  }
}

// -----

gpu.module @op_fence [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%i: i32) {
    // expected-error @+1 {{'llvm.fence' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    llvm.fence syncscope("foo") seq_cst
    llvm.return
  }
}

// -----

gpu.module @op_cmpxchg [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%p: !llvm.ptr<1>, %i: i32) {
    // expected-error @+1 {{'llvm.cmpxchg' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    %0 = llvm.cmpxchg %p, %i, %i acq_rel monotonic : !llvm.ptr<1>, i32
    llvm.return
  }
}

// -----

gpu.module @op_assert [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%b: i1) {
    // expected-error @+1 {{'cf.assert' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    cf.assert %b, "wrong"
    llvm.return
  }
}

// -----

gpu.module @op_execute_region [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.func @kernel(%b: i1) {
    // expected-error @+1 {{'scf.execute_region' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    scf.execute_region {
      scf.yield
    }
    llvm.return
  }
}

// -----

gpu.module @op_alias [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{'llvm.mlir.alias' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
  llvm.mlir.alias external @a : i32 {
    %0 = llvm.mlir.addressof @b : !llvm.ptr<3>
    %1 = llvm.addrspacecast %0 : !llvm.ptr<3> to !llvm.ptr
    llvm.return %1 : !llvm.ptr
  }
  llvm.mlir.global external @b() {addr_space = 3 : i32} : i32
}

// -----

gpu.module @op_comdat [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.comdat @c {
    // expected-error @+1 {{'llvm.comdat_selector' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
    llvm.comdat_selector @s any
  }
}

// -----

gpu.module @op_constructors [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  // expected-error @+1 {{'llvm.mlir.global_ctors' op is not in the list of operations whose needs are known, so it cannot be checked for sm_90a}}
  llvm.mlir.global_ctors ctors = [], priorities = [], data = []
}
