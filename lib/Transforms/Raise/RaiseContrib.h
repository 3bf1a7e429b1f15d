// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GroupQueryAttention in standard operators.

#ifndef QLLM_LIB_TRANSFORMS_RAISE_RAISECONTRIB_H
#define QLLM_LIB_TRANSFORMS_RAISE_RAISECONTRIB_H

#include "RaiseUtils.h"

#include <map>
#include <tuple>

namespace qllm::raise {

/// The layers of a model share positions and masks, so one object raises all of them.
class GroupQueryAttention {
public:
  explicit GroupQueryAttention(mlir::ModuleOp module) : module(module), shapes(module) {}

  /// Replaces `op`, or says why not.
  bool raise(onnx::MicrosoftGroupQueryAttentionOp op, std::string &reason);

private:
  /// Positions of the step's tokens, where the step is written in the cache, and which keys each
  /// token sees.
  struct Frame {
    mlir::Value past, positions;
  };
  using Key = std::tuple<void *, void *, SymbolicDim, mlir::Block *>;

  std::string opsetObstacle();
  std::string unsupported(onnx::MicrosoftGroupQueryAttentionOp op);
  Frame frameFor(mlir::OpBuilder &builder, onnx::MicrosoftGroupQueryAttentionOp op,
                 SymbolicDim step);
  mlir::Value maskFor(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value positions,
                      mlir::Value keys, SymbolicDim batch, SymbolicDim step, SymbolicDim length);
  mlir::Value toHeads(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      int64_t heads, int64_t size);
  mlir::Value cached(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value past,
                     mlir::Value step, mlir::Value total, mlir::Value writeAt, mlir::Type type);

  mlir::ModuleOp module;
  SymbolicShapes shapes;
  std::map<Key, Frame> frames;
  std::map<Key, mlir::Value> masks;
};

} // namespace qllm::raise

#endif // QLLM_LIB_TRANSFORMS_RAISE_RAISECONTRIB_H
