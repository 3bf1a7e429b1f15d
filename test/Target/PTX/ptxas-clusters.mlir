// What kernels of clusters are made of, on every target that has them: NVIDIA's assembler takes it.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_90a format=ptx" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir | FileCheck %s
// RUN: sed 's/chip = "sm_90a", features = "+ptx84"/chip = "sm_100a", features = "+ptx88"/' %s | qllm-opt --qllm-lower-to-nvvm="targets=sm_100a format=ptx" -o %t.100a.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.100a.mlir | FileCheck %s
// CHECK: sm_{{90a|100a}} exchange {{.*}}spilled=0

// RUN: FileCheck %s --check-prefix=PTX < %t.mlir
// RUN: FileCheck %s --check-prefix=PTX < %t.100a.mlir
// PTX: .reqnctapercluster 2, 1, 1
// PTX-DAG: barrier.cluster.arrive.aligned
// PTX-DAG: barrier.cluster.arrive.relaxed.aligned
// PTX-DAG: barrier.cluster.wait.aligned
// PTX-DAG: mapa.shared::cluster
// PTX-DAG: ld.shared::cluster
// PTX-DAG: st.shared::cluster
// PTX-DAG: mbarrier.arrive.release.cluster.shared::cluster.b64
// PTX-DAG: mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64
// PTX-DAG: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster
// PTX-DAG: cp.async.bulk.tensor.2d.shared::cluster.global{{.*}}.multicast::cluster

// The whole of a product, as the emulator runs it.
// RUN: mkdir -p %t.gemm && %python %S/../../Emulator/Inputs/cluster-gemm.py %t.gemm 4
// RUN: qllm-opt %t.gemm/gemm.mlir --qllm-lower-to-nvvm="targets=sm_90a format=ptx" -o %t.gemm/ptx.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.gemm/ptx.mlir --check | FileCheck %s --check-prefix=GEMM
// GEMM: sm_90a gemm {{.*}}spilled=0 tensor=1 warnings=0

gpu.module @kernels [#nvvm.target<chip = "sm_90a", features = "+ptx84">] {
  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<2048 x i8>
  llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : i64
  llvm.func @exchange(%map: !llvm.ptr {llvm.byval = !llvm.struct<"tensor_map", (array<128 x i8>)>, llvm.align = 64 : i64, nvvm.grid_constant}, %in: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel, nvvm.cluster_dim = array<i32: 2, 1, 1>} {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %bytes = arith.constant 1024 : i32
    %both = arith.constant 3 : i16
    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    nvvm.cluster.arrive.relaxed {aligned}
    nvvm.cluster.wait {aligned}
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %blocks = nvvm.read.ptx.sreg.cluster.nctarank : i32
    %x = nvvm.read.ptx.sreg.cluster.ctaid.x : i32
    %size = nvvm.read.ptx.sreg.cluster.nctaid.x : i32
    %cluster = nvvm.read.ptx.sreg.clusterid.x : i32
    %clusters = nvvm.read.ptx.sreg.nclusterid.x : i32
    %other = arith.xori %rank, %one : i32
    %there = nvvm.mapa %tile, %other : !llvm.ptr<3> -> !llvm.ptr<7>
    %sum_0 = arith.addi %blocks, %x : i32
    %sum_1 = arith.addi %size, %cluster : i32
    %sum_2 = arith.addi %sum_0, %sum_1 : i32
    %sum_3 = arith.addi %sum_2, %clusters : i32
    llvm.store %sum_3, %there : i32, !llvm.ptr<7>
    nvvm.cluster.arrive {aligned}
    nvvm.cluster.wait {aligned}
    %word = llvm.load %there : !llvm.ptr<7> -> i32
    %their_barrier = nvvm.mapa %barrier, %other : !llvm.ptr<3> -> !llvm.ptr<7>
    nvvm.mbarrier.arrive.expect_tx %their_barrier, %bytes {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<7>, i32
    nvvm.mbarrier.arrive %their_barrier {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<7>
    %place = llvm.addrspacecast %tile : !llvm.ptr<3> to !llvm.ptr<7>
    nvvm.cp.async.bulk.shared.cluster.global %place, %in, %barrier, %bytes multicast_mask = %both : !llvm.ptr<7>, !llvm.ptr<1>
    nvvm.cp.async.bulk.tensor.shared.cluster.global %place, %map, %barrier, box[%word, %zero] multicast_mask = %both : !llvm.ptr<7>, !llvm.ptr
    llvm.return
  }
}
