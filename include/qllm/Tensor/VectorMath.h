// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions over contiguous f32 arrays, compiled for several instruction sets and chosen at load
// time. Input and output may be the same array.

#ifndef QLLM_TENSOR_VECTORMATH_H
#define QLLM_TENSOR_VECTORMATH_H

#include <cstdint>

namespace qllm::vec {

void exponential(const float *in, float *out, int64_t count);
void sigmoid(const float *in, float *out, int64_t count);
/// x * sigmoid(factor * x).
void swish(const float *in, float factor, float *out, int64_t count);
void tanh(const float *in, float *out, int64_t count);

/// out = exp(in - max) / sum, with the usual care; a row of -infinity gives NaN as the formula
/// does.
void softmaxRow(const float *in, float *out, int64_t count);
/// log(sum(exp(in))) of a row, summed in f64.
double logSumExpRow(const float *in, int64_t count);
/// out = in * gain / sqrt(mean(in^2) + epsilon); gain may be null.
void rmsNormRow(const float *in, const float *gain, float epsilon, float *out, int64_t count);
/// out = (in - mean) / sqrt(variance + epsilon) * gain + bias; gain and bias may be null.
void layerNormRow(const float *in, const float *gain, const float *bias, float epsilon, float *out,
                  int64_t count, float *mean, float *inverseDeviation);

double sum(const float *in, int64_t count);
double sumOfSquares(const float *in, int64_t count);
/// Sum of (a - b)^2, differences and sum in f64.
double squaredDistance(const float *a, const float *b, int64_t count);
/// NaN if any element is NaN.
float maximum(const float *in, int64_t count);
float minimum(const float *in, int64_t count);

/// codes to values: out = (code - zero) * scale.
void dequantizeRow(const int8_t *codes, float scale, float zero, float *out, int64_t count);
void dequantizeRow(const uint8_t *codes, float scale, float zero, float *out, int64_t count);
/// round half to even of in / scale, plus zero, clamped to [low, high]; NaN becomes low.
void quantizeRow(const float *in, float scale, float zero, float low, float high, float *out,
                 int64_t count);

} // namespace qllm::vec

#endif // QLLM_TENSOR_VECTORMATH_H
