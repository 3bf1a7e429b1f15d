// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of a block that runs: its threads, clocks and barriers. The parts are in
// files of their own: Warp.cpp, Warpgroup.cpp and Products.cpp (collectives), Barrier.cpp,
// MemoryBarrier.cpp, Copies.cpp, BulkCopies.cpp, TensorCopies.cpp, and Block.cpp (start, end,
// deadlock).

#ifndef QLLM_LIB_EMULATOR_RUNTIME_BLOCK_H
#define QLLM_LIB_EMULATOR_RUNTIME_BLOCK_H

#include "Memory.h"
#include "MemoryBarrier.h"
#include "Products.h"
#include "TensorMemory.h"
#include "qllm/Emulator/Runtime/Ops/Evaluate.h"
#include <map>

namespace qllm::emu {

class Cluster;
struct TensorMap;

/// Lanes of a warp that have come to a collective operation, and their registers.
struct Rendezvous {
  uint32_t site = 0, mask = 0, arrived = 0;
  std::array<const uint32_t *, 32> in;
  std::array<uint32_t *, 32> out;
};

struct Warp {
  WarpClock clock;
  /// Groups that are not complete; those with nobody are free.
  std::vector<Rendezvous> groups;
  /// Time of each lane's last proxy fence.
  std::array<uint32_t, 32> fenced{};
  /// Its part in those of its warpgroup.
  WarpProducts products;
  /// What it knew at its last tcgen05.fence::after_thread_sync: the order that counts in tensor
  /// memory.
  VectorClock tensorKnown;
  bool loadsTensorMemory = false;
  /// Until when its mbarriers are fenced for the cluster, and those of all warps that it knows of.
  uint32_t initsFenced = 0;
  VectorClock initsKnown;
};

/// Four warps that have come to a wgmma operation.
struct Warpgroup {
  uint32_t site = 0;
  unsigned arrived = 0;
  std::array<const uint32_t *, 128> in{};
  std::array<uint32_t *, 128> out{};
  std::array<uint32_t, 4> waiting{};
};

/// bar.sync and its kin.
struct NamedBarrier {
  unsigned arrived = 0;
  /// Threads that it waits for; 0 while nobody has come, for all threads that are alive.
  unsigned expected = 0;
  bool all = false;
  std::array<uint32_t, kMaxWarps> waiting{};
  /// By warp, the lanes that have come, and where they stand.
  std::array<uint32_t, kMaxWarps> lanes{}, sites{};
  VectorClock clock;
  /// For the forms that combine a predicate: of the threads until now, how many gave true.
  unsigned predicates = 0, lastCount = 0, lastPredicates = 0;
};

class Block {
public:
  Block(Cluster &cluster, unsigned rank);
  bool hasStacks() const { return scheduler.valid(); }
  /// To its beginning, in the cluster of this index.
  void reset(uint64_t index);
  static void threadMain(void *thread);
  /// When no thread can go on.
  void end();
  bool isStuck() const { return scheduler.aliveCount() != 0; }
  void collect(RunReport &report);

