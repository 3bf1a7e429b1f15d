// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Block-scaled products of small floats. Of 4-bit elements, 16 products at a time are summed
// exactly and the scaled sums are aligned; of the others, every scaled product is.

#include "AlignedSum.h"
#include "Tile.h"
#include "qllm/Format/HalfFloat.h"
#include <cmath>
#include <map>
#include <vector>

using namespace qllm;
using namespace qllm::emu;

namespace {

constexpr unsigned kGroup = 16, kMaxScales = 4;
/// Fraction bits of the significands below: as many as the longest of the formats has.
constexpr int kFraction = 3;

/// A term of a sum: significand * 2^(exponent - fraction), with a fraction that all terms share.
struct Term {
  int32_t significand, exponent;
};

/// A code as an f32, and as a term whose exponent is that of the format's normal values at least,
/// as on a machine. A code that is no finite value has the exponent kSpecial.
struct Code {
  float value;
  Term term;
};
using CodeTable = std::array<Code, 256>;

CodeTable makeTable(const ElementFormat &format) {
  int least = std::ilogb(format.smallestPositive()) + format.minifloat().fractionBits;
  CodeTable table;
  for (unsigned code = 0; code < table.size(); ++code) {
    float value = format.decode(uint8_t(code));
    Term term{0, Decoded::kSpecial};
    if (std::isfinite(value)) {
      term.exponent = value == 0 ? least : std::max(std::ilogb(value), least);
      term.significand = int32_t(std::ldexp(value, kFraction - term.exponent));
    }
    table[code] = {value, term};
  }
  return table;
}

const CodeTable &tableOf(const ElementFormat &format) {
  static const auto tables = [] {
    std::map<const ElementFormat *, CodeTable> map;
    for (const char *name : {"e2m1", "e2m3", "e3m2", "e4m3", "e5m2", "ue8m0"}) {
      const ElementFormat *format = ElementFormat::lookup(name);
      map.emplace(format, makeTable(*format));
    }
    return map;
  }();
  return tables.at(&format);
}

/// A row of A or a column of B; small, because it lies on the stack of a simulated thread.
struct Vector {
  const CodeTable *table;
  uint8_t codes[kTileDepth];
  /// Elements of grouped products in units of 2^-kFraction.
  int16_t integers[kTileDepth];
  Code scales[kMaxScales];
  bool isSpecial = false;
  const Code &element(unsigned k) const { return (*table)[codes[k]]; }
};

void readElements(const uint8_t *bytes, const ElementFormat &format, unsigned k, Vector &vector) {
  vector.table = &tableOf(format);
  for (unsigned i = 0; i < k; ++i) {
    unsigned code = bytes[i];
    if (k == kTileDepth)
      code = bytes[i / 2] >> 4 * (i % 2) & 15;
    else if (format.bits() == 4)
      code = bytes[i] >> 2 & 15;
    vector.codes[i] = uint8_t(code);
    const Term &term = vector.element(i).term;
    vector.isSpecial |= term.exponent == Decoded::kSpecial;
    if (k == kTileDepth)
      vector.integers[i] = int16_t(term.significand * (1 << term.exponent));
  }
}

void readScales(const BlockScaledMma &operation, uint32_t word, unsigned firstByte,
                Vector &vector) {
  bool hasSign = operation.scale->minFinite() < 0;
  for (unsigned i = 0; i < operation.scales; ++i) {
    unsigned code = word >> 8 * (firstByte + i) & (hasSign ? 0x7f : 0xff);
    vector.scales[i] = tableOf(*operation.scale)[code];
    vector.isSpecial |= vector.scales[i].term.exponent == Decoded::kSpecial;
  }
}

/// Terms in units of 2^(exponent - 4 kFraction): exact sums of 16 products times both scales.
unsigned groupTerms(const BlockScaledMma &operation, int zeroExponent, const Vector &a,
                    const Vector &b, Term *terms) {
  unsigned count = operation.k / kGroup;
  for (unsigned g = 0; g < count; ++g) {
    int32_t sum = 0, any = 0;
    for (unsigned k = g * kGroup; k < (g + 1) * kGroup; ++k) {
      int32_t product = a.integers[k] * b.integers[k];
      sum += product;
      any |= product;
    }
    const Term &x = a.scales[g * operation.scales / count].term,
               &y = b.scales[g * operation.scales / count].term;
    int32_t scale = x.significand * y.significand;
    // Products that cancel keep their exponent, as on a machine.
    terms[g] = {sum * scale, any && scale ? x.exponent + y.exponent : zeroExponent};
  }
  return count;
}

/// Terms in units of 2^(exponent - 2 kFraction): products times both scales, powers of two.
unsigned productTerms(const BlockScaledMma &operation, int zeroExponent, const Vector &a,
                      const Vector &b, Term *terms) {
  int scale = a.scales[0].term.exponent + b.scales[0].term.exponent;
  for (unsigned k = 0; k < operation.k; ++k) {
    const Term &x = a.element(k).term, &y = b.element(k).term;
    int32_t product = x.significand * y.significand;
    terms[k] = {product, product ? x.exponent + y.exponent + scale : zeroExponent};
  }
  return operation.k;
}

/// The terms and c aligned to the largest exponent, cut and summed.
float sumTerms(const Term *terms, unsigned count, int termFraction, int zeroExponent, float c,
               int fractionBits) {
  Decoded start = decodeFloat(c);
  int largest = start.significand ? start.exponent : zeroExponent;
  for (unsigned i = 0; i < count; ++i)
    largest = std::max(largest, terms[i].exponent);
  int64_t sum = shifted(start.significand, largest - start.exponent + 23 - fractionBits);
  for (unsigned i = 0; i < count; ++i)
    sum += shifted(terms[i].significand, largest - terms[i].exponent + termFraction - fractionBits);
  return cutSum(sum, largest - fractionBits, 23, false);
}

/// The sum in f64, for special values and for the exact model.
double plainSum(const BlockScaledMma &operation, const Vector &a, const Vector &b, float c) {
  double sum = c;
  for (unsigned k = 0; k < operation.k; ++k) {
    unsigned block = k * operation.scales / operation.k;
    sum += double(a.element(k).value) * b.element(k).value *
           (double(a.scales[block].value) * b.scales[block].value);
  }
  return sum;
}

float dot(const BlockScaledMma &operation, const FloatModel &model, const Vector &a,
          const Vector &b, float c) {
  if (!model.fractionBits || a.isSpecial || b.isSpecial || !std::isfinite(c))
    return roundedSum(plainSum(operation, a, b, c), Element::F32);
  // An exponent that is below all that can be seen in the result.
  int zeroExponent = kLeastExponent - (operation.isGrouped() ? 13 : 7);
  Term terms[kTileDepth];
  if (operation.isGrouped())
    return sumTerms(terms, groupTerms(operation, zeroExponent, a, b, terms), 4 * kFraction,
                    zeroExponent, c, *model.fractionBits);
  return sumTerms(terms, productTerms(operation, zeroExponent, a, b, terms), 2 * kFraction,
                  zeroExponent, c, *model.fractionBits);
}

} // namespace

