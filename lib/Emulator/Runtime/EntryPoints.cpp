// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled kernels call to act on their block.

#include "Block.h"
#include "Symbols.h"

using namespace qllm::emu;

namespace {

Block &blockOf(ThreadContext *context) { return *context->block; }

void collective(ThreadContext *context, uint32_t site, uint32_t mask, const uint32_t *in,
                uint32_t *out) {
  blockOf(context).collective(Thread::of(context), site, mask, in, out);
}

void *load(ThreadContext *context, void *address, uint32_t size, uint32_t alignment,
           uint32_t site) {
  return blockOf(context).access(Thread::of(context), site, address, size, alignment,
                                 AccessKind::Read);
}
void *store(ThreadContext *context, void *address, uint32_t size, uint32_t alignment,
            uint32_t site) {
  return blockOf(context).access(Thread::of(context), site, address, size, alignment,
                                 AccessKind::Write);
}
void *atomic(ThreadContext *context, void *address, uint32_t size, uint32_t alignment,
             uint32_t site, uint32_t order) {
  return blockOf(context).atomic(Thread::of(context), site, address, size, alignment, order);
}
uint32_t locals(ThreadContext *context) { return uint32_t(Thread::of(context).locals.size()); }
void local(ThreadContext *context, const uint8_t *data, uint32_t size) {
  Thread::of(context).locals.push_back({data, size});
}
void localsEnd(ThreadContext *context, uint32_t before) {
  Thread::of(context).locals.resize(before);
}
void trap(ThreadContext *context, uint32_t site) {
  blockOf(context).trap(Thread::of(context), site);
}
void fence(ThreadContext *context) { blockOf(context).fence(Thread::of(context)); }

void barrier(ThreadContext *context, uint32_t site, uint32_t id, uint32_t threads) {
  blockOf(context).barrier(Thread::of(context), site, id, threads);
}
uint32_t barrierReduce(ThreadContext *context, uint32_t site, uint32_t id, uint32_t threads,
                       uint32_t kind, uint32_t predicate) {
  return blockOf(context).barrierReduce(Thread::of(context), site, id, threads, kind,
                                        predicate != 0);
}
void barrierArrive(ThreadContext *context, uint32_t site, uint32_t id, uint32_t threads) {
  blockOf(context).barrierArrive(Thread::of(context), site, id, threads);
}

void copy(ThreadContext *context, uint32_t site, uint8_t *destination, const uint8_t *source,
          uint32_t size, uint32_t bytes) {
  blockOf(context).copy(Thread::of(context), site, destination, source, size, bytes);
}
void commitCopies(ThreadContext *context) { blockOf(context).commitCopies(Thread::of(context)); }
void waitCopies(ThreadContext *context, uint32_t pending) {
  blockOf(context).waitCopies(Thread::of(context), pending);
}
void copiesArrive(ThreadContext *context, uint32_t site, void *address, uint32_t counted) {
  blockOf(context).copiesArrive(Thread::of(context), site, address, counted != 0);
}

/// No mask is one that 16 bits cannot be.
std::optional<uint32_t> maskOf(uint32_t mask) {
  return mask == kNoMulticast ? std::nullopt : std::optional(mask);
}

void bulkCopy(ThreadContext *context, uint32_t site, uint8_t *destination, const uint8_t *source,
              void *barrier, uint32_t size, uint32_t mask) {
  blockOf(context).bulkCopy(Thread::of(context), site, destination, source, barrier, size,
                            maskOf(mask));
}

void tensorCopy(ThreadContext *context, uint32_t site, uint8_t *destination, const TensorMap *map,
                void *barrier, uint32_t enabled, uint32_t mask, uint32_t rank, int32_t c0,
                int32_t c1, int32_t c2, int32_t c3, int32_t c4) {
  int32_t coordinates[] = {c0, c1, c2, c3, c4};
  if (enabled)
    blockOf(context).tensorCopy(Thread::of(context), site, destination, map, barrier, coordinates,
                                rank, maskOf(mask));
}

void bulkStore(ThreadContext *context, uint32_t site, uint8_t *destination, const uint8_t *source,
               uint32_t size) {
  blockOf(context).bulkStore(Thread::of(context), site, destination, source, size);
}
void commitStores(ThreadContext *context) { blockOf(context).commitStores(Thread::of(context)); }
void waitStores(ThreadContext *context, uint32_t pending) {
  blockOf(context).waitStores(Thread::of(context), pending);
}

void refreshRegisters(ThreadContext *context, uint32_t *words, uint32_t count) {
  blockOf(context).refreshRegisters(Thread::of(context), words, count);
}
void readRegister(ThreadContext *context, uint32_t site, uint32_t word, uint32_t index) {
  blockOf(context).readRegister(Thread::of(context), site, word, index);
}

void fenceProxy(ThreadContext *context) { blockOf(context).fenceProxy(Thread::of(context)); }
void tensorCopyScales(ThreadContext *context, uint32_t site, uint32_t to, uint64_t descriptor) {
  blockOf(context).tensorCopy(Thread::of(context), site, to, descriptor);
}
void tensorMultiply(ThreadContext *context, uint32_t site, uint32_t sums, uint64_t a, uint64_t b,
                    uint32_t instruction, uint32_t accumulate, uint32_t scalesA, uint32_t scalesB,
                    uint32_t blockLength) {
  blockOf(context).tensorMultiply(
      Thread::of(context), site,
      {sums, a, b, instruction, accumulate != 0, scalesA, scalesB, blockLength});
}
void tensorCommit(ThreadContext *context, uint32_t site, void *barrier) {
  blockOf(context).tensorCommit(Thread::of(context), site, barrier);
}
void tensorFence(ThreadContext *context, uint32_t site, uint32_t after) {
  blockOf(context).tensorFence(Thread::of(context), site, after != 0);
}
void fenceInits(ThreadContext *context) { blockOf(context).fenceInits(Thread::of(context)); }
void clusterArrive(ThreadContext *context, uint32_t site, uint32_t form) {
  blockOf(context).clusterArrive(Thread::of(context), site, form);
}
void clusterWait(ThreadContext *context, uint32_t site, uint32_t aligned) {
  blockOf(context).clusterWait(Thread::of(context), site, aligned != 0);
}
void *mapShared(ThreadContext *context, uint32_t site, void *address, uint32_t rank) {
  return blockOf(context).mapShared(Thread::of(context), site, address, rank);
}
void yieldThread(ThreadContext *context) { blockOf(context).yield(Thread::of(context)); }

void barrierInit(ThreadContext *context, uint32_t site, void *address, uint32_t count,
                 uint32_t enabled) {
  if (enabled)
    blockOf(context).barrierInit(Thread::of(context), site, address, count);
}
void barrierInvalidate(ThreadContext *context, uint32_t site, void *address) {
  blockOf(context).barrierInvalidate(Thread::of(context), site, address);
}
uint64_t memoryBarrierArrive(ThreadContext *context, uint32_t site, void *address, uint32_t count,
                             uint32_t bytes, uint32_t form, uint32_t enabled) {
  if (!enabled)
    return 0;
  return blockOf(context).memoryBarrierArrive(Thread::of(context), site, address, count, bytes,
                                              form);
}
void memoryBarrierBytes(ThreadContext *context, uint32_t site, void *address, int32_t bytes,
                        uint32_t form) {
  blockOf(context).memoryBarrierBytes(Thread::of(context), site, address, bytes, form);
}
uint32_t memoryBarrierTest(ThreadContext *context, uint32_t site, void *address, uint64_t phase,
                           uint32_t parity) {
  return blockOf(context).memoryBarrierTest(Thread::of(context), site, address, phase, parity != 0);
}
void memoryBarrierWait(ThreadContext *context, uint32_t site, void *address, uint64_t phase,
                       uint32_t parity) {
  blockOf(context).memoryBarrierWait(Thread::of(context), site, address, phase, parity != 0);
}

} // namespace

