// Blocks that reach into each other's shared memory; then what can be wrong with that, and with the barrier of a cluster.

// RUN: rm -rf %t && split-file %s %t && %python %t/data.py %t
// DEFINE: %{launch} = exchange
// DEFINE: %{options} =
// DEFINE: %{emulate} = qllm-emu - --launch=%t/%{launch}.json --arch=sm_100a %{options}
// DEFINE: %{clean} = %{emulate} < %t/kernels.mlir | FileCheck %s --check-prefix=CLEAN
// DEFINE: %{edit} =
// DEFINE: %{wrong} = sed '%{edit}' %t/kernels.mlir | not %{emulate} | FileCheck %s
// CLEAN: {{^}}clean

// RUN: %{clean}
// REDEFINE: %{options} = --seed=1
// RUN: %{clean}
// RUN: qllm-emu %t/kernels.mlir --launch=%t/exchange.json --arch=sm_90a --seed=2 --check=none | FileCheck %s --check-prefix=CLEAN
// RUN: qllm-emu %t/kernels.mlir --launch=%t/hand_over.json --arch=sm_120a --seed=3 | FileCheck %s --check-prefix=CLEAN
// REDEFINE: %{options} =
// REDEFINE: %{launch} = registers
// RUN: %{clean}
// REDEFINE: %{launch} = hand_over
// RUN: %{clean}
// REDEFINE: %{launch} = count
// RUN: %{clean}
// REDEFINE: %{launch} = bulk
// RUN: %{clean}
// REDEFINE: %{options} = --async=eager --seed=4
// RUN: %{clean}
// REDEFINE: %{options} =

// What the other block writes is read without a barrier between; written while the other may still read.
// REDEFINE: %{launch} = exchange
// REDEFINE: %{edit} = /both have written/d
// RUN: %{wrong} --check-prefix=UNWRITTEN
// UNWRITTEN: {{race|uninitialized-read}} in load: block ({{.}},0,0) thread {{.*}} reads shared+{{[0-9]+}} of block
// REDEFINE: %{edit} = s/arrive {aligned} .. both have read/arrive.relaxed\n llvm.store %%thread, %%mine : i32, !llvm.ptr<3>/
// RUN: %{wrong} --check-prefix=OVERWRITTEN
// OVERWRITTEN: race in {{load: block .* reads shared\+[0-9]+ of block .*, written by block|store: block .* writes shared\+[0-9]+, read by block}} ({{.}},0,0) thread ({{[0-9]+}},0,0), with no barrier between
// REDEFINE: %{edit} = s/cluster.arrive .. both have written/cluster.arrive.relaxed/
// RUN: %{wrong} --check-prefix=RELAXED
// RELAXED: race in load: block (1,0,0) thread ({{[0-9]+}},0,0) reads shared+{{[0-9]+}} of block (0,0,0), written by block (0,0,0) thread ({{[0-9]+}},0,0), with no barrier between
// REDEFINE: %{edit} = /both have read/d
// RUN: %{wrong} --check-prefix=EXIT
// EXIT: absent-block in load: block ({{.}},0,0) thread {{.*}} reaches into the shared memory of block ({{.}},0,0), which {{has ended|ends with no barrier between}}

// REDEFINE: %{edit} = s/%%there = .*%%other.*/%%far = llvm.getelementptr %%mine[64] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32\n %%there = nvvm.mapa %%far, %%other : !llvm.ptr<3> -> !llvm.ptr<7>/
// RUN: %{wrong} --check-prefix=BOUNDS
// BOUNDS: out-of-bounds-read in load: block (1,0,0) thread (63,0,0) reads 4 bytes at shared+508 of 264 bytes of block (0,0,0) (248 times)
// REDEFINE: %{edit} = s/mapa %%mine, %%other/mapa %%mine, %%two/
// RUN: %{wrong} --check-prefix=RANK
// RANK: absent-block in mapa: block ({{.}},0,0) thread ({{[0-9]+}},0,0) asks for block 2 of a cluster of 2

