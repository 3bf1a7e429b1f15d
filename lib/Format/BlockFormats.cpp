// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of published block formats.

#include "qllm/Format/BlockFormats.h"

#include <array>

namespace qllm {

namespace {

// OCP MX v1.0, section 5: 32 elements share one UE8M0 scale.
BlockFormat mx(std::string_view name, const ElementFormat &element) {
  BlockFormat format{name, {}, 32};
  format.spec.element = &element;
  format.spec.scaleFormat = ScaleFormat::UE8M0;
  return format;
}

BlockFormat nvfp4() {
  BlockFormat format{"nvfp4", {}, 16};
  format.spec.element = &ElementFormat::e2m1();
  format.spec.scaleFormat = ScaleFormat::E4M3;
  format.spec.hasTensorScale = true;
  return format;
}

// QLoRA, section 3: blocks of 64, the scale being the largest magnitude.
BlockFormat nf4() {
  BlockFormat format{"nf4", {}, 64};
  format.spec.element = &ElementFormat::nf4();
  return format;
}

} // namespace

double BlockFormat::bitsPerValue() const {
  return spec.element->storageBits() +
         8.0 * static_cast<double>(scaleBytes(spec.scaleFormat)) / static_cast<double>(groupSize);
}

Span<const BlockFormat> allBlockFormats() {
  static const std::array<BlockFormat, 7> formats = {mx("mxfp8-e4m3", ElementFormat::e4m3()),
                                                     mx("mxfp8-e5m2", ElementFormat::e5m2()),
                                                     mx("mxfp6-e3m2", ElementFormat::e3m2()),
                                                     mx("mxfp6-e2m3", ElementFormat::e2m3()),
                                                     mx("mxfp4", ElementFormat::e2m1()),
                                                     nvfp4(),
                                                     nf4()};
  return formats;
}

const BlockFormat *lookupBlockFormat(std::string_view name) {
  for (const BlockFormat &format : allBlockFormats())
    if (format.name == name)
      return &format;
  return nullptr;
}

} // namespace qllm
