// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop over the depth of a product, fed by a ring of tiles in shared memory.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_DEPTHLOOP_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_DEPTHLOOP_H

#include "BlockTiles.h"
#include "TileLoader.h"

namespace qllm {

/// While one stage is read, copies into all others are under way.
class DepthLoop {
public:
  /// The loaders' stages begin `stageBytes` apart.
  DepthLoop(CodeBuilder &code, llvm::ArrayRef<TileLoader *> loaders, int64_t stages,
            int64_t stageBytes)
      : code(code), loaders(loaders), stages(stages), stageBytes(stageBytes) {}

  /// Emits the loop over `tiles` tiles, or over as many of them as `part` says. `body` gets a
  /// tile's number and the sums until then, and returns the sums with the tile; it must call
  /// `loadNext` once. Returns the sums at the end, when no copy is under way.
  llvm::SmallVector<mlir::Value>
  emit(const TilePart &part, int64_t tiles, llvm::ArrayRef<mlir::Value> sums,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);

  /// Inside the body: bytes from stage 0 to the stage of the tile.
  mlir::Value stage() const { return state[0]; }
  /// Inside the body: starts the copies into the stage that was read before.
  void loadNext();

private:
  /// Starts the copies of the tile `ahead` tiles after `tile`.
  void load(mlir::Value tile, int64_t ahead);
  void commit();
  void wait(int64_t groupsLeft);
  void advance();

  CodeBuilder &code;
  llvm::SmallVector<TileLoader *, 2> loaders;
  int64_t stages, stageBytes;
  std::array<mlir::Value, 2> state; ///< bytes to the stages that are read and written
  mlir::Value index, tile;          ///< of the body: counted from its first, and from the operands'
  mlir::Value loadEnd; ///< of indices: while those are multiplied, there is more to load
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_DEPTHLOOP_H
