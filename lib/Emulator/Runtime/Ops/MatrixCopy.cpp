// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ldmatrix and stmatrix. Lane 4 g + t holds elements 2 t and 2 t + 1 of row g of each matrix, or of
// column g when it is transposed on the way.

#include "qllm/Emulator/Runtime/Ops/Evaluate.h"
#include <cstring>

using namespace qllm::emu;

void qllm::emu::loadMatrices(const MatrixCopy &operation, const uint8_t *const *rows,
                             WordsOut out) {
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned matrix = 0; matrix < operation.count; ++matrix) {
      const uint8_t *const *first = rows + 8 * matrix;
      unsigned g = lane / 4, t = lane % 4;
      if (!operation.transpose) {
        std::memcpy(&out[lane][matrix], first[g] + 4 * t, 4);
        continue;
      }
      uint16_t pair[2];
      std::memcpy(&pair[0], first[2 * t] + 2 * g, 2);
      std::memcpy(&pair[1], first[2 * t + 1] + 2 * g, 2);
      std::memcpy(&out[lane][matrix], pair, 4);
    }
}

void qllm::emu::storeMatrices(const MatrixCopy &operation, WordsIn in, uint8_t *const *rows) {
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned matrix = 0; matrix < operation.count; ++matrix) {
      uint8_t *const *first = rows + 8 * matrix;
      unsigned g = lane / 4, t = lane % 4;
      if (!operation.transpose) {
        std::memcpy(first[g] + 4 * t, &in[lane][matrix], 4);
        continue;
      }
      uint16_t pair[2];
      std::memcpy(pair, &in[lane][matrix], 4);
      std::memcpy(first[2 * t] + 2 * g, &pair[0], 2);
      std::memcpy(first[2 * t + 1] + 2 * g, &pair[1], 2);
    }
}
