// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What collectives compute, as functions of the registers of all lanes: no threads, no memory
// checks.

#ifndef QLLM_EMULATOR_RUNTIME_OPS_EVALUATE_H
#define QLLM_EMULATOR_RUNTIME_OPS_EVALUATE_H

#include "qllm/Emulator/Runtime/Ops/FloatModel.h"

namespace qllm::emu {

/// Registers by lane: `in[lane][word]`.
using WordsIn = const uint32_t *const *;
using WordsOut = uint32_t *const *;

/// Registers of A, then B, then C; D out.
void evaluate(const Mma &operation, const FloatModel &model, WordsIn in, WordsOut out);

/// Registers of A, B, C, then the scales of A and of B; D out.
void evaluate(const BlockScaledMma &operation, const FloatModel &model, WordsIn in, WordsOut out);

/// Rows of one side: 32 bytes of 4-bit codes and a word of scales each.
struct ScaledRows {
  const uint8_t *codes;
  const uint32_t *scales;
  unsigned count;
};
/// D += A B, of which `sums` has a row for each row of A.
void evaluate(const BlockScaledMma &operation, const FloatModel &model, ScaledRows a, ScaledRows b,
              float *sums);

/// A as 64 rows and B as n columns of 32 bytes; D of 128 lanes from word `first` of `in` on.
void evaluate(const WarpgroupMma &operation, const FloatModel &model, const uint8_t *a,
              const uint8_t *b, WordsIn in, unsigned first, WordsOut out);

/// The 64 rows of 32 bytes of an A in registers: four of each of 128 lanes.
void gatherFragments(WordsIn in, uint8_t *rows);

/// `rows[8 * matrix + row]` are 16 bytes each.
void loadMatrices(const MatrixCopy &operation, const uint8_t *const *rows, WordsOut out);
/// `in[lane][matrix]` to `rows[8 * matrix + row]`.
void storeMatrices(const MatrixCopy &operation, WordsIn in, uint8_t *const *rows);

/// The lane that `lane` reads from with these operands; `valid` as PTX's predicate, in whose
/// absence a lane reads itself.
struct ShuffleSource {
  unsigned lane;
  bool valid;
};
ShuffleSource shuffleSource(const Shuffle &operation, unsigned lane, uint32_t offset,
                            uint32_t maskAndClamp);

/// The result that every lane of `mask` gets; `in[lane][0]` is the predicate.
uint32_t evaluate(const Vote &operation, uint32_t mask, WordsIn in);

/// The result that every lane of `mask` gets; `in[lane][0]` is the operand.
uint32_t evaluate(const Reduce &operation, uint32_t mask, WordsIn in);

/// Lanes of `mask` whose `words` operand words equal those of `lane`.
uint32_t matchLanes(uint32_t mask, unsigned lane, unsigned words, WordsIn in);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_OPS_EVALUATE_H