  // What compiled code calls, through EntryPoints.cpp.
  void collective(Thread &thread, uint32_t site, uint32_t mask, const uint32_t *in, uint32_t *out);
  void refreshRegisters(Thread &thread, uint32_t *words, uint32_t count);
  void readRegister(Thread &thread, uint32_t site, uint32_t word, uint32_t index);
  void barrier(Thread &thread, uint32_t site, uint32_t id, uint32_t threads);
  uint32_t barrierReduce(Thread &thread, uint32_t site, uint32_t id, uint32_t threads,
                         uint32_t kind, bool predicate);
  void barrierArrive(Thread &thread, uint32_t site, uint32_t id, uint32_t threads);
  void copy(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
            uint32_t size, uint32_t bytes);
  void commitCopies(Thread &thread) { thread.copies.commit(); }
  void waitCopies(Thread &thread, uint32_t pending);
  /// Into the blocks of the mask, a bit for each rank; without one, where the address says.
  void bulkCopy(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
                void *barrier, uint32_t size, std::optional<uint32_t> mask);
  void tensorCopy(Thread &thread, uint32_t site, uint8_t *destination, const TensorMap *map,
                  void *barrier, const int32_t *coordinates, uint32_t coordinateCount,
                  std::optional<uint32_t> mask);
  void bulkStore(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
                 uint32_t size);
  void commitStores(Thread &thread) { thread.stores.commit(); }
  void waitStores(Thread &thread, uint32_t pending);
  void copiesArrive(Thread &thread, uint32_t site, void *address, bool counted);
  void *access(Thread &thread, uint32_t site, void *address, uint32_t size, uint32_t alignment,
               AccessKind kind) {
    return memory.access(accessOf(thread, site), address, size, kind, alignment);
  }
  void *atomic(Thread &thread, uint32_t site, void *address, uint32_t size, uint32_t alignment,
               uint32_t order);
  void fence(Thread &thread);
  /// Ends the thread.
  [[noreturn]] void trap(Thread &thread, uint32_t site);
  void fenceProxy(Thread &thread);
  void tensorCopy(Thread &thread, uint32_t site, uint32_t to, uint64_t descriptor);
  void tensorMultiply(Thread &thread, uint32_t site, const TensorProduct &product);
  void tensorCommit(Thread &thread, uint32_t site, void *barrier);
  void tensorFence(Thread &thread, uint32_t site, bool after);
  void yield(Thread &thread) { scheduler.yield(thread); }
  void barrierInit(Thread &thread, uint32_t site, void *address, uint32_t count);
  void barrierInvalidate(Thread &thread, uint32_t site, void *address);
  void fenceInits(Thread &thread);
  uint64_t memoryBarrierArrive(Thread &thread, uint32_t site, void *address, uint32_t count,
                               uint32_t bytes, uint32_t form);
  void memoryBarrierBytes(Thread &thread, uint32_t site, void *address, int64_t bytes,
                          uint32_t form);
  bool memoryBarrierTest(Thread &thread, uint32_t site, void *address, uint64_t phase, bool parity);
  void memoryBarrierWait(Thread &thread, uint32_t site, void *address, uint64_t phase, bool parity);
  void clusterArrive(Thread &thread, uint32_t site, uint32_t form);
  void clusterWait(Thread &thread, uint32_t site, bool aligned);
  void *mapShared(Thread &thread, uint32_t site, void *address, uint32_t rank);

private:
  friend Cluster;
  [[noreturn]] void finish(Thread &thread);
  /// Where its threads wait; the first collective that part of its lanes reached, and the first
  /// operation that anybody waits in.
  std::string describeStuck(std::optional<uint32_t> &partial, std::optional<uint32_t> &any);

  /// Of this block or another of the cluster.
  static Warp &warpOf(const Thread &thread) { return thread.block->warps[thread.warp]; }
  static Access accessOf(const Thread &thread, uint32_t site) {
    return {thread, warpOf(thread).clock, site};
  }
  /// Of the warp that clocks number so.
  Warp &warpAt(unsigned warp);
  /// As clocks number a warp of this block.
  unsigned clockIndex(unsigned warp) const { return rank * unsigned(warps.size()) + warp; }
  uint32_t fencedAt(unsigned warp, unsigned lane) { return warpAt(warp).fenced[lane]; }
  const Site &siteAt(uint32_t site) const { return program.sites[site]; }

  Rendezvous &group(Warp &warp, uint32_t site, uint32_t mask);
  void perform(Thread &thread, const Rendezvous &group);
  template <typename Operation>
  void performMma(const Operation &operation, const Rendezvous &group, unsigned products);
  void performCopy(Thread &thread, const MatrixCopy &operation, const Rendezvous &group);
  void performShuffle(Thread &thread, const Shuffle &operation, const Rendezvous &group);
  void performMatch(const Match &operation, const Rendezvous &group, unsigned words);

  void warpgroupMma(Thread &thread, uint32_t site, const uint32_t *in, uint32_t *out);
  void checkMatrixOperands(Thread &thread, const Warpgroup &group);
  void issueProduct(unsigned firstWarp, Warpgroup &group);
  void takeRegisters(Product &product, unsigned firstWarp, const Warpgroup &group);
  MatrixRows operandRows(uint64_t descriptor, unsigned count);
  void readOperands(const Product &product, unsigned firstWarp);
  void complete(Product &last);
  void multiply(Product &product);
  void controlProducts(Thread &thread, const WarpgroupControl &control);
  void finishReads(Thread &thread, const ProductReads &reads);

