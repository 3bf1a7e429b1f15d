// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stages of shared memory between warps that fill them and warps that read them.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_BARRIERRING_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_BARRIERRING_H

#include "CodeBuilder.h"

namespace qllm {

/// Makes an mbarrier that so many arrivals complete, where `isFirst` holds.
void initializeBarrier(CodeBuilder &code, mlir::Value barrier, int64_t arrivals,
                       mlir::Value isFirst);
/// Waits until the barrier's phase of this parity is over.
void waitForBarrier(CodeBuilder &code, mlir::Value barrier, mlir::Value parity);

/// Each stage has two mbarriers: one is completed by the bytes that fill it, the other by the warps
/// that have read it.
class BarrierRing {
public:
  /// Where somebody is in the ring: a stage, and the parity of the phase to wait for.
  struct Turn {
    mlir::Value stage, parity;
  };

  /// `barriers` is shared memory for 2 * `stages` of them. Where blocks of a cluster fill each
  /// other's stages, a stage is empty when the readers of all of them have read theirs.
  BarrierRing(CodeBuilder &code, mlir::Value barriers, int64_t stages, int64_t cluster = 1)
      : code(code), barriers(barriers), stages(stages), cluster(cluster) {}

  /// Makes the barriers; of all threads that call it, the one where `isFirst` holds. `readers` is
  /// how many of the block empty a stage, `fillers` how many arrivals fill it: the announcement of
  /// bytes, and calls of `arrive`. A barrier of the block, or of the cluster, has to follow.
  void initialize(mlir::Value isFirst, int64_t readers, int64_t fillers = 1);

  /// Stages are empty in the beginning, so who fills them does not wait for their first phase.
  Turn firstToFill() { return {code.constant(int64_t(0)), code.constant(int64_t(1))}; }
  Turn firstToRead() { return {code.constant(int64_t(0)), code.constant(int64_t(0))}; }
  Turn next(Turn turn);

  void waitUntilEmpty(Turn turn) { waitForBarrier(code, empty(turn.stage), turn.parity); }
  void waitUntilFull(Turn turn) { waitForBarrier(code, full(turn.stage), turn.parity); }
  /// Announces that `bytes` are to come, and the barrier that they complete.
  mlir::Value expect(Turn turn, mlir::Value bytes);
  /// One of those that fill the stage without announcing bytes is done.
  void arrive(mlir::Value stage);
  /// Fills a stage for each of `tiles`, as soon as its readers have emptied it.
  void fill(int64_t tiles, llvm::function_ref<void(mlir::Value tile, Turn turn)> copy);
  /// A warp that reads is done with the stage. All its lanes call this.
  void release(mlir::Value stage, mlir::Value lane);
  /// The barrier at which readers arrive.
  mlir::Value empty(mlir::Value stage) { return at(stage, 8 * stages); }

private:
  mlir::Value full(mlir::Value stage) { return at(stage, 0); }
  mlir::Value at(mlir::Value stage, int64_t offset) {
    return code.advance(code.advance(barriers, code.shiftLeft(stage, 3)), offset);
  }

  CodeBuilder &code;
  mlir::Value barriers;
  int64_t stages, cluster;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_BARRIERRING_H
