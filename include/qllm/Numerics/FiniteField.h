// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finite fields of a few thousand elements, for Paley's constructions of Hadamard matrices.

#ifndef QLLM_NUMERICS_FINITEFIELD_H
#define QLLM_NUMERICS_FINITEFIELD_H

#include <cstdint>
#include <optional>
#include <vector>

namespace qllm {

bool isPrimePower(int64_t order);

/// The field of q = p^m elements. Elements are numbered: the digits of a number in base p are the
/// coefficients of a polynomial over the integers mod p, taken modulo an irreducible one.
class FiniteField {
public:
  /// Nothing unless `order` is a prime power.
  static std::optional<FiniteField> create(int64_t order);

  int64_t order() const { return q; }
  int64_t subtract(int64_t a, int64_t b) const;
  int64_t multiply(int64_t a, int64_t b) const;
  /// For every element 1 if it is the square of another than 0, -1 if of none, and 0 for 0.
  std::vector<int> quadraticCharacter() const;

private:
  FiniteField(int64_t prime, int64_t degree);
  std::vector<int64_t> digits(int64_t element) const;
  int64_t number(const std::vector<int64_t> &digits) const;
  bool hasZeroDivisors() const;

  int64_t p, degree, q;
  /// x^degree as a polynomial of lower degree; defines the multiplication.
  std::vector<int64_t> reduction;
};

} // namespace qllm

#endif // QLLM_NUMERICS_FINITEFIELD_H