// The barrier of the cluster: half a warp elsewhere, arrivals and waits that have no other, threads that never come.
// REDEFINE: %{launch} = divergent
// REDEFINE: %{edit} =
// RUN: %{wrong} --check-prefix=DIVERGENT
// DIVERGENT: divergent-collective in cluster.arrive: block (0,0,0) thread (16,0,0) is here, and others of its warp at cluster.arrive at {{.*}} (4 times)
// RUN: sed 's/arrive {aligned}/arrive/' %t/kernels.mlir | %{emulate} | FileCheck %s --check-prefix=CLEAN
// REDEFINE: %{edit} = s/arrive {aligned}/arrive/; s/cluster.wait .. .*er$/cluster.wait {aligned}/
// RUN: %{wrong} --check-prefix=WAITS
// WAITS: divergent-collective in cluster.wait: block (0,0,0) thread ({{.*}}) is here, and others of its warp at cluster.wait at
// REDEFINE: %{edit} =
// REDEFINE: %{launch} = twice
// RUN: %{wrong} --check-prefix=TWICE
// TWICE: barrier-misuse in cluster.arrive: block (0,0,0) thread (0,0,0) arrives at the cluster's barrier again, without a wait between (2 times)
// TWICE: barrier-misuse in cluster.wait: block ({{.}},0,0) thread (0,0,0) waits at the cluster's barrier without having arrived (2 times)
// REDEFINE: %{launch} = one_block
// RUN: %{wrong} --check-prefix=ONE-BLOCK
// ONE-BLOCK: deadlock in cluster.wait: block (0,0,0): warp 0 lanes 0x00000001 wait in cluster.wait at {{.*}}; block (1,0,0): warp 0 lanes 0x00000001 wait in mbarrier.try_wait.parity at {{.*}}; the mbarrier at shared+256 lacks 1 arrivals and 0 bytes; the cluster's barrier lacks 1 of 2 threads

// An mbarrier of another block: with an address as if it were the own, and one that cannot be waited at.
// REDEFINE: %{launch} = hand_over
// REDEFINE: %{edit} = s/%%theirs, %%bytes {scope.* .. arrive/%%flat, %%bytes : !llvm.ptr, i32/; s/%%theirs = .*/&\n %%flat = llvm.addrspacecast %%theirs : !llvm.ptr<7> to !llvm.ptr/
// RUN: %{wrong} --check-prefix=GENERIC
// GENERIC: barrier-misuse in mbarrier.arrive.expect_tx: block (0,0,0) thread (0,0,0) uses the mbarrier at shared+256 of block (1,0,0), where only its own can be
// REDEFINE: %{edit} = s/ {scope = .*cluster>}//
// RUN: %{wrong} --check-prefix=SCOPE
// SCOPE: race in load: block (1,0,0) thread (0,0,0) reads shared+0, written by block (0,0,0) thread (0,0,0), with no barrier between

// REDEFINE: %{launch} = bulk
// REDEFINE: %{edit} = s/%%barrier, %%bytes multicast_mask = %%both/%%barrier, %%bytes/; s/%%place = .* .. the place/%%place = nvvm.mapa %%data, %%one : !llvm.ptr<3> -> !llvm.ptr<7>/
// RUN: %{wrong} --check-prefix=ANNOUNCE
// ANNOUNCE: barrier-misuse in cp.async.bulk.shared.cluster.global: block (0,0,0) thread (0,0,0) has a copy to block (1,0,0) announced by an mbarrier of block (0,0,0)
// REDEFINE: %{edit} = /wait for the data/d
// RUN: %{wrong} --check-prefix=DATA
// DATA-DAG: copy-not-waited-for in load: block (0,0,0) thread (0,0,0) reads shared+0, into which a copy is under way that was issued by thread (0,0,0)
// DATA-DAG: absent-block in cp.async.bulk.shared.cluster.global: block (0,0,0) thread (0,0,0) reaches into the shared memory of block (1,0,0), which has ended

// REDEFINE: %{launch} = many
// RUN: not %{emulate} < %t/kernels.mlir 2>&1 | FileCheck %s --check-prefix=MANY
// MANY: qllm-emu: expected a cluster of at most 8 blocks, but got 16
// REDEFINE: %{launch} = most
// RUN: not %{emulate} < %t/kernels.mlir 2>&1 | FileCheck %s --check-prefix=MOST
// MOST: qllm-emu: expected a cluster of at most 2 blocks, but got 4

