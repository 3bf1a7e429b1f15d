// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Solver and site steps behind plain C functions, for ctypes: test/Python/site_steps.py compares
// them with the formulas written in NumPy, and benchmarks/solver_speed.py times them. Not
// installed. Functions return 0 on success, else fill `message` and return 1.

#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteStep.h"
#include "qllm/Support/ThreadPool.h"
#include <cstdio>

using namespace qllm;

extern "C" {

struct ProbeFormat {
  char element[16]; ///< empty: floating point
  int32_t symmetric, scaleFormat, hasTensorScale;
  int64_t groupSize;
};

struct ProbeMessage {
  char text[512];
};

} // extern "C"

namespace {

std::optional<RowFormat> formatOf(const ProbeFormat &probe) {
  if (probe.element[0] == 0)
    return std::nullopt;
  RowFormat format;
  format.spec.element = ElementFormat::lookup(probe.element);
  format.spec.symmetric = probe.symmetric;
  format.spec.scaleFormat = static_cast<ScaleFormat>(probe.scaleFormat);
  format.spec.hasTensorScale = probe.hasTensorScale;
  format.groupSize = probe.groupSize;
  return format;
}

int report(llvm::Error error, ProbeMessage *message) {
  if (!error)
    return 0;
  std::snprintf(message->text, sizeof(message->text), "%s",
                llvm::toString(std::move(error)).c_str());
  return 1;
}

llvm::Error runSteps(SiteState &state, const char *text) {
  llvm::Expected<std::vector<NamedStep>> steps = parseSteps(text);
  if (!steps)
    return steps.takeError();
  for (NamedStep &named : *steps)
    if (llvm::Error error = named.step->run(state))
      return error;
  return llvm::Error::success();
}

} // namespace

extern "C" {

void probeGram(uint32_t threads, const float *x, int64_t tokens, int64_t channels, double *out) {
  ThreadPool pool(threads);
  MatrixD h = gram(pool, MatrixF(tokens, channels, {x, size_t(tokens * channels)}));
  std::copy_n(h.data(), h.size(), out);
}

int probeCholesky(uint32_t threads, const double *matrix, int64_t size, double *out,
                  ProbeMessage *message) {
  ThreadPool pool(threads);
  auto upper = upperFactorOfInverse(pool, MatrixD(size, size, {matrix, size_t(size * size)}));
  if (!upper)
    return report(upper.takeError(), message);
  std::copy_n(upper->data(), upper->size(), out);
  return 0;
}

/// x^ with copies of channels; `parts` may be null.
void probeQuantizeInput(uint32_t threads, const ProbeFormat *format, const float *x, int64_t tokens,
                        int64_t channels, const int64_t *parts, int32_t offsets, float clip,
                        float *out) {
  ThreadPool pool(threads);
  llvm::ArrayRef<int64_t> copies(parts, parts ? size_t(channels) : 0);
  MatrixF quantized = quantizeInput(pool, MatrixF(tokens, channels, {x, size_t(tokens * channels)}),
                                    *formatOf(*format), copies, offsets, clip);
  std::copy_n(quantized.data(), quantized.size(), out);
}

/// A site of one product: what the steps make of the weight, and the output on the tokens.
int probeSite(uint32_t threads, const ProbeFormat *weightFormat, const ProbeFormat *inputFormat,
              const char *steps, const int64_t *parts, const float *x, int64_t tokens,
              int64_t channels, const float *weight, int64_t rows, float *roundedOut,
              float *outputOut, ProbeMessage *message) {
  ThreadPool pool(threads);
  SiteState state(pool);
  state.name = "site";
  state.input = MatrixF(tokens, channels, {x, size_t(tokens * channels)});
  state.weight = MatrixF(rows, channels, {weight, size_t(rows * channels)});
  state.bias.assign(size_t(rows), 0);
  state.products = {{"layer", 0, rows, formatOf(*weightFormat)}};
  state.inputFormat = formatOf(*inputFormat);
  state.windows = {0, tokens};
  state.begin();
  if (parts) {
    state.parts.assign(parts, parts + channels);
    state.offsets = true;
  }
  if (llvm::Error error = runSteps(state, steps))
    return report(std::move(error), message);
  MatrixF output = state.output();
  const MatrixF &rounded = state.presentWeight();
  std::copy_n(rounded.data(), rounded.size(), roundedOut);
  std::copy_n(output.data(), output.size(), outputOut);
  return 0;
}

} // extern "C"
