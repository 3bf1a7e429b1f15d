// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fields are small and made once for a model, so an irreducible polynomial is found by trying them
// all, and the trial is that no two elements other than 0 multiply to 0.

#include "qllm/Numerics/FiniteField.h"

using namespace qllm;

FiniteField::FiniteField(int64_t prime, int64_t degree) : p(prime), degree(degree), q(1) {
  for (int64_t i = 0; i < degree; ++i)
    q *= p;
  reduction.assign(degree, 0);
}

static int64_t smallestPrimeFactor(int64_t number) {
  for (int64_t prime = 2; prime * prime <= number; ++prime)
    if (number % prime == 0)
      return prime;
  return number;
}

bool qllm::isPrimePower(int64_t order) {
  if (order < 2)
    return false;
  int64_t prime = smallestPrimeFactor(order);
  while (order % prime == 0)
    order /= prime;
  return order == 1;
}

std::optional<FiniteField> FiniteField::create(int64_t order) {
  if (!isPrimePower(order))
    return std::nullopt;
  int64_t prime = smallestPrimeFactor(order), degree = 0;
  for (int64_t rest = order; rest > 1; rest /= prime)
    ++degree;
  FiniteField field(prime, degree);
  if (degree == 1)
    return field;
  // One of the polynomials of every degree is irreducible, so this finds one.
  for (int64_t candidate = 1; candidate < field.q; ++candidate) {
    field.reduction = field.digits(candidate);
    if (!field.hasZeroDivisors())
      return field;
  }
  return std::nullopt;
}

std::vector<int64_t> FiniteField::digits(int64_t element) const {
  std::vector<int64_t> result(degree);
  for (int64_t &digit : result) {
    digit = element % p;
    element /= p;
  }
  return result;
}

int64_t FiniteField::number(const std::vector<int64_t> &digits) const {
  int64_t result = 0;
  for (int64_t i = degree - 1; i >= 0; --i)
    result = result * p + digits[i];
  return result;
}

int64_t FiniteField::subtract(int64_t a, int64_t b) const {
  if (degree == 1)
    return (a - b + p) % p;
  std::vector<int64_t> left = digits(a), right = digits(b);
  for (int64_t i = 0; i < degree; ++i)
    left[i] = (left[i] - right[i] + p) % p;
  return number(left);
}

int64_t FiniteField::multiply(int64_t a, int64_t b) const {
  if (degree == 1)
    return a * b % p;
  // Horner's rule: result = result x + a times the next digit of b, x^degree replaced at once.
  std::vector<int64_t> factor = digits(a), digitsOfB = digits(b), result(degree, 0);
  for (int64_t i = degree - 1; i >= 0; --i) {
    int64_t carry = result[degree - 1];
    for (int64_t d = degree - 1; d >= 0; --d) {
      int64_t shifted = d > 0 ? result[d - 1] : 0;
      result[d] = (shifted + carry * reduction[d] + digitsOfB[i] * factor[d]) % p;
    }
  }
  return number(result);
}

bool FiniteField::hasZeroDivisors() const {
  for (int64_t a = p; a < q; ++a)
    for (int64_t b = p; b <= a; ++b)
      if (multiply(a, b) == 0)
        return true;
  return false;
}

std::vector<int> FiniteField::quadraticCharacter() const {
  std::vector<int> character(q, -1);
  character[0] = 0;
  for (int64_t a = 1; a < q; ++a)
    character[multiply(a, a)] = 1;
  return character;
}
