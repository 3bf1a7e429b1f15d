// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Execution of a function on all windows of a calibration run in lock-step, as far as it is asked
// for. The IR ahead may be rewritten between two requests: so a recipe quantizes a layer and
// everything behind sees what the quantized layer computes.

#ifndef QLLM_CALIBRATION_WALK_H
#define QLLM_CALIBRATION_WALK_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Interpreter/OperationRunner.h"
#include "qllm/Support/Matrix.h"
#include "llvm/ADT/DenseMap.h"
#include <vector>

namespace qllm {

/// What an SSA value holds in a calibration run: one value for each window, or a single one where
/// all windows share it, as they do weights.
class WindowValues {
public:
  WindowValues() = default;
  explicit WindowValues(std::vector<interp::Value> values, bool shared = false)
      : values(std::move(values)), shared(shared) {}

  bool isShared() const { return shared; }
  const interp::Value &of(size_t window) const { return values[shared ? 0 : window]; }
  llvm::ArrayRef<interp::Value> all() const { return values; }

private:
  std::vector<interp::Value> values;
  bool shared = false;
};

/// A value that takes the place of what an operation would compute.
struct Replacement {
  mlir::Value value;
  WindowValues contents;
};

class Walk {
public:
  /// `inputs` has the function's arguments for each window. The function must have one block.
  Walk(mlir::func::FuncOp function, interp::OperationRunner &runner,
       std::vector<std::vector<interp::Value>> inputs);

  size_t windows() const { return windowCount; }
  interp::OperationRunner &runner() { return operations; }

  /// Computes `target`, a value of the function's block, and returns what it holds. Everything that
  /// `later` needs and that is known by then is kept, everything else is freed; what neither needs
  /// is not computed. The result is valid until the next call; null after a failure, which was
  /// emitted as a diagnostic.
  ///
  /// Values are known by name: rewriting that keeps a value keeps what was computed for it, and a
  /// new operation is run when something needs its result. A rewritten value must get a new name.
  const WindowValues *advance(mlir::Value target, llvm::ArrayRef<mlir::Value> later);

  /// What `wanted` would hold if the values of `given`, which the walk has not reached yet, were
  /// these. Runs the slice in between on a copy: the walk itself does not move. Other values that
  /// the slice reads are taken from the walk where it holds them, and are computed otherwise, so
  /// `later` of the last `advance` should have named them. `which` selects windows; the contents of
  /// `given`, and the results, have one entry for each of it. An empty list means all windows.
  llvm::LogicalResult evaluate(llvm::ArrayRef<Replacement> given,
                               llvm::ArrayRef<mlir::Value> wanted,
                               llvm::SmallVectorImpl<WindowValues> &results,
                               llvm::ArrayRef<size_t> which = {});

  /// Called with every operation that `advance` has run and its results for all windows.
  using Observer = std::function<void(mlir::Operation *, llvm::ArrayRef<WindowValues>)>;
  void setObserver(Observer newObserver) { observer = std::move(newObserver); }

  /// Writes what the walk holds of every window, so that it can go on in another process: values
  /// are named by their place in the block. Weights and what is computed from them alone are left
  /// out. False where something held has no bytes (strings): then nothing was written.
  bool save(std::string &bytes) const;
  /// The inverse, for a walk of the same function on the same inputs, rewritten as far as it was
  /// then. Fails on bytes that do not fit it.
  llvm::Error restore(llvm::ArrayRef<char> bytes);

  /// Bytes that the walk holds now, weights that lie in mapped files not included.
  size_t bytesHeld() const;

private:
  using Frame = llvm::DenseMap<mlir::Value, WindowValues>;
  struct Slice;

  const WindowValues *known(const Frame *local, mlir::Value value) const;
  llvm::LogicalResult runSlice(Slice &slice, Frame &frame, const Frame *below,
                               llvm::ArrayRef<size_t> which, bool observed);
  llvm::LogicalResult runOperation(mlir::Operation *op, const Frame &frame, const Frame *below,
                                   llvm::ArrayRef<size_t> which,
                                   llvm::SmallVectorImpl<WindowValues> &results);

  mlir::func::FuncOp function;
  interp::OperationRunner &operations;
  size_t windowCount;
  std::vector<size_t> allWindows;
  Frame frame;
  Observer observer;
};

/// The rows of an activation over all windows, its last axis being the channels. `borders` gets the
/// first row of each window and the number of rows. Fails where a value is no float tensor of rank
/// 1 or more.
llvm::Expected<MatrixF> toMatrix(const WindowValues &values, std::vector<int64_t> &borders);

/// The inverse: rows of `matrix` in the shapes of `like`, with the matrix' number of channels.
llvm::Expected<WindowValues> fromMatrix(const MatrixF &matrix, const WindowValues &like);

} // namespace qllm

#endif // QLLM_CALIBRATION_WALK_H
