// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Perplexity of a language model on windows of tokens.

#ifndef QLLM_INTERPRETER_EVALUATE_H
#define QLLM_INTERPRETER_EVALUATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Interpreter/Interpreter.h"
#include <cmath>

namespace qllm::interp {

/// The first positions of windows at equal spacing over the whole text: i * ((tokens - length) /
/// (windows - 1)). Empty when not even one window fits.
llvm::SmallVector<int64_t> windowStarts(int64_t tokens, int64_t windows, int64_t length);

/// Cross entropy of predicted tokens, in nats.
struct Loss {
  double sum = 0;
  int64_t positions = 0;
  double mean() const { return positions ? sum / double(positions) : 0; }
  double perplexity() const { return std::exp(mean()); }
  Loss &operator+=(const Loss &other) {
    sum += other.sum;
    positions += other.positions;
    return *this;
  }
};

/// Tokens of a .npy array of i32, i64, ui16 or ui32 of any shape, as i64 of the same shape.
llvm::Expected<Tensor> readTokens(llvm::StringRef path);

/// One input of a prefill: `input_ids` as [1, tokens], ones as `attention_mask`, counted up
/// `position_ids`, zeros as `token_type_ids`, and empty caches (`past..`) whose type says how
/// large. Fails where it cannot be guessed.
llvm::Expected<Tensor> prefillInput(mlir::func::FuncOp function, unsigned argument,
                                    llvm::ArrayRef<int64_t> tokens);

/// The name of an argument, `onnx.name` or else `argN`; a first one without a name is `input_ids`
/// to a prefill.
std::string inputName(mlir::func::FuncOp function, unsigned argument);

/// All of them. Fails with a diagnostic for an input that cannot be guessed.
llvm::LogicalResult prefillInputs(Interpreter &interpreter, llvm::StringRef function,
                                  llvm::ArrayRef<int64_t> tokens,
                                  llvm::SmallVectorImpl<Value> &inputs);

/// Runs the function on one window and sums the losses of its tokens 1, 2, ...: token i + 1 under
/// the logits of position i. The logits are the result named `logits`, or the first.
llvm::LogicalResult evaluateWindow(Interpreter &interpreter, llvm::StringRef function,
                                   llvm::ArrayRef<int64_t> tokens, Loss &loss);

/// Losses of logits [positions, vocabulary] for the tokens that follow; in f64, the same for any
/// number of threads.
Loss crossEntropy(ThreadPool &pool, const float *logits, int64_t vocabulary,
                  llvm::ArrayRef<int64_t> targets);

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_EVALUATE_H
