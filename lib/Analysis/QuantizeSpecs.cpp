// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of formats agree between the dialect and the format library.

#include "qllm/Analysis/QuantizeSpecs.h"

using namespace qllm;

static ScaleFormat scaleFormat(ScaleEncoding encoding) {
  switch (encoding) {
  case ScaleEncoding::F32:
    return ScaleFormat::F32;
  case ScaleEncoding::F16:
    return ScaleFormat::F16;
  case ScaleEncoding::BF16:
    return ScaleFormat::BF16;
  case ScaleEncoding::UE8M0:
    return ScaleFormat::UE8M0;
  case ScaleEncoding::E4M3:
    return ScaleFormat::E4M3;
  }
  llvm_unreachable("all encodings are listed");
}

QuantizeSpec qllm::quantizeSpecOf(QuantizedType type) {
  QuantizeSpec spec;
  spec.element = ElementFormat::lookup(type.getFormat().getFormatName());
  spec.symmetric = !type.hasZeroPoint();
  spec.scaleFormat = scaleFormat(type.getScaleEncoding());
  spec.hasTensorScale = type.hasTensorScale();
  if (llvm::isa<TernaryFormatAttr>(type.getFormat()))
    spec.statistic = ScaleStatistic::AbsMean;
  return spec;
}