void qllm::emu::evaluate(const BlockScaledMma &operation, const FloatModel &model, WordsIn in,
                         WordsOut out) {
  using Words = BlockScaledMma;
  constexpr unsigned wordC = Words::kWordsA + Words::kWordsB, wordScaleA = wordC + Words::kWordsC,
                     wordScaleB = wordScaleA + 1;
  OperandBytes<kTileRows> bytesA;
  OperandBytes<kColumns> bytesB;
  gatherOperands(in, operation.kWordsA, operation.kWordsB, bytesA, bytesB);
  Vector a[kTileRows], b[kColumns];
  for (unsigned i = 0; i < kTileRows; ++i) {
    unsigned lane = i % 8 * 4 + 2 * operation.selectorA.thread + i / 8;
    readElements(bytesA.rows[i], *operation.a, operation.k, a[i]);
    readScales(operation, in[lane][wordScaleA], operation.selectorA.byte, a[i]);
  }
  for (unsigned j = 0; j < kColumns; ++j) {
    readElements(bytesB.rows[j], *operation.b, operation.k, b[j]);
    readScales(operation, in[j * 4 + operation.selectorB.thread][wordScaleB],
               operation.selectorB.byte, b[j]);
  }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned r = 0; r < operation.kWordsC; ++r)
      out[lane][r] = floatToBits(dot(operation, model, a[rowOf(lane, r)], b[columnOf(lane, r)],
                                     bitsToFloat(in[lane][wordC + r])));
}

static std::vector<Vector> readRows(const BlockScaledMma &operation, const ElementFormat &format,
                                    ScaledRows rows, unsigned firstByte) {
  std::vector<Vector> vectors(rows.count);
  for (unsigned i = 0; i < rows.count; ++i) {
    readElements(rows.codes + i * operation.k / 2, format, operation.k, vectors[i]);
    readScales(operation, rows.scales[i], firstByte, vectors[i]);
  }
  return vectors;
}

void qllm::emu::evaluate(const BlockScaledMma &operation, const FloatModel &model, ScaledRows a,
                         ScaledRows b, float *sums) {
  std::vector<Vector> left = readRows(operation, *operation.a, a, operation.selectorA.byte),
                      right = readRows(operation, *operation.b, b, operation.selectorB.byte);
  for (const Vector &row : left)
    for (const Vector &column : right) {
      *sums = dot(operation, model, row, column, *sums);
      ++sums;
    }
}
