// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Number formats as bytes (Support/Bytes.h): an element format goes by its name.

#ifndef QLLM_SITE_FORMATBYTES_H
#define QLLM_SITE_FORMATBYTES_H

#include "qllm/Solver/RowFormat.h"
#include "qllm/Support/Bytes.h"

namespace qllm {

template <typename Stream> void transfer(Stream &stream, QuantizeSpec &spec) {
  std::string name(spec.element ? spec.element->name() : "");
  stream(name, spec.symmetric, spec.rangeIncludesZero, spec.scaleFormat, spec.powerOfTwoRule,
         spec.statistic, spec.hasTensorScale, spec.clip);
  if constexpr (Stream::isReader) {
    spec.element = name.empty() ? nullptr : ElementFormat::lookup(name);
    if (!spec.element && !name.empty())
      stream.fail("expected the name of an element format, but got '" + name + "'");
  }
}

template <typename Stream> void transfer(Stream &stream, RowFormat &format) {
  stream(format.spec, format.groupSize, format.perTensor);
}

} // namespace qllm

#endif // QLLM_SITE_FORMATBYTES_H