void qllm::emu::addBlockSymbols(std::vector<RuntimeSymbol> &symbols) {
  auto add = [&](const char *name, auto *function) {
    symbols.push_back({name, reinterpret_cast<void *>(function), true});
  };
  add("qllm_emu_collective", collective);
  add("qllm_emu_load", load);
  add("qllm_emu_store", store);
  add("qllm_emu_atomic", atomic);
  add("qllm_emu_locals", locals);
  add("qllm_emu_local", local);
  add("qllm_emu_locals_end", localsEnd);
  add("qllm_emu_trap", trap);
  add("qllm_emu_fence", fence);
  add("qllm_emu_barrier", barrier);
  add("qllm_emu_barrier_reduce", barrierReduce);
  add("qllm_emu_barrier_arrive", barrierArrive);
  add("qllm_emu_copy", copy);
  add("qllm_emu_copy_commit", commitCopies);
  add("qllm_emu_copy_wait", waitCopies);
  add("qllm_emu_copy_arrive", copiesArrive);
  add("qllm_emu_bulk_copy", bulkCopy);
  add("qllm_emu_tensor_copy", tensorCopy);
  add("qllm_emu_bulk_store", bulkStore);
  add("qllm_emu_bulk_commit", commitStores);
  add("qllm_emu_bulk_wait", waitStores);
  add("qllm_emu_registers_refresh", refreshRegisters);
  add("qllm_emu_register_read", readRegister);
  add("qllm_emu_fence_proxy", fenceProxy);
  add("qllm_emu_tensor_scales", tensorCopyScales);
  add("qllm_emu_tensor_multiply", tensorMultiply);
  add("qllm_emu_tensor_commit", tensorCommit);
  add("qllm_emu_tensor_fence", tensorFence);
  add("qllm_emu_yield", yieldThread);
  add("qllm_emu_fence_mbarrier_init", fenceInits);
  add("qllm_emu_cluster_arrive", clusterArrive);
  add("qllm_emu_cluster_wait", clusterWait);
  add("qllm_emu_mapa", mapShared);
  add("qllm_emu_mbarrier_init", barrierInit);
  add("qllm_emu_mbarrier_inval", barrierInvalidate);
  add("qllm_emu_mbarrier_arrive", memoryBarrierArrive);
  add("qllm_emu_mbarrier_bytes", memoryBarrierBytes);
  add("qllm_emu_mbarrier_test", memoryBarrierTest);
  add("qllm_emu_mbarrier_wait", memoryBarrierWait);
}