//--- exchange.json
{"kernel": "exchange", "grid": [4], "block": [64], "arguments": [{"name": "OUT", "type": "i32", "shape": [256], "expect": "exchanged.npy"}]}
//--- registers.json
{"kernel": "registers", "grid": [2, 4, 3], "cluster": [1, 2, 3], "block": [1], "arguments": [{"name": "OUT", "type": "i32", "shape": [24], "expect": "registers.npy"}]}
//--- hand_over.json
{"kernel": "hand_over", "grid": [2], "cluster": [2], "block": [32], "arguments": [{"name": "OUT", "type": "i32", "shape": [32], "expect": "lanes.npy"}]}
//--- count.json
{"kernel": "count", "grid": [4], "cluster": [4], "block": [32], "arguments": [{"name": "OUT", "type": "i32", "shape": [1], "expect": "count.npy"}]}
//--- bulk.json
{"kernel": "bulk", "grid": [2], "cluster": [2], "block": [32], "arguments": [
  {"name": "IN", "type": "i32", "shape": [32], "input": "lanes.npy"}, {"name": "OUT", "type": "i32", "shape": [64], "expect": "both.npy"}]}
//--- divergent.json
{"kernel": "divergent", "grid": [2], "cluster": [2], "block": [64], "arguments": []}
//--- twice.json
{"kernel": "twice", "grid": [2], "cluster": [2], "block": [1], "arguments": []}
//--- one_block.json
{"kernel": "one_block", "grid": [2], "cluster": [2], "block": [1], "arguments": []}
//--- many.json
{"kernel": "twice", "grid": [16], "cluster": [16], "block": [1], "arguments": []}
//--- most.json
{"kernel": "most", "grid": [4], "cluster": [4], "block": [1], "arguments": []}
//--- data.py
import sys

import numpy as np

