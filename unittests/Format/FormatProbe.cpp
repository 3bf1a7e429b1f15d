// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format library behind plain C functions, for ctypes: test/Python compares it with independent
// implementations, and benchmarks/format_speed.py times it. Not installed. Functions that can fail
// return 0 on success, else fill `error` and return 1.

#include "qllm/Format/BlockFormats.h"
#include "qllm/Format/HalfFloat.h"
#include "qllm/Format/Packing.h"
#include "qllm/Format/Quantize.h"

#include <cstdio>
#include <string>

using namespace qllm;

extern "C" {

struct ProbeSpec {
  char element[16];
  std::int32_t symmetric, rangeIncludesZero, scaleFormat, roundUp, absMean, hasTensorScale;
  float tensorScale;
};

struct ProbeError {
  char message[256];
  std::int64_t index;
};

} // extern "C"

namespace {

int report(const FormatStatus &status, ProbeError *error) {
  std::snprintf(error->message, sizeof(error->message), "%s", status.message().c_str());
  error->index =
      status.index() == FormatStatus::noIndex ? -1 : static_cast<std::int64_t>(status.index());
  return status.ok() ? 0 : 1;
}

QuantizeSpec specOf(const ProbeSpec &probe) {
  QuantizeSpec spec;
  spec.element = ElementFormat::lookup(probe.element);
  spec.symmetric = probe.symmetric;
  spec.rangeIncludesZero = probe.rangeIncludesZero;
  spec.scaleFormat = static_cast<ScaleFormat>(probe.scaleFormat);
  spec.powerOfTwoRule = probe.roundUp ? PowerOfTwoRule::RoundUp : PowerOfTwoRule::Floor;
  spec.statistic = probe.absMean ? ScaleStatistic::AbsMean : ScaleStatistic::AbsMax;
  spec.hasTensorScale = probe.hasTensorScale;
  return spec;
}

std::size_t groupCount(std::size_t count, std::size_t groupSize) {
  return groupSize == 0 ? 0 : count / groupSize + (count % groupSize != 0);
}

} // namespace

extern "C" {

std::size_t probeFormatCount() { return ElementFormat::all().size(); }

void probeFormatName(std::size_t index, char *name, std::size_t size) {
  std::snprintf(name, size, "%s", std::string(ElementFormat::all()[index].name()).c_str());
}

void probeFormatBits(const char *name, std::int32_t *bits, std::int32_t *storageBits) {
  const ElementFormat *format = ElementFormat::lookup(name);
  *bits = format ? static_cast<std::int32_t>(format->bits()) : 0;
  *storageBits = format ? static_cast<std::int32_t>(format->storageBits()) : 0;
}

void probeDecode(const char *name, const std::uint8_t *codes, std::size_t count, float *values) {
  const ElementFormat &format = *ElementFormat::lookup(name);
  for (std::size_t i = 0; i != count; ++i)
    values[i] = format.decode(codes[i]);
}

void probeEncode(const char *name, const float *values, std::size_t count, std::int32_t saturate,
                 std::uint8_t *codes) {
  const ElementFormat &format = *ElementFormat::lookup(name);
  for (std::size_t i = 0; i != count; ++i)
    codes[i] = format.encode(values[i], saturate ? Overflow::Saturate : Overflow::NonFinite);
}

int probePack(const char *name, const std::uint8_t *codes, std::size_t count, std::uint8_t *bytes,
              std::size_t byteCount, ProbeError *error) {
  return report(packCodes(*ElementFormat::lookup(name), {codes, count}, {bytes, byteCount}), error);
}

int probeUnpack(const char *name, const std::uint8_t *bytes, std::size_t byteCount,
                std::uint8_t *codes, std::size_t count, ProbeError *error) {
  return report(unpackCodes(*ElementFormat::lookup(name), {bytes, byteCount}, {codes, count}),
                error);
}

int probeEncodeScales(std::int32_t format, const float *scales, std::size_t count,
                      std::uint8_t *bytes, std::size_t byteCount, ProbeError *error) {
  return report(encodeScales(static_cast<ScaleFormat>(format), {scales, count}, {bytes, byteCount}),
                error);
}

int probeDecodeScales(std::int32_t format, const std::uint8_t *bytes, std::size_t byteCount,
                      float *scales, std::size_t count, ProbeError *error) {
  return report(decodeScales(static_cast<ScaleFormat>(format), {bytes, byteCount}, {scales, count}),
                error);
}

float probeRoundScale(std::int32_t format, float scale) {
  return roundScale(static_cast<ScaleFormat>(format), scale);
}

/// Fills `spec` for a named block format and returns its group size, or 0.
std::size_t probeBlockFormat(const char *name, ProbeSpec *spec) {
  const BlockFormat *format = lookupBlockFormat(name);
  if (!format)
    return 0;
  *spec = {};
  std::snprintf(spec->element, sizeof(spec->element), "%s",
                std::string(format->spec.element->name()).c_str());
  spec->symmetric = 1;
  spec->scaleFormat = static_cast<std::int32_t>(format->spec.scaleFormat);
  spec->hasTensorScale = format->spec.hasTensorScale;
  spec->tensorScale = 1.0f;
  return format->groupSize;
}

float probeTensorScale(const ProbeSpec *spec, float absMax) {
  return tensorScaleFor(specOf(*spec), absMax);
}

int probeQuantize(const ProbeSpec *spec, const float *values, std::size_t count,
                  std::size_t groupSize, std::uint8_t *codes, float *scales,
                  std::int32_t *zeroPoints, ProbeError *error) {
  std::size_t groups = groupCount(count, groupSize);
  return report(quantizeGroups(specOf(*spec), {values, count}, groupSize,
                               {{codes, count}, {scales, groups}, {zeroPoints, groups}},
                               spec->tensorScale),
                error);
}

int probeDequantize(const ProbeSpec *spec, const std::uint8_t *codes, std::size_t count,
                    std::size_t groupSize, const float *scales, const std::int32_t *zeroPoints,
                    float *values, ProbeError *error) {
  std::size_t groups = groupCount(count, groupSize);
  return report(dequantizeGroups(specOf(*spec), {codes, count}, {scales, groups},
                                 {zeroPoints, groups}, groupSize, {values, count},
                                 spec->tensorScale),
                error);
}

} // extern "C"