  void controlTensorMemory(Thread &thread, const TensorControl &control, const Rendezvous &group);
  void allocateTensorMemory(Thread &thread, uint32_t site, void *slot, uint32_t columns);
  void freeTensorMemory(Thread &thread, uint32_t site, uint32_t address, uint32_t columns);
  void loadTensorMemory(Thread &thread, unsigned columns, const Rendezvous &group);
  bool useColumns(Thread &thread, uint32_t site, TensorUse use, uint32_t address, unsigned count,
                  unsigned lane = 0);
  std::string columnConflict(const Thread &thread, TensorUse use, const TensorColumn &column,
                             FindingKind &kind);
  TensorOperation &issueTensorOperation(Thread &thread, uint32_t site);
  std::vector<uint8_t *> tensorOperand(Thread &thread, uint32_t site, uint64_t descriptor,
                                       unsigned rows, unsigned pieces);
  void startTensorOperation(Thread &thread);
  void noteTensorWrite(const TensorOperation &operation, unsigned count);
  void runTensorOperations(unsigned thread, uint64_t upTo);
  void perform(const TensorOperation &operation);
  void multiply(const TensorOperation &operation);
  uint32_t scalesOf(uint32_t first, unsigned row, unsigned warp);
  void arrive(MemoryBarrier &barrier, const TensorCommit &commit);
  void misuseTensorMemory(Thread &thread, uint32_t site, const std::string &what);

  void poll(Thread &thread, uint32_t site, const void *address, uint32_t size);
  NamedBarrier *arrive(Thread &thread, uint32_t site, uint32_t id, uint32_t threads);
  bool complete(const NamedBarrier &barrier) const;
  void release(NamedBarrier &barrier);

  uint8_t *placeIn(unsigned target, uint8_t *address) const;
  bool isBulkSize(Thread &thread, uint32_t site, uint32_t size);
  bool isTensorMap(Thread &thread, uint32_t site, const TensorMap *map, uint32_t rank);
  void settle(Thread &thread, AsyncCopy &copy);
  bool landsEarly();

  /// An mbarrier of this block, for its threads.
  MemoryBarrier *barrierAt(Thread &thread, uint32_t site, void *address);
  /// The mbarrier at that offset here, for threads of any block.
  MemoryBarrier *findBarrier(Thread &thread, uint32_t site, uint32_t offset);
  /// The block whose mbarrier an arrival of the given form means; null, with a finding, when it may
  /// not mean that one.
  Block *barrierOwner(Thread &thread, uint32_t site, void *address, uint32_t form);
  uint64_t arrive(Thread &thread, uint32_t site, MemoryBarrier &barrier, uint32_t count,
                  uint32_t bytes, uint32_t form);
  /// The blocks that a copy goes to, by rank.
  std::vector<unsigned> copyTargets(Thread &thread, uint32_t site, const void *destination,
                                    const void *barrier, std::optional<uint32_t> mask);
  void advance(MemoryBarrier &barrier);
  void completePhase(MemoryBarrier &barrier);
  void announce(const Transfer &transfer, MemoryBarrier &barrier);
  void expectBytes(Thread &thread, uint32_t site, MemoryBarrier &barrier, int64_t bytes);
  void deliver(const Transfer &transfer, MemoryBarrier &barrier);

  Cluster &cluster;
  const Program &program;
  const Launch &launch;
  const unsigned rank;
  Memory &memory;
  Scheduler scheduler;
  std::vector<Warp> warps;
  std::vector<Warpgroup> warpgroups;
  std::array<NamedBarrier, 16> barriers;
  /// By offset in shared memory.
  std::map<uint32_t, MemoryBarrier> memoryBarriers;
  TensorMemory tensorMemory;
  const std::vector<FloatModel> &models;
  /// In the cluster, mbarrier tests that failed since something else last happened.
  uint64_t &fruitlessTests;
  /// Atomics that changed nothing since something else did.
  uint64_t &fruitlessPolls;
  /// What its threads knew that have ended.
  VectorClock ended;
  uint64_t threadCount = 0, collectives = 0, multiplyAdds = 0, productCount = 0;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_BLOCK_H
