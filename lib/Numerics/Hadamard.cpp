// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Paley's matrices. Q[i, j] = chi(i - j) with chi the quadratic character of a field of q elements,
// bordered by a row and a column of ones, is a conference matrix S: S S^T = q. For q = 3 mod 4 it
// is skew with the signs of the border chosen apart, and S + 1 is a Hadamard matrix; for q = 1 mod
// 4 it is symmetric, and S x [[1, 1], [1, -1]] + 1 x [[1, -1], [-1, -1]] is one of twice the size.

#include "qllm/Numerics/Hadamard.h"
#include "qllm/Numerics/FiniteField.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace qllm;

namespace {

/// A dense factor of more rows would be slower than blocks of fewer; and fields stay small.
constexpr int64_t largestDense = 1024;

/// q of Paley's first or second construction for a matrix of that many rows.
struct Paley {
  int64_t field = 0;
  bool second = false;
};

std::optional<Paley> findPaley(int64_t size) {
  if (size < 4 || size > largestDense || size % 4 != 0)
    return std::nullopt;
  // size % 4 == 0 makes q = size - 1 = 3 mod 4.
  if (isPrimePower(size - 1))
    return Paley{size - 1, false};
  int64_t q = size / 2 - 1;
  if (q % 4 == 1 && isPrimePower(q))
    return Paley{q, true};
  return std::nullopt;
}

using Signs = Matrix<int8_t>;

/// S of q + 1 rows; `skew` for q = 3 mod 4.
Signs conferenceMatrix(const FiniteField &field, bool skew) {
  int64_t q = field.order();
  std::vector<int> character = field.quadraticCharacter();
  Signs s(q + 1, q + 1, 0);
  for (int64_t i = 0; i < q; ++i) {
    s(0, i + 1) = 1;
    s(i + 1, 0) = skew ? -1 : 1;
    for (int64_t j = 0; j < q; ++j)
      s(i + 1, j + 1) = int8_t(character[field.subtract(i, j)]);
  }
  return s;
}

Signs paleyMatrix(const Paley &paley) {
  FiniteField field = *FiniteField::create(paley.field);
  Signs s = conferenceMatrix(field, !paley.second);
  if (!paley.second) {
    for (int64_t i = 0; i < s.rows(); ++i)
      s(i, i) = 1;
    return s;
  }
  Signs result(2 * s.rows(), 2 * s.rows());
  for (int64_t i = 0; i < s.rows(); ++i)
    for (int64_t j = 0; j < s.rows(); ++j)
      for (int64_t a = 0; a < 2; ++a)
        for (int64_t b = 0; b < 2; ++b) {
          int8_t offDiagonal = a && b ? -1 : 1, diagonal = a || b ? -1 : 1;
          result(2 * i + a, 2 * j + b) = i == j ? diagonal : int8_t(offDiagonal * s(i, j));
        }
  return result;
}

int8_t sylvesterSign(int64_t row, int64_t column) {
  return llvm::popcount(uint64_t(row & column)) % 2 ? -1 : 1;
}

llvm::Error noHadamard(int64_t size) {
  std::vector<int64_t> blocks = hadamardBlocks(size);
  if (blocks.size() > 4)
    blocks.resize(4);
  std::string advice;
  for (int64_t block : blocks)
    advice += (advice.empty() ? "; blocks that divide it and have one are " : ", ") +
              std::to_string(block);
  return llvm::createStringError("expected a size that has a Hadamard matrix (1, 2, or a multiple "
                                 "of 4 that Paley's constructions and doubling reach), but got " +
                                 llvm::Twine(size) + advice);
}

} // namespace

std::optional<HadamardSize> qllm::findHadamard(int64_t size) {
  if (size < 1)
    return std::nullopt;
  int64_t odd = size >> llvm::countr_zero(uint64_t(size));
  if (odd == 1)
    return HadamardSize{1, size};
  for (int64_t dense = 4 * odd; dense <= size && dense <= largestDense; dense *= 2)
    if (findPaley(dense))
      return HadamardSize{dense, size / dense};
  return std::nullopt;
}

std::vector<int64_t> qllm::hadamardBlocks(int64_t channels) {
  std::vector<int64_t> blocks;
  auto consider = [&](int64_t block) {
    if (findHadamard(block))
      blocks.push_back(block);
  };
  for (int64_t low = 1; low * low <= channels; ++low)
    if (channels % low == 0) {
      consider(low);
      if (low != channels / low)
        consider(channels / low);
    }
  llvm::sort(blocks, std::greater<>());
  return blocks;
}

llvm::Expected<MatrixF> qllm::hadamardMatrix(int64_t size) {
  std::optional<HadamardSize> parts = findHadamard(size);
  // A matrix of more elements than can be held is refused like one that does not exist.
  if (!parts || size > (int64_t(1) << 15))
    return noHadamard(size);
  Signs dense = parts->dense == 1 ? Signs(1, 1, 1) : paleyMatrix(*findPaley(parts->dense));
  float scale = 1.0f / std::sqrt(float(size));
  MatrixF result(size, size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      result(i, j) = float(dense(i / parts->doubled, j / parts->doubled) *
                           sylvesterSign(i % parts->doubled, j % parts->doubled)) *
                     scale;
  return result;
}

bool qllm::isSylvesterHadamard(const MatrixF &matrix) {
  int64_t size = matrix.rows();
  if (size != matrix.columns() || !llvm::isPowerOf2_64(uint64_t(size)))
    return false;
  float scale = 1.0f / std::sqrt(float(size));
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      if (matrix(i, j) != float(sylvesterSign(i, j)) * scale)
        return false;
  return true;
}

std::vector<float> qllm::randomSigns(int64_t count, uint64_t seed) {
  // SplitMix64, written out: distributions of the standard library differ between systems.
  std::vector<float> signs(count);
  uint64_t state = seed;
  for (float &sign : signs) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    sign = (z ^ (z >> 31)) >> 63 ? -1.0f : 1.0f;
  }
  return signs;
}