lanes = np.arange(32, dtype=np.int32)
np.save(f"{sys.argv[1]}/lanes.npy", lanes)
np.save(f"{sys.argv[1]}/both.npy", np.concatenate([lanes, lanes]))
np.save(f"{sys.argv[1]}/count.npy", np.array([4 * 32], np.int32))
# Block 2 c + r gets what thread t of block 2 c + 1 - r has written: 100 (1 - r) + t.
np.save(f"{sys.argv[1]}/exchanged.npy", np.concatenate([100 * (1 - block % 2) + np.arange(64) for block in range(4)]).astype(np.int32))
# Clusters of 1 x 2 x 3 in a grid of 2 x 4 x 3: digits are rank, blocks, y, z, size along y, cluster x, y, clusters along x, y.
words = [int(f"{y % 2 + 2 * z}6{y % 2}{z}2{x}{y // 2}22") for z in range(3) for y in range(4) for x in range(2)]
np.save(f"{sys.argv[1]}/registers.npy", np.array(words, np.int32))
//--- kernels.mlir
gpu.module @kernels {
  llvm.mlir.global internal @words() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<64 x i32>
  llvm.mlir.global internal @barrier() {addr_space = 3 : i32, alignment = 8 : i64} : i64

  // Each thread writes a word here and reads the other block's.
  llvm.func @exchange(%out: !llvm.ptr<1>) attributes {nvvm.kernel, nvvm.cluster_dim = array<i32: 2, 1, 1>} {
    %one = llvm.mlir.constant(1 : i32) : i32
    %two = llvm.mlir.constant(2 : i32) : i32
    %hundred = llvm.mlir.constant(100 : i32) : i32
    %size = llvm.mlir.constant(64 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %block = nvvm.read.ptx.sreg.ctaid.x : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %other = llvm.xor %rank, %one : i32
    %words = llvm.mlir.addressof @words : !llvm.ptr<3>
    %mine = llvm.getelementptr %words[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %hundreds = llvm.mul %rank, %hundred : i32
    %word = llvm.add %hundreds, %thread : i32
    llvm.store %word, %mine : i32, !llvm.ptr<3>
    nvvm.cluster.arrive // both have written
    nvvm.cluster.wait // both have written
    %there = nvvm.mapa %mine, %other : !llvm.ptr<3> -> !llvm.ptr<7>
    %read = llvm.load %there : !llvm.ptr<7> -> i32
    nvvm.cluster.arrive {aligned} // both have read
    nvvm.cluster.wait {aligned} // both have read
    %first = llvm.mul %block, %size : i32
    %place = llvm.add %first, %thread : i32
    %to = llvm.getelementptr %out[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %read, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  llvm.func @digit(%number: i32, %digit: i32) -> i32 {
    %ten = llvm.mlir.constant(10 : i32) : i32
    %shifted = llvm.mul %number, %ten : i32
    %sum = llvm.add %shifted, %digit : i32
    llvm.return %sum : i32
  }
  llvm.func @registers(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %x = nvvm.read.ptx.sreg.ctaid.x : i32
    %y = nvvm.read.ptx.sreg.ctaid.y : i32
    %z = nvvm.read.ptx.sreg.ctaid.z : i32
    %columns = nvvm.read.ptx.sreg.nctaid.x : i32
    %rows = nvvm.read.ptx.sreg.nctaid.y : i32
    %0 = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %1 = nvvm.read.ptx.sreg.cluster.nctarank : i32
    %2 = nvvm.read.ptx.sreg.cluster.ctaid.y : i32
    %3 = nvvm.read.ptx.sreg.cluster.ctaid.z : i32
    %4 = nvvm.read.ptx.sreg.cluster.nctaid.y : i32
    %5 = nvvm.read.ptx.sreg.clusterid.x : i32
    %6 = nvvm.read.ptx.sreg.clusterid.y : i32
    %7 = nvvm.read.ptx.sreg.nclusterid.x : i32
    %8 = nvvm.read.ptx.sreg.nclusterid.y : i32
    %n1 = llvm.call @digit(%0, %1) : (i32, i32) -> i32
    %n2 = llvm.call @digit(%n1, %2) : (i32, i32) -> i32
    %n3 = llvm.call @digit(%n2, %3) : (i32, i32) -> i32
    %n4 = llvm.call @digit(%n3, %4) : (i32, i32) -> i32
    %n5 = llvm.call @digit(%n4, %5) : (i32, i32) -> i32
    %n6 = llvm.call @digit(%n5, %6) : (i32, i32) -> i32
    %n7 = llvm.call @digit(%n6, %7) : (i32, i32) -> i32
    %n8 = llvm.call @digit(%n7, %8) : (i32, i32) -> i32
    %layer = llvm.mul %z, %rows : i32
    %row = llvm.add %layer, %y : i32
    %start = llvm.mul %row, %columns : i32
    %place = llvm.add %start, %x : i32
    %to = llvm.getelementptr %out[%place] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %n8, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  // Block 0 writes into the memory of block 1 and arrives at its mbarrier, with bytes that it takes back; block 1 waits.
  llvm.func @hand_over(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %lanes = llvm.mlir.constant(32 : i32) : i32
    %bytes = llvm.mlir.constant(4 : i32) : i32
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %words = llvm.mlir.addressof @words : !llvm.ptr<3>
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    %mine = llvm.getelementptr %words[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    nvvm.mbarrier.init %barrier, %lanes, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.fence.mbarrier.init
    nvvm.cluster.arrive.relaxed
    nvvm.cluster.wait
    %is_sender = llvm.icmp "eq" %rank, %zero : i32
    llvm.cond_br %is_sender, ^send, ^receive
  ^send:
    %there = nvvm.mapa %mine, %one : !llvm.ptr<3> -> !llvm.ptr<7>
    %theirs = nvvm.mapa %barrier, %one : !llvm.ptr<3> -> !llvm.ptr<7>
    llvm.store %thread, %there : i32, !llvm.ptr<7>
    nvvm.mbarrier.complete_tx %theirs, %bytes : !llvm.ptr<7>, i32
    nvvm.mbarrier.arrive.expect_tx %theirs, %bytes {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<7>, i32 // arrive
    llvm.return
  ^receive:
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32
    %word = llvm.load %mine : !llvm.ptr<3> -> i32
    %to = llvm.getelementptr %out[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %word, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  // All threads count in the memory of block 0.
  llvm.func @count(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %words = llvm.mlir.addressof @words : !llvm.ptr<3>
    %index = llvm.or %thread, %rank : i32
    %is_first = llvm.icmp "eq" %index, %zero : i32
    llvm.cond_br %is_first, ^begin, ^meet
  ^begin:
    llvm.store %zero, %words : i32, !llvm.ptr<3>
    llvm.br ^meet
  ^meet:
    nvvm.cluster.arrive
    nvvm.cluster.wait
    %there = nvvm.mapa %words, %zero : !llvm.ptr<3> -> !llvm.ptr<7>
    %before = llvm.atomicrmw add %there, %one syncscope("cluster") acq_rel : !llvm.ptr<7>, i32
    nvvm.cluster.arrive
    nvvm.cluster.wait
    llvm.cond_br %is_first, ^end, ^leave
  ^end:
    %sum = llvm.load %words : !llvm.ptr<3> -> i32
    llvm.store %sum, %out : i32, !llvm.ptr<1>
    llvm.br ^leave
  ^leave:
    llvm.return
  }

  // Thread 0 of block 0 fetches a row for both blocks.
  llvm.func @bulk(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %five = llvm.mlir.constant(5 : i32) : i32
    %bytes = llvm.mlir.constant(128 : i32) : i32
    %both = llvm.mlir.constant(3 : i16) : i16
    %ticks = llvm.mlir.constant(1000 : i32) : i32
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %data = llvm.mlir.addressof @words : !llvm.ptr<3>
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    %is_first = llvm.icmp "eq" %thread, %zero : i32
    nvvm.mbarrier.init %barrier, %one, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.mbarrier.arrive.expect_tx %barrier, %bytes, predicate = %is_first : !llvm.ptr<3>, i32, i1
    nvvm.cluster.arrive
    nvvm.cluster.wait
    %index = llvm.or %thread, %rank : i32
    %asks = llvm.icmp "eq" %index, %zero : i32
    llvm.cond_br %asks, ^ask, ^wait
  ^ask:
    %place = llvm.addrspacecast %data : !llvm.ptr<3> to !llvm.ptr<7> // the place
    nvvm.cp.async.bulk.shared.cluster.global %place, %in, %barrier, %bytes multicast_mask = %both : !llvm.ptr<7>, !llvm.ptr<1>
    llvm.br ^wait
  ^wait:
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %ticks : !llvm.ptr<3>, i32, i32 // wait for the data
    %from = llvm.getelementptr %data[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    %word = llvm.load %from : !llvm.ptr<3> -> i32
    %start = llvm.shl %rank, %five : i32
    %at = llvm.add %start, %thread : i32
    %to = llvm.getelementptr %out[%at] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    llvm.store %word, %to : i32, !llvm.ptr<1>
    llvm.return
  }

  // The halves of a warp arrive and wait at places of their own, as only those may that are not aligned.
  llvm.func @divergent() attributes {nvvm.kernel} {
    %sixteen = llvm.mlir.constant(16 : i32) : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %is_lower = llvm.icmp "ult" %lane, %sixteen : i32
    llvm.cond_br %is_lower, ^lower, ^upper
  ^lower:
    nvvm.cluster.arrive {aligned} // lower
    nvvm.cluster.wait // lower
    llvm.return
  ^upper:
    nvvm.cluster.arrive {aligned} // upper
    nvvm.cluster.wait // upper
    llvm.return
  }

  llvm.func @twice() attributes {nvvm.kernel} {
    nvvm.cluster.arrive
    nvvm.cluster.arrive
    nvvm.cluster.wait
    nvvm.cluster.wait
    llvm.return
  }

  // Block 0 comes to the cluster's barrier; block 1 waits for an arrival that nobody makes.
  llvm.func @one_block() attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %rank = nvvm.read.ptx.sreg.cluster.ctarank : i32
    %barrier = llvm.mlir.addressof @barrier : !llvm.ptr<3>
    nvvm.mbarrier.init %barrier, %one : !llvm.ptr<3>, i32
    %is_first = llvm.icmp "eq" %rank, %zero : i32
    llvm.cond_br %is_first, ^meet, ^wait
  ^wait:
    nvvm.mbarrier.try_wait.parity %barrier, %zero, %one : !llvm.ptr<3>, i32, i32
    llvm.br ^meet
  ^meet:
    nvvm.cluster.arrive
    nvvm.cluster.wait
    llvm.return
  }

  llvm.func @most() attributes {nvvm.kernel, nvvm.cluster_max_blocks = 2 : i32} {
    llvm.return
  }
}
